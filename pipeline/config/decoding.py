"""Values to configuration structs, with every problem on the way and not only the first.

msgspec.convert stops at the first problem and echoes the value of an enum or tag, which may be a
secret. So structs, maps and lists are walked here, and only single values are left to msgspec.
Messages name the path, what is allowed and what kind of value was found, never the value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path as FilePath
from typing import Any, Literal, TypeVar, cast, get_args, get_origin

import msgspec

from ..errors import ConfigError, Problem
from ..options import Secret, decode_option
from ..registry import blamed, nearest
from .expected import (
    MAPPINGS,
    SEQUENCES,
    alternatives,
    describe,
    is_struct,
    kind_of,
    mismatch,
    within,
)
from .interpolation import BROKEN, Broken, Expanded
from .yaml import Path, show_path

T = TypeVar("T")
_REDACTION = "`errlock import otel FILE` makes errlock's of such a policy"
# Options of the collector that its users look for, and what there is instead.
_COLLECTORS = {
    "address": "write endpoint",
    "allow_all_keys": _REDACTION,
    "allowed_keys": _REDACTION,
    "blocked_key_patterns": _REDACTION,
    "blocked_values": _REDACTION,
    "enabled": "leave it out",
    "error_mode": "conditions stand under drop, in errlock's own form",
    "extensions": "leave it out, health and storage are options of service",
    "insecure": "an endpoint with http:// has no TLS",
    "insecure_skip_verify": "certificates are always verified; name their authority in ca_file",
    "loglevel": "write verbosity",
    "readers": "write endpoint for Prometheus, otlp_endpoint to have them sent",
    "sizer": "queue_size is in bytes, max_documents in documents",
    "storage": "all queues are in service.storage",
}


class Decoder:
    """Decodes values against types; collects `problems`. BROKEN stands for what cannot be had."""

    def __init__(self, places: Mapping[Path, str]) -> None:
        self.problems: list[Problem] = []
        self._places = places

    def report(self, path: Path, message: str) -> Broken:
        """Note a problem, with the line of the value or of the nearest one around it."""
        at = path
        while at and at not in self._places:
            at = at[:-1]
        return self._note(Problem(show_path(path), message, self._places.get(at, "")))

    def _report_own(self, path: Path, own: Problem) -> None:
        """Note what a struct says about itself; its path is text and may hold any key."""
        inside = {
            _plain_path(at[len(path) :]): at for at in self._places if at[: len(path)] == path
        }
        near = [text for text in inside if own.path.startswith(text)]
        place = self._places[inside[max(near, key=len)]] if near else ""
        shown = ".".join(part for part in (show_path(path), own.path) if part)
        self._note(Problem(shown, own.message, place))

    def _note(self, problem: Problem) -> Broken:
        if problem not in self.problems:
            self.problems.append(problem)
        return BROKEN

    def section(self, value: Any, path: Path) -> dict[str, Any] | Broken:
        """A section as it is; nothing stands for an empty one."""
        value = _plain(value)
        if value is None:
            return {}
        if isinstance(value, (dict, Broken)):
            return value
        return self.report(path, f"expected a section, got {kind_of(value)}")

    def struct(
        self, type_: type[T], value: Any, path: Path, also: Iterable[str] = ()
    ) -> T | Broken:
        """A struct from a section.

        `also` names keys that belong to somebody else but are allowed there.
        """
        value = self.section(value, path)
        if isinstance(value, Broken):
            return value
        fields = {field.encode_name: field for field in msgspec.structs.fields(cast("Any", type_))}
        tag = cast("Any", type_).__struct_config__.tag_field
        known = self._known_keys(value, [*fields, *also], tag, path)
        found: dict[str, Any] = {}
        for name, field in fields.items():
            if name in value:
                found[field.name] = self.value(field.type, value[name], (*path, name))
            elif field.required:
                found[field.name] = self.report(
                    (*path, name), f"is missing; expected {describe(field.type)}"
                )
        if not known or any(isinstance(each, Broken) for each in found.values()):
            return BROKEN
        return self._built(type_, found, path)

    def _built(self, type_: type[T], found: dict[str, Any], path: Path) -> T | Broken:
        try:
            struct = type_(**found)
        except ValueError as error:  # from __post_init__: text of the component's author
            return self.report(path, str(error))
        try:
            with blamed(struct):
                problems = list(getattr(struct, "problems", tuple)())
        except ConfigError as error:
            problems = list(error.problems)
        for problem in problems:
            self._report_own(path, problem)
        return BROKEN if problems else struct

    def _known_keys(
        self, value: dict[str, Any], known: list[str], tag: str | None, path: Path
    ) -> bool:
        unknown = [key for key in value if key not in known and key != tag]
        for key in unknown:
            hint = _COLLECTORS.get(key)
            near = f"; {hint}." if hint else nearest(key, known) or "."
            names = ", ".join(sorted(known)) or "none"
            self.report((*path, key), f"unknown option{near} Known: {names}")
        return not unknown

    def value(self, type_: Any, value: Any, path: Path) -> Any:
        """A value of any type that a struct's field may have."""
        if isinstance(value, Broken):
            return value
        plain = _plain(value)
        kind = _container(type_, plain)
        origin = get_origin(kind) or kind
        if is_struct(kind):
            structs = [each for each in alternatives(type_) if is_struct(each)]
            if len(structs) > 1:
                return self._tagged(structs, plain, path)
            return self.struct(kind, plain, path)
        if origin in MAPPINGS:
            return self._map(get_args(kind), plain, path)
        if origin in SEQUENCES and not _is_fixed(kind):
            return self._list(type_, kind, plain, path)
        return self._single(type_, value, path)

    def _map(self, args: tuple[Any, ...], value: Any, path: Path) -> Any:
        if not isinstance(value, dict):
            return self.report(path, f"expected a map, got {kind_of(value)}")
        key_type, value_type = args or (str, Any)
        found = {}
        for key, each in value.items():
            decoded = self._single(key_type, key, (*path, key))
            found[decoded] = self.value(value_type, each, (*path, key))
        return BROKEN if any(BROKEN in (k, v) for k, v in found.items()) else found

    def _list(self, type_: Any, kind: Any, value: Any, path: Path) -> Any:
        if not isinstance(value, list):
            return self.report(path, mismatch(type_, value))
        args = get_args(kind)
        found = [self.value(args[0] if args else Any, v, (*path, i)) for i, v in enumerate(value)]
        if any(isinstance(each, Broken) for each in found):
            return BROKEN
        if not within(type_, len(found)):
            return self.report(path, f"expected {describe(type_)}, got {len(found)}")
        return SEQUENCES[get_origin(kind) or kind](found)

    def _single(self, type_: Any, value: Any, path: Path) -> Any:
        """One value, or a shape that is left to msgspec as a whole."""
        own = ""
        for candidate in _candidates(type_, value):
            try:
                decoded = msgspec.convert(candidate, type_, dec_hook=_decode_option)
            except msgspec.ValidationError:
                continue
            if isinstance(decoded, Secret) and not decoded:
                own = "expected a secret, it is empty"
                continue
            return decoded
        if own:
            return self.report(path, own)
        text = _plain(value)
        names = [arg for arg in _literals(type_) if isinstance(arg, str)]
        near = nearest(text, names) if isinstance(text, str) and names else ""
        return self.report(path, f"{mismatch(type_, text)}{near}")

    def _tagged(self, structs: list[Any], value: dict[str, Any], path: Path) -> Any:
        """The struct that a section's tag names."""
        by_tag = {struct.__struct_config__.tag: struct for struct in structs}
        field = structs[0].__struct_config__.tag_field
        tag, known = _plain(value.get(field)), ", ".join(map(str, by_tag))
        if isinstance(tag, (str, int)) and tag in by_tag:
            return self.struct(by_tag[tag], value, path)
        missing = "" if field in value else "is missing; "
        near = nearest(tag, list(by_tag)) if isinstance(tag, str) else ""
        return self.report((*path, field), f"{missing}expected one of {known}{near}")


def _decode_option(type_: Any, value: Any) -> Any:
    if type_ is FilePath and isinstance(value, str) and value:
        return FilePath(value)
    if type_ is FilePath:
        raise ValueError
    return decode_option(type_, value)


def _container(type_: Any, value: Any) -> Any:
    """The section, map or list among the types that are allowed that a value is to be, or None."""
    kinds = [kind for kind in alternatives(type_) if kind is not type(None)]
    if value is None and len(kinds) < len(alternatives(type_)):
        return None
    for kind in kinds:
        origin = get_origin(kind) or kind
        is_map, is_list = is_struct(kind) or origin in MAPPINGS, origin in SEQUENCES
        if (is_map and isinstance(value, dict)) or (is_list and isinstance(value, list)):
            return kind
        if (is_map or is_list) and len(kinds) == 1:
            return kind
    return None


def _is_fixed(type_: Any) -> bool:
    """Whether it is a tuple of a fixed length: that is one value for msgspec."""
    args = get_args(type_)
    return get_origin(type_) is tuple and not (len(args) == 2 and args[1] is Ellipsis)


def _literals(type_: Any) -> list[Any]:
    kinds = alternatives(type_)
    return [arg for kind in kinds if get_origin(kind) is Literal for arg in get_args(kind)]


def _plain(value: Any) -> Any:
    """A value as YAML, without its text."""
    return value.value if isinstance(value, Expanded) else value


def _deep(value: Any) -> Any:
    """`_plain`, all the way down."""
    if isinstance(value, dict):
        return {key: _deep(each) for key, each in value.items()}
    return [_deep(each) for each in value] if isinstance(value, list) else _plain(value)


def _candidates(type_: Any, value: Any) -> list[Any]:
    """What a value may stand for, the likeliest first: a reference is its text or its YAML."""
    if not isinstance(value, Expanded):
        return [_deep(value)]
    kinds = set(alternatives(type_))
    if kinds & {int, float, bool} or (value.value is None and type(None) in kinds):
        return [value.value, value.text]
    return [value.text, value.value]


def _plain_path(path: Path) -> str:
    """A path as a component writes it: `rules[0].match`, keys as they are."""
    return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path).removeprefix(".")
