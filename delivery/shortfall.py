"""Says in the log that a destination is not given all that is for it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping

from ..pipeline.errors import DropReason
from ..pipeline.host.seldom import Seldom
from .store import Booking

# What somebody has to mend; of others nothing is wrong, or the log has it already.
_WHY: Mapping[DropReason, str] = {
    "expired": "they waited longer than sending_queue.max_age",
    "invalid": "it refused them for good",
    "queue_full": "its queue is full",
    "retries_exhausted": "they could not be delivered in time",
    "unroutable": "their project, or their signal, has no home there",
}


class Shortfall:
    """Of each reason at most one line a minute: the counters and `errlock status` have the rest."""

    def __init__(self, destination: str, log: logging.Logger) -> None:
        self._id = destination
        self._log = log
        self._seldom = Seldom()

    def tell(self, bookings: Iterable[Booking]) -> None:
        """Tell of what was dropped, if anybody has to know."""
        for reason in {line.reason for line in bookings if line.reason in _WHY}:
            assert reason is not None
            if self._seldom.is_due(reason):
                self._log.error(
                    "%s does not get all documents, they are lost (%s): %s",
                    self._id, reason, _WHY[reason],
                )  # fmt: skip
