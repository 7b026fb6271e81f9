"""What stack traces disclose: files with the lines around each call, and where exceptions rise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from ...policy.placeholders import placeholder
from . import names
from .outline import AllRaised, Frame, Raised, Stacktrace
from .sections import Mention, Remembered, pack

MOST_FRAMES = 1000  # of a document; the innermost ones are read
_WITHHELD = placeholder("code.source_line")  # in place of a line that the policy takes out
_BUILT_IN = ("", "builtins", "__main__")

Group: TypeAlias = "AllRaised | list[Raised | None] | Stacktrace | None"


class Stacks:
    """The exceptions and threads of one document."""

    def __init__(self) -> None:
        # By file, and whether it is the program's own: from, up to and without, from, …
        self._files: dict[tuple[str, bool | None], list[int]] = {}
        self._raised: dict[tuple[str, str, str], None] = {}  # type, module, where
        self._left = MOST_FRAMES

    def add(self, group: Group) -> None:
        """Take what is kept of exceptions or threads."""
        if isinstance(group, Stacktrace):
            self._add(Raised(stacktrace=group))
        elif isinstance(group, AllRaised):
            for each in group.values or (group,):
                self._add(each)
        elif group is not None:
            for each in group:
                self._add(each)

    def pieces(self, remembered: Remembered) -> Iterator[bytes]:
        """Each file, and each exception with the file or module that it comes from."""
        for (file, own), lines in self._files.items():
            key = (file, own, *lines)
            found = remembered.get(key)
            if found is None:
                made = pack(_file(file, own, lines))
                found = remembered.keep(key, len(file) + 40 * len(lines), made)
            yield from found
        for raised in self._raised:
            found = remembered.get(raised)
            if found is None:
                found = remembered.keep(raised, sum(map(len, raised)), pack(_exception(*raised)))
            yield from found

    def _add(self, raised: Raised | None) -> None:
        if raised is None:
            return
        trace = raised.stacktrace
        frames = trace.frames[-self._left :] if trace is not None and trace.frames else ()
        self._left = max(self._left - len(frames), 1)
        last = own = None
        for frame in frames:
            if frame is not None:
                self._call(frame)
                last = frame
                if frame.in_app:
                    own = frame
        if raised.type:
            at = own or last
            where = (at.module or at.filename or "") if at is not None else ""
            self._raised[raised.type, raised.module or "", where] = None

    def _call(self, frame: Frame) -> None:
        name = frame.filename or frame.module
        if not name:
            return
        lines = self._files.setdefault((name, frame.in_app), [])
        line, before, after = frame.lineno, frame.pre_context, frame.post_context
        if not line or line < 0:
            return
        start = stop = line
        if frame.context_line and frame.context_line != _WITHHELD:
            stop += 1
        if before and _WITHHELD not in before:
            start -= len(before)
        if after and _WITHHELD not in after:
            stop = line + 1 + len(after)
        if start < stop:
            lines.append(start)
            lines.append(stop)


def _file(text: str, own: bool | None, lines: list[int]) -> Iterator[Mention]:
    if not names.is_removed(text):
        whose = "" if own is None else "own" if own else "library"
        yield Mention("file", names.file(text), whose, tuple(lines))


def _exception(type_: str, module: str, where: str) -> Iterator[Mention]:
    if not names.is_removed(type_):
        text = type_
        if module not in _BUILT_IN and not text.startswith(module):
            text = f"{module}.{text}"
        place = "" if not where or names.is_removed(where) else names.file(where)
        yield Mention("exception", names.exception(text), place)
