"""The certificates and keys that a configuration names."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from ..config import Config
from ..options import PemFile


def pem_files(config: Config) -> Iterator[tuple[str, PemFile]]:
    """Each file of certificates or of a key, with its path in the configuration."""
    parts: dict[str, object] = {f"receivers.{id_}": each for id_, each in config.receivers.items()}
    parts |= {f"exporters.{id_}": each.component for id_, each in config.exporters.items()}
    for path, part in parts.items():
        yield from _in(part, path)


def _in(part: object, path: str) -> Iterator[tuple[str, PemFile]]:
    if isinstance(part, PemFile):
        yield path, part
    elif isinstance(part, msgspec.Struct):
        for name in part.__struct_fields__:
            yield from _in(getattr(part, name), f"{path}.{name}")
