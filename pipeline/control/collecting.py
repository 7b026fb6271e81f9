"""What of a collector the control API uses."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

from ...delivery.clock import Clock
from ...delivery.destination import Destination
from ...delivery.standby import Lineup
from ...delivery.store import Store
from ...delivery.trust_book import TrustBook
from ...ledger.keeping import Ledger
from ..config import Config
from ..counters import Counters
from ..fleet.fleet import Fleet
from ..keyrings import KeptKeyrings
from ..purging import Destroyed
from ..reloading import Changes, Source
from ..replays import Replays
from ..routes import Gate, Route
from ..store_watch import Unclaimed
from .messages import CollectorState, StorageFault


class Collecting(Protocol):
    """A collector, seen from another thread than its own."""

    clock: Clock
    counters: Counters
    state: CollectorState
    loop: asyncio.AbstractEventLoop
    store: Store
    fleet: Fleet
    ledger: Ledger | None  # None: it keeps none
    trust: TrustBook  # what people said about destinations
    strict: bool  # whether people had the policy tightened
    source: Source | None  # where its configuration comes from, if it may change
    replays: Replays
    keyrings: KeptKeyrings
    unclaimed: Unclaimed

    @property
    def storage_fault(self) -> StorageFault | None:
        """Why nothing is taken that comes in, if so."""

    @property
    def config(self) -> Config:
        """The configuration that it runs."""

    @property
    def destinations(self) -> Mapping[str, Destination]:
        """By id. Their `status` may be asked for from other threads."""

    @property
    def lineup(self) -> Lineup:
        """Which destinations get what comes in."""

    @property
    def gate(self) -> Gate:
        """What passes it is waited for by a reload."""

    @property
    def routes(self) -> Mapping[str, Route]:
        """By the pipeline's id."""

    async def waits(self, destination: str) -> tuple[int, int]:
        """How many documents and bytes a purge would destroy."""

    async def purge(self, destination: str) -> Destroyed:
        """Destroy what waits for a destination, and say how much that was."""

    async def reload(self, config: Config) -> Changes:
        """Run another configuration."""

    async def tighten(self, by: str, why: str) -> None:
        """Judge everything by the strict profile too."""

    async def relax(self, by: str, why: str) -> None:
        """Go back to the policy as it is configured."""

    def refused_share(self) -> tuple[float, bool]:
        """The share of the last minute's documents nobody could judge, and whether it is bad."""
