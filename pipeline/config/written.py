"""Configuration structs back to what a user writes; secrets as `[REDACTED]`."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ..options import Duration, PemFile, Secret, Size

if TYPE_CHECKING:
    from .reading import Config

_UNITS = (("d", 86400.0), ("h", 3600.0), ("m", 60.0), ("s", 1.0), ("ms", 1e-3), ("us", 1e-6))
_SIZES = (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10))


def config_as_written(config: Config) -> dict[str, Any]:
    """A whole configuration, every default filled in, as YAML or JSON would say it."""
    exporters = {
        id_: {**as_written(options.component), **_common(options.component, options.delivery)}
        for id_, options in config.exporters.items()
    }
    return {
        "receivers": as_written(config.receivers),
        "processors": as_written(config.processors),
        "exporters": exporters,
        "service": as_written(config.service),
        "incident": as_written(config.incident),
    }


def _common(component: msgspec.Struct, delivery: msgspec.Struct) -> dict[str, Any]:
    own = {field.encode_name for field in msgspec.structs.fields(component)}
    found: dict[str, Any] = as_written(delivery)
    return {name: value for name, value in found.items() if name not in own}


def as_written(value: Any) -> Any:
    """A value as plain maps, lists, text and numbers."""
    if isinstance(value, Secret):
        return repr(value)
    if isinstance(value, (Path, PemFile)):
        return str(value)
    if isinstance(value, Duration):
        return _duration(value)
    if isinstance(value, Size):
        return _size(value)
    if isinstance(value, msgspec.Struct):
        config = value.__struct_config__
        tag = {config.tag_field: config.tag} if config.tag_field is not None else {}
        found = {f.encode_name: getattr(value, f.name) for f in msgspec.structs.fields(value)}
        written = {name: as_written(v) for name, v in found.items() if v is not msgspec.UNSET}
        return tag | written
    if isinstance(value, Mapping):
        return {key: as_written(each) for key, each in value.items()}
    if isinstance(value, AbstractSet):
        return sorted(as_written(each) for each in value)
    if isinstance(value, (list, tuple)):
        return [as_written(each) for each in value]
    return value


def _duration(seconds: float) -> str:
    """The shortest way to write it in one unit: `24h`, `1500ms`."""
    nanoseconds = round(seconds * 1e9)
    for unit, length in _UNITS:
        amount, rest = divmod(nanoseconds, round(length * 1e9))
        if amount and not rest:
            return f"{amount}{unit}"
    return f"{nanoseconds}ns" if nanoseconds else "0"


def _size(size: int) -> str | int:
    for unit, length in _SIZES:
        if size >= length and size % length == 0:
            return f"{size // length}{unit}"
    return int(size)
