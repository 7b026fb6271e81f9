"""Python's stack traces: what `traceback.format_exception` writes, read and written.

Written after the `traceback` module of Python 3.11 to 3.13: chained exceptions, exception groups
with their margins, repeated lines, marker lines under the source, the place of a SyntaxError.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby

from .raised import MAX_EXCEPTIONS, Calls, Frame, Raised, line_of, text_of

_HEADER = "Traceback (most recent call last):"
_GROUP_HEADER = f"Exception Group {_HEADER}"
_LINKS = {
    "The above exception was the direct cause of the following exception:": "__cause__",
    "During handling of the above exception, another exception occurred:": "__context__",
}
_LINK_TEXT = {source: text for text, source in _LINKS.items()}
_FRAME = re.compile(r'  File "(.*)", line ([0-9]{1,9})(?:, in (.*))?')
_REPEATED = re.compile(r"  \[Previous line repeated ([0-9]{1,9}) more times?\]")
_TYPE = re.compile(r"[^\W\d][\w.<>]*")
_SUBS = re.compile(r" \([0-9]{1,9} sub-exceptions?\)\Z")
_DIVIDER = re.compile(r"( +)(\+-)?\+-{16} (?:[0-9]{1,9}|\.\.\.) -{16}")
_CLOSING = re.compile(r"( +)\+-{36}")
_MARGIN = re.compile(r"( +)[|+](?: |\Z)")
# Where installed code lies; what comes after it is the path that Sentry's SDK sends.
_INSTALLED = re.compile(
    r".*[\\/](?:site-packages|dist-packages|lib[\\/]python3\.[0-9]+|Python3[0-9]*[\\/]lib)[\\/]",
    re.IGNORECASE,
)


@dataclass(slots=True)
class _Block:
    """One exception while its lines are read."""

    header: bool
    group: bool = False
    calls: Calls = field(default_factory=Calls)
    place: tuple[str, str] | None = None  # file and line of a SyntaxError
    said: list[str] = field(default_factory=list)
    members: list[Raised] = field(default_factory=list)


@dataclass(slots=True)
class _Level:
    """One chain of exceptions: the whole text, or one member of a group."""

    block: _Block | None = None
    before: Raised | None = None  # the exception that the next one comes from
    link: str = ""


class _Reader:
    def __init__(self, groups: bool) -> None:
        self._groups = groups
        self._levels = [_Level()]

    def read(self, line: str) -> None:
        content = self._without_margin(line) if self._groups else line
        if content is None:
            return
        level = self._levels[-1]
        link = _LINKS.get(content)
        if link and level.block:
            level.before, level.link = self._finish(level), link
        elif level.block is None:
            if content.strip():
                self._open(level, content)
        elif level.block.said or not level.block.header:
            self._said(level, level.block, content)
        else:
            self._called(level.block, content)

    def end(self) -> Raised | None:
        while len(self._levels) > 1:
            self._leave()
        level = self._levels[0]
        return self._finish(level) if level.block else level.before

    def _without_margin(self, line: str) -> str | None:
        """The line inside its group; None for a line that only opens or closes one."""
        if found := _DIVIDER.fullmatch(line):
            depth = (len(found[1]) + len(found[2] or "")) // 2
            while len(self._levels) >= depth and len(self._levels) > 1:
                self._leave()
            if self._levels[-1].block is not None and len(self._levels) < MAX_EXCEPTIONS:
                self._levels[-1].block.group = True
                self._levels.append(_Level())
            return None
        if found := _CLOSING.fullmatch(line):
            while len(self._levels) >= len(found[1]) // 2 and len(self._levels) > 1:
                self._leave()
            return None
        margin = _MARGIN.match(line)
        depth = len(margin[1]) // 2 if margin else 0
        while depth < len(self._levels) and len(self._levels) > 1:
            self._leave()
        if depth == 0:
            return line
        return line[2 * min(depth, len(self._levels)) + 2 :]

    def _leave(self) -> None:
        """A member of a group is complete."""
        level = self._levels.pop()
        member = self._finish(level) if level.block else level.before
        block = self._levels[-1].block
        if member is not None and block is not None:
            member.source = f"exceptions[{len(block.members)}]"
            block.members.append(member)

    def _open(self, level: _Level, content: str) -> None:
        header = content in (_HEADER, _GROUP_HEADER)
        level.block = _Block(header, group=content == _GROUP_HEADER)
        if not header:
            level.block.said.append(content)

    def _said(self, level: _Level, block: _Block, content: str) -> None:
        header = content in (_HEADER, _GROUP_HEADER)
        # A worker's traceback arrives as a text inside the message, in triple quotes.
        if header and not block.header and block.said[-1] != '"""':
            self._open(level, content)  # what came before it was not an exception
        else:
            block.said.append(content)

    @staticmethod
    def _called(block: _Block, content: str) -> None:
        if found := _FRAME.fullmatch(content):
            if found[3] is None:
                block.place = found[1], found[2]
            else:
                block.calls.add(_frame(found[1], int(found[2]), found[3]))
        elif found := _REPEATED.fullmatch(content):
            if block.calls.last is not None:
                block.calls.add(block.calls.last, int(found[1]))
        elif content.startswith("    "):
            last = block.calls.last
            if last is not None and block.place is None and "context_line" not in last:
                last["context_line"] = content[4:]
        elif content.strip() and not content.startswith("  "):
            block.said.append(content)

    def _finish(self, level: _Level) -> Raised:
        block, level.block = level.block, None
        assert block is not None
        raised = _raised(block)
        if level.before is not None:
            level.before.source = level.link
            raised.below.insert(0, level.before)
        return raised


def _raised(block: _Block) -> Raised:
    said = "\n".join(block.said).rstrip()
    name, _, value = said.partition(": ")
    if not _TYPE.fullmatch(name):
        # `Type:` with an empty message, a message on the next line, or no type at all.
        name, _, value = said.partition(":\n")
        if not _TYPE.fullmatch(name):
            name, value = (said[:-1], "") if _TYPE.fullmatch(said[:-1]) else ("", said)
    if block.group:
        value = _SUBS.sub("", value, 1) if "\n" not in value else _first_line_without_count(value)
    module, type_ = _split(name)
    if block.place and type_ in ("SyntaxError", "IndentationError", "TabError"):
        file = re.split(r"[\\/]", block.place[0])[-1]
        value = f"{value} ({file}, line {block.place[1]})"
    return Raised(
        type=type_ or "Exception",
        value=value,
        module=module,
        frames=block.calls.listed(),
        group=block.group,
        below=block.members,
    )


def _first_line_without_count(value: str) -> str:
    first, _, rest = value.partition("\n")
    return f"{_SUBS.sub('', first, 1)}\n{rest}"


def _split(name: str) -> tuple[str | None, str]:
    """Module and qualified name of a type: classes begin with a capital, modules do not."""
    parts = name.split(".")
    start = len(parts) - 1
    for index, part in enumerate(parts):
        if part == "<locals>" or part[:1].isupper():
            start = index - (part == "<locals>")
            break
    start = max(start, 0)
    return ".".join(parts[:start]) or None, ".".join(parts[start:])


def _frame(path: str, lineno: int, function: str) -> Frame:
    frame: Frame = {"function": function, "filename": path, "abs_path": path, "lineno": lineno}
    installed = _INSTALLED.match(path)
    if installed:
        inside = path[installed.end() :].replace("\\", "/")
        frame["filename"] = inside
        module = inside.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
        if inside.endswith(".py") and module:
            frame["module"] = module
            if "." not in module:  # as Sentry's SDK names the files of a module at the top
                frame["filename"] = inside.rpartition("/")[2]
    elif path.startswith("<frozen ") and path.endswith(">"):
        frame["module"] = path[len("<frozen ") : -1]
    frame["in_app"] = installed is None and not path.startswith("<frozen ")
    return frame


def parse(text: str) -> Raised | None:
    """Read a text; None when there is no Python traceback in it."""
    if _HEADER not in text and "+-+----------------" not in text:
        return None
    reader = _Reader(groups="+-+----------------" in text)
    for line in text.split("\n"):
        reader.read(line.removesuffix("\r"))
    return reader.end()


def render(raised: Raised) -> str:
    """Write it as Python does."""
    return "\n".join(_lines(raised, 0)) + "\n"


def _lines(raised: Raised, depth: int) -> Iterator[str]:
    margin = "  " * depth + "| " if depth else ""
    members = [below for below in raised.below if below.source.startswith("exceptions[")]
    for cause in raised.below:
        if all(cause is not member for member in members):
            yield from _lines(cause, depth)
            link = _LINK_TEXT.get(cause.source, _LINK_TEXT["__cause__"])
            yield from (margin, margin + link, margin)
    if not members:
        if raised.frames:
            yield margin + _HEADER
        yield from (margin + line for line in _own_lines(raised, 0))
        return
    top = depth == 0
    depth = max(depth, 1)
    margin = "  " * depth + "| "
    if raised.frames:
        yield ("  + " if top else margin) + _GROUP_HEADER
    yield from (margin + line for line in _own_lines(raised, len(members)))
    for index, member in enumerate(members):
        lead = "  " * depth + ("+-" if index == 0 else "  ")
        yield f"{lead}+---------------- {index + 1} ----------------"
        yield from _lines(member, depth + 1)
    if not _closes(members[-1]):
        yield "  " * (depth + 1) + "+------------------------------------"


def _closes(raised: Raised) -> bool:
    """Whether the lines of a group's last member end with a closing line of its own."""
    return any(below.source.startswith("exceptions[") for below in raised.below)


def _own_lines(raised: Raised, members: int) -> Iterator[str]:
    yield from _call_lines(raised.frames)
    hidden = raised.module in (None, "builtins", "__main__")
    name = raised.type if hidden else f"{raised.module}.{raised.type}"
    value = raised.value
    if members:
        first, newline, rest = value.partition("\n")
        count = f" ({members} sub-exception{'s' if members > 1 else ''})"
        value = f"{first}{count}{newline}{rest}"
    yield from (f"{name}: {value}" if value else name).split("\n")


def _call_lines(frames: list[Frame]) -> Iterator[str]:
    for _, found in groupby(frames, key=_call):
        same = list(found)
        for frame in same[:3]:
            path, line, function = _call(frame)
            yield f'  File "{path}", line {line}, in {function}'
            if context := text_of(frame, "context_line").strip():
                yield f"    {context}"
        if len(same) > 3:
            yield f"  [Previous line repeated {len(same) - 3} more time{'s' * (len(same) > 4)}]"


def _call(frame: Frame) -> tuple[str, int, str]:
    path = text_of(frame, "abs_path", "filename") or "<unknown>"
    return path, line_of(frame) or 0, text_of(frame, "function") or "<unknown>"
