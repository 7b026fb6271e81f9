"""Certificates that have expired: who refuses one says so at the other side only."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import msgspec

from ...policy.named_files import read_file
from ..config import Config
from ..errors import Problem
from ..options import PemFile

_LOOK_EVERY = 10.0  # seconds

_log = logging.getLogger("errlock.certificates")


async def watch(config: Callable[[], Config]) -> None:
    """Say once of each certificate that is shown that it has expired. Never returns."""
    told: set[Problem] = set()
    while True:
        found = set(await asyncio.to_thread(expired, config()))
        for problem in sorted(found - told, key=str):
            _log.warning("%s", problem)
        told = found
        await asyncio.sleep(_LOOK_EVERY)


def expired(config: Config) -> list[Problem]:
    """The certificates that a collector shows, as receiver or as client, and nobody takes."""
    parts: dict[str, object] = {f"receivers.{id_}": each for id_, each in config.receivers.items()}
    parts |= {f"exporters.{id_}": each.component for id_, each in config.exporters.items()}
    now = datetime.now(UTC)
    return [
        Problem(place, f"the certificate in {file} expired on {end:%Y-%m-%d} at {end:%H:%M} UTC")
        for path, part in parts.items()
        for place, file in _shown(part, path)
        if (end := _end(file)) is not None and end < now
    ]


def _shown(part: object, path: str) -> Iterator[tuple[str, PemFile]]:
    if isinstance(part, msgspec.Struct):
        for name in part.__struct_fields__:
            yield from _shown(getattr(part, name), f"{path}.{name}")
    elif isinstance(part, PemFile) and path.endswith(".cert_file"):
        yield path, part


def _end(file: PemFile) -> datetime | None:
    """When the certificate that is shown of a chain expires; None: there is none."""
    from cryptography.x509 import load_pem_x509_certificates

    try:
        shown, *_ = load_pem_x509_certificates(read_file(file.path, patience=0))
    except (OSError, ValueError):
        return None
    return shown.not_valid_after_utc
