"""Some options of `service` alone, for whoever has not the environment that the collector has.

Who has to stop a destination or look into the record at night may lack its variables, and its
certificates. What is not asked for is not looked at, mistakes in it included.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from ..errors import ConfigError
from .decoding import Decoder
from .expected import is_struct
from .files import merged_files
from .interpolation import Broken, Expander
from .service import Section

T = TypeVar("T", bound=Section)


def part_of_service(
    paths: Sequence[str], sets: Sequence[str], type_: type[T], env: Mapping[str, str] = os.environ
) -> tuple[T, Mapping[str, Any]]:
    """The options of `service` that a struct has, and all that is written. Raises ConfigError.

    Of a section within it also only what its own struct has.
    """
    merged = merged_files(paths, sets)
    needed = _needed(merged.tree.get("service"), type_)
    expander = Expander(env, merged.places)
    decoder = Decoder(merged.places)
    service = decoder.struct(type_, expander.expand(needed, ("service",)), ("service",))
    if expander.problems or isinstance(service, Broken):
        raise ConfigError([*expander.problems, *decoder.problems])
    return service, merged.tree


def _needed(written: Any, type_: Any) -> Any:
    if not isinstance(written, dict):
        return {} if written is None else written
    types = {field.encode_name: field.type for field in msgspec.structs.fields(type_)}
    return {
        name: _needed(value, types[name]) if is_struct(types[name]) else value
        for name, value in written.items()
        if name in types
    }
