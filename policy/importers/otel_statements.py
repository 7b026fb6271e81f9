"""The statements of a transform processor (OTTL) that scrub, where they are simple.

Format: github.com/open-telemetry/opentelemetry-collector-contrib, pkg/ottl/ottlfuncs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from .fragment import Action, Fragment, quoted

_TEXT = r'"((?:[^"\\]|\\.)*)"'
_OWNER = r"(?:(resource|scope|span|spanevent|log|datapoint|metric)\.)?"
_ATTRIBUTE = rf"{_OWNER}attributes\[{_TEXT}\]"
_CALL = re.compile(r"\s*([a-z_]+)\((.*)\)\s*(where\s.*)?", re.DOTALL)
_DELETE_KEY = re.compile(rf"\s*{_OWNER}attributes\s*,\s*{_TEXT}\s*", re.DOTALL)
_SET = re.compile(rf"\s*{_ATTRIBUTE}\s*,\s*(?:{_TEXT}|nil|-?[0-9.]+)\s*", re.DOTALL)
_REPLACE = re.compile(rf"\s*([^,\"]+(?:{_TEXT}\])?)\s*,\s*{_TEXT}\s*,\s*(.*)", re.DOTALL)
_REPLACE_ALL = re.compile(
    rf"\s*([a-z.]+)\s*,\s*\"(key|value)\"\s*,\s*{_TEXT}\s*,\s*(.*)", re.DOTALL
)
_ESCAPE = re.compile(r'\\(["\\])')


class _Field(Protocol):
    def __call__(
        self, selector: str, key: str, action: Action, path: str, fragment: Fragment
    ) -> None: ...


class _Keys(Protocol):
    def __call__(
        self, pattern: str, class_: str, action: Action, path: str, fragment: Fragment
    ) -> None: ...


def import_statements(
    options: Mapping[str, Any], prefix: str, fragment: Fragment, *, field: _Field, keys: _Keys
) -> None:
    """Import `trace_statements`, `log_statements` and `metric_statements`."""
    for path, context, statement in _statements(options, prefix):
        found = _CALL.fullmatch(statement)
        if found is None or not _call(
            found[1], found[2], context, path, fragment, field=field, keys=keys
        ):
            fragment.leave_out(path, "is no statement that can be read as scrubbing")
        elif found[3]:
            fragment.note(path, "its `where` is not carried over: every document is meant")


def _statements(options: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str, str]]:
    for name, value in options.items():
        if not str(name).endswith("_statements") or not isinstance(value, list):
            continue
        for index, entry in enumerate(value):
            where = f"{prefix}{name}[{index}]"
            if isinstance(entry, str):
                yield where, "", entry
            elif isinstance(entry, dict):
                listed = entry.get("statements")
                for number, statement in enumerate(listed if isinstance(listed, list) else ()):
                    context = str(entry.get("context") or "")
                    yield f"{where}.statements[{number}]", context, str(statement)


def _call(
    name: str, arguments: str, context: str, path: str, fragment: Fragment, *, field: _Field,
    keys: _Keys,
) -> bool:  # fmt: skip
    """Import one call; whether it scrubs in a way that is known here."""
    found = _DELETE_KEY.fullmatch(arguments)
    if name == "delete_key" and found:
        key = _plain(found[2])
        field(f"{_place(found[1] or context)}{quoted(key)}", key, "remove", path, fragment)
        return True
    if name == "delete_matching_keys" and found:
        keys(_plain(found[2]), "custom.delete_keys", "remove", path, fragment)
        return True
    found = _SET.fullmatch(arguments)
    if name == "set" and found:
        key = _plain(found[2])
        field(f"{_place(found[1] or context)}{quoted(key)}", key, "replace", path, fragment)
        fragment.note(path, "the class in brackets stands where its value stood")
        return True
    if name == "replace_pattern" and (found := _REPLACE.fullmatch(arguments)):
        return _pattern(_plain(found[3]), found[4], path, fragment)
    if name == "replace_all_patterns" and (found := _REPLACE_ALL.fullmatch(arguments)):
        return found[2] == "value" and _pattern(_plain(found[3]), found[4], path, fragment)
    return False


def _pattern(pattern: str, replacement: str, path: str, fragment: Fragment) -> bool:
    name = "replaced." + re.sub(r"[^a-z0-9]+", "_", path.lower()).strip("_")
    if fragment.detector(path, name, "custom.replaced", pattern):
        hashed = bool(re.search(r"\b(?:SHA|MD5|FNV|Murmur|XXH)\w*", replacement))
        fragment.act(path, "custom.replaced", "hash" if hashed else "replace")
        fragment.note(path, "looks everywhere, and all that matches is replaced by its class")
    return True


def _place(owner: str) -> str:
    return "$resource.attributes." if owner == "resource" else "attributes."


def _plain(text: str) -> str:
    """A string of OTTL as it is meant."""
    return _ESCAPE.sub(r"\1", text)
