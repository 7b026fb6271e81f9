"""JavaScript's stack traces: V8's (Node, Chrome), and what Firefox and Safari write.

V8's form: v8.dev/docs/stack-trace-api, causes and aggregated errors as Node's `util.inspect`
shows them. The other form is a line `function@url:line:column` a call. Frames are named as
Sentry's JavaScript SDKs name them: `?` for an unnamed function, the place of the `eval` for code
inside it, `package:file` as the module of installed code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from .raised import MAX_EXCEPTIONS, Calls, Frame, Raised, line_of, text_of

_PLACE = re.compile(r"(.*?):([0-9]{1,9})(?::([0-9]{1,9}))?")
_HEADER = re.compile(
    r"(?:Uncaught )?(?:\(in promise\) )?([A-Za-z_$][\w$.]{0,200})(?: \[\w{1,100}\])?(?:: (.*)|:?)",
    re.DOTALL,
)
_CAUSE = re.compile(r"(\s*)(\[cause\]|[Cc]aused by): (.*)")
_ERRORS = re.compile(r"(\s*)\[errors\]: \[")
_UNNAMED = "?"
_NOWHERE = ("native", "<anonymous>")
_NOT_THE_APPS = ("node:", "internal/", "chrome-extension:", "moz-extension:", "safari-extension:")


@dataclass(slots=True)
class _Block:
    """One exception while its lines are read; its calls come with the newest first."""

    indent: int
    said: list[str]
    source: str = ""
    calls: Calls = field(default_factory=Calls)
    below: list[_Block] = field(default_factory=list)

    def raised(self) -> Raised:
        header = _HEADER.fullmatch("\n".join(self.said).strip())
        return Raised(
            type=header[1] if header else "Error",
            value=(header[2] or "") if header else "\n".join(self.said).strip(),
            frames=self.calls.listed()[::-1],
            source=self.source,
            below=[block.raised() for block in self.below],
        )


def parse(text: str) -> Raised | None:
    """Read a text; None when there is no call of a JavaScript engine in it."""
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    outermost = _read_v8(lines)
    if outermost.calls:
        return outermost.raised()
    return _read_others(lines)


def _read_v8(lines: list[str]) -> _Block:
    outermost = _Block(-1, [])
    open_: list[_Block] = [outermost]
    count = 1
    member_at = -1  # the indent at which the next aggregated error begins, when one may
    for line in lines:
        last = open_[-1]
        body = line.strip()
        if body.startswith("at ") and (frame := _frame(body.rstrip(" {,")[3:])):
            last.calls.add(frame)
        elif count >= MAX_EXCEPTIONS:
            continue
        elif found := _CAUSE.fullmatch(line):
            indent = len(found[1])
            while found[2] == "[cause]" and open_[-1].indent >= indent:
                open_.pop()
            open_.append(_hang(open_[-1], _Block(indent, [found[3]], "cause")))
            count += 1
        elif found := _ERRORS.fullmatch(line):
            member_at = len(found[1]) + 2
        elif body and len(line) - len(line.lstrip()) == member_at and body[0] not in "]}":
            while open_[-1].indent >= member_at:
                open_.pop()
            source = f"errors[{len(open_[-1].below)}]"
            open_.append(_hang(open_[-1], _Block(member_at, [body], source)))
            count += 1
        elif not last.calls:
            last.said.append(line)
    return outermost


def _hang(above: _Block, block: _Block) -> _Block:
    above.below.append(block)
    return block


def _frame(body: str) -> Frame | None:
    body = body.removeprefix("async ")
    function, place = _UNNAMED, body
    if body.endswith(")"):
        start = body.find(" (eval at ")
        start = start if start >= 0 else body.rfind(" (")
        if start < 0:
            return None
        function, place = body[:start], body[start + 2 : -1]
    if place.startswith("eval at "):
        place = place[place.rfind("(") + 1 :].partition(")")[0]
    if place in _NOWHERE or place.startswith("index "):
        frame = _named(function)
        if place == "<anonymous>":
            frame["filename"] = place
        return frame
    found = _PLACE.fullmatch(place)
    if found is None:
        return None
    return _placed(_named(function), found[1], found[2], found[3])


def _named(function: str) -> Frame:
    if function.endswith("<anonymous>") and not function.startswith("new "):
        function = function.removesuffix("<anonymous>") + _UNNAMED
    return {"function": function, "in_app": False}


def _placed(frame: Frame, path: str, line: str, column: str | None) -> Frame:
    path = path.removeprefix("file://")
    if re.match(r"/[A-Za-z]:", path):
        path = path[1:]
    frame["filename"] = frame["abs_path"] = path
    frame["lineno"] = int(line)
    if column:
        frame["colno"] = int(column)
    installed = path.replace("\\", "/").rpartition("/node_modules/")[2]
    if "node_modules" in path:
        if "://" not in path:
            folder, _, file = installed.rpartition("/")
            frame["module"] = f"{folder.replace('/', '.')}:{file.rpartition('.')[0] or file}"
    elif path and not path.startswith(_NOT_THE_APPS):
        frame["in_app"] = True
    return frame


def _read_others(lines: list[str]) -> Raised | None:
    calls = Calls()
    said: list[str] = []
    for line in lines:
        frame = _other_frame(line.strip())
        if frame is not None:
            calls.add(frame)
        elif not calls:
            said.append(line)
    if not calls:
        return None
    block = _Block(-1, said, calls=calls)
    return block.raised()


def _other_frame(line: str) -> Frame | None:
    function, at, place = line.partition("@")
    if not at:
        function, place = "", line
    if at and place == "[native code]":
        return {"function": function or _UNNAMED, "in_app": False}
    found = _PLACE.fullmatch(place)
    if found is None or "/" not in found[1] or " " in found[1].partition(" line ")[0]:
        return None
    if not at and "://" not in place:
        return None
    path, line_text, column = found[1], found[2], found[3]
    # `a.js line 5 > eval:1:2`: code made in line 5 of a.js
    path, inside, outer = path.partition(" line ")
    if inside:
        number = re.match(r"[0-9]{1,9}", outer)
        line_text, column = (number[0], None) if number else (line_text, column)
    return _placed({"function": function or _UNNAMED, "in_app": False}, path, line_text, column)


def render(raised: Raised) -> str:
    """Write it as Node does."""
    return "\n".join(_lines(raised, "")) + "\n"


def _lines(raised: Raised, indent: str) -> Iterator[str]:
    header = f"{raised.type}: {raised.value}" if raised.value else raised.type
    first, *rest = header.split("\n")
    own = [first, *(indent + line for line in rest)]
    own += [f"{indent}    at {_call(frame)}" for frame in reversed(raised.frames)]
    if not raised.below:
        yield from own
        return
    own[-1] += " {"
    yield from own
    members = [below for below in raised.below if below.source.startswith("errors[")]
    for below in raised.below:
        if not below.source.startswith("errors["):
            nested = list(_lines(below, indent + "  "))
            yield f"{indent}  [cause]: {nested[0]}"
            yield from nested[1:]
    if members:
        yield f"{indent}  [errors]: ["
        for member in members:
            nested = list(_lines(member, indent + "    "))
            nested[-1] += "," if member is not members[-1] else ""
            yield f"{indent}    {nested[0]}"
            yield from nested[1:]
        yield f"{indent}  ]"
    yield indent + "}"


def _call(frame: Frame) -> str:
    function = text_of(frame, "function")
    if function.endswith(f".{_UNNAMED}"):
        function = function[:-1] + "<anonymous>"
    path = text_of(frame, "abs_path", "filename")
    line, column = line_of(frame), line_of(frame, "colno")
    place = ":".join(str(part) for part in (path, line, column) if part is not None)
    if not path:
        place = "native"
    return place if function in ("", _UNNAMED) and path else f"{function or _UNNAMED} ({place})"
