"""Destroying what waits for destinations, and the true count of it."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from ...delivery.destination import Destination
from ...delivery.disk.store import DiskStore
from ...delivery.store import Record, Store

_log = logging.getLogger("errlock.purge")


@dataclass(frozen=True, slots=True)
class Destroyed:
    """What a purge destroyed of what waited."""

    documents: int
    bytes: int
    complete: bool  # False: traces of it are still in the WAL, because somebody kept reading


class Purges:
    """Belongs to the collector's event loop."""

    def __init__(self, store: Store) -> None:
        self._store = store
        # What purges that failed took out of the queues, and may have left on the disk: by the
        # destination and the record's number.
        self._left: defaultdict[str, dict[int, Record]] = defaultdict(dict)

    def waits(self, destination: Destination) -> tuple[int, int]:
        """How many documents and bytes `purge` would destroy."""
        waiting = {record.number: record for record in destination.waiting()}
        return _amount((self._left[destination.id] | waiting).values())

    async def purge(self, destination: Destination) -> Destroyed:
        """Destroy for good what waits, what was kept after its delivery, and what earlier purges
        failed to destroy. Raises StoreFailed when some of it may still be there.
        """
        left = self._left[destination.id]
        left |= {record.number: record for record in await destination.purge()}
        complete = True
        if isinstance(self._store, DiskStore):
            complete = (await self._store.purge(destination.id)).complete
        if not complete:
            _log.error("somebody reads queue.db: what was purged is still in its WAL")
        del self._left[destination.id]
        return Destroyed(*_amount(left.values()), complete)


def _amount(records: Iterable[Record]) -> tuple[int, int]:
    each = list(records)
    return sum(record.documents for record in each), sum(record.size for record in each)
