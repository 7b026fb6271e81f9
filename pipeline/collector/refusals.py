"""Which share of what comes in nobody can judge: above a few per cent it is the policy's fault."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from ..chain import REFUSALS
from ..counters import Counters

_ENOUGH = 20  # documents a minute, for a share to say something
# Kinds that nobody takes, such as profiles, are nobody's fault, however many an SDK sends.
_UNJUDGED = REFUSALS - {"unsupported"}


class RefusedShare:
    """The share of documents of the last minute that nobody could judge; 0 when there were few.

    Safe from every thread.
    """

    def __init__(self, counters: Counters, clock: Callable[[], float] = time.monotonic) -> None:
        self._counters = counters
        self._clock = clock
        self._lock = threading.Lock()
        # (when, documents so far, refused so far), the oldest first
        self._samples: deque[tuple[float, int, int]] = deque([(clock(), 0, 0)])

    def share(self) -> float:
        """Look at the counters, compare with a minute ago."""
        accepted = self._counters.total("receiver_accepted")
        refused = sum(
            self._counters.total("processor_dropped", reason=reason) for reason in _UNJUDGED
        )
        now = self._clock()
        with self._lock:
            self._samples.append((now, accepted + refused, refused))
            while len(self._samples) > 2 and self._samples[1][0] <= now - 60:
                self._samples.popleft()
            _, documents_then, refused_then = self._samples[0]
        documents = accepted + refused - documents_then
        return (refused - refused_then) / documents if documents >= _ENOUGH else 0.0
