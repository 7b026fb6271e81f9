"""An exception with what caused it: what lies between the text of a stack trace and Sentry's form.

Sentry's exception interface (develop.sentry.dev, event payloads, exception): values with the
innermost cause first and the outermost exception last, frames with the oldest call first. What an
exception hangs on is told by `mechanism.exception_id`, `parent_id` and `source`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from ..payloads.document import Tree

Frame: TypeAlias = dict[str, Tree]

MAX_FRAMES = 250  # of one exception; the middle is dropped, as Sentry does
MAX_EXCEPTIONS = 50  # of one event; the outermost are kept


class Calls:
    """The frames of one exception in the order they are added: both ends, without the middle."""

    __slots__ = ("_ends", "_start")

    def __init__(self) -> None:
        self._start: list[Frame] = []
        self._ends: deque[Frame] = deque(maxlen=MAX_FRAMES - MAX_FRAMES // 2)

    def add(self, frame: Frame, times: int = 1) -> None:
        """Add a frame, or the same one several times."""
        for _ in range(min(times, MAX_FRAMES)):
            if len(self._start) < MAX_FRAMES // 2:
                self._start.append(frame)
            else:
                self._ends.append(frame)

    @property
    def last(self) -> Frame | None:
        """The frame that was added last."""
        if self._ends:
            return self._ends[-1]
        return self._start[-1] if self._start else None

    def listed(self) -> list[Frame]:
        """Those that were kept, in order."""
        return [*self._start, *self._ends]

    def __bool__(self) -> bool:
        return bool(self._start)


@dataclass(slots=True)
class Raised:
    """One exception: what it says, its calls (oldest first), and what hangs on it."""

    type: str
    value: str = ""
    module: str | None = None
    frames: list[Frame] = field(default_factory=list)
    # How it hangs on the exception above it: `__cause__`, `__context__`, `cause`,
    # `exceptions[0]`, `suppressed[0]`, …; empty for the outermost one.
    source: str = ""
    group: bool = False
    below: list[Raised] = field(default_factory=list)

    def walk(self) -> Iterator[Raised]:
        """Itself and all below, each before what hangs on it. Bounded."""
        waiting = [self]
        for _ in range(MAX_EXCEPTIONS):
            if not waiting:
                return
            found = waiting.pop()
            yield found
            waiting.extend(reversed(found.below))


def to_values(outermost: Raised, handled: bool | None = None) -> list[Tree]:
    """Sentry's `exception.values`."""
    found = list(outermost.walk())
    number = {id(raised): index for index, raised in enumerate(found)}
    parent = {id(below): number[id(raised)] for raised in found for below in raised.below}
    values: list[Tree] = []
    for index, raised in enumerate(found):
        mechanism: dict[str, Tree] = {"type": "chained" if index else "generic"}
        if handled is not None:
            mechanism["handled"] = handled
        if len(found) > 1:
            mechanism["exception_id"] = index
        if index:
            mechanism["parent_id"] = parent[id(raised)]
        if raised.source:
            mechanism["source"] = raised.source
        if raised.group:
            mechanism["is_exception_group"] = True
        values.append(_value(raised, mechanism))
    return values[::-1]


def _value(raised: Raised, mechanism: dict[str, Tree]) -> dict[str, Tree]:
    value: dict[str, Tree] = {"type": raised.type, "value": raised.value, "mechanism": mechanism}
    if raised.module:
        value["module"] = raised.module
    if raised.frames:
        value["stacktrace"] = {"frames": list(raised.frames)}
    return value


def from_values(values: Sequence[Tree]) -> Raised | None:
    """The outermost exception of Sentry's `exception.values`; None when there is none.

    Values without usable ids are a plain chain: each is the cause of the one after it.
    """
    # The last ones are the outermost: they are the ones worth keeping.
    kept = [value for value in values[-MAX_EXCEPTIONS:] if isinstance(value, dict)]
    if not kept:
        return None
    outward = [(_read(value), _mechanism(value)) for value in reversed(kept)]
    by_id = {_number(mechanism, "exception_id"): raised for raised, mechanism in outward}
    known: list[Raised] = [outward[0][0]]
    for raised, mechanism in outward[1:]:
        above = by_id.get(_number(mechanism, "parent_id"), known[-1])
        # A parent that does not come before it would be a loop.
        if all(above is not other for other in known):
            above = known[-1]
        above.below.append(raised)
        known.append(raised)
    return outward[0][0]


def _read(value: dict[str, Tree]) -> Raised:
    mechanism = _mechanism(value)
    stacktrace = value.get("stacktrace")
    frames = stacktrace.get("frames") if isinstance(stacktrace, dict) else None
    calls = Calls()
    for frame in frames if isinstance(frames, list) else ():
        if isinstance(frame, dict):
            calls.add(frame)
    source = mechanism.get("source")
    return Raised(
        type=_text(value.get("type")) or "Error",
        value=_text(value.get("value")),
        module=_text(value.get("module")) or None,
        frames=calls.listed(),
        source=source if isinstance(source, str) else "",
        group=mechanism.get("is_exception_group") is True,
    )


def _mechanism(value: dict[str, Tree]) -> dict[str, Tree]:
    mechanism = value.get("mechanism")
    return mechanism if isinstance(mechanism, dict) else {}


def _number(mechanism: dict[str, Tree], name: str) -> int | None:
    number = mechanism.get(name)
    return number if isinstance(number, int) else None


def _text(value: Tree) -> str:
    return value if isinstance(value, str) else ""


def text_of(frame: Frame, *names: str) -> str:
    """The first of these fields of a frame that is a text with something in it."""
    for name in names:
        value = frame.get(name)
        if isinstance(value, str) and value:
            return value
    return ""


def line_of(frame: Frame, name: str = "lineno") -> int | None:
    """A line or column number of a frame, where it has a usable one."""
    number = frame.get(name)
    return number if isinstance(number, int) and not isinstance(number, bool) else None
