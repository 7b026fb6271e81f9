"""Bytes that are written one by one, as dumps, buffers and lists of numbers are printed.

7b 22 70        7b:22:70        0x7b, 0x22, 0x70
[123, 34, 112]  [123 34 112]    {"type":"Buffer","data":[123,34,112]}
00000000  7b 22 70 |{"p|        00000000: 7b22 70  {"p
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .linear import compile_linear

_FEWEST = 8
_HEX = r"\b[0-9A-Fa-f]{2}(?:(?:[ :-]|  )[0-9A-Fa-f]{2}){7,}"
_BETWEEN = r"(?:,[ \t\r\n]*| )"
_CODE = rf"0x[0-9A-Fa-f]{{1,2}}(?:{_BETWEEN}0x[0-9A-Fa-f]{{1,2}}){{7,}}"
_BYTE = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[0-9]{1,2}|-[0-9]{1,3})"  # Java's have a sign
_DECIMALS = rf"{_BYTE}(?:{_BETWEEN}{_BYTE}){{7,}}"
_IN_HEX, _IN_CODE, _IN_DECIMALS = map(compile_linear, (_HEX, _CODE, _DECIMALS))
_ANY = compile_linear(f"{_HEX}|{_CODE}|{_DECIMALS}")
_NUMBER = re.compile(r"-?[0-9]++")

# A line of a dump as hexdump, xxd, tcpdump and Netty write it: where its bytes are, and these.
_DUMPED = re.compile(
    r"(?:^|[\s|])(?:0x)?[0-9A-Fa-f]{4,16}(?:: {1,2}| {2,3}|\| ?)"
    r"((?:[0-9A-Fa-f]{2}){1,4}(?: {1,2}(?:[0-9A-Fa-f]{2}){1,4}(?![0-9A-Za-z])){0,15})"
    r"(?![0-9A-Za-z])"
)
_MOST_BEFORE, _MOST_IN_LINE = 200, 16  # characters before it in its line, bytes

# Where eight of ASCII stand in a row, for `patterns.whole`.
TRIGGERS = (
    r"(?:[2-7][0-9A-Fa-f]|0[9AaDd])(?:(?:[ :-]| {2})?(?:[2-7][0-9A-Fa-f]|0[9AaDd])){7}",
    r"0x(?:[2-7][0-9A-Fa-f]|0?[9AaDd])(?:(?:,\s*| )0x(?:[2-7][0-9A-Fa-f]|0?[9AaDd])){7}",
    r"(?:[3-9][0-9]|1[0-2]?[0-9]|9)(?:(?:,\s*| )(?:[3-9][0-9]|1[0-2]?[0-9]|9)){7}",
)


def texts_of_bytes(text: str) -> Iterator[tuple[str, int, int]]:
    """The texts that bytes stand for, each with the place of its bytes."""
    if "\n" in text and _DUMPED.search(text) is not None:
        yield from _dumps(text)
    if _ANY.search(text) is None:
        return
    for match in _IN_HEX.finditer(text):
        digits = "".join(char for char in match[0] if char.isalnum())
        yield from _decoded(bytes.fromhex(digits), match.span())
    if "0x" in text:
        for match in _IN_CODE.finditer(text):
            codes = bytes(int(each, 0) for each in re.split(r"[, \t\r\n]+", match[0]))
            yield from _decoded(codes, match.span())
    for match in _IN_DECIMALS.finditer(text):
        numbers = [int(each) for each in _NUMBER.findall(match[0])]
        if all(number >= -0x80 for number in numbers):
            yield from _decoded(bytes(number & 0xFF for number in numbers), match.span())


def _decoded(data: bytes, span: tuple[int, int]) -> Iterator[tuple[str, int, int]]:
    decoded = text_of(data)
    if decoded is not None:
        yield decoded, *span


def _dumps(text: str) -> Iterator[tuple[str, int, int]]:
    """What several lines of a dump stand for: a value may begin in one and end in the next."""
    data, start, end, at, lines = bytearray(), 0, 0, 0, 0
    for line in [*text.split("\n"), ""]:
        match = _DUMPED.search(line[: _MOST_BEFORE + 100])
        if match is not None:
            start = at + match.start(1) if not lines else start
            data += bytes.fromhex(match[1].replace(" ", ""))[:_MOST_IN_LINE]
            end, lines = at + len(line), lines + 1
        elif lines:
            if lines > 1 and b"p" * _FEWEST in data.translate(SHOWN):
                yield data.translate(_DOTS).decode("ascii"), start, min(end, len(text))
            data, lines = bytearray(), 0
        at += len(line) + 1


# Of each byte, for `bytes.translate`: `p` for what ASCII shows, and for white space.
SHOWN = bytes(0x70 if 32 <= code < 127 or code in b"\t\r\n" else 0 for code in range(256))

# What ASCII does not show, as dumps write it.
_DOTS = bytes(code if 32 <= code < 127 or code in b"\t\r\n" else 0x2E for code in range(256))


def text_of(data: bytes) -> str | None:
    """The text that bytes are, if some of them in a row are ASCII: of digests hardly any is."""
    if b"p" * _FEWEST not in data.translate(SHOWN):
        return None
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    return text if is_shown(text) else None


def is_shown(text: str) -> bool:
    """Whether all of it can be printed, white space too."""
    return text.replace("\n", "").replace("\r", "").replace("\t", "").isprintable()
