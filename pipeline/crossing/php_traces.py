"""PHP's stack traces: what `Throwable::__toString` writes, and the Java-like form of OpenTelemetry.

PHP prints the first exception first; `Next` begins the one that came of it. The place of a call
stands at the call that it makes: each frame here has the place where its own code stood.
OpenTelemetry's PHP SDK (StackTraceFormatter) writes ` at Class.method(file:line)` and `Caused by:`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from . import java_traces
from .raised import MAX_EXCEPTIONS, Calls, Frame, Raised, line_of, text_of

_CALL = re.compile(
    r"#[0-9]{1,9} (?:(.+?)\(([0-9]{1,9})\)|\[internal function\]|(\{main\}))(?:: (.*))?"
)
_HEADER = re.compile(
    r"(?:PHP )?(?:Fatal error:  ?Uncaught )?(?:Next )?([A-Z_a-z\\][\w\\]*)(?:: (.*))?"
)
_LINE = re.compile(r"[0-9]{1,9}")


def parse(text: str) -> Raised | None:
    """Read a text; None when there is no call of a PHP program in it."""
    raised: Raised | None = None
    said: list[str] = []
    calls: list[tuple[str, str, str]] = []
    count = 0
    for line in [*text.split("\n"), ""]:
        line = line.removesuffix("\r").strip()
        call = _CALL.fullmatch(line)
        if call:
            calls.append((call[1] or "", call[2] or "", "{main}" if call[3] else call[4] or ""))
        elif calls:
            count += 1
            above = _raised(said, calls)
            if raised is not None and count < MAX_EXCEPTIONS:
                raised.source = "previous"
                above.below.append(raised)
            raised, said, calls = above, [line] if line else [], []
        elif line and line != "Stack trace:":
            said.append(line)
    return raised or _read_java_like(text)


def _read_java_like(text: str) -> Raised | None:
    if ".php" not in text:
        return None
    raised = java_traces.parse(text.replace("at {main}(", "at {main}.{main}("))
    for found in raised.walk() if raised else ():
        for frame in found.frames:
            frame["in_app"] = "filename" in frame
            if frame.get("module") == "{main}":
                del frame["module"]
    return raised


def _raised(said: list[str], calls: list[tuple[str, str, str]]) -> Raised:
    text, file, line = _without_place("\n".join(said))
    header = _HEADER.match(text)
    module, _, type_ = (header[1] if header else "Exception").rpartition("\\")
    kept = Calls()
    for next_file, next_line, function in calls:
        kept.add(_frame(file, line, function.partition("(")[0]))
        file, line = next_file, next_line
    text = text[header.end(1) if header else 0 :]
    return Raised(type_, text.removeprefix(": "), module or None, kept.listed()[::-1])


def _without_place(text: str) -> tuple[str, str, str]:
    """What was said, and file and line of `… in FILE:LINE`; both are empty where it has none."""
    head, _, line = text.rpartition(":")
    said, found, file = head.rpartition(" in ")
    if found and file[:1].strip() and _LINE.fullmatch(line):
        return said, file, line
    return text, "", ""


def _frame(file: str, line: str, function: str) -> Frame:
    frame: Frame = {"function": function or "{main}"}
    if file:
        frame["filename"] = frame["abs_path"] = file
        frame["lineno"] = int(line)
    frame["in_app"] = bool(file) and "/vendor/" not in file
    return frame


def render(raised: Raised) -> str:
    """Write it as PHP does."""
    return "\n".join(_lines(raised)) + "\n"


def _lines(raised: Raised) -> Iterator[str]:
    for below in raised.below[:1]:
        yield from _lines(below)
        yield ""
    name = f"{raised.module}\\{raised.type}" if raised.module else raised.type
    calls = [_call(frame) for frame in reversed(raised.frames)]
    place = calls[0][0] if calls else "<unknown>:0"
    next_ = "Next " if raised.below else ""
    yield from f"{next_}{name}: {raised.value} in {place}".split("\n")
    yield "Stack trace:"
    for index, (_, function) in enumerate(calls):
        if index + 1 < len(calls):
            file, _, line = calls[index + 1][0].rpartition(":")
            yield f"#{index} {file}({line}): {function}()"
        else:
            yield f"#{index} {{main}}"


def _call(frame: Frame) -> tuple[str, str]:
    path = text_of(frame, "abs_path", "filename") or "<unknown>"
    return f"{path}:{line_of(frame) or 0}", text_of(frame, "function") or "{main}"
