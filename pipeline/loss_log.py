"""Records of documents that nobody could judge: kind, size, reason and a keyed digest, no value."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from .payloads.document import Loss

# So many records a minute; an error storm of broken documents must not become a log storm.
PER_MINUTE = 20


class LossLog:
    """Writes a record for each loss, within a bound; says how many it left out."""

    def __init__(self, log: logging.Logger, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._clock = clock
        self._minute = float("-inf")
        self._written = 0
        self._left_out = 0

    def add(self, loss: Loss) -> None:
        """Record a loss."""
        if self._clock() - self._minute >= 60:
            if self._left_out:
                self._log.info("and %d more documents were refused", self._left_out)
            self._minute, self._written, self._left_out = self._clock(), 0, 0
        if self._written >= PER_MINUTE:
            self._left_out += 1
            return
        self._written += 1
        self._log.info(
            "%s refused a document: %s, %s, %d bytes, digest %s",
            loss.by or "the chain", loss.type, loss.reason, loss.size, loss.digest or "none",
        )  # fmt: skip
