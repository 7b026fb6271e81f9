"""Where payloads wait, as a configuration says, and what the store remembers of swaps."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import msgspec

from ...delivery.clock import Clock
from ...delivery.disk.store import DiskOptions, DiskStore
from ...delivery.store import MemoryStore, Store
from ...policy.keyring.pseudonyms import key_bytes
from ..config.service import ServiceOptions

_SWAPPED = "swapped"  # a name in the store

_log = logging.getLogger("errlock.storage")


def store_of(service: ServiceOptions, clock: Clock) -> Store:
    """The store that a configuration asks for. Opens nothing."""
    if service.folder is None:
        return MemoryStore()
    key = service.encryption.key
    options = DiskOptions(
        reserve=service.storage_reserve,
        retain_delivered=service.retain_delivered,
        retain_delivered_size=service.retain_delivered_size,
        key=key_bytes(key.reveal()) if key is not None else None,
    )
    return DiskStore(service.folder, options, _log, clock.now)


async def recall_swaps(store: Store) -> dict[str, str]:
    """Which standbys people have put in whose place, by the id of the latter."""
    kept = await store.recall(_SWAPPED)
    return msgspec.json.decode(kept, type=dict[str, str]) if kept else {}


async def remember_swaps(store: Store, swapped: Mapping[str, str]) -> None:
    """Keep what `recall_swaps` gives. Raises StoreFailed."""
    await store.remember({_SWAPPED: msgspec.json.encode(swapped).decode()})
