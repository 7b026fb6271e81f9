"""Inventories of assignments: `.env`, Java's `.properties`, AWS credentials and their like."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .wanted import BadInventory, Wanted, numbered, shown

ASSIGNMENT = re.compile(r"\s*(?:export\s+)?([A-Za-z_][\w.-]*)\s*=[ \t]*(.*)", re.ASCII)
SECTION = re.compile(r"\s*\[([^\[\]\"{}]+)\]\s*")
_OPTION = re.compile(r"\s*([^=:\s][^=:]*?)\s*[=:]\s*(.*)", re.DOTALL)
# A value in quotation marks, and perhaps a comment.
_QUOTATION = re.compile(r"""(["'])(.*?)\1\s*(?:[#;].*)?""", re.DOTALL)
# Java's: the key ends at the first `=`, `:` or white space that is not escaped.
PROPERTY = re.compile(r"[ \t\f]*((?:[^=:\s\\]|\\.)+)[ \t\f]*[=: \t\f][ \t\f]*(.*)", re.DOTALL)
# What a shell joins to a value in quotation marks.
_GLUED = re.compile(r"""'([^']*)'|"([^"]*)"|([^\s'";#][^\s'";]*)""")
_ESCAPED = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
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
            while _goes_on(written) and number < len(lines) and not ASSIGNMENT.match(lines[number]):
                written, number = written[:-1] + lines[number].strip(), number + 1
            value = re.split(r"\s#", written, maxsplit=1)[0].rstrip()
        yield Wanted(name, value)


def _goes_on(line: str) -> bool:
    """Whether the next line belongs to it, too: it ends with an odd number of backslashes."""
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


def properties(text: str) -> Iterator[Wanted]:
    """`.properties` of Java, by key. Raises BadInventory.

    https://docs.oracle.com/en/java/javase/21/docs/api/java.base/java/util/Properties.html
    """
    for number, line in _logical(text):
        if line.strip() and not _is_comment(line):
            found = PROPERTY.fullmatch(line)
            if found is None:
                raise BadInventory(f"not .properties: line {number}")
            key, value = (_ESCAPED.sub(_unescaped, part) for part in found.groups())
            yield Wanted(shown(key) or f"line {number}", value)


def _logical(text: str) -> Iterator[tuple[int, str]]:
    """Lines with those that belong to them."""
    lines: list[str] = []
    for number, line in numbered(text):
        lines.append(line.lstrip() if lines else line)
        if _goes_on(line) and not _is_comment(lines[0]):
            lines[-1] = lines[-1][:-1]
        else:
            yield number - len(lines) + 1, "".join(lines)
            lines = []
    if lines:
        yield text.count("\n") + 2 - len(lines), "".join(lines)


def _is_comment(line: str) -> bool:
    return line.lstrip()[:1] in ("#", "!")


def _unescaped(found: re.Match[str]) -> str:
    what = found[1]
    return chr(int(what[1:], 16)) if len(what) == 5 else _ESCAPES.get(what, what)


def _quoted(written: str, lines: list[str], number: int) -> tuple[str, int]:
    """What stands within quotation marks, and how many more lines it takes."""
    quote = written[0]
    end = re.compile(r'(?:[^"\\]|\\.)*"', re.DOTALL) if quote == '"' else None
    text, more = written[1:], 0
    while True:
        found = end.match(text) if end is not None else None
        stop = found.end() - 1 if found is not None else text.find(quote) if end is None else -1
        if stop >= 0:
            inner, behind = text[:stop], text[stop + 1 :]
            break
        if number + more >= len(lines) or more >= 1000:  # it never ends: then it is no quotation
            return written, 0
        text += "\n" + lines[number + more].rstrip("\r")
        more += 1
    if quote == '"':
        inner = _ESCAPED.sub(_unescaped, inner)
    while found := _GLUED.match(behind):
        inner, behind = inner + "".join(found.groups("")), behind[found.end() :]
    return inner, more


def ini(text: str) -> Iterator[Wanted]:
    """AWS credentials and their like: by section and name."""
    section = ""
    for number, line in _joined(text):
        if not line.strip() or line.lstrip()[0] in "#;":
            continue
        if (found := SECTION.fullmatch(line)) is not None:
            section = shown(found[1].strip())
        elif (found := _OPTION.fullmatch(line)) is not None and (key := shown(found[1])):
            yield Wanted(f"{section}.{key}" if section else key, _unquoted(found[2].strip()))
        else:
            value = found[2] if found is not None else line
            yield Wanted(f"line {number}", _unquoted(value.strip()))


def _joined(text: str) -> Iterator[tuple[int, str]]:
    """Lines; a key that is broken into lines is one of them."""
    begun, block = 0, list[str]()
    for number, line in numbered(text):
        begun = begun or number
        block.append(line)
        if "-----BEGIN " in block[0] and "-----END " not in line:
            continue
        yield begun, "\n".join([block[0], *map(str.strip, block[1:])])
        begun, block = 0, []
    if block:
        raise BadInventory(f"what line {begun} begins has no end")


def _unquoted(value: str) -> str:
    found = _QUOTATION.fullmatch(value)
    return found[2] if found is not None else value
