""".NET's stack traces: what `Exception.ToString` writes.

The form is that of System.Exception in dotnet/runtime: the inner exceptions are announced by
`--->` in front of all calls; their calls come first, each with an end line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from .raised import MAX_EXCEPTIONS, Calls, Frame, Raised, line_of, text_of

_INNER_ENDS = "--- End of inner exception stack trace ---"
_MEMBER = re.compile(r"\s*---> \(Inner Exception #[0-9]{1,9}\) (.*)")
_LINE = re.compile(r"(.*):(?:line|Zeile|ligne|línea|строка|行) ([0-9]{1,9})")
_TYPE = re.compile(r"[^\W\d][\w.+`]*(?:\[[\w.,+`\[\] ]*\])?")
_NOT_THE_APPS = (
    "System.", "Microsoft.", "Interop.", "Internal.", "Grpc.", "OpenTelemetry.", "Sentry.",
    "MS.", "Newtonsoft.Json", "Npgsql.", "FSharp.",
)  # fmt: skip


@dataclass(slots=True)
class _Block:
    """One exception while its lines are read; its calls come with the newest first."""

    said: list[str]
    calls: Calls = field(default_factory=Calls)
    below: list[_Block] = field(default_factory=list)

    def raised(self, source: str = "") -> Raised:
        name, _, value = "\n".join(self.said).rstrip().partition(": ")
        if not _TYPE.fullmatch(name):
            name, value = "Exception", "\n".join(self.said).rstrip()
        return Raised(
            type=name,
            value=value,
            frames=self.calls.listed()[::-1],
            source=source,
            below=[block.raised("InnerException") for block in self.below],
        )


def parse(text: str) -> Raised | None:
    """Read a text; None when there is no call of a .NET program in it."""
    outermost = _Block([])
    open_ = [outermost]
    calls = 0
    for line in text.split("\n"):
        line = line.removesuffix("\r")
        ends = line.endswith("<---")  # an inner exception of an AggregateException ends
        line = line.removesuffix("<---")
        if frame := _frame(line):
            calls += 1
            open_[-1].calls.add(frame)
        elif line.strip() == _INNER_ENDS:
            if len(open_) > 1:
                open_.pop()
        elif found := _MEMBER.fullmatch(line):
            _open(open_)
            _say(open_, found[1])
        elif not open_[-1].calls:
            _say(open_, line)
        if ends and len(open_) > 1:
            open_.pop()
    return outermost.raised() if calls else None


def _say(open_: list[_Block], line: str) -> None:
    """A line of a message; each `--->` begins the message of an inner exception."""
    while len(open_) < MAX_EXCEPTIONS:
        before, arrow, inner = line.partition(" ---> ")
        if not (arrow and _TYPE.match(inner)):
            break
        if before:
            open_[-1].said.append(before)
        _open(open_)
        line = inner
    open_[-1].said.append(line)


def _open(open_: list[_Block]) -> None:
    if len(open_) < MAX_EXCEPTIONS and len(open_[-1].below) < MAX_EXCEPTIONS:
        block = _Block([])
        open_[-1].below.append(block)
        open_.append(block)


def _frame(line: str) -> Frame | None:
    if not line[:1].isspace():
        return None
    at, _, called = line.strip().partition(" ")
    called, _, place = called.partition(") in ")
    name, paren, _ = called.partition("(")
    if at not in ("at", "bei", "à", "en", "в", "場所") or not paren:
        return None
    if not (place or called.endswith(")")) or " " in name.replace(", ", ",") or "." not in name:
        return None
    bare = name.partition("[")[0]
    for constructor in ("..ctor", "..cctor"):
        if bare.endswith(constructor):
            split = len(bare) - len(constructor)
            break
    else:
        split = bare.rfind(".")
    frame: Frame = {"function": name[split + 1 :], "module": bare[:split]}
    if place:
        found = _LINE.fullmatch(place)
        path = found[1] if found else place
        frame["filename"] = re.split(r"[\\/]", path)[-1]
        frame["abs_path"] = path
        if found:
            frame["lineno"] = int(found[2])
    frame["in_app"] = not f"{bare[:split]}.".startswith(_NOT_THE_APPS)
    return frame


def render(raised: Raised) -> str:
    """Write it as .NET does."""
    return "\n".join(_lines(raised)) + "\n"


def _lines(raised: Raised) -> Iterator[str]:
    yield f"{raised.type}: {raised.value}" if raised.value else raised.type
    for below in raised.below[:1]:
        first, *rest = _lines(below)
        yield f" ---> {first}"
        yield from rest
        yield f"   {_INNER_ENDS}"
    for frame in reversed(raised.frames):
        module, function = text_of(frame, "module"), text_of(frame, "function") or "<unknown>"
        path, line = text_of(frame, "abs_path", "filename"), line_of(frame)
        place = "" if not path else f" in {path}" if line is None else f" in {path}:line {line}"
        yield f"   at {module or '<unknown>'}.{function}(){place}"
    for index, below in enumerate(raised.below[1:], 1):
        first, *rest = _lines(below)
        lines = [f" ---> (Inner Exception #{index}) {first}", *rest]
        lines[-1] += "<---"
        yield from lines
