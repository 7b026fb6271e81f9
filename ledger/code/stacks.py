"""What stack traces disclose: files with the lines around each call, and where exceptions rise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from ...policy.placeholders import placeholder
from . import names
from .outline import AllRaised, Frame, Raised, Stacktrace, Text
from .sections import Mention

_MOST_FRAMES = 1000  # of a document; the innermost ones are read
# In place of a line that the policy takes out.
_WITHHELD = placeholder("code.source_line")
_BUILT_IN = ("", "builtins", "__main__")

Group: TypeAlias = "AllRaised | tuple[Raised | None, ...] | Stacktrace | None"


def of_group(group: Group) -> Iterator[Mention]:
    """The files that exceptions or threads show, and each exception with where it rises."""
    left = _MOST_FRAMES
    for raised in _each(group):
        trace = raised.stacktrace
        innermost = trace.frames[-left:] if trace is not None and trace.frames else ()
        frames = [frame for frame in innermost if frame is not None]
        left = max(left - len(innermost), 1)
        for frame in frames:
            yield from _file(frame)
        if raised.type and not names.is_removed(raised.type):
            yield Mention("exception", names.exception(_full_name(raised)), _where(frames))


def _each(group: Group) -> Sequence[Raised]:
    if group is None:
        return ()
    if isinstance(group, Stacktrace):
        return (Raised(stacktrace=group),)
    several = group.values or (group,) if isinstance(group, AllRaised) else group
    return [each for each in several if each is not None]


def _file(frame: Frame) -> Iterator[Mention]:
    text = frame.filename or frame.module
    if not text or names.is_removed(text):
        return
    lines: tuple[int, ...] = ()
    line, shown = frame.lineno, frame.context_line not in (None, "", _WITHHELD)
    before, after = _shown(frame.pre_context), _shown(frame.post_context)
    if line is not None and line > 0 and (before or shown or after):
        lines = (line - before, line + 1 + after if after else line + shown)
    whose = "" if frame.in_app is None else "own" if frame.in_app else "library"
    yield Mention("file", names.file(text), whose, lines)


def _shown(lines: tuple[Text, ...] | None) -> int:
    """How many lines around a call are shown: none where the policy took one of them out."""
    return 0 if not lines or _WITHHELD in lines else len(lines)


def _full_name(raised: Raised) -> str:
    name, module = raised.type or "", raised.module or ""
    return name if module in _BUILT_IN or name.startswith(module) else f"{module}.{name}"


def _where(frames: Sequence[Frame]) -> str:
    """The module, else the file, of the innermost call in one's own code, else of the innermost."""
    at = next((each for each in reversed(frames) if each.in_app), frames[-1] if frames else None)
    text = (at.module or at.filename or "") if at is not None else ""
    return "" if not text or names.is_removed(text) else names.file(text)
