"""What may follow a name that tells something, and which finders it concerns.

The gate knows where such a name ends (`word_triggers.name_triggers`). Whether anything can be made
of it depends on what stands behind it: a sign, a quotation mark, an angle bracket.
"""

from __future__ import annotations

import re
from functools import lru_cache

from ..keys import QUALIFIERS
from ..words import words
from ..words.labels import QUOTES_IN_PRINT

# The finders of `words.FINDERS` and what else a text may need, as bits.
FINDERS = (
    "pairs", "phrases", "markup", "command_lines", "arguments", "calls", "tables", "sql",
    "quoted_input", "structures", "numbers", "encoded", "held", "rows",
)  # fmt: skip
BITS = {name: 1 << number for number, name in enumerate(FINDERS)}
(
    PAIRS, PHRASES, MARKUP, COMMANDS, ARGUMENTS, CALLS, TABLES, SQL, QUOTED, STRUCTURES, NUMBERS,
    ENCODED, HELD, ROWS,
) = BITS.values()  # fmt: skip
EVERY_FINDER = (1 << len(FINDERS)) - 1
WORDS = sum(BITS[name] for name in words.FINDERS)
_OF_ANY_NAME = EVERY_FINDER & ~HELD  # of which a name says nothing

# What else a declaration says before it gives a value (words._TYPE).
_OF_TYPES = ("as", "static", "option", "optional", "secretstr", "nsstring")
_QUALIFIER = re.compile(
    rb"[^A-Za-z0-9\0]*+(?:"
    + "|".join(sorted((*QUALIFIERS, *_OF_TYPES), key=len, reverse=True)).encode()
    + rb"|[0-9]++)",
    re.IGNORECASE,
)
_SIGNS = re.compile(rb"[^A-Za-z0-9\0]*+")
_MOST_ROW = 512  # a longer line is looked at as if it were a table's
_ROW = re.compile(rb"[A-Za-z0-9_ .\-\"'`|;,)\t\r\x80-\xff]{0,%d}+" % _MOST_ROW)
_COMPARED = re.compile(rb"[\"'`\]]?\s*+(?:i?like|in)\b", re.IGNORECASE)
_FAR = re.compile(rb"[ \t\r\n\f\v]{60}")  # what is said of the name may stand before all this
_MOST_QUALIFIERS = 12
_BEFORE = 160  # how far before a name its tag, its flag or its attribute may begin


def finders_after(data: bytes, end: int) -> int:
    """The finders that a name concerns which ends at `end` (bytes of a plain text).

    Of several texts, with a zero between them, only the one that it stands in tells anything.
    """
    found = TABLES if _may_head_table(data, end) else 0
    first = max(0, end - _BEFORE)
    before = data[max(first, data.rfind(b"\0", first, end) + 1) : end]
    if _FAR.match(before) is not None:
        return _OF_ANY_NAME
    said = b"=" in before or b":" in before
    tagged, flagged = b"<" in before, b"-" in before
    at: int = end
    for _ in range(_MOST_QUALIFIERS):
        match = _SIGNS.match(data, at)
        assert match is not None  # it also matches nothing
        signs = match[0]
        found |= _of_signs(signs)
        if tagged or (said and signs):
            found |= MARKUP | STRUCTURES
        if flagged and signs[:1] in b" \t\r\n\f,\"'":
            found |= COMMANDS
        if _COMPARED.match(data, at) is not None:
            found |= SQL | STRUCTURES
        further = _QUALIFIER.match(data, at)
        if further is None:
            return found
        at = further.end()
    return _OF_ANY_NAME


def _may_head_table(data: bytes, end: int) -> bool:
    """Whether nothing but names stands behind a name in its line, as far as is looked."""
    row = _ROW.match(data, end)
    assert row is not None  # it also matches nothing
    if row.end() - end == _MOST_ROW:
        return True
    rows_below = row.end() + 1 < len(data)
    return rows_below and data[row.end() : row.end() + 1] == b"\n"


@lru_cache(maxsize=4096)
def _of_signs(signs: bytes) -> int:
    """What the signs right behind a name announce."""
    found = 0
    if b"=" in signs or b":" in signs or b"(" in signs or b";" in signs or b"<-" in signs:
        found |= PAIRS | STRUCTURES | SQL | ARGUMENTS
    if b'"' in signs or b"'" in signs or b"`" in signs:
        found |= STRUCTURES | ARGUMENTS
    if signs[:1] == b" " and signs.strip(b" \\")[:1] in (b'"', b"'", b"`"):
        found |= PAIRS
    if any(quote in signs for quote in QUOTES_IN_PRINT):
        found |= PAIRS
    if b"<" in signs or b">" in signs or b"!" in signs:
        found |= MARKUP | STRUCTURES | SQL
    return found
