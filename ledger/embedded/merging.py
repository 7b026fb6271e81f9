"""Merges what embedded pipelines kept in folders into the account of a storage folder."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...pipeline.errors import UNREADABLE
from ..keeping import Ledger
from .budgets import TooMuch
from .handover import SUFFIX, HandOver, decoded

_MOST = 16 << 20  # bytes of a file


@dataclass(slots=True)
class Merged:
    """What came of it, in files."""

    taken: int = 0
    unreadable: list[Path] = field(default_factory=list)
    left: int = 0  # for another time: there were too many at once
    processes: set[str] = field(default_factory=set)


async def merge(ledger: Ledger, policy: Mapping[str, Any], folders: Iterable[Path]) -> Merged:
    """Book all hand-overs in folders, and remove their files once they are on disk.

    The ledger is opened and closed. Raises OSError: JournalFailed while a collector has it.
    """
    await ledger.open(policy)
    ledger.send_heads()
    try:
        return await _merge(ledger, folders)
    finally:
        await ledger.close()


async def _merge(ledger: Ledger, folders: Iterable[Path]) -> Merged:
    merged = Merged()
    waiting: list[tuple[Path, Future[None]]] = []
    for path in sorted(path for folder in folders for path in folder.glob(f"*{SUFFIX}")):
        handover = _read(path)
        if handover is None:
            merged.unreadable.append(path)
            continue
        try:
            done = await asyncio.to_thread(ledger.taking.take_kept, handover)
        except TooMuch:
            merged.left += 1
            continue
        waiting.append((path, done))
        merged.processes.add(handover.process)
    await asyncio.to_thread(ledger.taking.look, 0.0)
    for path, done in waiting:
        await asyncio.wrap_future(done)
        path.unlink()
        merged.taken += 1
    return merged


def _read(path: Path) -> HandOver | None:
    with path.open("rb") as file:
        data = file.read(_MOST)
    try:
        return decoded(data)
    except UNREADABLE:
        return None
