"""The shape of a statement: what it asks of which tables and columns, without a literal."""

from __future__ import annotations

import re
from functools import lru_cache

from ...policy.linear import compile_linear
from .names import OTHER, STAR, plain

_LONGEST_READ = 4000  # characters of a statement; what follows is left out
LONGEST = 400  # characters of a shape
_REMEMBERED = 4096
_STATEMENT = compile_linear(
    r"(?i)^\s*(?:select|insert|update|delete|with|merge|replace|create|alter|drop|truncate|call"
    r"|exec|execute)\s"
)
_COMMENTS = re.compile(r"/\*[^*]*+(?:\*(?!/)[^*]*+)*+(?:\*/|\Z)|--[^\n]*+")
# Where a literal ends depends on the database: what follows cannot be read by all of them alike.
_UNSURE = re.compile(r"\\[\"']|\$\w*+\$")
# A name in quotation marks, where it can be nothing else; any other such text is a literal for
# some databases.
_NAMED = re.compile(r'(?i)(\b(?:from|join|into|update|table|as)\s+)?((?:"\w++"\.)*+"\w++"(\.)?)')
_LITERAL = re.compile(
    r"'[^']*+(?:'|\Z)|\"[^\"]*+(?:\"|\Z)"
    r"|%\(\w++\)s|%s|(?<![\w:])[$:@]\w++|(?<!\w)-?[0-9][\w.]*+"
)
_QUOTE = re.compile("[\"'$]")
_SAME = re.compile(r"\?(?:\s*+\?)++")
_LIST = re.compile(r"\?(?:\s*+,\s*+\?)++")
_ROWS = re.compile(r"\(\?\)(?:\s*+,\s*+\(\?\))++")
_WORD = re.compile(r"[A-Za-z0-9]++")
_FORM = compile_linear(r"[A-Za-z0-9_ \x60\[\]().,;:=<>!?*+/|&%#{}~^-]*")


def shape(text: str) -> str:
    """`SELECT id FROM orders WHERE id = ?`; empty when it is no statement."""
    return _shape(text[:_LONGEST_READ])


@lru_cache(maxsize=_REMEMBERED)
def _shape(text: str) -> str:
    text = _COMMENTS.sub(" ", text)
    if not _STATEMENT.search(text):
        return ""
    if _UNSURE.search(text):
        text = f"{_QUOTE.split(text, maxsplit=1)[0]}{STAR}"
    text = _LITERAL.sub("?", _NAMED.sub(_named, text))
    text = _ROWS.sub("(?)", _LIST.sub("?", _SAME.sub("?", text)))
    text = _WORD.sub(lambda found: found[0] if plain(found[0]) else STAR, text)
    text = " ".join(text.split())
    if not _FORM.fullmatch(text):
        return OTHER
    return text if len(text) <= LONGEST else f"{text[:LONGEST].rpartition(' ')[0]} {STAR}"


def _named(found: re.Match[str]) -> str:
    """Without the quotation marks, where it is a name: behind such a word, or of several parts."""
    is_name = found[1] or "." in found[2]
    return found[0].replace('"', "") if is_name else "?"
