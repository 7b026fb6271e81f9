"""Go's stack traces: a panic's output, `runtime/debug.Stack`, and errors printed with their stack.

The form is that of the runtime's traceback (pkg.go.dev/runtime). Only the first goroutine counts:
it is the one that panicked. Frames are named as Sentry's Go SDK names them: the package is the
module, the rest the function.
"""

from __future__ import annotations

import re

from .raised import Calls, Frame, Raised, line_of, text_of

_GOROUTINE = re.compile(r"goroutine [0-9]{1,19}(?: gp=\S+)?(?: m=\S+)?(?: mp=\S+)? \[[^\]]*\]:")
_PLACE = re.compile(r"(.+\.(?:go|s|c|cc|cpp|m)):([0-9]{1,9})(?: \+0x[0-9a-f]+)?(?: fp=.*)?")
_PANIC = re.compile(r"\s{0,8}(panic|fatal error): (.*)")
# What only says that a stack was being taken or a panic was being carried.
_CARRIERS = ("runtime/debug.Stack", "runtime.Stack", "runtime.gopanic", "panic", "runtime.goPanic")
_RECORDERS = ("go.opentelemetry.io/otel/sdk/", "github.com/getsentry/sentry-go")


def parse(text: str) -> Raised | None:
    """Read a text; None when there is no call of a Go program in it."""
    calls: list[Frame] = []
    said: list[str] = []
    goroutines = 0
    called: str | None = None
    for line in text.split("\n"):
        line = line.removesuffix("\r")
        if _GOROUTINE.fullmatch(line):
            goroutines += 1
            called = None
        elif goroutines > 1:
            break
        elif called and line[:1].isspace() and (found := _PLACE.fullmatch(line.strip())):
            if not called.startswith("created by "):
                calls.append(_frame(called, found[1], int(found[2])))
            called = None
        else:
            if not calls and not goroutines:
                said.append(line)
            called = line
    if not calls:
        return None
    kept = Calls()
    for frame in _raised_at(calls):
        kept.add(frame)
    type_, value = _header(said if goroutines else said[:-1])
    return Raised(type=type_, value=value, frames=kept.listed()[::-1])


def _raised_at(calls: list[Frame]) -> list[Frame]:
    """The calls from where it was raised on, newest first: without who recorded it."""
    start = 0
    while start < len(calls) and _name(calls[start]).startswith(_RECORDERS):
        start += 1
    if start or (calls and _name(calls[0]) in _CARRIERS):
        # Taken in a deferred function: the panic is below it.
        for index in range(start, len(calls)):
            if _name(calls[index]) in ("panic", "runtime.gopanic"):
                start = index
                break
    while start < len(calls) and _name(calls[start]) in _CARRIERS:
        start += 1
    return calls[start:] or calls


def _name(frame: Frame) -> str:
    module = text_of(frame, "module")
    return f"{module}.{text_of(frame, 'function')}" if module else text_of(frame, "function")


def _header(said: list[str]) -> tuple[str, str]:
    """What a panic says; the last one, when a deferred function panicked again."""
    type_, text = "error", said
    for index, line in enumerate(said):
        if found := _PANIC.fullmatch(line):
            type_, text = found[1], [found[2], *said[index + 1 :]]
    lines = [line for line in text if not line.startswith("[signal ")]
    return type_, "\n".join(lines).strip()


def _frame(called: str, path: str, lineno: int) -> Frame:
    if called.endswith(")"):
        called = called[: called.rfind("(")]
    # Dots in the last part of a package's path are escaped; type arguments may hold slashes.
    generic = called.find("[")
    slash = called.rfind("/", 0, generic if generic >= 0 else len(called))
    dot = called.find(".", slash + 1)
    frame: Frame = {"function": called[dot + 1 :] if dot >= 0 else called}
    if dot >= 0:
        frame["module"] = called[:dot].replace("%2e", ".")
    frame["filename"] = path.replace("\\", "/").rpartition("/")[2]
    frame["abs_path"] = path
    frame["lineno"] = lineno
    frame["in_app"] = _in_app(text_of(frame, "module"), path)
    return frame


def _in_app(module: str, path: str) -> bool:
    if "/pkg/mod/" in path or "/vendor/" in path or "third_party" in path:
        return False
    if "/go/src/" in path and "." not in module.partition("/")[0]:
        return False  # GOROOT; a package of the standard library has no host name
    return module.partition("/")[0] not in ("", "runtime", "internal")


def render(raised: Raised) -> str:
    """Write it as `runtime/debug.Stack` does; Go does not print what an error wraps."""
    lines = (
        [f"{raised.type}: {raised.value}", ""] if raised.type in ("panic", "fatal error") else []
    )
    lines.append("goroutine 1 [running]:")
    for frame in reversed(raised.frames):
        module = text_of(frame, "module")
        head, slash, tail = module.rpartition("/")
        escaped = head + slash + tail.replace(".", "%2e")
        function = text_of(frame, "function") or "<unknown>"
        lines.append(f"{escaped}.{function}(...)" if module else f"{function}(...)")
        path = text_of(frame, "abs_path", "filename") or "<unknown>.go"
        lines.append(f"\t{path}:{line_of(frame) or 0}")
    return "\n".join(lines) + "\n"
