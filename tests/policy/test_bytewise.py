"""Bytes that are written one by one, and what was packed or cut off."""

from __future__ import annotations

import base64
import gzip
import zlib

import pytest
from rows import Row, hold, seen_otherwise

_BYTES = b'{"password":"Wint3rfell"}'
_LISTED = ", ".join(map(str, _BYTES))
_IN_CODE = ", ".join(f"0x{byte:02x}" for byte in _BYTES)
_SIGNED = str([byte - 256 if byte > 127 else byte for byte in "é password=Wint3rfell".encode()])
_COLUMNS = ",\n   ".join(f"{byte:3}" for byte in _BYTES)
_TOKEN = base64.b64encode(b'{"user":"bob","password":"Wint3rfell9","pages":[1,2,3]}').decode()
_UMLAUTS = base64.b64encode("password=Wint3rfell für Jörg ü".encode()).decode()
_ZLIB = [base64.b64encode(zlib.compress(_BYTES * 2, level)).decode() for level in (1, 3, 6, 9)]


def _dump(data: bytes, line: str) -> str:
    rows = [(at, data[at : at + 16]) for at in range(0, len(data), 16)]
    shown = ["".join(chr(code) if code > 31 else "." for code in row) for _, row in rows]
    return "\n".join(
        line.format(at, row.hex(" "), row.hex(" ", -2), seen)
        for (at, row), seen in zip(rows, shown, strict=True)
    )


_SENT = b"POST /login HTTP/1.1\r\n\r\nuser=1&password=Wint3rfell&page=2"
_ASKED = b"GET /password-rules HTTP/1.1\r\nHost: shop.example\r\nAccept: */*"
_OF_HEXDUMP = "{0:08x}  {1:<48} |{3}|"
_OF_XXD = "INFO {0:08x}: {2}  {3}"
_OF_NETTY = "|{0:08x}| {1:<48}|{3:<16}|"
_DUMPED = ["Wint3", "fell", "57 69", "5769"]

FOUND: list[Row] = [
    (f"sent:\n{_dump(_SENT, _OF_HEXDUMP)}\nto bob", _DUMPED, ["sent:", "to bob"]),
    (f"sent:\n{_dump(_SENT, _OF_XXD)}\nto bob", _DUMPED, ["sent:", "to bob"]),
    (f"sent:\r\n{_dump(_SENT, _OF_NETTY)}\r\nto bob", _DUMPED, ["sent:", "to bob"]),
    (f"x {gzip.compress(_BYTES, mtime=0).hex()} y", ["1f8b08"], ["x ", " y"]),
    (f"got [{_LISTED}] of bob", [_LISTED[:40]], ["got [", "] of bob"]),
    (f"got [{_LISTED.replace(',', '')}] of bob", ["112 97 115 115"], ["got [", "] of bob"]),
    ('{"type":"Buffer","data":[' + _LISTED.replace(" ", "") + "]}", ["112,97"], ["Buffer"]),
    (f"Uint8Array(25) [\n  {_COLUMNS}\n]", ["112,"], ["Uint8Array(25)"]),
    (f"read {_SIGNED}", ["112, 97"], ["read ["]),
    (f"[]byte{{{_IN_CODE}}}", ["0x70, 0x61"], ["[]byte{"]),
    ("00000000  70 61 73 73 77 6f 72 64  3d 57 69 6e 74 33 72 66  |", ["57 69 6e"], ["00000000"]),
    (f"'\\x{_BYTES.hex()}'::bytea", [_BYTES.hex()[10:30]], ["'::bytea"]),
    (f"x {'name=Jörg&password=Wint3rfell'.encode().hex()} y", ["70617373"], ["x ", " y"]),
    (f"cut {_BYTES.hex()[:-3]}", ["70617373"], ["cut "]),
    *((f"cut {_TOKEN[:size]}... x", [_TOKEN[8:48]], ["cut ", "... x"]) for size in range(64, 69)),
    *((f"cut {_UMLAUTS[:size]}", [_UMLAUTS[:24]], ["cut "]) for size in range(32, 44)),
    *((f"...{_TOKEN[cut:]} x", [_TOKEN[8:48]], ["...", " x"]) for cut in (4, 5, 6, 7)),
    *((f"session {packed} x", [packed[:24]], ["session ", " x"]) for packed in _ZLIB),
    (f"cut {_ZLIB[2][:-7]}", [_ZLIB[2][:20]], ["cut "]),
]

HARMLESS = [
    _dump(_ASKED, _OF_HEXDUMP),
    _dump(_ASKED, _OF_XXD),
    "[1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377]",
    f"greeted {list(b'hello world, and all of you')}",
    "sizes 100 101 102 103 104 105 106 107 108 109 and more",
    "0x7f, 0x45, 0x4c, 0x46, 0x02, 0x01, 0x01, 0x00",
    "00000000  7f 45 4c 46 02 01 01 00  00 00 00 00 00 00 00 00  |.ELF............|",
    f"etag {base64.b64encode(zlib.compress(b'no secrets in here, none at all')).decode()}",
    "eJwAAAAAAAAAAAAA is no archive, nor is ReadTypeNotFoundExceptions",
    "x^password=no, but eF5wYXNzd29yZA is text",
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a0",
    "\\x89504e470d0a1a0a0000000d49484452",
]


@pytest.mark.parametrize(("text", "gone", "stay"), FOUND)
def test_a_secret_is_found_in_its_bytes(text: str, gone: list[str], stay: list[str]) -> None:
    hold(text, gone, stay)


@pytest.mark.parametrize("text", HARMLESS)
def test_bytes_that_tell_nothing_stay(text: str) -> None:
    hold(text, [], [text])


def test_the_engine_sees_them_as_the_walk_does() -> None:
    assert seen_otherwise([*FOUND, *((text, [], []) for text in HARMLESS)]) == []
