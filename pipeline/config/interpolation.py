"""`${…}` in configuration values, as the OpenTelemetry collector writes it.

`${env:NAME}`, `${NAME}`, `${env:NAME:-default}`, `${file:path}`; `$$` is a `$`; a `$` before
anything else is left alone, unless the value is a bare `$NAME` as shells have it: that is refused,
as the collector does. References may stand inside references. Two differences, because errlock
fails closed: a variable that is not set and has no default is an error, not an empty text; and what
a variable or file holds is never expanded again, so that a password may contain `$$` or `${`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from ...policy.named_files import read_file
from ..errors import ConfigError, Problem
from ..host.private_files import open_to_all
from .yaml import Path, parse, show_path

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(?!-)")
# `$TOKEN`, `Bearer $TOKEN`: it would be sent as it stands.
_BARE = re.compile(r"(?:\w+ )?\$[A-Z_][A-Z0-9_]*")
_MAX_DEPTH = 20
_MAX_FILE = 1 << 20


@dataclass(frozen=True, slots=True)
class Expanded:
    """A value that was one reference: its text, and what that text is as YAML.

    The option's type decides which of the two counts: `0123` stays text where text is wanted.
    """

    text: str
    value: Any

    def __repr__(self) -> str:
        return "Expanded([REDACTED])"  # it may be a secret


@dataclass(frozen=True, slots=True)
class _Reference:
    name: _Text  # with its scheme
    default: _Text | None


_Text: TypeAlias = "list[str | _Reference]"


class _Wrong(Exception):  # noqa: N818  becomes a Problem with its path
    pass


class Expander:
    """Expands a tree of values, noting what it could not expand in `problems`.

    `warnings` are about files that are open to all.
    """

    def __init__(self, env: Mapping[str, str], places: Mapping[Path, str]) -> None:
        self.problems: list[Problem] = []
        self.warnings: dict[str, Problem] = {}  # by the file that they are about
        self._env = env
        self._places = places
        self._files: list[str] = []  # those that the value at hand comes from

    def expand(self, tree: Any, path: Path = ()) -> Any:
        """The tree with every reference replaced; BROKEN stands where one could not be."""
        if isinstance(tree, dict):
            return {key: self.expand(value, (*path, key)) for key, value in tree.items()}
        if isinstance(tree, list):
            return [self.expand(value, (*path, i)) for i, value in enumerate(tree)]
        if not isinstance(tree, str) or "$" not in tree:
            return tree
        self._files = []
        try:
            if _BARE.fullmatch(tree):
                raise _Wrong(
                    "a bare $NAME is no reference: write ${env:NAME}; for a '$' write '$$'"
                )
            parts, _ = _read(tree, 0, 0)
            text = self._text(parts)
        except _Wrong as wrong:
            place = self._places.get(path, "")
            self.problems.append(Problem(show_path(path), str(wrong), place))
            return BROKEN
        for name in self._files:
            if (warning := open_to_all(name)) is not None:
                found = Problem(show_path(path), warning, self._places.get(path, ""))
                self.warnings.setdefault(name, found)
        if len(parts) == 1 and isinstance(parts[0], _Reference):
            return Expanded(text, _as_yaml(text))
        return text

    def _text(self, parts: _Text) -> str:
        return "".join(part if isinstance(part, str) else self._resolve(part) for part in parts)

    def _resolve(self, reference: _Reference) -> str:
        name = self._text(reference.name)
        scheme = _SCHEME.match(name)
        if scheme is not None and scheme[1] == "file":
            self._files.append(name.removeprefix("file:"))
            return _file(self._files[-1])
        if scheme is not None and scheme[1] != "env":
            raise _Wrong("unknown source in ${…}. Known: env, file")
        name = name.removeprefix("env:")
        # A name put together from other variables may hold a secret: it is not shown.
        composed = any(isinstance(part, _Reference) for part in reference.name)
        if not _NAME.fullmatch(name):  # nor is what may be a part of a password
            raise _Wrong(
                "what stands in ${…} is not a variable's name; for a literal '${' write '$${'"
            )
        if name in self._env:
            return self._env[name]
        if reference.default is None:
            raise _Wrong(
                f"the environment variable {'…' if composed else name} is not set; "
                f"if it may be missing write ${{env:{'…' if composed else name}:-}}"
            )
        return self._text(reference.default)


class Broken:
    """Stands for a value that cannot be had: that was reported already."""

    def __bool__(self) -> bool:
        return False


BROKEN = Broken()


def _read(text: str, at: int, depth: int) -> tuple[_Text, int]:
    """The parts of `text` from `at` to its end, or to the `}` or `:-` that ends them inside."""
    parts: _Text = []
    start = at
    while at < len(text):
        if text.startswith("$$", at):
            parts.append(text[start : at + 1])
            at = start = at + 2
        elif text.startswith("${", at):
            parts.append(text[start:at])
            reference, at = _read_reference(text, at + 2, depth + 1)
            parts.append(reference)
            start = at
        elif depth and (text[at] == "}" or text.startswith(":-", at)):
            break
        else:
            at += 1
    parts.append(text[start:at])
    return [part for part in parts if part != ""], at


def _read_reference(text: str, at: int, depth: int) -> tuple[_Reference, int]:
    if depth > _MAX_DEPTH:
        raise _Wrong(f"references nested deeper than {_MAX_DEPTH}")
    name, at = _read(text, at, depth)
    default: _Text | None = None
    while text.startswith(":-", at):  # a second one belongs to the default's text
        default = [] if default is None else [*default, ":-"]
        more, at = _read(text, at + 2, depth)
        default += more
    if at >= len(text):
        raise _Wrong("'${' without its '}'; for a literal '${' write '$${'")
    return _Reference(name, default), at + 1


def _file(name: str) -> str:
    """A file's text without its last line end: editors and `echo` add one to a secret."""
    try:
        text = read_file(name, most=_MAX_FILE).decode()
    except OSError as error:
        raise _Wrong(f"the file {name!r} cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, ValueError):
        raise _Wrong(f"the file {name!r} is not UTF-8 text") from None
    return text.removesuffix("\n").removesuffix("\r")


def _as_yaml(text: str) -> Any:
    try:
        return parse(text, "").tree if text.strip() else None
    except ConfigError:
        return text
