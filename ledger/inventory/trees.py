"""Inventories that are trees: JSON, YAML and TOML, of vaults, of Kubernetes, of Terraform.

What a list holds is named by what it says of itself: `users[admin].token`. Of a Secret of
Kubernetes only what it keeps is read, decoded; other base64 is decoded when it is looked for.
"""

from __future__ import annotations

import base64
import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any

import yaml

from .wanted import BadInventory, Wanted, shown

_MOST_NODES = 8_000_000  # aliases of YAML can make a small file enormous
_DEEPEST = 1000
_NO_TEXT = re.compile(r"~|null|Null|NULL||true|True|TRUE|false|False|FALSE")
_NAMES = ("name", "key", "title", "Name", "Key", "Title")
_TERRAFORM = re.compile(r"[a-z0-9]+_[a-z0-9_]+")
_JSON_IN_BASE64 = re.compile(r"e[wy][A-Za-z0-9+/\s]+={0,2}\s*")
_SPACE = re.compile(r"\s*")
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Pairs(list[tuple[str, object]]):
    """An object of JSON: of two entries of one name none is lost."""


_DECODER = json.JSONDecoder(
    object_pairs_hook=Pairs, parse_int=str, parse_float=str, parse_constant=str
)


def json_text(text: str) -> Iterator[Wanted]:
    """By path; of several, one after the other, by line and path. Raises BadInventory."""
    at = first = _after_space(text, 0)
    line = 1 + text.count("\n", 0, at)
    while at < len(text):
        tree, end = _json_at(text, at)
        if isinstance(tree, Pairs) and ("encrypted", True) in tree:
            raise BadInventory("it is encrypted: export it without a password")
        end = _after_space(text, end)
        prefix = ""
        if at != first or end != len(text):
            label, tree = _labelled(tree)
            prefix = f"line {line} ({label}) " if label else f"line {line} "
        for each in leaves(tree):
            yield Wanted(prefix + each.name, each.value)
        line += text.count("\n", at, end)
        at = end


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _json_at(text: str, at: int) -> tuple[object, int]:
    try:
        return _DECODER.raw_decode(text, at)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
    except RecursionError:
        where = "nested too deeply"
    raise BadInventory(f"not JSON: {where}")


def yaml_text(text: str) -> Iterator[Wanted]:
    """By path; of several documents, by what each is called. Raises BadInventory."""
    build, where = _Build(), ""
    try:
        # Events, not nodes: what composes those runs out of the stack where there are many levels.
        for event in yaml.parse(text, _Loader):
            build.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}" if mark else "its end"
    except yaml.YAMLError:
        where = "a control character"
    if where:
        raise BadInventory(f"not YAML: {where}")
    documents = build.documents
    yield from leaves(documents[0] if len(documents) == 1 else documents)


class _Build:
    """Makes trees of events."""

    def __init__(self) -> None:
        self.documents: list[object] = []
        self._open: list[list[Any]] = []  # mappings and sequences that have not ended
        self._keys: list[list[str]] = []  # of each of those: the key that waits for its value
        self._anchors: dict[str, object] = {}

    def take(self, event: Any) -> None:
        """Raises BadInventory."""
        if isinstance(event, yaml.DocumentStartEvent):
            self._anchors = {}
        elif isinstance(event, yaml.CollectionStartEvent):
            tree: list[Any] = Pairs() if isinstance(event, yaml.MappingStartEvent) else []
            self._add(tree, event)
            self._open.append(tree)
            self._keys.append([])
            if len(self._open) > _DEEPEST:
                raise BadInventory("not YAML: nested too deeply")
        elif isinstance(event, yaml.CollectionEndEvent):
            self._open.pop()
            self._keys.pop()
        elif isinstance(event, yaml.ScalarEvent):
            self._add(_scalar(event), event)
        elif isinstance(event, yaml.AliasEvent):
            named = self._anchors.get(event.anchor or "")
            if any(named is each for each in self._open):
                line = event.start_mark.line + 1 if event.start_mark else 0
                raise BadInventory(f"not YAML that ends: line {line} is within itself")
            self._add(named, event)

    def _add(self, tree: object, event: Any) -> None:
        if event.anchor and not isinstance(event, yaml.AliasEvent):
            self._anchors[event.anchor] = tree
        if not self._open:
            self.documents.append(tree)
        elif not isinstance(self._open[-1], Pairs):
            self._open[-1].append(tree)
        elif self._keys[-1]:
            self._open[-1].append((self._keys[-1].pop(), tree))
        else:
            self._keys[-1].append(tree if isinstance(tree, str) else "")


def _scalar(event: Any) -> str | None:
    value, tag = str(event.value), event.tag or ""
    if not tag and event.implicit[0] and _NO_TEXT.fullmatch(value):
        return None
    # What an application puts in place of it is not here: it is seen to be a reference.
    return f"{tag} {value}" if tag.startswith("!") and len(tag) > 1 else value


def is_toml(text: str) -> bool:
    """Whether it is nothing else."""
    try:
        return bool(tomllib.loads(text))
    except (ValueError, RecursionError):
        return False


def toml_text(text: str) -> Iterator[Wanted]:
    """By path. Raises BadInventory."""
    try:
        tree = tomllib.loads(text, parse_float=str)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        # All that it says of where is in its text, which quotes the file.
        found = re.search(r"\(at line ([0-9]+), column [0-9]+\)\Z", str(error))
        where = f"line {found[1]}" if found else "its end"
    except ValueError:  # Python reads none of more than 4,300 digits
        where = "a number is too long"
    else:
        yield from leaves(_from_toml(tree))
        return
    raise BadInventory(f"not TOML: {where}")


def _from_toml(value: object) -> object:
    if isinstance(value, dict):
        return Pairs((key, _from_toml(each)) for key, each in value.items())
    if isinstance(value, list):
        return [_from_toml(each) for each in value]
    return None if isinstance(value, bool) else str(value)


def opened(wanted: Wanted) -> Iterator[Wanted]:
    """What is in a value that is an object of JSON itself, or base64 of one; else the value."""
    tree = _object_in(wanted.value)
    if tree is None:
        yield wanted
        return
    for each in leaves(tree):
        yield from opened(Wanted(f"{wanted.name}.{each.name}", each.value))


def _object_in(value: str) -> Pairs | None:
    text = value.strip()
    if _JSON_IN_BASE64.fullmatch(text):
        text = _from_base64(text).strip()
    if not text.startswith("{"):
        return None
    try:
        tree, end = _DECODER.raw_decode(text)
    except (ValueError, RecursionError):
        return None
    return tree if isinstance(tree, Pairs) and end == len(text) else None


def leaves(tree: object) -> Iterator[Wanted]:
    """Every text and number, by its path. Raises BadInventory."""
    waiting: list[tuple[str, object]] = [("", tree)]
    seen = 0
    while waiting:
        path, node = waiting.pop()
        if (seen := seen + 1) > _MOST_NODES:
            raise BadInventory("its aliases make too many values")
        if isinstance(node, str):
            yield Wanted(path or "the value", node)
        elif isinstance(node, Pairs):
            if (kept := _kept_in_secret(node)) is not None:
                path, node = path or _labelled(node)[0], kept
            parts = [(shown(key) or f"#{n}", value) for n, (key, value) in enumerate(node, 1)]
            waiting += [(f"{path}.{part}" if path else part, v) for part, v in reversed(parts)]
        elif isinstance(node, list):
            waiting += [
                (f"{path}[{label or n}]", rest)
                for n, (label, rest) in reversed(list(enumerate(map(_labelled, node))))
            ]


def _labelled(node: object) -> tuple[str, object]:
    """What an element of a list says that it is, if that may be shown, and what else it has."""
    if not isinstance(node, Pairs):
        return "", node
    said = dict(node)
    of = said.get("metadata")
    names = [said.get(name) for name in _NAMES]
    names += [value for key, value in of if key == "name"] if isinstance(of, Pairs) else []
    label = next((name for name in names if isinstance(name, str) and shown(name)), "")
    rest = Pairs((key, each) for key, each in node if key not in _NAMES or each != label)
    kind = said.get("type")
    if label and isinstance(kind, str) and _TERRAFORM.fullmatch(kind):
        label = shown(f"{kind}.{label}") or label
    return label, rest


def _kept_in_secret(node: Pairs) -> Pairs | None:
    """What a Secret of Kubernetes keeps, decoded as far as it is text; None: it is none."""
    said = dict(node)
    if said.get("kind") != "Secret" or not {"data", "stringData"} & said.keys():
        return None
    data, texts = said.get("data"), said.get("stringData")
    kept = Pairs()
    if isinstance(data, Pairs):
        kept += [(key, _decoded(value)) for key, value in data]
    if isinstance(texts, Pairs):
        kept += texts
    return kept


def _decoded(value: object) -> object:
    return (_from_base64(value) or value) if isinstance(value, str) else value


def _from_base64(text: str) -> str:
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode()
    except ValueError:
        return ""
