"""Certificates that are not valid now: who refuses one says so at the other side only."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime

from ...policy.named_files import read_file
from ..config import Config
from ..errors import Problem
from ..options import PemFile
from .pem_files import pem_files

_LOOK_EVERY = 10.0  # seconds

_log = logging.getLogger("errlock.certificates")


async def watch(config: Callable[[], Config]) -> None:
    """Say once of each certificate that it is not valid now. Never returns."""
    told: set[Problem] = set()
    while True:
        found = set(await asyncio.to_thread(invalid_now, config()))
        for problem in sorted(found - told, key=str):
            _log.warning("%s", problem)
        told = found
        await asyncio.sleep(_LOOK_EVERY)


def invalid_now(config: Config) -> list[Problem]:
    """The certificates that a collector shows or trusts, and nobody takes today."""
    now = datetime.now(UTC)
    return [
        Problem(place, text)
        for place, file in pem_files(config)
        if not place.endswith("key_file") and (text := _trouble(file, place, now)) is not None
    ]


def _trouble(file: PemFile, place: str, now: datetime) -> str | None:
    """What is wrong with when it is valid; None also where it cannot be read, which others tell."""
    from cryptography.x509 import load_pem_x509_certificates

    try:
        found = load_pem_x509_certificates(read_file(file.path, patience=0))
    except (OSError, ValueError):
        return None
    if place.endswith("cert_file"):
        found = found[:1]  # the rest is its chain
    if any(each.not_valid_before_utc <= now <= each.not_valid_after_utc for each in found):
        return None
    last = max(found, key=lambda each: each.not_valid_after_utc)
    if (end := last.not_valid_after_utc) < now:
        return f"the certificate in {file} expired on {end:%Y-%m-%d} at {end:%H:%M} UTC"
    begin = last.not_valid_before_utc
    return f"the certificate in {file} is not valid before {begin:%Y-%m-%d}, {begin:%H:%M} UTC"
