"""Stack traces of the JVM (Java, Kotlin, Scala): what `Throwable.printStackTrace` writes.

The form is described at `Throwable.printStackTrace` in the Java API. Frames are named as Sentry's
Java SDK names them: the class is the module, the method the function.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from .raised import MAX_EXCEPTIONS, Calls, Frame, Raised, line_of, text_of

_SOURCE = re.compile(
    r"(Native Method)|Unknown Source(?::[0-9]{1,9})?|([^\s():]+)(?::(-?[0-9]{1,9}))?"
)
_MORE = re.compile(r"\s*\.\.\. ([0-9]{1,9}) (?:more|common frames omitted)")
_LINK = re.compile(r"(\s*)(Caused by|Suppressed|Wrapped by): (.*)")
_THREAD = re.compile(r'Exception in thread "[^"\n]*" ')
_TYPE = re.compile(r"[^\W\d][\w$.]*")
# The platform and what applications are usually served by.
_NOT_THE_APPS = (
    "java.", "javax.", "jakarta.", "jdk.", "sun.", "com.sun.", "kotlin.", "kotlinx.", "scala.",
    "groovy.lang.", "android.", "androidx.", "com.android.", "dalvik.", "libcore.", "akka.",
    "ch.qos.logback.", "com.fasterxml.jackson.", "io.grpc.", "io.netty.", "io.opentelemetry.",
    "io.sentry.", "io.undertow.", "org.apache.", "org.eclipse.jetty.", "org.hibernate.",
    "org.jboss.", "org.junit.", "org.slf4j.", "org.springframework.", "reactor.",
)  # fmt: skip


@dataclass(slots=True)
class _Block:
    """One exception while its lines are read; its calls come with the newest first."""

    said: list[str]
    above: _Block | None = None
    source: str = ""
    calls: Calls = field(default_factory=Calls)
    complete: bool = False  # the calls it shares with the exception above were filled in
    below: list[_Block] = field(default_factory=list)

    def share(self, count: int) -> None:
        """`... n more`: the calls in common with the exception above."""
        if self.above is not None and not self.complete and count:
            for frame in self.above.calls.listed()[-count:]:
                self.calls.add(frame)
        self.complete = True

    def raised(self) -> Raised:
        module, type_, value = _header("\n".join(self.said).rstrip())
        return Raised(
            type=type_,
            value=value,
            module=module,
            frames=self.calls.listed()[::-1],
            source=self.source,
            below=[block.raised() for block in self.below],
        )


def parse(text: str) -> Raised | None:
    """Read a text; None when there is no call of a JVM in it."""
    outermost = _Block([])
    levels = [outermost]  # the last exception at each depth of `Suppressed`
    calls = exceptions = 0
    for line in text.split("\n"):
        line = line.removesuffix("\r")
        last = levels[-1]
        if frame := _frame(line.strip()):
            calls += 1
            if not last.complete:
                last.calls.add(frame)
        elif found := _MORE.fullmatch(line):
            last.share(int(found[1]))
        elif (found := _LINK.fullmatch(line)) and (calls or exceptions):
            exceptions += 1
            if exceptions < MAX_EXCEPTIONS and not found[3].startswith("[CIRCULAR REFERENCE"):
                _link(levels, len(found[1].expandtabs(4)) // 4, found[2], found[3])
        elif not last.calls and not last.complete:
            last.said.append(line)
    return outermost.raised() if calls else None


def _link(levels: list[_Block], depth: int, kind: str, header: str) -> None:
    suppressed = kind == "Suppressed"
    del levels[max(1, depth + (not suppressed)) :]
    above = levels[-1]
    count = sum(below.source.startswith("suppressed") for below in above.below)
    source = f"suppressed[{count}]" if suppressed else "cause"
    block = _Block([header], above, source)
    above.below.append(block)
    if suppressed:
        levels.append(block)
    else:
        levels[-1] = block


def _header(said: str) -> tuple[str | None, str, str]:
    said = _THREAD.sub("", said, 1) if said.startswith("Exception in thread ") else said
    name, _, value = said.partition(": ")
    if not _TYPE.fullmatch(name):
        name, value = (said[:-1], "") if _TYPE.fullmatch(said[:-1]) else ("", said)
    module, _, type_ = name.rpartition(".")
    return module or None, type_ or "Throwable", value


def _frame(line: str) -> Frame | None:
    if not line.startswith("at "):
        return None
    if line.endswith("]"):  # logback tells the jar after the call
        line = line[: line.rfind(")") + 1]
    called, _, source = line[3:-1].rpartition("(")
    found = _SOURCE.fullmatch(source)
    if not line.endswith(")") or found is None or called.endswith(" "):
        return None
    # `app//module@version/class.method`; the name of a hidden class has a slash of its own.
    end = called.find("$$Lambda")
    called = called[called.rfind("/", 0, end if end >= 0 else len(called)) + 1 :]
    class_, dot, method = called.rpartition(".")
    if not dot:
        return None
    frame: Frame = {"function": method, "module": class_}
    if found[1]:
        frame["native"] = True
    elif found[2]:
        frame["filename"] = found[2]
        if found[3] and int(found[3]) >= 0:
            frame["lineno"] = int(found[3])
    frame["in_app"] = not class_.startswith(_NOT_THE_APPS)
    return frame


def render(raised: Raised) -> str:
    """Write it as the JVM does."""
    return "\n".join(_lines(raised, "", "", [])) + "\n"


def _lines(raised: Raised, indent: str, lead: str, above: list[str]) -> Iterator[str]:
    name = f"{raised.module}.{raised.type}" if raised.module else raised.type
    yield f"{indent}{lead}{name}: {raised.value}" if raised.value else f"{indent}{lead}{name}"
    calls = [_call(frame) for frame in reversed(raised.frames)]
    shared = 0
    while shared < min(len(calls), len(above)) and calls[-1 - shared] == above[-1 - shared]:
        shared += 1
    yield from (f"{indent}\tat {call}" for call in calls[: len(calls) - shared])
    if shared:
        yield f"{indent}\t... {shared} more"
    for below in raised.below:
        if below.source.startswith("suppressed"):
            yield from _lines(below, indent + "\t", "Suppressed: ", calls)
    for below in raised.below:
        if not below.source.startswith("suppressed"):
            yield from _lines(below, indent, "Caused by: ", calls)


def _call(frame: Frame) -> str:
    module, function = text_of(frame, "module"), text_of(frame, "function") or "<unknown>"
    file, line = text_of(frame, "filename"), line_of(frame)
    source = "Unknown Source" if not file else file if line is None else f"{file}:{line}"
    if frame.get("native") is True:
        source = "Native Method"
    return f"{module or '<unknown>'}.{function}({source})"
