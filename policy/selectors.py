"""Selectors: which fields are meant, in Sentry's own language, extended to OTLP.

    selector := and ("||" and)*       and := unary ("&&" unary)*
    unary    := ("!" | "~")? ( "(" selector ")" | path )
    path     := item ("." item)*      item := $type | ** | * | index | key | 'any key'

A path matches at the end of a field's path: `headers.Cookie` means `request.headers.Cookie`.
`*` is one level, `**` one or more. Keys compare without case. `$type` is a kind of node (`$error`,
`$frame`, `$user`, `$log`, `$span`, `$resource`, …) or of value (`$string`, `$number`, …).
The language is Relay's (docs.sentry.io/security-legal-pii/scrubbing/advanced-datascrubbing).
Every field can be addressed; there are no classes of fields that a rule cannot reach.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from .findings import Tree

_ALIASES = {
    "exception": "error", "stacktrace": "stack", "request": "http", "bool": "boolean",
    "list": "array", "log_record": "log", "otlp_span": "span", "attachments": "attachment",
}  # fmt: skip
_NODE_TYPES = (
    "event", "transaction", "error", "stack", "frame", "http", "user", "logentry", "message",
    "thread", "breadcrumb", "sdk", "span", "log", "metric", "trace_metric", "resource", "scope",
    "envelope", "attachment", "session", "check_in", "feedback", "data_point",
)  # fmt: skip
_VALUE_TYPES = ("string", "number", "boolean", "array", "object", "binary", "datetime")
_LEGACY = {
    "freeform": "$string", "email": "$string", "sensitive": "$string", "text": "$string",
    "databag": "$object", "container": "$object",
}  # fmt: skip
_TOKEN = re.compile(
    r"\s*(?:(?P<op>\|\|?|&&?|[!~()])|(?P<type>\$[A-Za-z_]+)|(?P<deep>\*\*)|(?P<any>\*)"
    r"|(?P<index>[0-9]+)(?![A-Za-z_])|(?P<key>[A-Za-z_][A-Za-z0-9_-]*)|'(?P<quoted>(?:[^']|'')*)'|(?P<dot>\.))"
)


@dataclass(frozen=True, slots=True)
class Step:
    """One node on the way to a field: its key or index, and what kind of thing it is."""

    key: str | int | None
    types: frozenset[str]


Trail = tuple[Step, ...]

# What stands under these keys is of this type; lists and `values` in between are passed through.
_BY_KEY = {
    "exception": "error", "stacktrace": "stack", "raw_stacktrace": "stack", "frames": "frame",
    "request": "http", "user": "user", "logentry": "logentry", "message": "message",
    "threads": "thread", "breadcrumbs": "breadcrumb", "spans": "span", "sdk": "sdk",
}  # fmt: skip
_ELEMENTS = frozenset({"error", "frame", "thread", "breadcrumb", "span"})


def root_step(type_: str, tree: Tree) -> Step:
    """The first step of every trail in a document."""
    name = _ALIASES.get(type_, type_)
    types = {name, *value_types(tree)}
    if type_ == "transaction":
        types.add("event")
    return Step(None, frozenset(types))


def next_step(trail: Trail, key: str | int, value: Tree) -> Step:
    """The step from the node at the end of `trail` to what it has under `key`."""
    types = set(value_types(value))
    if isinstance(key, int) or key == "values":
        owner = next(
            (s.key for s in reversed(trail) if isinstance(s.key, str) and s.key != "values"), None
        )
        name = _BY_KEY.get(owner or "")
        if name in _ELEMENTS and isinstance(key, int):
            types.add(name)
    elif len(trail) < 3 or key in ("stacktrace", "raw_stacktrace", "frames"):
        name = _BY_KEY.get(key)
        if name is not None and (name not in _ELEMENTS or isinstance(value, dict)):
            types.add(name)
    return Step(key, frozenset(types))


def value_types(value: object) -> tuple[str, ...]:
    """The basic type of a value, as selectors name it."""
    if isinstance(value, bool):
        return ("boolean",)
    if isinstance(value, str):
        return ("string",)
    if isinstance(value, (int, float)):
        return ("number",)
    if isinstance(value, bytes):
        return ("binary",)
    if isinstance(value, list):
        return ("array",)
    return ("object",) if isinstance(value, dict) else ()


class Selector(ABC):
    """A parsed selector."""

    @abstractmethod
    def matches(self, trail: Sequence[Step]) -> bool:
        """Whether the node at the end of the trail is meant."""


@dataclass(frozen=True, slots=True)
class _Item:
    kind: str  # key, index, type, any, deep
    name: str | int = ""

    def fits(self, step: Step) -> bool:
        if self.kind == "key":
            return isinstance(step.key, str) and step.key.casefold() == self.name
        if self.kind == "index":
            return step.key == self.name and not isinstance(step.key, str)
        return self.kind == "any" or self.name in step.types


@dataclass(frozen=True, slots=True)
class _Path(Selector):
    items: tuple[_Item, ...]

    def matches(self, trail: Sequence[Step]) -> bool:
        kinds = [item.kind for item in self.items]
        if "deep" not in kinds:
            return self._ends(self.items, trail)
        at = kinds.index("deep")
        before, after = self.items[:at], self.items[at + 1 :]
        if after and not self._ends(after, trail):
            return False
        rest = trail[: len(trail) - len(after)]
        # The deep item stands for at least one level, and what is before it for levels above.
        return not before or any(self._ends(before, rest[:end]) for end in range(len(rest)))

    @staticmethod
    def _ends(items: Sequence[_Item], trail: Sequence[Step]) -> bool:
        if len(items) > len(trail):
            return False
        tail = trail[len(trail) - len(items) :]
        return all(item.fits(step) for item, step in zip(items, tail, strict=True))


@dataclass(frozen=True, slots=True)
class _Any(Selector):
    of: tuple[Selector, ...]

    def matches(self, trail: Sequence[Step]) -> bool:
        return any(selector.matches(trail) for selector in self.of)


@dataclass(frozen=True, slots=True)
class _All(Selector):
    of: tuple[Selector, ...]

    def matches(self, trail: Sequence[Step]) -> bool:
        return all(selector.matches(trail) for selector in self.of)


@dataclass(frozen=True, slots=True)
class _Not(Selector):
    of: Selector

    def matches(self, trail: Sequence[Step]) -> bool:
        return not self.of.matches(trail)


def parse_selector(text: str) -> Selector:
    """Parse a selector. Raises ValueError, which says what is wrong and where."""
    text = _LEGACY.get(text.strip(), text)
    parser = _Parser(text)
    selector = parser.alternatives()
    if parser.token is not None:
        raise ValueError(f"unexpected {parser.shown()} at character {parser.at + 1} of a selector")
    return selector


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._end = 0
        self.at = 0
        self.token: tuple[str, str] | None = None
        self._advance()

    def shown(self) -> str:
        return "the end" if self.token is None else repr(self.token[1])

    def _advance(self) -> None:
        self.at = self._end
        if not self._text[self._end :].strip():
            self.token = None
            return
        match = _TOKEN.match(self._text, self._end)
        if match is None or match.lastgroup is None:
            raise ValueError(f"cannot read character {self._end + 1} of a selector")
        self._end = match.end()
        self.token = (match.lastgroup, match[match.lastgroup])

    def _is(self, *ops: str) -> bool:
        return self.token is not None and self.token[0] == "op" and self.token[1] in ops

    def alternatives(self) -> Selector:
        found = [self._conjunction()]
        while self._is("||", "|"):
            self._advance()
            found.append(self._conjunction())
        return found[0] if len(found) == 1 else _Any(tuple(found))

    def _conjunction(self) -> Selector:
        found = [self._unary()]
        while self._is("&&", "&"):
            self._advance()
            found.append(self._unary())
        return found[0] if len(found) == 1 else _All(tuple(found))

    def _unary(self) -> Selector:
        negated = self._is("!", "~")
        if negated:
            self._advance()
        if self._is("("):
            self._advance()
            inner = self.alternatives()
            if not self._is(")"):
                raise ValueError("a selector's bracket is not closed")
            self._advance()
        else:
            inner = self._path()
        return _Not(inner) if negated else inner

    def _path(self) -> Selector:
        items = [self._item()]
        while self.token is not None and self.token[0] == "dot":
            self._advance()
            items.append(self._item())
        if sum(item.kind == "deep" for item in items) > 1:
            raise ValueError("a path can hold ** only once")
        if [item.kind for item in items] == ["any"]:
            raise ValueError("* needs a path; for every field write **")
        return _Path(tuple(items))

    def _item(self) -> _Item:
        if self.token is None:
            raise ValueError("a selector ends where a field is expected")
        kind, text = self.token
        if kind in ("op", "dot"):
            raise ValueError(f"unexpected {text!r} at character {self.at + 1} of a selector")
        self._advance()
        if kind == "type":
            return _Item("type", _type_name(text[1:].casefold()))
        if kind == "index":
            return _Item("index", int(text))
        if kind == "quoted":
            return _Item("key", text.replace("''", "'").casefold())
        return _Item(kind, text.casefold() if kind == "key" else "")


def _type_name(name: str) -> str:
    name = _ALIASES.get(name, name)
    if name not in _NODE_TYPES and name not in _VALUE_TYPES:
        known = ", ".join(sorted({*_NODE_TYPES, *_VALUE_TYPES}))
        raise ValueError(f"unknown type ${name} in a selector. Known: {known}")
    return name
