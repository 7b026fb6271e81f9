"""The statements of a transform processor (OTTL) that scrub, where they are simple.

Format: github.com/open-telemetry/opentelemetry-collector-contrib, pkg/ottl/ottlfuncs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol

import re2

from ..detectors import compile_pattern
from .fragment import Action, Fragment, is_text, quoted
from .patterns import behind_first_group

_TEXT = r'"(?:[^"\\]|\\.)*"'
_NAME = re.compile(r"\s*([a-z_]+)\(")
_PIECE = re.compile(rf"{_TEXT}|.", re.DOTALL)
_PLACE = re.compile(
    r"(?:(resource|scope|span|spanevent|log|datapoint|metric)\.)?(attributes|body)"
    rf"((?:\s*\[\s*{_TEXT}\s*\])*)"
)
_CONSTANT = re.compile(rf"{_TEXT}|nil|true|false|-?[0-9.]+")
_HASHES = re.compile(r"\b(?:SHA|MD5|FNV|Murmur|XXH)\w*")
_ESCAPE = re.compile(r'\\(["\\])')
# What a pattern that is meant for one attribute must not find elsewhere: there is evidence in it.
_EVERYDAY = (
    b"GET /orders/list?page=2 took 35 ms", b"KeyError: 'name' in \"load\"",
    b"SELECT name FROM users WHERE age > 7", b"connection refused",
)  # fmt: skip
_LEFT = {
    "keep_keys": "what it drops goes out unless you write a `keep`",
    "keep_matching_keys": "what it drops goes out unless you write a `keep`",
}


class _Field(Protocol):
    def __call__(
        self, selector: str, key: str, action: Action, path: str, fragment: Fragment
    ) -> None: ...


class _Keys(Protocol):
    def __call__(
        self, pattern: str, class_: str, action: Action, path: str, fragment: Fragment
    ) -> None: ...


class _Call(NamedTuple):
    """A statement: `name(arguments) where …`."""

    name: str
    arguments: list[str]
    where: str


class _Place(NamedTuple):
    """Attributes or a body, or what stands in them under keys."""

    root: str
    keys: list[str]

    @property
    def selector(self) -> str:
        return ".".join([self.root, *map(quoted, self.keys)])


def import_statements(
    options: Mapping[str, Any], prefix: str, fragment: Fragment, *, field: _Field, keys: _Keys
) -> None:
    """Import `trace_statements`, `log_statements` and `metric_statements`."""
    for path, context, statement in _statements(options, prefix, fragment):
        call = _parsed(statement)
        if call is None or not _import(call, context, path, fragment, field=field, keys=keys):
            reason = _LEFT.get(call.name if call else "")
            fragment.leave_out(path, reason or "is no statement that can be read as scrubbing")
        elif call.where:
            fragment.note(path, "its `where` is not carried over: every document is meant")


def _statements(
    options: Mapping[str, Any], prefix: str, fragment: Fragment
) -> Iterator[tuple[str, str, str]]:
    for name, value in options.items():
        if not str(name).endswith("_statements") or not isinstance(value, list):
            continue
        for index, entry in enumerate(value):
            where = f"{prefix}{name}[{index}]"
            if isinstance(entry, str):
                yield where, "", entry
            elif isinstance(entry, dict):
                if entry.get("conditions"):
                    fragment.note(
                        f"{where}.conditions", "are not carried over: every document is meant"
                    )
                listed = entry.get("statements")
                for number, statement in enumerate(listed if isinstance(listed, list) else ()):
                    context = str(entry.get("context") or "")
                    yield f"{where}.statements[{number}]", context, str(statement)


def _parsed(statement: str) -> _Call | None:
    named = _NAME.match(statement)
    if named is None:
        return None
    arguments, start, at, depth = [], named.end(), named.end(), 0
    while at < len(statement) and (depth or statement[at] != ")"):
        piece = _PIECE.match(statement, at)
        assert piece is not None  # the last alternative takes any character
        if piece[0] in ("(", "[", "{"):
            depth += 1
        elif piece[0] in (")", "]", "}"):
            depth -= 1
        elif piece[0] == "," and not depth:
            arguments.append(statement[start:at].strip())
            start = piece.end()
        at = piece.end()
    arguments.append(statement[start:at].strip())
    rest = statement[at + 1 :].strip()
    if at >= len(statement) or not (rest == "" or rest.startswith("where")):
        return None
    return _Call(named[1], arguments, rest)


def _import(
    call: _Call, context: str, path: str, fragment: Fragment, *, field: _Field, keys: _Keys
) -> bool:
    """Import one call; whether it scrubs in a way that is known here."""
    place = _place(call.arguments[0], context)
    texts = [_plain(each) for each in call.arguments[1:]]
    match call.name, texts:
        case "delete_key", [str(key)] if place is not None:
            field(_Place(place.root, [*place.keys, key]).selector, key, "remove", path, fragment)
        case "delete_matching_keys", [str(pattern)] if place is not None:
            keys(pattern, "custom.delete_keys", "remove", path, fragment)
        case "set", [_] if place and place.keys and _CONSTANT.fullmatch(call.arguments[1]):
            field(place.selector, place.keys[-1], "replace", path, fragment)
            fragment.note(path, "the class in brackets stands where its value stood")
        case "replace_pattern", [str(pattern), *_]:
            action = _action(call.arguments[2:])
            if place is not None and place.keys and _is_everyday(pattern):
                field(place.selector, place.keys[-1], action, path, fragment)
                fragment.note(path, "its pattern finds everyday text: all of the attribute goes")
            else:
                _pattern(pattern, texts[1:], action, path, fragment)
        case "replace_all_patterns", ["value", str(pattern), *_]:
            _pattern(pattern, texts[2:], _action(call.arguments[3:]), path, fragment)
        case _:
            return False
    return True


def _action(replacement: list[str]) -> Action:
    return "hash" if any(_HASHES.search(each) for each in replacement) else "replace"


def _pattern(
    pattern: str, replacement: list[str | None], action: Action, path: str, fragment: Fragment
) -> None:
    name = "replaced." + re.sub(r"[^a-z0-9]+", "_", path.lower()).strip("_")
    narrower = behind_first_group(pattern, (replacement[0] or "") if replacement else "")
    if fragment.detector(path, name, "custom.replaced", narrower or pattern):
        fragment.act(path, "custom.replaced", action)
        what = "all that matches" if narrower is None else "what is behind the first group"
        fragment.note(path, f"looks everywhere, and {what} is replaced by its class")
        if _is_everyday(pattern):
            fragment.note(path, "finds everyday text: much of each document goes")


def _is_everyday(pattern: str) -> bool:
    """Whether a pattern finds something in texts that hold nothing sensitive, or in none at all."""
    try:
        compiled = compile_pattern(pattern) if is_text(pattern) else None
    except re2.error:
        return False
    return compiled is not None and any(compiled.search(text) for text in (b"", *_EVERYDAY))


def _place(text: str, context: str) -> _Place | None:
    found = _PLACE.fullmatch(text)
    if found is None:
        return None
    owner = "$resource." if (found[1] or context) == "resource" else ""
    keys = [_plain(each) or "" for each in re.findall(_TEXT, found[3])]
    return _Place(f"{owner}{found[2]}", keys)


def _plain(argument: str) -> str | None:
    """A string of OTTL as it is meant; None for what is none."""
    if not re.fullmatch(_TEXT, argument, re.DOTALL):
        return None
    return _ESCAPE.sub(r"\1", argument[1:-1])
