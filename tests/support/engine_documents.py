"""Documents that are hard for an engine that skips what it thinks is clean; all by a `Random`.

Secrets are every detector's own examples and what words give away; they stand in odd surroundings
and encodings, under odd keys, at odd places, and the JSON is written in odd ways.
"""

from __future__ import annotations

import base64
import html
import json
import string
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from random import Random
from typing import Any
from urllib.parse import quote

from errlock.policy.detectors import example, load_catalogue
from errlock.policy.fields import TABLE, Field
from errlock.policy.keys import GLUED, QUALIFIERS, TERMS, joints

_ALNUM = string.ascii_letters + string.digits
_SIGNS = "!#$%&()*+,-./:;<=>?@[]^_`{|}~"
_KINDS = ("event", "event", "event", "transaction", "span", "log")
# What stands around values: starts and ends of strings, escapes, letters, lines, other scripts.
_AROUND = (
    "",
    "",
    "",
    " ",
    "\n",
    "\t",
    '"',
    "'",
    "x",
    "7",
    "é",
    "\u2028",
    "\r\n",
    "\\",
    "/",
    "=",
    ": ",
    "(",
    "[",
    "{",
    "<",
    "&",
    "%20",
    "-",
    "_",
    ".",
    ",",
    "\u00a0",
    "\f",
    "\v",
    "\x1b[0m",
    "😀",
    "ſ",
    "K",
    "n",
    "\\n",
    "&#10;",
    "a b c ",
    "GET /x HTTP/1.1\n",
    "see below:\n\n",
    "id,name\n",
)
_ODD_CHARACTERS = (
    "\u00a0",
    "\u2003",
    "\u2024",
    "\ufe33",
    "\uff3f",
    "\u00ad",
    "\u200b",
    "\u0301",
    "\v",
)
_WORDS = (
    "kundennummer",
    "customer",
    "order",
    "Rechnung",
    "tel",
    "fax",
    "id",
    "value",
    "x",
    "note",
    "message",
    "data",
    "name",
    "key",
    "header",
    "field",
    "old",
    "new",
    "op",
    "path",
    "url",
    "status",
    "type",
)
# What words give away: {k} is a telling name, {v} a value.
SAYINGS = (
    "{k}={v}",
    "{k} = {v}",
    "{k}: {v}",
    "{k}:{v}",
    "{k}='{v}'",
    '{k}="{v}"',
    '"{k}": "{v}"',
    "{k} => {v}",
    "{k}:={v}",
    "{k}=={v}",
    '{k}: string(5) "{v}"',
    's:8:"{k}";s:6:"{v}"',
    "{k} (temp): {v}",
    "{k} is {v}",
    "the {k} is {v}.",
    "your {k} was set to {v}",
    "{k} has been {v}",
    "{k} changed to: {v}",
    "using {k} {v}",
    "with {k} {v}",
    "invalid {k} {v}",
    "{k} {v}",
    "{k} -> {v}",
    "{k} \u2192 {v}",
    "Key ({k})=({v})",
    ":{k}, {v}",
    "{k}\n  {v}",
    "{k} >\n  {v}\n",
    "{k}: |\n  {v}\n",
    "[{k}, {v}]",
    '<<"{k}">>, <<"{v}">>',
    "{v} as the {k}",
    "{v} is your new {k}",
    "'{v}' as password",
    "Bearer {v}",
    "basic {v}",
    "bearer%20{v}",
    "Authorization: Bearer {v}",
    "Authorization: Basic {v}",
    "code is {d}",
    "your otp: {d}",
    "{d} is your code",
    "PIN for login: {d}",
    "verification code G-{d}",
    "TAN {d}",
    "one-time password {d}",
    "--{k} {v}",
    "--{k}={v}",
    "-{k} {v}",
    '["--{k}", "{v}"]',
    "'--{k}', '{v}'",
    "--{k}\f{v}",
    "mysql -u x -p{v}",
    "mysql -P 3306 -p{v}",
    "zip -P {v} a",
    "7z a -p{v}",
    "sshpass -p '{v}' ssh",
    "ldapsearch -w {v}",
    "docker login -p {v}",
    "SSHPASS -p {v}",
    "echo {v} | sudo -S ls",
    "echo -n '{v}' | docker login -x",
    "openssl enc -k {v}",
    "openssl aes -x y -K {v}",
    "net use z: \\\\host\\x {v} /user:bob",
    "curl -u bob:{v} http://x",
    "wget --user bob:{v}",
    "http -U 'bob:{v}'",
    "define('{k}', '{v}')",
    "set{K}('{v}')",
    "{k}('{v}')",
    "mysqli_connect('db', 'app', '{v}')",
    "login('bob', '{v}')",
    'password_hash("{v}")',
    "PDO('x', 'y', '{v}')",
    "crypt( '{v}' )",
    "{k},id\n{v},7",
    "id;{k}\n7;{v}\n",
    "| id | {k} |\n|---|---|\n| 7 | {v} |",
    "id\t{k}\n1\t{v}",
    "IDENTIFIED BY '{v}'",
    "identified with 'x' as '{v}'",
    "PASSWORD('{v}')",
    "set password for x = '{v}'",
    "WHERE {k} = '{v}'",
    "{k} LIKE '{v}'",
    "{k} in ('{v}')",
    "{k} <> '{v}'",
    "{k}] >= N'{v}'",
    "INSERT INTO t (id, {k}) VALUES (7, '{v}')",
    "replace into t ({k}) values ('{v}')",
    "INSERT INTO t (id, {k}) VALUES (?, ?); ['7', '{v}']",
    "WHERE {k} = $1 params: ['{v}']",
    "UPDATE t SET {k}=@p1; @p1='{v}'",
    "{k} = %s [args: ('{v}',)]",
    "where {k} = ? binds: ['{v}']",
    "{k}\n  bad [type=x, input_value='{v}', y]",
    "a.{k}\n  bad input_value={v}",
    "{{'loc': ('body', '{k}'), 'msg': 'x', 'input': '{v}'}}",
    "field '{k}': rejected value [{v}]; codes [",
    "On instance['{k}']:\n    '{v}'",
    '"{k}" with value "{v}" fails',
    '\\"{k}\\" with value \\"{v}\\"',
    "<{k}>{v}</{k}>",
    "<a:{k} x='1'>{v}</a:{k}>",
    '<user {k}="{v}"/>',
    "<td>{k}</td><td>{v}</td>",
    "<key>{k}</key><string>{v}</string>",
    '<input name="{k}" value="{v}">',
    '<input value="{v}" name={k}',
    '<x name="{k}">{v}</x>',
    "name={k} value={v}",
    "key: {k}, value: {v}",
    "name={s}{k} value={v}",
    'Content-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n--b',
    'name="{k}"\n\n{v}\n--',
    "{{'{k}': '{v}'}}",
    '{{"{k}": "{v}"}}',
    "{{{k}: '{v}'}}",
    "User({k}='{v}')",
    "[['{k}', '{v}']]",
    "['{k}', '{v}']",
    "{{'name': '{k}', 'value': '{v}'}}",
    '{{:{k} => "{v}"}}',
    "{{'{k}': {n}}}",
    "{{'{k}': ['{v}', 1]}}",
    "{{'x': {{'{k}': '{v}'}}}}",
    "{{'name': 'Jane Doe', '{k}': '{v}'}}",
    "{{'old': '{v}', 'new': 'y', 'field': '{k}'}}",
    "{{'{k}': 'a\\u0020{v}'}}",
    "[-{n}, {{'{k}': -{n}}}]",
    "a=1&{k}={v}&b=2",
    "?{k}={v}",
    "q=a+b&{k}={v}",
    "x={v}+{v}",
    "q=hello+{v}&z=1",
    "a%3D1&%70{k}={v}",
    "export {k}={v}\nB=2\nC=3",
    "A: 1\n{k}: {v}\nB: 2",
    "- {k}: {v}\n- b: 1",
    "Cookie: {k}={v}; theme=dark",
    "Set-Cookie: {k}={v}; Path=/",
    "cookie: x={v}",
    "auth=('bob', '{v}')",
    "{k}=['{v}', 'y1z2x3']",
    "{k}=b'{v}'",
    "{k}='''{v}'''",
    "{k}={{{v}}}",
    "user={k}:{v}@x",
    "https://bob:{v}@example.com/x",
    "https://x.example/?{k}={v}",
    "x://h/#{k}={v}",
    "{k}",
    "{v}",
    "{n}",
    "{v} {n}",
    "[{k}:e1:0x9f3b6c02d41a]",
    "************1111",
    "[email] {v}",
    "jane@example.com",
    "jane%40example.com",
    "a+b@x.co",
    "203.0.113.7",
    "2001:db8::{d}",
    "fe80::1%eth0",
    "+49 151 2345 {d}",
    "(555) 123-{d}",
    "4111 1111 1111 1111",
    "DE89 3704 0044 0532 0130 00",
    "52.520008, 13.404954",
    "/home/{k}/x",
    "C:\\Users\\jane\\x",
    "00:1b:44:11:3a:b7",
)


@cache
def examples() -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """Of each detector: its examples, the value in each, the words of its context and its needs."""
    found = []
    for detector in load_catalogue():
        for notation in (*detector.catch, *detector.spare):
            text, start, end = example(detector.id, notation)
            found.append((text, text[start:end], (*detector.context, *detector.needs)))
    return tuple(found)


_TERMS = (*TERMS, *GLUED)


def name(random: Random) -> str:
    """A name that may tell something, in any style."""
    term = random.choice(_TERMS) if random.random() < 0.7 else random.choice(_WORDS)
    if random.random() < 0.4:
        term = random.choice(
            ("password", "token", "secret", "apikey", "email", "sessionid", "phone")
        )
    places = [at for at in sorted(joints(term)) if random.random() < 0.5]
    parts = [term[a:b] for a, b in zip([0, *places], [*places, len(term)], strict=True)]
    sign = random.choice(("", "_", "_", "-", ".", " ", "__", *_ODD_CHARACTERS[:2]))
    style = random.randrange(9)
    if style == 0:
        parts = [part.upper() for part in parts]
    elif style == 1:
        parts, sign = [parts[0], *(part.capitalize() for part in parts[1:])], ""
    elif style == 2:
        parts = [part.capitalize() for part in parts]
    text = sign.join(parts)
    if random.random() < 0.2:
        text = random.choice(("new_", "db", "x-", "user", "my ", "2", "é", "n", "_", "X-")) + text
    if random.random() < 0.2:
        text += random.choice((*sorted(QUALIFIERS), "s", "2", "[]", "_count", "x", "Policy", "ˢ"))
    if random.random() < 0.08:
        text = odd(random, text)
    return text


def odd(random: Random, text: str) -> str:
    """One character of a text in another form, or one more that should not be there."""
    at = random.randrange(len(text) + 1)
    char = text[at : at + 1]
    if char.isascii() and char.isalpha() and random.random() < 0.6:
        forms = [chr(ord(char) + 0xFEE0), chr(0x1D41A + ord(char.lower()) - 97)]
        forms += {"s": ["ſ", "ˢ"], "k": ["\u212a"], "i": ["ⁱ"], "c": ["ᶜ"]}.get(char.lower(), [])
        return text[:at] + random.choice(forms) + text[at + 1 :]
    return text[:at] + random.choice(_ODD_CHARACTERS) + text[at:]


def value(random: Random) -> str:
    """Something that may be a secret, or nearly one."""
    kind = random.randrange(12)
    size = random.choice((3, 5, 6, 7, 8, 9, 12, 16, 17, 24, 40, random.randrange(301)))
    if kind == 0:
        return random.choice(
            ("", "null", "None", "***", "[Filtered]", "[hunter2]", "[secret]", "true", "xxxx")
        )
    if kind == 1:
        return "".join(random.choices(string.ascii_lowercase, k=size))
    if kind == 2:
        return "".join(random.choices(string.ascii_letters, k=size))
    if kind == 3:
        return "".join(random.choices(string.digits, k=size))
    if kind == 4:
        return "abc" + random.choice(_SIGNS) + "def" + random.choice(("", random.choice(_SIGNS)))
    if kind == 5:
        return random.choice("([{<|>") + "".join(random.choices(_ALNUM, k=size))
    if kind == 6:
        return "".join(random.choices(_ALNUM + _SIGNS, k=size))
    if kind == 7:
        return (
            "Hunter" + random.choice("²٣é😀\x01\x7f\u00a0") + "pass" + random.choice(("", "٣a٣b"))
        )
    if kind == 8:
        return random.choice(examples())[1]
    return "".join(random.choices(_ALNUM, k=max(size, 6)))


def saying(random: Random) -> str:
    """A text in which words give a value away."""
    said = name(random)
    return random.choice(SAYINGS).format(
        k=said,
        K=said.capitalize(),
        v=value(random),
        d="".join(random.choices(string.digits, k=random.choice((4, 6, 8)))),
        n=random.choice((5, 123456, 12345678, 123456789, 1.5, 4111111111111111)),
        s=" " * random.choice((0, 1, 40, 200)),
    )


def _u_escaped(text: str) -> str:
    return "".join(f"\\u{ord(char):04x}" if ord(char) < 0x10000 else char for char in text)


ENCODINGS: tuple[Callable[[str], str], ...] = (
    json.dumps,
    lambda t: json.dumps({"b": t}, ensure_ascii=False),
    lambda t: json.dumps({"b": json.dumps({"c": t})}),
    repr,
    lambda t: repr({"a": t.encode("utf-8", "replace")}),
    lambda t: quote(t.encode("utf-8", "replace")),
    lambda t: quote(quote(t.encode("utf-8", "replace"), safe="")),
    html.escape,
    _u_escaped,
    lambda t: base64.b64encode(t.encode("utf-8", "replace")).decode(),
    lambda t: base64.urlsafe_b64encode(t.encode("utf-8", "replace")).decode().rstrip("="),
    lambda t: t.encode("utf-8", "replace").hex(),
    lambda t: t.replace(" ", "+"),
    lambda t: t.replace("/", "\\/"),
    str.upper,
    str.swapcase,
    lambda t: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in t),
)


def text(random: Random) -> str:
    """A text that may hold something, in some surroundings and some encoding."""
    kind = random.randrange(10)
    if kind < 3:
        whole, part, _words = random.choice(examples())
        found = whole if random.random() < 0.5 else part
    elif kind < 9:
        found = saying(random)
    else:
        found = value(random)
    if random.random() < 0.06:
        found = odd(random, found)
    if random.random() < 0.05 and found:
        found = found[random.randrange(len(found)) :]
    found = random.choice(_AROUND) + found + random.choice(_AROUND)
    while random.random() < 0.25 and len(found) < 4000:
        found = random.choice(ENCODINGS)(found)
    if random.random() < 0.02:
        found = random.choice(("\0", "\ud800", "\udc00x")) + found
    if random.random() < 0.02:
        found = "x" * random.choice((100, 300, 5000)) + random.choice(("", " ")) + found
    return found


def leaf(random: Random) -> Any:
    """A value of a document."""
    kind = random.randrange(14)
    if kind == 0:
        return random.choice((None, True, False, "", 0, [], {}))
    if kind == 1:
        return random.choice(
            (7, -7, 1e30, 12.5, -12345678, 123456789, 10**17, 4111111111111111, 4915123456789)
        )
    if kind == 2:
        digits = "".join(filter(str.isdigit, random.choice(examples())[1]))
        return int(digits or "0") if len(digits) < 18 else 1.5
    return text(random)


def key(random: Random) -> str:
    """A key: telling, a word of a detector's context, a text, or anything."""
    kind = random.randrange(10)
    if kind < 4:
        return name(random)
    if kind < 6:
        words = random.choice(examples())[2]
        found = random.choice(words) if words else "x"
        style = random.choice((str, str.upper, str.title, lambda w: w.replace(" ", "_") + "_no"))
        return style(found)
    if kind < 7:
        return text(random)
    return random.choice(_WORDS)


def tree(random: Random, depth: int = 0) -> Any:
    """A value with what may stand below it: objects, lists, pairs, flags, named values."""
    kind = random.randrange(16)
    if depth > 3 or kind < 7:
        return leaf(random)
    if kind == 7:
        words = random.choice(examples())  # a value and, apart from it, the words of its context
        return {(random.choice(words[2]) if words[2] else "x"): words[1]}
    if kind == 8:
        return [[key(random), tree(random, depth + 1)] for _ in range(random.randrange(1, 3))]
    if kind == 9:
        return ["run", random.choice(("--", "-")) + key(random), leaf(random)]
    if kind == 10:
        return [key(random), leaf(random)]
    if kind == 11:
        apart = random.choice(
            (("name", "value"), ("key", "val"), ("Name", "VALUE"), ("header", "content"))
        )
        return {apart[0]: key(random), apart[1]: leaf(random)}
    if kind == 12:
        return random.choice(
            (
                {"field": key(random), "old": leaf(random), "new": leaf(random)},
                {"op": "replace", "path": "/a/" + key(random), "value": leaf(random)},
                {
                    "name": "Jane Doe",
                    random.choice(("email", "phone", "dob")): random.choice(
                        (True, "n/a", leaf(random))
                    ),
                },
                {"token": {"value": leaf(random), "type": leaf(random)}},
            )
        )
    if kind == 13:
        return [tree(random, depth + 1) for _ in range(random.randrange(3))]
    return {key(random): tree(random, depth + 1) for _ in range(random.randrange(3))}


@cache
def _places(type_: str) -> tuple[tuple[tuple[str, ...], str | None], ...]:
    """The fields that a kind of document has: ways, and the class of each."""

    def below(fields: Any, way: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str | None]]:
        for known, place in fields.items():
            here = (*way, "whatever" if known == "*" else known)
            if isinstance(place, Field):
                yield here, place.class_
            elif len(way) < 5:
                yield from below(place, here)

    return tuple(below(TABLE[type_], ()))


def places(type_: str) -> Sequence[tuple[tuple[str, ...], str | None]]:
    """The fields of a kind of document, each with the class it gives its value."""
    return _places(type_)


def document(random: Random, type_: str) -> dict[str, Any]:
    """A document of a kind, in which one or a few things may be something."""
    found: dict[str, Any] = {}
    for _ in range(random.choice((1, 1, 1, 2, 3, 6))):
        if random.random() < 0.4:
            way, _class = random.choice(_places(type_))
            plant(random, found, way, tree(random, 2))
        elif random.random() < 0.5:
            found[key(random)] = tree(random)
        else:
            plant(random, found, ("extra", random.choice(_WORDS)), tree(random))
    if random.random() < 0.02:
        deep: Any = leaf(random)
        for _ in range(random.choice((20, 127, 128, 129, 140))):
            deep = [deep] if random.random() < 0.5 else {"a": deep}
        found["deep"] = deep
    return found


def plant(random: Random, into: dict[str, Any], way: Sequence[str], what: Any) -> None:
    """Put something at the end of a way, through lists now and then."""
    for step in way[:-1]:
        into = into.setdefault(step, {})
        if isinstance(into, list):
            into = into[0]
        if not isinstance(into, dict):
            return
    into[way[-1]] = [what] if random.random() < 0.1 else what


def any_kind(random: Random) -> str:
    """A kind of document: mostly those that may pass unread."""
    return random.choice(_KINDS) if random.random() < 0.8 else random.choice(sorted(TABLE))


# -- as bytes ----------------------------------------------------------------------------------


def written(random: Random, node: Any) -> bytes:
    """JSON in any way that JSON may be written; duplicate keys now and then."""
    plain = random.random() < 0.4
    pieces: list[str] = []
    _write(random, node, pieces, plain=plain)
    data = "".join(pieces).encode("utf-8", "surrogatepass")
    if random.random() < 0.01:
        at = random.randrange(len(data))
        return data[:at] + bytes([random.randrange(256)]) + data[at:]
    return data


def _write(random: Random, node: Any, out: list[str], *, plain: bool) -> None:
    def space() -> str:
        if plain or random.random() < 0.9:
            return ""
        return random.choice((" ", "\n", "\t", "\r\n  ", " " * 300))

    if isinstance(node, dict):
        out.append("{" + space())
        items = list(node.items())
        if items and not plain and random.random() < 0.05:
            items.insert(0, (items[-1][0], leaf(random)))
        for number, (name_, below) in enumerate(items):
            out.append("," + space() if number else "")
            out.append(_string(random, name_, plain=plain) + space() + ":" + space())
            _write(random, below, out, plain=plain)
        out.append(space() + "}")
    elif isinstance(node, list):
        out.append("[" + space())
        for number, below in enumerate(node):
            out.append("," + space() if number else "")
            _write(random, below, out, plain=plain)
        out.append(space() + "]")
    elif isinstance(node, str):
        out.append(_string(random, node, plain=plain))
    elif isinstance(node, (int, float)) and not isinstance(node, bool):
        out.append(_number(random, node, plain=plain))
    else:
        out.append(json.dumps(node))


def _number(random: Random, node: float, *, plain: bool) -> str:
    shown = json.dumps(node)
    if plain or random.random() < 0.7:
        return shown
    if isinstance(node, int):
        return random.choice((shown + "e0", shown + "E+00", shown + ".0", shown))
    return random.choice((shown.replace("e", "E"), shown))


_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\b": "\\b", "\f": "\\f"}


def _string(random: Random, content: str, *, plain: bool) -> str:
    by_number = 0.0 if plain or random.random() < 0.9 else 0.2
    out = []
    for char in content:
        code = ord(char)
        if char in _SHORT:
            out.append(_SHORT[char])
        elif (
            code < 0x20
            or 0xD800 <= code < 0xE000
            or (code < 0x10000 and random.random() < by_number)
        ):
            out.append(f"\\u{code:04x}")
        elif char == "/" and not plain and random.random() < 0.5:
            out.append("\\/")
        else:
            out.append(char)
    return '"' + "".join(out) + '"'
