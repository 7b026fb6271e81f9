"""Names and values written next to each other in a text: the key context that text can hold.

Form bodies, multipart bodies, XML and HTML, dumps of environments and settings line by line, SQL
statements. Words before a value in a sentence (`password is …`) are the text scanner's work.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import zip_longest

from .linear import compile_linear
from .literals import Leaf, literal_at
from .nested import nested
from .views import View, percent_decoded
from .words.values import looks_made_up

Pair = tuple[str, View]

_FORM = re.compile(r"(?:^|[?&\s\"'])([A-Za-z0-9_.\-\[\]%]{1,64})=([^&\s\"'<>]*)")
_PART = compile_linear(
    r'(?i)content-disposition:[^\r\n]*?\bname="([^"\r\n]{0,64})"[^\r\n]*(?:\r?\n[^\r\n]+)*\r?\n\r?\n'
)
_ELEMENT = compile_linear(r"<(?:[\w.-]+:)?([A-Za-z_][\w.-]{0,63})(?:\s[^<>]*)?>([^<>]+)</")
_ATTRIBUTE = compile_linear(r"""\s([A-Za-z_][\w:.-]{0,63})\s*=\s*(?:"([^"<>]*)"|'([^'<>]*)')""")
_NAMED_TAG = compile_linear(
    r"""(?i)<[a-z_][\w:.-]*\s[^<>]*?\b(?:name|key|id)\s*=\s*["']([^"'<>]{1,64})["']"""
    r"""[^<>]*?(?:\b(?:value|content)\s*=\s*["']([^"'<>]*)["'][^<>]*>|>([^<>]+)</)"""
)
_LINE = compile_linear(
    r"(?m)^[ \t]*(?:export[ \t]+|set[ \t]+|-[ \t]+)?[\"']?([A-Za-z_][\w.\-]{0,63})[\"']?"
    r"[ \t]*(=>?|:(?:[ \t]|$)|:=)[ \t]*(.*?)[ \t\r,;]*$"
)
_FURTHER = compile_linear(r"^[^\s\"']*&[A-Za-z_][\w.\-\[\]%]{0,63}=")
_INSERT = compile_linear(r"(?i)\binsert\s+into\s+[^\s(]+\s*\(([^()]*)\)\s*values\s*\(")
_EQUALS = compile_linear(
    r"""([A-Za-z_][\w.]{0,63})["`\]]?\s*(?:=|<>|!=|\b(?i:like|ilike))\s*'((?:[^']|'')*)'"""
)


def pairs(view: View) -> Iterator[Pair]:
    """The names in a text and the values beside them, each where it stands."""
    text = view.text
    if "=" in text and ("&" in text or "+" in text):
        yield from _form(view)
    if "name=" in text and "ontent-" in text:
        yield from _multipart(view)
    if "<" in text and ">" in text:
        yield from _markup(view)
    if "\n" in text and ("=" in text or ":" in text):
        yield from _lines(view)
        yield from nested(view)
    if "'" in text or "insert" in text.casefold():
        yield from _sql(view)


def _form(view: View) -> Iterator[Pair]:
    joined = "&" in view.text
    for match in _FORM.finditer(view.text):
        if not joined and "+" not in match[2]:
            continue  # that plus stands elsewhere: it is no form
        value = view.part(*match.span(2))
        if "%" in value.text or "+" in value.text:
            value = percent_decoded(value, plus=True)
        name = match[1]
        if "%" in name:
            name = percent_decoded(View(name)).text
        yield name, value


def _multipart(view: View) -> Iterator[Pair]:
    heads = list(_PART.finditer(view.text))
    for match, following in zip_longest(heads, heads[1:]):
        limit = len(view.text) if following is None else following.start()
        end = view.text.find("\n--", match.end(), limit)
        end = limit if end < 0 else end
        value = view.text[match.end() : end]
        yield match[1], view.part(match.end(), match.end() + len(value.rstrip("\r\n")))


def _markup(view: View) -> Iterator[Pair]:
    for match in _ELEMENT.finditer(view.text) if "</" in view.text else ():
        yield match[1], view.part(*match.span(2))
    if "=" not in view.text:
        return
    for match in _NAMED_TAG.finditer(view.text):
        yield match[1], view.part(*match.span(2 if match[2] is not None else 3))
    for match in _ATTRIBUTE.finditer(view.text):
        yield match[1], view.part(*match.span(2 if match[2] is not None else 3))


def _lines(view: View) -> Iterator[Pair]:
    """Lines of a dump. Prose has colons too, so most of the lines must be pairs."""
    found = list(_LINE.finditer(view.text))
    written = sum(1 for line in view.text.split("\n") if line.strip())
    if len(found) < 2 or 2 * len(found) < written:
        return
    for match in found:
        start, end = match.span(3)
        if _FURTHER.search(match[3]):
            continue  # the last line of a request is its body, a form
        if end - start > 1 and view.text[start] == view.text[end - 1] and view.text[start] in "\"'":
            start, end = start + 1, end - 1
        if start < end:
            yield match[1], view.part(start, end)


def _sql(view: View) -> Iterator[Pair]:
    folded = view.text.casefold()
    compared = "=" in folded or "<>" in folded or "like" in folded
    for match in _EQUALS.finditer(view.text) if compared else ():
        yield match[1].rpartition(".")[2], view.part(*match.span(2))
    for match in _INSERT.finditer(view.text) if "insert" in folded else ():
        columns = [name.strip(' \t\r\n"`[]') for name in match[1].split(",")]
        yield from _rows(view, columns, match.end() - 1)


def _rows(view: View, columns: list[str], at: int) -> Iterator[Pair]:
    """The rows of an INSERT: values by position, one bracket after the other."""
    while at < len(view.text) and view.text[at] == "(":
        row, at = literal_at(view, at)
        for _, position, value in row.items:
            if position >= len(columns) or not isinstance(value, Leaf):
                continue
            if value.kind != "word" or looks_made_up(value.text):  # Laravel puts no quotes
                yield columns[position], value.view
        while at < len(view.text) and view.text[at] in ", \t\r\n":
            at += 1
