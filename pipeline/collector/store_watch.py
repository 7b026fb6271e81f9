"""What a collector notices about its store: that it is gone, and what nobody claims in it."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import suppress

from ...delivery.disk.store import DiskStore
from ...delivery.store import Store, StoreFailed
from ..control.status import StorageFault

_LOOK_EVERY = 1.0  # seconds

_log = logging.getLogger("errlock.storage")


class StorageWatch:
    """Notices that the queues of a running collector were deleted, or that their disk hangs."""

    def __init__(self, store: Store) -> None:
        self.gone = False
        self._store = store

    @property
    def trouble(self) -> StorageFault | None:
        """Why nothing is taken, if that is so."""
        if self.gone:
            return "gone"
        return self._store.trouble if isinstance(self._store, DiskStore) else None

    async def run(self) -> None:
        """Look each second until cancelled, and say once what is found."""
        if isinstance(self._store, DiskStore):
            # To look where the file is may hang as well.
            await asyncio.gather(self._look_at_work(self._store), self._look_for_it(self._store))

    async def _look_at_work(self, store: DiskStore) -> None:
        hung = False
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            hangs = store.trouble == "hangs"
            if hangs and not hung:
                _log.error("the disk of service.storage does not answer: who sends waits in vain")
            elif hung and not hangs:
                _log.info("the disk of service.storage answers again")
            hung = hangs

    async def _look_for_it(self, store: DiskStore) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            with suppress(OSError):  # a disk that does not answer is another matter
                gone = await asyncio.to_thread(store.is_gone)
                if gone and not self.gone:
                    _log.error(
                        "the queues were deleted or replaced in service.storage while they were in "
                        "use: what waits in them is lost when this process ends, and nothing more "
                        "is taken until errlock is started again"
                    )
                elif self.gone and not gone:
                    _log.info("the queues are back in service.storage")
                self.gone = gone


class Unclaimed:
    """What waits in the store for exporters that nobody has configured any more."""

    def __init__(self, store: Store) -> None:
        self.documents: Mapping[str, int] = {}  # by the exporter's id; from any thread
        self._store = store
        self._looking: asyncio.Task[None] | None = None

    def look(self, ids: Collection[str]) -> None:
        """Begin to count it, and log what is found: in a task, as that takes long where much waits.

        `ids` are the exporters that there are.
        """
        self.close()
        self.documents = {id_: n for id_, n in self.documents.items() if id_ not in ids}
        self._looking = asyncio.create_task(self._look(ids), name="unclaimed")

    def close(self) -> None:
        """Count no more. Idempotent, safe without look()."""
        if self._looking is not None:
            self._looking.cancel()

    async def _look(self, ids: Collection[str]) -> None:
        if not isinstance(self._store, DiskStore):
            return  # it ended with them
        try:
            queued = await self._store.queued()
        except StoreFailed as failure:
            _log.error("what waits cannot be counted: %s", failure.kind)
            return
        found: Counter[str] = Counter()
        for (id_, _), documents in queued.items():
            if id_ not in ids:
                found[id_] += documents
        for id_, documents in found.items():
            _log.warning("%d documents wait for %s, which is not configured", documents, id_)
        self.documents = found
