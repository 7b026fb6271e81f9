"""Ruby's stack traces: what `Exception#full_message` writes with the newest call first."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .raised import MAX_EXCEPTIONS, Calls, Frame, Raised, line_of, text_of

_CALL = re.compile(
    r"(\s*from )?([^\s:][^:]*(?::[\\/][^:]*)?):([0-9]{1,9}):in [`']([^']*)'(?:: (.*))?"
)
_TYPE = re.compile(r"(.*) \(([A-Z][\w:]*)\)", re.DOTALL)
_NOT_THE_APPS = ("/gems/", "/lib/ruby/", "<internal:")


def parse(text: str) -> Raised | None:
    """Read a text; None when there is no call of a Ruby program in it."""
    found: list[tuple[list[str], Calls]] = []
    for line in text.split("\n"):
        line = line.removesuffix("\r")
        call = _CALL.fullmatch(line)
        if call is None:
            if found and len(found[-1][1].listed()) == 1:
                found[-1][0].append(line)
            continue
        if not call[1]:
            if len(found) == MAX_EXCEPTIONS:
                break
            found.append(([call[5] or ""], Calls()))
        if found:
            found[-1][1].add(_frame(call[2], int(call[3]), call[4]))
    raised: Raised | None = None
    for said, calls in reversed(found):
        above = _raised(said, calls)
        if raised is not None:
            raised.source = "cause"
            above.below.append(raised)
        raised = above
    return raised


def _raised(said: list[str], calls: Calls) -> Raised:
    text = "\n".join(said).rstrip()
    first, newline, rest = text.partition("\n")
    typed = _TYPE.fullmatch(first)
    module, _, type_ = (typed[2] if typed else "RuntimeError").rpartition("::")
    value = (typed[1] if typed else first) + newline + rest
    return Raised(type_, value, module or None, calls.listed()[::-1])


def _frame(path: str, lineno: int, function: str) -> Frame:
    return {
        "function": function,
        "filename": path.rpartition("/gems/")[2] if "/gems/" in path else path,
        "abs_path": path,
        "lineno": lineno,
        "in_app": not any(place in path for place in _NOT_THE_APPS),
    }


def render(raised: Raised) -> str:
    """Write it as Ruby does."""
    return "\n".join(_lines(raised)) + "\n"


def _lines(raised: Raised) -> Iterator[str]:
    name = f"{raised.module}::{raised.type}" if raised.module else raised.type
    first, newline, rest = raised.value.partition("\n")
    header = f"{first} ({name}){newline}{rest}"
    calls = [_call(frame) for frame in reversed(raised.frames)] or ["<unknown>:0:in `<main>'"]
    yield from f"{calls[0]}: {header}".split("\n")
    yield from (f"\tfrom {call}" for call in calls[1:])
    for below in raised.below:
        yield from _lines(below)


def _call(frame: Frame) -> str:
    path = text_of(frame, "abs_path", "filename") or "<unknown>"
    return f"{path}:{line_of(frame) or 0}:in `{text_of(frame, 'function') or '<main>'}'"
