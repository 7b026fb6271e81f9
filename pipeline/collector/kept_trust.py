"""What people say about trust, put in force in destinations and kept where the store is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from ...delivery.destination import Destination
from ...delivery.disk.folder import StorageError
from ...delivery.store import Store, StoreFailed
from ...delivery.trust.book import TrustBook
from ...delivery.trust.file import TrustFile, TrustFileFailed, is_same
from ...delivery.trust.operators import canonical, registrable_domain
from ...delivery.trust.states import UNSAID, Trust
from ..config.service import ServiceOptions

if TYPE_CHECKING:
    from ...ledger.keeping import Ledger
    from ..graph.graph import Graph

_TRUST = "trust"  # the file, and what its generation is remembered by in the store
# What the store has besides: which file it is, and what the journal was found to lack.
_FILE, _LACKS = "trust file", "journal lacks"
_UNKNOWN = "who was distrusted after it was made is not known"

_log = logging.getLogger("errlock.storage")


class KeptTrust:
    """Trust of one collector: its book, its file, and the destinations that obey."""

    def __init__(
        self, service: ServiceOptions, graph: Graph, store: Store, ledger: Ledger | None
    ) -> None:
        """Opens nothing."""
        folder = service.folder
        self._file = TrustFile(folder / _TRUST) if folder is not None else None
        self._folder = folder
        self._graphs: tuple[Graph, ...] = (graph,)
        self._store = store
        self._ledger = ledger
        self._remembering: set[asyncio.Task[None]] = set()
        self._watch: asyncio.Task[None] | None = None
        self._is_known = False  # who is trusted
        self.book = TrustBook(
            self._file,
            _operators_in(self._graphs),
            log=logging.getLogger("errlock.trust"),
            journal=None if ledger is None else lambda _, body: ledger.write("trust", body),
            remember=self._remember,
        )

    def prepare(self) -> None:
        """Make the file if this is the first start. Comes before anything else in the folder.

        Raises StorageError when there is no room for it: the next start must find a new folder.
        """
        if self._file is not None and self._folder is not None:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                self._file.create_if_new()
            except TrustFileFailed as failed:  # else it is found missing, and everything is held
                if failed.kind == "full":
                    raise StorageError(self._folder / _TRUST, "cannot be made (full)") from None

    async def open(self) -> None:
        """Put in force what was said, before any destination starts. The store is open."""
        remembered = await self._store.recall(_TRUST)
        doubt = await self._doubt()
        if doubt is not None and self._ledger is not None:
            await asyncio.to_thread(self._ledger.record, "gap", {"what": doubt})
        journaled = await asyncio.to_thread(self._journaled)
        await self.book.open(int(remembered) if remembered else None, journaled, doubt)
        self._is_known = True
        if await self._store.recall(_FILE) is None and remembered:  # by an older errlock
            await self._keep(int(remembered))
        self.book.subscribe(self._tell)
        self.book.subscribe_abort(self._abort)
        self._watch = asyncio.create_task(self.book.watch(), name="trust watch")

    async def close(self) -> None:
        """Obey nobody any more: nothing is sent. Write nothing more."""
        if self._watch is not None:
            self._watch.cancel()
        self.book.close()
        await asyncio.gather(*self._remembering)

    def may_tell(self, host: str) -> bool:
        """Whether what errlock tells of itself may go to a host. From any thread.

        Not before it is known who is trusted, and not where something distrusted is.
        """
        named = self.book.said().names.get(registrable_domain(host), UNSAID)
        if not self._is_known or named.state == "distrusted":
            return False
        return not any(
            canonical(host) == canonical(each)
            for graph in self._graphs
            for id_ in graph.destinations
            if self.book.of(id_).state == "distrusted"
            for each in graph.config.exporters[id_].component.hosts()
        )

    def rule(self, *graphs: Graph) -> None:
        """Have the destinations of these graphs obey: during a reload, both the old and the new."""
        self._graphs = graphs
        self.book.reload(_operators_in(graphs))

    async def _doubt(self) -> str | None:
        """Why the file may lack words although it is the one that the store remembers: the whole
        folder, with both, may be an old copy. None: there is no sign of that.
        """
        lacks = None if self._ledger is None else self._ledger.lacks
        if lacks is not None and lacks != await self._store.recall(_LACKS):
            return f"the journal is older than a head of it that was kept elsewhere: {_UNKNOWN}"
        here, kept = await self._identity(), await self._store.recall(_FILE)
        if here and kept and not is_same(here, kept):
            return f"the storage folder is a copy of one: {_UNKNOWN}"
        return None

    async def _identity(self) -> str:
        """Which file it is; empty where there is none that could be looked at."""
        if self._file is not None:
            with suppress(TrustFileFailed):
                return await asyncio.to_thread(self._file.identity)
        return ""

    def _journaled(self) -> Mapping[str, Trust]:
        """The words of the newest entry of the journal that has any."""
        newest = self._ledger.newest("trust") if self._ledger is not None else None
        try:
            return msgspec.convert(newest.body["words"] if newest else {}, dict[str, Trust])
        except (KeyError, msgspec.ValidationError):  # it was edited: for `verify` to find
            return {}

    def _tell(self, id_: str, trust: Trust) -> None:
        for destination in self._named(id_):
            destination.set_trust(trust.state, trust.since)

    def _abort(self, id_: str) -> None:
        """From any thread."""
        for destination in self._named(id_):
            destination.abort()

    def _named(self, id_: str) -> list[Destination]:
        return [graph.destinations[id_] for graph in self._graphs if id_ in graph.destinations]

    def _remember(self, generation: int) -> None:
        task = asyncio.get_running_loop().create_task(self._keep(generation))
        self._remembering.add(task)
        task.add_done_callback(self._remembering.discard)

    async def _keep(self, generation: int) -> None:
        try:
            lacks = (self._ledger is not None and self._ledger.lacks) or ""
            await self._store.remember(
                {_TRUST: str(generation), _FILE: await self._identity(), _LACKS: lacks}
            )
        except StoreFailed as failure:  # the file has it; only an older file would not be noticed
            _log.error("which generation the file of trust has is not kept: %s", failure.kind)


def _operators_in(graphs: Iterable[Graph]) -> dict[str, set[str]]:
    """Who runs each destination, by its id."""
    found: dict[str, set[str]] = {}
    for graph in graphs:
        for id_ in graph.destinations:
            found.setdefault(id_, set()).update(graph.config.exporters[id_].operators)
    return found
