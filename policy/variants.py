"""Characters that stand for others: what a text says in plain ones.

Spaces that do not break, dashes between digits, full-width letters, the digits of Arabic, and UTF-8
that was read byte by byte as Latin-1 or Windows-1252 (`contraseÃ±a`). One character each, or two.
"""

from __future__ import annotations

from collections.abc import Iterator

_SPACES = "\u00a0\u2007\u202f"
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
_WIDE = "\uff0e\uff10-\uff19\uff20-\uff3a\uff41-\uff5a"  # digits, letters, signs of addresses
_DIGITS = "".join(chr(zero + digit) for zero in (0x660, 0x6F0) for digit in range(10))
# The second byte of two, as Latin-1 and as Windows-1252 have it. A few are not in the latter.
_SECOND = {
    char: byte
    for codec in ("latin-1", "cp1252")
    for byte in range(0x80, 0xC0)
    if len(char := bytes((byte,)).decode(codec, "ignore")) == 1
}
_READ_BYTEWISE = rf"[\u00c3-\u00c5][{''.join(sorted(_SECOND))}]"

VARIANTS = (
    rf"[{_SPACES}]|(?<=[0-9])[{_DASHES}](?=[0-9])|[{_WIDE}][\uff01-\uff5e]*+|[{_DIGITS}]{{2,}}"
    rf"|{_READ_BYTEWISE}"
)
# Where any of them is, for `patterns.whole`, which takes characters beyond ASCII one by one only.
# What has wide ones is read anyway (word_triggers.ODD_BYTES).
TRIGGERS = (
    rf"[{_SPACES}]",
    rf"[0-9][{_DASHES}][0-9]",
    rf"[{_DIGITS}]{{2}}",
    r"[\u00c3\u00c4\u00c5][\x{80}-\x{10FFFF}]",
)


def plain(variant: str) -> str:
    """What one of these characters stands for, or two of them that are one."""
    if len(variant) == 2:
        return bytes((ord(variant[0]), _SECOND[variant[1]])).decode()
    code = ord(variant)
    if 0xFF01 <= code <= 0xFF5E:
        return chr(code - 0xFEE0)
    if variant in _SPACES:
        return " "
    return str(int(variant)) if variant.isdecimal() else "-"


def variants_in(found: str, start: int) -> Iterator[tuple[int, str]]:
    """The characters, or pairs, of what `VARIANTS` matches at `start`, each with its place."""
    if found[0] in "\u00c3\u00c4\u00c5":
        yield start, found
    else:
        yield from enumerate(found, start)
