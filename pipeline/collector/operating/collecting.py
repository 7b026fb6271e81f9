"""What of a collector the control API uses."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

from ....delivery.trust.book import TrustBook
from ...component import Receiver
from ...config import Config
from ...control.status import CollectorState, StorageFault
from ...fleet.fleet import Fleet
from ...graph.routes import Route
from ..drill import Drilling
from ..keyrings import KeptKeyrings
from ..purging import Destroyed
from ..reloading import Changes, Source
from ..replays import Replays
from ..store_watch import Unclaimed


class Collecting(Drilling, Protocol):
    """A collector, seen from another thread than its own."""

    state: CollectorState
    loop: asyncio.AbstractEventLoop
    fleet: Fleet
    trust: TrustBook  # what people said about destinations
    source: Source | None  # where its configuration comes from, if it may change
    replays: Replays
    keyrings: KeptKeyrings
    unclaimed: Unclaimed

    @property
    def strict(self) -> bool:
        """Whether people had the policy tightened."""

    @property
    def storage_fault(self) -> StorageFault | None:
        """Why nothing is taken that comes in, if so."""

    @property
    def receivers(self) -> Mapping[str, Receiver]:
        """By id. Their `connections` may be asked for."""

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
