"""Rate limits of Sentry's data categories, as a destination announces them.

Source: https://develop.sentry.dev/sdk/foundations/transport/rate-limiting/
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from time import monotonic

from ..pipeline.payloads.document import DocumentType
from .http import Answer, retry_after

CATEGORIES: Mapping[DocumentType, str] = {
    "event": "error",
    "transaction": "transaction",
    "span": "span",
    "log": "log_item",
    "metric": "trace_metric",
    "check_in": "monitor",
    "feedback": "feedback",
    "user_report": "feedback",
    "raw_security": "security",
    "session": "session",
    "sessions": "session",
    "attachment": "attachment",
    "client_report": "internal",
}
# Of these kinds Sentry limits the size as well, under another name.
_SIZES = {"log_byte": "log_item", "trace_metric_byte": "trace_metric"}
_DEFAULT = 60.0  # seconds, when a 429 says nothing
_LONGEST = 7 * 86400.0
_ALL = ""


class RateLimits:
    """What one DSN may not be sent at the moment."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._until: dict[str, float] = {}

    def learn(self, answer: Answer) -> None:
        """Take note of the limits in an answer, whatever its status. A longer limit stays."""
        header = answer.headers.get("X-Sentry-Rate-Limits")
        if header is not None:
            for limit in header.split(","):
                self._learn_one(limit.strip())
        elif answer.status == 429:
            wait = retry_after(answer.headers)
            self._limit(_ALL, _DEFAULT if wait is None else wait)

    def wait(self, type_: DocumentType) -> float:
        """Seconds until documents of this type may be sent: 0 when they may be now."""
        until = max(self._until.get(CATEGORIES.get(type_, _ALL), 0.0), self._until.get(_ALL, 0.0))
        return max(0.0, until - self._clock())

    def _learn_one(self, limit: str) -> None:
        """`seconds:categories:scope:reason:…`; no categories means all."""
        seconds, _, rest = limit.partition(":")
        try:
            wait = float(seconds)
        except ValueError:
            return
        if math.isfinite(wait):
            for category in rest.partition(":")[0].split(";"):
                self._limit(category.strip(), wait)

    def _limit(self, category: str, wait: float) -> None:
        category = _SIZES.get(category, category)
        if category == _ALL or category in CATEGORIES.values():
            until = self._clock() + min(max(wait, 0.0), _LONGEST)
            self._until[category] = max(self._until.get(category, 0.0), until)
