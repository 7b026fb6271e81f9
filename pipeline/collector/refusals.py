"""Which share of what comes in nobody can judge: above a few per cent it is the policy's fault."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable

from ..chain import REFUSALS
from ..counters import Counters
from ..last_minute import LastMinute

_ENOUGH = 20  # documents a minute, for a share to say something
_BAD = 0.05  # above this share something is wrong with the policy, not with the data
_LOOK_EVERY = 5.0  # seconds
# Kinds that nobody takes, such as profiles, are nobody's fault, however many an SDK sends.
_UNJUDGED = REFUSALS - {"unsupported"}

_log = logging.getLogger("errlock.collector")


class RefusedShare:
    """The share of documents of the last minute that nobody could judge; 0 when there were few.

    Safe from every thread.
    """

    def __init__(self, counters: Counters, clock: Callable[[], float] = time.monotonic) -> None:
        self._counters = counters
        self._lock = threading.Lock()
        self._counted = LastMinute((0, 0), clock)  # documents so far, refused so far

    def share(self) -> float:
        """Look at the counters, compare with a minute ago."""
        accepted = self._counters.total("receiver_accepted")
        refused = sum(
            self._counters.total("processor_dropped", reason=reason) for reason in _UNJUDGED
        )
        with self._lock:
            self._counted.add((accepted + refused, refused))
            (documents_then, refused_then), (documents_now, _) = self._counted.ends
        documents = documents_now - documents_then
        return (refused - refused_then) / documents if documents >= _ENOUGH else 0.0

    def verdict(self) -> tuple[float, bool]:
        """The share, and whether it is bad."""
        share = self.share()
        return share, share > _BAD

    async def watch(self) -> None:
        """Look, so that a minute ago is known whoever asks; say once when it gets bad.

        Never returns.
        """
        was_bad = False
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            _, is_bad = self.verdict()
            if is_bad and not was_bad:
                _log.error("more than 5 % of the last minute's documents could not be judged")
            was_bad = is_bad
