"""YAML as configuration needs it: safe, strict, with the line of every value.

Scalars follow the core schema of YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema), not 1.1:
`on`, `off`, `yes`, `no`, `2024-01-01` and `1:30` are text. Keys are text as written. A key that is
written twice is refused: the loaders in use keep the last one, and one of two rules would vanish.
Infinity and not-a-number are text, too: no option has a use for them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from ..errors import ConfigError, Problem

Path: TypeAlias = tuple[str | int, ...]

_TAG = "tag:yaml.org,2002:"
_MAX_VALUES = 100_000  # aliases can make a small file enormous
_MAX_DIGITS = 100  # Python refuses to read some thousand
_NAMED = re.compile(r"(alias|tag handle) .*", re.DOTALL)
_PLAIN_KEY = re.compile(r"[\w/*@-]+")


def show_path(path: Path) -> str:
    """A path as messages write it: `exporters.otlp/eu.processors[1]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = part if _PLAIN_KEY.fullmatch(part) else repr(part)
            text += f".{name}" if text else name
    return text


@dataclass(slots=True)
class Parsed:
    """The values of a document, and where each of them was written (`errlock.yaml:12`)."""

    tree: Any
    places: dict[Path, str] = field(default_factory=dict)
    lost: dict[Path, list[Any]] = field(default_factory=dict)  # entries that a later list has not


class _Loader(yaml.SafeLoader):
    """Reads nodes; resolves plain scalars by the core schema."""

    # Replaces the table of YAML 1.1, by first character.
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  PyYAML's name

    def compose_scalar_node(self, anchor: Any) -> ScalarNode:
        """See PyYAML. A secret that begins with & would be a name of nothing, and not be set."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if anchor is not None and not event.value and event.style is None:
            raise yaml.composer.ComposerError(None, None, "an anchor of nothing", event.start_mark)
        return super().compose_scalar_node(anchor)


_Loader.add_implicit_resolver(f"{_TAG}null", re.compile(r"(?:~|null|Null|NULL|)$"), [*"~nN", ""])
_Loader.add_implicit_resolver(
    f"{_TAG}bool", re.compile(r"(?:true|True|TRUE|false|False|FALSE)$"), [*"tTfF"]
)
_Loader.add_implicit_resolver(
    f"{_TAG}int", re.compile(r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$"), [*"-+0123456789"]
)
_Loader.add_implicit_resolver(
    f"{_TAG}float",
    re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$"),
    [*"-+0123456789."],
)
_Loader.add_implicit_resolver(f"{_TAG}merge", re.compile(r"<<$"), ["<"])


def parse(text: str, source: str) -> Parsed:
    """The values of a YAML document, None where it has none. Raises ConfigError with every problem
    and its line.
    """
    try:
        node = yaml.compose(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{source}:{mark.line + 1}" if mark else source
        # A password that begins with * or ! is taken for a name: it is not shown.
        what = _NAMED.sub(r"\1", str(error.problem or error.context))
        if what.startswith("but "):
            what = f"{error.context}, {what}"
        before = text[: mark.index] if mark else ""
        problem = Problem("", f"not valid YAML: {what}{_hint(what, before)}", place)
        raise ConfigError([problem]) from None
    except RecursionError:
        raise ConfigError([Problem("", "nested too deeply", source)]) from None
    except yaml.YAMLError:
        raise ConfigError([Problem("", "not valid YAML: a control character", source)]) from None
    if node is None:
        return Parsed(None)
    build = _Build(source)
    tree = build.value(node, ())
    if build.problems:
        raise ConfigError(build.problems)
    return Parsed(tree, build.places)


def _hint(problem: str, before: str) -> str:
    """What would be right where people often go wrong; `before` is what stands before it."""
    if "'\\t'" in problem:
        return "; indent with spaces"
    if "escape character" in problem:
        return "; put patterns in single quotes"
    if before.endswith("$"):
        return '; within { } and [ ] put references in quotes: "${env:NAME}"'
    if "anchor of" in problem:
        return "; put what begins with & in quotes"
    if "tag handle" in problem:
        return "; put what begins with ! in quotes"
    if "alias" in problem or before.endswith("*"):
        return "; put what begins with * in quotes"
    return ""


class _Build:
    """Turns nodes into values, noting places and problems on the way."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.places: dict[Path, str] = {}
        self.problems: list[Problem] = []
        self._open: set[int] = set()  # containers being built: one inside itself has no end
        self._count = 0

    def value(self, node: Node, path: Path) -> Any:
        self.places[path] = place = f"{self.source}:{node.start_mark.line + 1}"
        self._count += 1
        if self._count > _MAX_VALUES:
            raise ConfigError([Problem("", f"more than {_MAX_VALUES} values", self.source)])
        if isinstance(node, ScalarNode):
            return self._scalar(node, path)
        if id(node) in self._open:
            self.problems.append(Problem(show_path(path), "an alias of what it stands in", place))
            return None
        self._open.add(id(node))
        try:
            if isinstance(node, SequenceNode) and node.tag == f"{_TAG}seq":
                return [self.value(item, (*path, i)) for i, item in enumerate(node.value)]
            if isinstance(node, MappingNode) and node.tag == f"{_TAG}map":
                return self._mapping(node, path)
        finally:
            self._open.discard(id(node))
        self._refuse_tag(node, path)
        return None

    def _scalar(self, node: ScalarNode, path: Path) -> Any:
        match node.tag.removeprefix(_TAG):
            case "str" | "merge":
                return node.value
            case "null":
                return None
            case "bool":
                return node.value.lower() == "true"
            case "int" if len(node.value) > _MAX_DIGITS:
                self.problems.append(
                    Problem(show_path(path), "too long a number", self.places[path])
                )
                return None
            case "int":
                return _whole_number(node.value)
            case "float":
                return float(node.value)
        self._refuse_tag(node, path)
        return None

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key, value in node.value:
            line = f"{self.source}:{key.start_mark.line + 1}"
            if not isinstance(key, ScalarNode):
                self.problems.append(Problem(show_path(path), "a key must be text", line))
            elif key.tag == f"{_TAG}merge":
                merged = {**self._merged(value, path), **merged}
            elif key.value in found:
                where = show_path((*path, key.value))
                self.problems.append(Problem(where, "written twice", line))
            else:
                found[key.value] = self.value(value, (*path, key.value))
                self.places[*path, key.value] = line
        return {**merged, **found}

    def _merged(self, node: Node, path: Path) -> dict[str, Any]:
        """What `<<: *anchor` or a list of such adds; the first of a list wins."""
        nodes = node.value if isinstance(node, SequenceNode) else [node]
        result: dict[str, Any] = {}
        for each in nodes:
            value = self.value(each, path)
            if isinstance(value, dict):
                result = {**value, **result}
            else:
                where = f"{self.source}:{each.start_mark.line + 1}"
                self.problems.append(Problem(show_path(path), "'<<' takes a section", where))
        return result

    def _refuse_tag(self, node: Node, path: Path) -> None:
        what = "a tag (!…) is not allowed; put what begins with ! in quotes"
        self.problems.append(Problem(show_path(path), what, self.places[path]))


def _whole_number(text: str) -> int:
    return int(text, 0) if text.startswith(("0o", "0x")) else int(text)


def merge(base: Parsed, over: Parsed) -> Parsed:
    """`base` with `over` on top: maps merge, everything else replaces, null wipes a map."""
    tree = _merge_trees(base.tree, over.tree)
    leaves = dict(_leaves(over.tree, ()))
    kept = {
        path: place
        for path, place in base.places.items()
        if not any(path[: len(gone)] == gone for gone in leaves)
    }
    lost = dict(base.lost)
    for path, new in leaves.items():
        old = [*lost.pop(path, []), *_list_at(base.tree, path)]
        if isinstance(new, list) and (gone := [entry for entry in old if entry not in new]):
            lost[path] = gone
    return Parsed(tree, kept | over.places, lost)


def _list_at(tree: Any, path: Path) -> list[Any]:
    for key in path:
        tree = tree.get(key) if isinstance(tree, Mapping) else None
    return tree if isinstance(tree, list) else []


def _merge_trees(base: Any, over: Any) -> Any:
    if not isinstance(base, dict) or not isinstance(over, dict):
        return over
    merged = dict(base)
    for key, value in over.items():
        merged[key] = _merge_trees(base[key], value) if key in base else value
    return merged


def _leaves(tree: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """What replaces instead of merging."""
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from _leaves(value, (*path, key))
    else:
        yield path, tree
