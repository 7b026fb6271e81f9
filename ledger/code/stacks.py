"""What stack traces disclose: files with the lines around each call, and where exceptions rise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ...policy.placeholders import placeholder
from . import names
from .outline import AllRaised, Frame, Raised, Stacktrace
from .sections import Mention

_MOST_FRAMES = 1000  # of a document; the innermost ones are read
_WITHHELD = placeholder("code.source_line")  # in place of a line that the policy takes out
_BUILT_IN = ("", "builtins", "__main__")


class Call(NamedTuple):
    """All that is kept of a frame."""

    file: str
    module: str
    in_app: bool | None
    start: int  # the first line that is shown
    stop: int  # the line behind the last one


class Thrown(NamedTuple):
    """All that is kept of an exception or a thread: equal for those that disclose the same."""

    type: str
    module: str
    calls: tuple[Call, ...]


def thrown(*groups: AllRaised | list[Raised | None] | Stacktrace | None) -> tuple[Thrown, ...]:
    """What is kept of the exceptions and threads of a document."""
    found = []
    left = _MOST_FRAMES
    for group in groups:
        if isinstance(group, Stacktrace):
            group = [Raised(stacktrace=group)]
        several = group.values or [group] if isinstance(group, AllRaised) else group or ()
        for each in several:
            if each is None:
                continue
            frames = (each.stacktrace.frames if each.stacktrace is not None else None) or ()
            calls = tuple([_call(frame) for frame in frames[-left:] if frame is not None])
            left = max(left - len(calls), 1)
            found.append(Thrown(each.type or "", each.module or "", calls))
    return tuple(found)


def _call(frame: Frame) -> Call:
    line = frame.lineno or 0
    start = stop = line
    if frame.context_line not in (None, "", _WITHHELD):
        stop += 1
    if frame.pre_context and _WITHHELD not in frame.pre_context:
        start -= len(frame.pre_context)
    if frame.post_context and _WITHHELD not in frame.post_context:
        stop = line + 1 + len(frame.post_context)
    return Call(frame.filename or "", frame.module or "", frame.in_app, start, stop)


def of_thrown(raised: Iterable[Thrown]) -> Iterator[Mention]:
    """The files that they show, and the exceptions with the file or module they come from."""
    for each in raised:
        for call in each.calls:
            yield from _file(call)
        if each.type and not names.is_removed(each.type):
            text = each.type
            if each.module not in _BUILT_IN and not text.startswith(each.module):
                text = f"{each.module}.{text}"
            yield Mention("exception", names.exception(text), _component(each.calls))


def _file(call: Call) -> Iterator[Mention]:
    text = call.file
    if not text or names.is_removed(text):
        if not call.module or names.is_removed(call.module):
            return
        text = call.module
    whose = "" if call.in_app is None else "own" if call.in_app else "library"
    lines = (call.start, call.stop) if 0 < call.start < call.stop else ()
    yield Mention("file", names.file(text), whose, lines)


def _component(calls: tuple[Call, ...]) -> str:
    """The module, else the file, of the innermost call in one's own code, else of the innermost."""
    own = [call for call in calls if call.in_app] or calls
    if not own:
        return ""
    text = own[-1].module or own[-1].file
    return "" if names.is_removed(text) else names.file(text)
