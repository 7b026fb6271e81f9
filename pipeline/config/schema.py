"""The JSON Schema of a whole configuration, made from the structs that decode it.

https://json-schema.org/draft/2020-12: descriptions come from the fields, so that an editor shows
what the documentation says. (msgspec's own generator cannot write defaults of Duration and Size.)
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import msgspec

from ..component import ComponentConfig
from ..options import Duration, Secret, Size
from ..registry import ALIASES, SECTIONS, Kind, NoSuchType, Registry
from .expected import MAPPINGS, SEQUENCES, alternatives, bare, is_struct, limits_of
from .incident import IncidentOptions
from .service import DestinationOptions, ServiceOptions
from .written import as_written

# Wherever a value is not text anyway, it may be a reference.
_REFERENCE = {"type": "string", "pattern": r"\$\{.+\}"}
_SCALARS: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    Path: {"type": "string"},
    bool: {"anyOf": [{"type": "boolean"}, _REFERENCE]},
    int: {"anyOf": [{"type": "integer"}, _REFERENCE]},
    float: {"anyOf": [{"type": "number"}, _REFERENCE]},
    type(None): {"type": "null"},
    Duration: {
        "anyOf": [
            {"type": "string", "pattern": r"^(0|(\d+(\.\d+)?(ns|us|µs|ms|s|m|h|d))+)$"},
            {"const": 0},
            _REFERENCE,
        ]
    },
    Size: {
        "anyOf": [
            {"type": "string", "pattern": r"^\d+(\.\d+)?\s*([KMG]i?B|B)?$"},
            {"type": "integer", "minimum": 0},
            _REFERENCE,
        ]
    },
    Secret: {"type": "string", "minLength": 1, "writeOnly": True},
}
_LIMITS = {
    "ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum",
    "pattern": "pattern",
}  # fmt: skip
_LENGTHS = {"min_length": "minItems", "max_length": "maxItems"}


def config_schema(registry: Registry) -> dict[str, Any]:
    """The schema of everything that a registry's components and `service` may say."""
    build = _Build()
    sections = {name: _section(build, registry, kind) for name, kind in SECTIONS.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "errlock configuration",
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": {
            **sections,
            "service": _or_null(build.ref(ServiceOptions)),
            "incident": _or_null(build.ref(IncidentOptions)),
        },
        "$defs": dict(sorted(build.definitions.items())),
    }


def _section(build: _Build, registry: Registry, kind: Kind) -> dict[str, Any]:
    types = _configs(registry, kind)
    types |= {alias: types[name] for alias, name in ALIASES[kind].items() if name in types}
    also = (DestinationOptions,) if kind == "exporter" else ()
    schemas = {name: _or_null(build.ref(config, *also)) for name, config in sorted(types.items())}
    return {
        "description": f"The {kind}s by id: `type` or `type/name`.",
        "type": ["object", "null"],
        "additionalProperties": False,
        # Editors offer what stands here; of patterns they know nothing to offer.
        "properties": {n: s for n, s in schemas.items() if n not in ALIASES[kind]},
        "patternProperties": {rf"^{name}(/[\w.-]+)?$": each for name, each in schemas.items()},
    }


def _configs(registry: Registry, kind: Kind) -> dict[str, type[ComponentConfig]]:
    """The types of a kind that can be loaded: a broken plug-in does not break an editor."""
    found = {}
    for name in registry.names(kind):
        try:
            found[name] = registry.find(kind, name)
        except NoSuchType:
            continue
    return found


class _Build:
    """Schemas of types; each struct once, in `definitions`."""

    def __init__(self) -> None:
        self.definitions: dict[str, Any] = {}
        self._names: dict[type, str] = {}

    def ref(self, struct: type[msgspec.Struct], *also: type[msgspec.Struct]) -> dict[str, Any]:
        """A reference to a struct's schema; `also` names structs whose fields it has as well."""
        if struct not in self._names:
            name = struct.__name__
            if name in self.definitions:
                name = f"{struct.__module__}.{name}"
            self._names[struct] = name
            self.definitions[name] = {}  # so that a struct may contain itself
            self.definitions[name] = self._struct(struct, also)
        return {"$ref": f"#/$defs/{self._names[struct]}"}

    def _struct(
        self, struct: type[msgspec.Struct], also: tuple[type[msgspec.Struct], ...]
    ) -> dict[str, Any]:
        properties: dict[str, Any] = {}
        required: list[str] = []
        config = struct.__struct_config__
        if config.tag_field is not None:
            properties[config.tag_field] = {"const": config.tag}
            required.append(config.tag_field)
        for each in (*also, struct):
            for field in msgspec.structs.fields(each):
                properties[field.encode_name] = self._field(field)
                if field.required:
                    required.append(field.encode_name)
        return {
            "type": "object",
            "description": (struct.__doc__ or "").partition("\n")[0],
            "properties": properties,
            "required": required,
            "additionalProperties": False,
        }

    def _field(self, field: msgspec.structs.FieldInfo) -> dict[str, Any]:
        schema = self.type(field.type)
        for meta in getattr(field.type, "__metadata__", ()):
            if isinstance(meta, msgspec.Meta) and meta.description:
                schema = {"description": meta.description, **schema}
        default = default_of(field)
        if default is msgspec.NODEFAULT or default is msgspec.UNSET:
            return schema
        return {**schema, "default": as_written(default)}

    def type(self, type_: Any) -> dict[str, Any]:
        """The schema of any type that a field may have."""
        kinds = alternatives(type_)
        if len(kinds) > 1:
            return {"anyOf": [self.type(kind) for kind in kinds]}
        kind, origin, args = bare(type_), get_origin(bare(type_)), get_args(bare(type_))
        if is_struct(kind):
            return self.ref(kind)
        if origin is Literal:
            return {"anyOf": [{"enum": list(args)}, _REFERENCE]}
        if (origin or kind) in MAPPINGS:
            return {
                "type": "object",
                "additionalProperties": self.type(args[1]) if args else True,
            }
        if (origin or kind) in SEQUENCES:
            array = {"type": "array", "items": self.type(args[0]) if args else True}
            return array | _bounds(limits_of(type_), _LENGTHS)
        return _limited(dict(_SCALARS.get(kind, {})), limits_of(type_))


def default_of(field: msgspec.structs.FieldInfo) -> Any:
    """A field's default, or msgspec.NODEFAULT."""
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default


def _limited(schema: dict[str, Any], limits: msgspec.Meta) -> dict[str, Any]:
    found = _bounds(limits, _LIMITS)
    if "anyOf" in schema:
        first, *rest = schema["anyOf"]
        return {"anyOf": [{**first, **found}, *rest]}
    return {**schema, **found}


def _bounds(limits: msgspec.Meta, words: Mapping[str, str]) -> dict[str, Any]:
    return {
        word: getattr(limits, name)
        for name, word in words.items()
        if getattr(limits, name) is not None
    }


def _or_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}
