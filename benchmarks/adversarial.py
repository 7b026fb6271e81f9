"""Input that would be slow if anything were not linear: of any length, one for each place to look.

For each detector: what it matches again and again; its beginnings without an end; what it nearly
matches; one endless match. For each decoding view: long runs of what it decodes, in each other. For
the copy pass: one value in many places, many values, values that overlap themselves or begin alike.
And the shapes that JSON and OTLP have themselves: many keys, deep nesting, long lists.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from errlock.policy.detectors import Detector, example, load_catalogue

_SALT = "Zq7"  # so that runs do not consist of one character only
_DEEP = 60  # objects in objects; more than 128 are refused


@dataclass(frozen=True, slots=True)
class Attack:
    """Makes a document of about so many bytes."""

    group: Literal["detector", "view", "words", "copies", "shape"]
    name: str
    make: Callable[[int], bytes]
    format: Literal["event", "envelope", "logs"] = "event"
    first: int = 0  # bytes at which doubling begins; 0: as the others of its format


def attacks() -> Iterator[Attack]:
    """All of them."""
    for detector in load_catalogue():
        yield Attack("detector", detector.id, _texts(_of_detector(detector)))
    for name, unit in _VIEWS.items():
        yield Attack("view", name, _texts((unit,)))
    for name, encode in _NESTED.items():
        yield Attack("view", f"{name}, nested", _nested(encode))
    for name, unit in _WORDS.items():
        yield Attack("words", name, _texts((unit,)))
    yield from _COPIES
    yield from _SHAPES


def _event(**fields: Any) -> bytes:
    event = {"event_id": "9ec79c33ec9942ab8353589fcb2e04dc", "platform": "python", **fields}
    return json.dumps(event).encode()


def _repeated(unit: str, size: int) -> str:
    return unit * max(1, size // len(unit))


def _texts(units: Sequence[str]) -> Callable[[int], bytes]:
    """Long texts, each a unit again and again; together as long as wanted."""

    def make(size: int) -> bytes:
        share = size // len(units)
        texts = {f"part{i}": _repeated(unit, share) for i, unit in enumerate(units)}
        return _event(extra=texts)

    return make


def _of_detector(detector: Detector) -> list[str]:
    """Units made of a detector's own example."""
    if not detector.catch:
        return [f"{next(iter(detector.needs), _SALT)} "]
    text, start, end = example(detector.id, detector.catch[0])
    value = text[start:end]
    head = text[: start + min(5, len(value) // 2)]
    return [
        f"{text} ",  # matches
        head,  # beginnings
        f"{text[: end - 1]}! ",  # near misses
        value,  # a match without an end
        value[-1] + value[len(value) // 2],  # what a match may consist of
    ]


_VIEWS: Mapping[str, str] = {
    "percent": "%70%61%73%73%77%6f%72%64%3d" + _SALT,
    "percent signs": "%25",
    "broken percent": "%2%%3",
    "plus": "a+b=c+",
    "backslashes": "\\",
    "backslash escapes": "\\n\\x41\\u0041",
    "half of a surrogate pair": "\\ud83d",
    "entities": "&#112;&amp;&quot;" + _SALT,
    "ampersands": "&amp",
    "base64": base64.b64encode(b'{"password": "hunter2hunter2"} ').decode(),
    "base64 tokens": base64.b64encode(b"mail a.b@mail.example now").decode() + " ",
    "base64 alphabet": "QUJD",
    "base64 with dots": "eyJh.",
    "hex": b"password=hunter2hunter2 ".hex(),
    "hex tokens": b"password=hunter2".hex() + " ",
    "bytes in hex": "70 61 73 73 ",
    "bytes in code": "0x70, 0x61, ",
    "bytes in decimals": "112, 97, 115, ",
    "bytes in decimals, too large": "112, 97, 1115, ",
    "zlib tokens": base64.b64encode(zlib.compress(b"password=hunter2x")).decode() + " ",
    "base64 without beginnings": "..."
    + base64.b64encode(b"mail a.b@mail.example now").decode()[1:]
    + " ",
    "JSON objects": '{"password": "hunter2x"} ',
    "JSON beginnings": '{"a":',
    "JSON brackets": "[{",
    "JSON strings": '"a\\"',
    "Python literals": "{'token': b'hunter2x'} ",
    "Python beginnings": "{'a': (",
    "form": "password=hunter2x&page=2&",
    "form separators": "&=",
    "XML": "<password>hunter2x</password>",
    "XML beginnings": "<a b='",
    "XML comments": "<!--",
    "CDATA": "<![CDATA[",
    "YAML": "password: hunter2x\n",
    "YAML indentation": " - a:\n",
    "environment": "DB_PASSWORD=hunter2x\n",
    "logfmt": 'password="hunter2x" level=info ',
    "multipart": '--b\r\nContent-Disposition: form-data; name="password"\r\n\r\nhunter2x\r\n',
    "multipart beginnings": "--b\r\n",
    "headers": "Authorization: Basic aHVudGVyMjpodW50ZXIy\r\n",
    "cookies": "Cookie: a=b; sessionid=hunter2x; ",
    "command line": "curl -u a:hunter2x --password hunter2x ",
    "SQL": "INSERT INTO a (password) VALUES ('hunter2x'); ",
    "SQL parentheses": "VALUES ('a', (",
    "SQL quotes": "password = '",
    "URLs": "https://u:hunter2x@mail.example/?token=hunter2x ",
    "URL beginnings": "https://",
    "URL without an end": "https://u:",
    "quotes": "'\"",
    "brackets": "([{",
    "Unicode": "é\u200b",
    "spaces that do not break": "a\u00a0",
    "dashes between digits": "1\u2013",
    "wide letters": "\uff41\uff20",
    "UTF-8 as Latin-1": "\u00c3\u00a9",
    "surrogate-pair characters": "\U0001f600",
}

_WORDS: Mapping[str, str] = {
    "passwords": "password ",
    "password is": "password is ",
    "assignments": "password=",
    "colons": "secret: ",
    "arrows": "token => ",
    "keys in a row": "password_token_secret_",
    "quoted values": "password 'hunter2x' ",
    "Bearer": "Bearer ",
    "comparisons": "'hunter2x' == password ",
    "literals to compare": "'hunter2x' == ",
    "maps": "Map(password -> hunter, ",
    "logins in sentences": "user a, password Hunter2x refused, ",
    "secrets given": "set the new token to ",
    "ids called tokens": "token 9fceb02d0ae598e95dc970b74767f193 ",
    "keys beside secrets": "key: x7y8z9a1b2c3d4e5, secret: w1x2y3z4a5, ",
    "keys, one secret": "key: x7y8z9a1b2c3d4e5 ",
    "users beside passwords": "user=jroe password=hunter2x ",
    "names in logfmt": "nom=Roe prenom=Jane ",
    "towns": '{"city": "Ulm", "zip": "89073"} ',
    "hashes of Redis": "HSET a password hunter2x ",
    "fields of one hash": "HSET password hunter2x b ",
    "traces": "#1 a->login('b', 'hunter') ",
    "options before what to do": "docker -a login -p ",
    "variables": "setx DB_PASSWORD hunter2 ",
    "names": "Mr. John Smith ",
    "digits": "1234567890",
    "digit groups": "1234-5678 ",
    "dots": "1.1.",
    "colons and hex": "a:1:",
    "at signs": "a@b",
    "letters": "a",
    "words": "lorem ipsum ",
    "dashes": "a-",
    "underscores": "a_",
    "lines": "a\n",
    "spaces": " ",
    "NUL": "\0",
}

_NESTED: Mapping[str, Callable[[str], str]] = {
    "percent": lambda text: quote(text, safe=""),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "JSON": lambda text: json.dumps({"payload": text}),
    "repr": lambda text: repr({"payload": text}),
    "hex": lambda text: text.encode().hex(),
    "entities": lambda text: "".join(c if c.isalnum() else f"&#{ord(c)};" for c in text),
    "escapes": lambda text: "".join(f"\\u{ord(c):04x}" for c in text),
}


def _nested(encode: Callable[[str], str]) -> Callable[[int], bytes]:
    """An encoding in itself, twice more, around something to find and something not to find."""
    unit = "user a.b@mail.example said password=hunter2xyz9 and left "
    growth = len(encode(encode(encode(unit * 20)))) / (len(unit) * 20)

    def make(size: int) -> bytes:
        return _event(message=encode(encode(encode(_repeated(unit, int(size / growth))))))

    return make


def _one_value_many_places(size: int) -> bytes:
    secret = "hunter2xyz9QQ"
    texts = [f"step {i} saw {secret} here" for i in range(size // 36)]
    return _event(extra={"password": secret, "steps": texts})


def _one_value_in_one_text(size: int) -> bytes:
    return _event(extra={"password": "hunter2xyz9QQ", "text": _repeated("hunter2xyz9QQ ", size)})


def _many_values(size: int) -> bytes:
    values = {f"password_{i}": f"hunter{i:06d}xyQ" for i in range(size // 60)}
    texts = [f"saw {value}" for value in values.values()]
    return _event(extra={**values, "steps": texts})


def _overlapping_values(size: int) -> bytes:
    values = {f"password_{i}": "ab1" * (3 + i) for i in range(20)}
    return _event(extra={**values, "text": _repeated("ab1", size)})


def _beginnings_of_values(size: int) -> bytes:
    secret = "hunter2xyz9QQ" * 20
    return _event(extra={"password": secret, "text": _repeated(secret[:-1] + "!", size)})


def _values_that_begin_alike(size: int) -> bytes:
    lengths = range(2, int((size / 3) ** 0.5))
    values = {f"password_{i}": "ab1" * i for i in lengths}
    return _event(extra={**values, "text": _repeated("ab1", size // 2)})


def _values_that_nearly_stand_there(size: int) -> bytes:
    lengths = range(2, int((size / 3) ** 0.5))
    values = {f"password_{i}": "ab1" * i + "c" for i in lengths}
    return _event(extra={**values, "text": _repeated("ab1", size // 2)})


def _values_that_overlap_across_encodings(size: int) -> bytes:
    values = {"password": "ij%41b2c", "secret": "2cdBfghij"}  # as it is, and once it is decoded
    return _event(extra={**values, "text": _repeated("%41b2cd%42fghij", size)})


def _values_of_a_resource(size: int) -> bytes:
    request = ExportLogsServiceRequest()
    logs = request.resource_logs.add()
    records = logs.scope_logs.add().log_records
    for number in range(max(1, size // 80)):
        pair = logs.resource.attributes.add()
        pair.key = f"note{number}"
        pair.value.string_value = f"a{number:06d}@mail.example"
        records.add().body.string_value = f"login with password=hunter{number:06d}"
    return bytes(request.SerializeToString())


_COPIES = (
    Attack("copies", "one value in many places", _one_value_many_places),
    Attack("copies", "one value in one text", _one_value_in_one_text),
    Attack("copies", "many values", _many_values),
    Attack("copies", "values that overlap", _overlapping_values),
    Attack("copies", "beginnings of a value", _beginnings_of_values),
    Attack("copies", "values that begin alike", _values_that_begin_alike),
    Attack("copies", "values that begin alike and end otherwise", _values_that_nearly_stand_there),
    Attack("copies", "overlapping across encodings", _values_that_overlap_across_encodings),
    Attack("copies", "OTLP, values of a resource", _values_of_a_resource, "logs"),
)


def _many_keys(size: int) -> bytes:
    return _event(extra={f"key{i}": i for i in range(size // 14)})


def _many_secret_keys(size: int) -> bytes:
    return _event(extra={f"token{i}": f"v{i}" for i in range(size // 22)})


def _long_key(size: int) -> bytes:
    return _event(extra={_repeated("password_", size): "x"})


def _deep(size: int) -> bytes:
    one = '{"a":' * _DEEP + '"b"' + "}" * _DEEP
    return _event(extra=[json.loads(one) for _ in range(max(1, size // len(one)))])


def _list_of_pairs(size: int) -> bytes:
    pairs = [["Authorization", f"Basic v{i}"] for i in range(size // 34)]
    return _event(request={"headers": pairs})


def _frames(size: int) -> bytes:
    frames = [{"function": f"f{i}", "vars": {"password": f"hunter{i}"}} for i in range(size // 56)]
    values = [{"type": "E", "value": "v", "stacktrace": {"frames": frames}}]
    return _event(exception={"values": values})


def _numbers(size: int) -> bytes:
    return _event(extra=[4111111111111111] * (size // 18))


def _duplicate_keys(size: int) -> bytes:
    return b'{"extra":{' + b'"password":"hunter2x",' * (size // 22) + b'"a":1}}'


def _escaped_json(size: int) -> bytes:
    text = "".join(f"\\u{ord(c):04x}" for c in "password=hunter2xyz9 ")
    return f'{{"message":"{_repeated(text, size)}"}}'.encode()


def _log_records(size: int) -> bytes:
    request = ExportLogsServiceRequest()
    records = request.resource_logs.add().scope_logs.add().log_records
    for number in range(max(1, size // 40)):
        records.add().body.string_value = f"login with password=hunter{number:06d}"
    return bytes(request.SerializeToString())


def _log_entries(size: int) -> bytes:
    entries = [
        {"timestamp": 1.0, "body": f"mail of a{number:06d}@mail.example"}
        for number in range(max(1, size // 66))
    ]
    item = json.dumps({"items": entries}).encode()
    header = {"type": "log", "length": len(item), "item_count": len(entries)}
    return b"\n".join([b"{}", json.dumps(header).encode(), item, b""])


def _attributes(size: int) -> bytes:
    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add()
    for number in range(max(1, size // 40)):
        pair = record.attributes.add()
        pair.key = f"user.email.{number}"
        pair.value.string_value = f"a{number}@mail.example"
    return bytes(request.SerializeToString())


_SHAPES = (
    Attack("shape", "many keys", _many_keys),
    Attack("shape", "many telling keys", _many_secret_keys),
    Attack("shape", "a long key", _long_key),
    Attack("shape", "deep nesting", _deep),
    Attack("shape", "list of pairs", _list_of_pairs),
    Attack("shape", "frames with secrets", _frames),
    # What each leaves is found again, beside all others: that shows where these are thousands.
    Attack("shape", "a text full of findings", _texts((_VIEWS["XML"],)), first=1 << 14),
    Attack("shape", "numbers", _numbers),
    Attack("shape", "duplicate keys", _duplicate_keys),
    Attack("shape", "escaped JSON", _escaped_json),
    Attack("shape", "many entries of a log item", _log_entries, "envelope"),
    Attack("shape", "OTLP, many records", _log_records, "logs"),
    Attack("shape", "OTLP, many attributes", _attributes, "logs"),
)
