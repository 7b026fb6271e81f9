"""What stack traces disclose: files with the lines around each call, and where exceptions rise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from ...policy.placeholders import placeholder
from . import names
from .outline import AllRaised, Frame, Raised, Stacktrace
from .sections import Mention

MOST_FRAMES = 1000  # of a document; the innermost ones are read
# In place of a line that the policy takes out.
WITHHELD = placeholder("code.source_line")
_BUILT_IN = ("", "builtins", "__main__")

Group: TypeAlias = "AllRaised | list[Raised | None] | Stacktrace | None"
# File, module, whether it is the program's own, line; lines before, whether it is shown, after.
_Call: TypeAlias = "tuple[str | None, str | None, bool | None, int | None, int, bool, int]"
# Type, module and calls: all that is kept of an exception.
Thrown: TypeAlias = "tuple[str, str, tuple[_Call, ...]]"


def thrown(group: Group, *, withheld: bool = False) -> list[Thrown]:
    """All that is kept of exceptions or threads: equal for those that disclose the same.

    `withheld`: some lines may have been taken out.
    """
    if group is None:
        return []
    if isinstance(group, Stacktrace):
        several: list[Raised | None] = [Raised(stacktrace=group)]
    elif isinstance(group, AllRaised):
        several = group.values or [group]
    else:
        several = group
    found: list[Thrown] = []
    left = MOST_FRAMES
    for each in several:
        if each is not None:
            trace = each.stacktrace
            frames = trace.frames[-left:] if trace is not None and trace.frames else []
            left = max(left - len(frames), 1)
            if withheld:
                _hide(frames)
            found.append((each.type or "", each.module or "", _calls(frames)))
    return found


def _calls(frames: list[Frame | None]) -> tuple[_Call, ...]:
    return tuple(
        [
            (
                frame.filename, frame.module, frame.in_app, frame.lineno,
                len(frame.pre_context or ()), bool(frame.context_line),
                len(frame.post_context or ()),
            )
            for frame in frames
            if frame is not None
        ]
    )  # fmt: skip


def _hide(frames: list[Frame | None]) -> None:
    """Leave out what the policy took out."""
    for frame in frames:
        if frame is not None:
            if frame.context_line == WITHHELD:
                frame.context_line = None
            if frame.pre_context and WITHHELD in frame.pre_context:
                frame.pre_context = None
            if frame.post_context and WITHHELD in frame.post_context:
                frame.post_context = None


def of_thrown(raised: tuple[Thrown, ...]) -> Iterator[Mention]:
    """The files that they show, and each exception with the file or module that it comes from."""
    for type_, module, calls in raised:
        for call in calls:
            yield from _file(call)
        if type_ and not names.is_removed(type_):
            text = type_
            if module not in _BUILT_IN and not text.startswith(module):
                text = f"{module}.{text}"
            yield Mention("exception", names.exception(text), _where(calls))


def _file(call: _Call) -> Iterator[Mention]:
    file, module, own, line, before, shown, after = call
    text = file or module
    if not text or names.is_removed(text):
        return
    lines: tuple[int, ...] = ()
    if line is not None and line > 0 and (before or shown or after):
        lines = (line - before, line + 1 + after if after else line + shown)
    whose = "" if own is None else "own" if own else "library"
    yield Mention("file", names.file(text), whose, lines)


def _where(calls: tuple[_Call, ...]) -> str:
    """The module, else the file, of the innermost call in one's own code, else of the innermost."""
    at = next((call for call in reversed(calls) if call[2]), calls[-1] if calls else None)
    text = (at[1] or at[0] or "") if at is not None else ""
    return "" if not text or names.is_removed(text) else names.file(text)
