"""What people can tell a collector to do, whoever carries their words."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from importlib.metadata import version
from typing import Protocol

from ...delivery.destination import Destination
from ..config import Config
from ..counters import Counters
from .messages import CollectorState, DestinationStatus, RouteStatus, Status
from .rates import Rates

_SAMPLE_EVERY = 5.0  # seconds


class Refused(Exception):  # noqa: N818  an answer to who asks, not a fault of ours
    """Something is not done. `status` is HTTP's, `kind` a word for programs.

    The text is a sentence that holds ids of the configuration at most.
    """

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind


class Operations(Protocol):
    """What the control API carries out. Its methods are called on the API's own event loop."""

    async def sample(self) -> None:
        """Look at the counters from time to time, for ever: rates are known whoever asks."""

    def status(self) -> Status:
        """How everything is, right now. Never waits for the pipeline."""


class Collecting(Protocol):
    """What of a collector may be looked at from another thread than its own."""

    counters: Counters
    state: CollectorState

    @property
    def config(self) -> Config:
        """The configuration that it runs."""

    @property
    def destinations(self) -> Mapping[str, Destination]:
        """By id."""

    def refused_share(self) -> tuple[float, bool]:
        """The share of the last minute's documents nobody could judge, and whether it is bad."""


class CollectorOperations:
    """Operations on a collector in this process."""

    def __init__(self, collector: Collecting) -> None:
        self._collector = collector
        self._started = time.time()
        self._rates = Rates(collector.counters)

    async def sample(self) -> None:
        """See `Operations.sample`."""
        while True:
            self._rates.sample()
            await asyncio.sleep(_SAMPLE_EVERY)

    def status(self) -> Status:
        """See `Operations.status`."""
        collector = self._collector
        share, degraded = collector.refused_share()
        config = collector.config
        return Status(
            version=version("errlock"),
            state=collector.state,
            degraded=degraded,
            refused_share=round(share, 4),
            started=self._started,
            routes=[
                RouteStatus(
                    id=id_,
                    receivers=list(pipeline.receivers),
                    processors=list(pipeline.processors),
                    exporters=list(pipeline.exporters),
                )
                for id_, pipeline in config.service.pipelines.items()
            ],
            destinations=[self._destination(id_) for id_ in collector.destinations],
        )

    def _destination(self, id_: str) -> DestinationStatus:
        status = self._collector.destinations[id_].status()
        options = self._collector.config.exporters[id_]
        return DestinationStatus(
            id=id_,
            operators=sorted(options.operators),
            standby_for=options.standby_for,
            health=status.health,
            queued_documents=status.queued_documents,
            queued_bytes=status.queued_bytes,
            capacity_bytes=int(status.capacity_bytes),
            oldest_age=round(status.oldest_age, 3),
            accepted_per_second=self._rates.of("exporter_offered", id_),
            delivered_per_second=self._rates.of("exporter_sent", id_),
            last_error=status.last_error,
        )
