"""Inventories of assignments: `.env`, AWS credentials and their like."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .wanted import Wanted, shown

ASSIGNMENT = re.compile(r"\s*(?:export\s+)?([A-Za-z_][\w.-]*)\s*=[ \t]*(.*)", re.ASCII)
SECTION = re.compile(r"\s*\[([^\[\]\"{}]+)\]\s*")
_OPTION = re.compile(r"\s*([^=:\s][^=:]*?)\s*[=:]\s*(.*)")
# A value in quotation marks, and perhaps a comment.
_QUOTATION = re.compile(r"""(["'])(.*?)\1\s*(?:[#;].*)?""")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def env(text: str) -> Iterator[Wanted]:
    """`.env`: by name."""
    lines = text.split("\n")
    number = 0
    while number < len(lines):
        line = lines[number].rstrip("\r")
        number += 1
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = ASSIGNMENT.fullmatch(line)
        if found is None:
            yield Wanted(f"line {number}", line.strip())
            continue
        name, written = shown(found[1]) or f"line {number}", found[2].rstrip()
        if written[:1] in ("'", '"', "`"):
            value, more = _quoted(written, lines, number)
            number += more
        else:
            value = re.split(r"\s#", written, maxsplit=1)[0].rstrip()
        yield Wanted(name, value)


def _quoted(written: str, lines: list[str], number: int) -> tuple[str, int]:
    """What stands within quotation marks, and how many more lines it takes."""
    quote = written[0]
    end = re.compile(r'(?:[^"\\]|\\.)*"', re.DOTALL) if quote == '"' else None
    text, more = written[1:], 0
    while True:
        found = end.match(text) if end is not None else None
        stop = found.end() - 1 if found is not None else text.find(quote) if end is None else -1
        if stop >= 0:
            inner = text[:stop]
            break
        if number + more >= len(lines) or more >= 1000:  # it never ends: then it is no quotation
            return written, 0
        text += "\n" + lines[number + more].rstrip("\r")
        more += 1
    if quote == '"':
        inner = re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), inner, flags=re.DOTALL)
    return inner, more


def ini(text: str) -> Iterator[Wanted]:
    """AWS credentials and their like: by section and name."""
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip()[0] in "#;":
            continue
        if (found := SECTION.fullmatch(line)) is not None:
            section = shown(found[1].strip())
        elif (found := _OPTION.fullmatch(line)) is not None and (key := shown(found[1])):
            yield Wanted(f"{section}.{key}" if section else key, _unquoted(found[2].strip()))
        else:
            value = found[2] if found is not None else line
            yield Wanted(f"line {number}", _unquoted(value.strip()))


def _unquoted(value: str) -> str:
    found = _QUOTATION.fullmatch(value)
    return found[2] if found is not None else value
