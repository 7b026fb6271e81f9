"""How a sender writes a value: plain, encoded, and as one field of something with fields.

Each one takes what is planted and gives the text of a place. Beside the canary it writes the
planting's marker in an innocent place: that must survive.
"""

from __future__ import annotations

import base64
import html
import json
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, urlencode

# `statement`: a sentence that gives the value away. `pair`: the value under its key.
# `password`: the place of a password in a URL. `structure`: a field of the document itself.
# `name`: a sentence as the name of a field.
Need = Literal["statement", "pair", "password", "structure", "name"]


@dataclass(frozen=True, slots=True)
class Planted:
    """What an encoding writes."""

    statement: str  # a sentence with the value and with the marker
    key: str
    value: str
    marker: str


@dataclass(frozen=True, slots=True)
class Encoding:
    """A way of writing. `whole`: taken out as a whole, so that the marker may go, too."""

    name: str
    need: Need
    write: Callable[[Planted], str]
    whole: bool = False
    one_line: bool = False  # it cannot hold a value of several lines
    header: bool = True  # it can hold the value of an HTTP header


def _message(p: Planted) -> str:
    return json.dumps({"message": p.statement, "attempt": 2})


def _object(p: Planted) -> dict[str, str]:
    return {"step": p.marker, p.key: p.value, "page": "2"}


def _u_escaped(p: Planted) -> str:
    return '{"message": "' + "".join(f"\\u{ord(c):04x}" for c in p.statement) + '"}'


def _entities(p: Planted) -> str:
    return "".join(c if c.isalnum() or c == " " else f"&#{ord(c)};" for c in p.statement)


def _base64(p: Planted) -> str:
    return base64.b64encode(p.statement.encode()).decode()


def _base64_url(p: Planted) -> str:
    return base64.urlsafe_b64encode(p.statement.encode()).decode()


def words_of(key: str) -> list[str]:
    """The words of a key in any style, in lower case."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", key)]


def _quoted(value: str) -> str:
    return json.dumps(value) if re.search(r"[\s,;\"']", value) else value


def _logfmt(p: Planted) -> str:
    return f"level=warning step={p.marker} {p.key}={_quoted(p.value)} page=2"


def _form(p: Planted) -> str:
    return urlencode(_object(p))


def _multipart(p: Planted) -> str:
    parts = "".join(
        f'--x7Yb\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
        for key, value in _object(p).items()
    )
    return f"{parts}--x7Yb--\r\n"


def _xml(p: Planted) -> str:
    fields = "".join(f"<{k}>{html.escape(v, quote=False)}</{k}>" for k, v in _object(p).items())
    return f"<request>{fields}</request>"


def _yaml(p: Planted) -> str:
    lines = [
        f"  {k}: {_quoted(v) if ': ' not in v else json.dumps(v)}" for k, v in _object(p).items()
    ]
    return "request:\n" + "\n".join(lines) + "\n"


def _env(p: Planted) -> str:
    name = "_".join(words_of(p.key)).upper()
    return f"STEP={p.marker}\nPATH=/usr/bin:/bin\n{name}={p.value}\nLANG=C.UTF-8\n"


def _command(p: Planted) -> str:
    return f"shopctl sync --step {p.marker} --{'-'.join(words_of(p.key))} {_argument(p.value)} -v"


def _argument(value: str) -> str:
    return json.dumps(value) if "'" in value else shlex.quote(value)


def _cookie(p: Planted) -> str:
    cookie = f"{p.key}={quote(p.value, safe='')}"
    return f"GET /cart/{p.marker} HTTP/1.1\nCookie: theme=dark; {cookie}; lang=en"


def _header_name(key: str) -> str:
    name = "-".join(word.capitalize() for word in words_of(key))
    return (
        name if name.startswith("X-") or name.endswith(("Authorization", "Cookie")) else f"X-{name}"
    )


def _headers(p: Planted) -> str:
    return f"GET /cart HTTP/1.1\r\nX-Step: {p.marker}\r\n{_header_name(p.key)}: {p.value}\r\n\r\n"


def _header_pairs(p: Planted) -> str:
    return json.dumps([["X-Step", p.marker], [_header_name(p.key), p.value]])


def _named(p: Planted) -> str:
    return json.dumps([{"name": key, "value": value} for key, value in _object(p).items()])


def _sql(p: Planted) -> str:
    column, value = "_".join(words_of(p.key)), p.value.replace("'", "''")
    row = f"('{p.marker}', '{value}', 2)"
    return f"INSERT INTO accounts (step, {column}, page) VALUES {row}"  # noqa: S608  a document


def _sql_set(p: Planted) -> str:
    column, value = "_".join(words_of(p.key)), p.value.replace("'", "''")
    return f"UPDATE accounts SET {column} = '{value}' WHERE step = '{p.marker}'"  # noqa: S608  a document


def _userinfo(p: Planted) -> str:
    return f"cannot clone https://svc:{quote(p.value, safe='')}@git.shop.example/{p.marker}.git"


def _parameter(p: Planted) -> str:
    return f"https://shop.example/cb?step={p.marker}&{p.key}={quote(p.value, safe='')}&page=2"


ENCODINGS: tuple[Encoding, ...] = (
    Encoding("plain", "statement", lambda p: p.statement),
    Encoding("percent", "statement", lambda p: quote(p.statement, safe="")),
    Encoding("percent twice", "statement", lambda p: quote(quote(p.statement, safe=""), safe="")),
    Encoding("JSON string", "statement", _message),
    Encoding("JSON string twice", "statement", lambda p: json.dumps({"payload": _message(p)})),
    Encoding("unicode escapes", "statement", _u_escaped),
    Encoding("repr dict", "statement", lambda p: repr({"message": p.statement, "attempt": 2})),
    Encoding("repr tuple", "statement", lambda p: repr((2, p.statement, None))),
    Encoding("repr bytes", "statement", lambda p: repr(p.statement.encode())),
    Encoding("base64", "statement", _base64, whole=True),
    Encoding("base64 url-safe", "statement", _base64_url, whole=True),
    Encoding("HTML entities", "statement", _entities),
    Encoding("JSON key", "pair", lambda p: json.dumps(_object(p))),
    Encoding("JSON key twice", "pair", lambda p: json.dumps(json.dumps(_object(p)))),
    Encoding("JSON key base64", "pair",
             lambda p: base64.b64encode(json.dumps(_object(p)).encode()).decode(), whole=True),
    Encoding("JSON key percent", "pair", lambda p: quote(json.dumps(_object(p)), safe="")),
    Encoding("repr dict key", "pair", lambda p: repr(_object(p))),
    Encoding("logfmt", "pair", _logfmt, header=False, one_line=True),
    Encoding("form", "pair", _form, header=False),
    Encoding("multipart", "pair", _multipart, header=False),
    Encoding("XML", "pair", _xml, header=False),
    Encoding("YAML", "pair", _yaml, header=False),
    Encoding("env dump", "pair", _env, header=False, one_line=True),
    Encoding("command line", "pair", _command, header=False, one_line=True),
    Encoding("cookie", "pair", _cookie, header=False, one_line=True),
    Encoding("header lines", "pair", _headers, one_line=True),
    Encoding("header pairs", "pair", _header_pairs, one_line=True),
    Encoding("name/value list", "pair", _named),
    Encoding("SQL insert", "pair", _sql, header=False),
    Encoding("SQL update", "pair", _sql_set, header=False),
    Encoding("URL parameter", "pair", _parameter, header=False, one_line=True),
    Encoding("URL password", "password", _userinfo, header=False, one_line=True),
    Encoding("field", "structure", lambda p: p.value),
    Encoding("field in list", "structure", lambda p: p.value),
    Encoding("field number", "structure", lambda p: p.value, header=False, one_line=True),
    Encoding("field name", "name", lambda p: p.statement, whole=True),
)  # fmt: skip
