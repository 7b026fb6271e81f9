"""The bytes of requests in flight, and their bound."""

from __future__ import annotations

from types import TracebackType

from ..pipeline.errors import RefusedPayload


class Budget:
    """Bounds the bytes of all bodies that are read or being worked on at one time."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0

    def hold(self) -> Held:
        """A share of the budget, given back at the end of the `with` block."""
        return Held(self)


class Held:
    """What one request holds of a budget."""

    __slots__ = ("_budget", "_size")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._size = 0

    def take(self, size: int) -> None:
        """Hold more. Raises RefusedPayload (429, `busy`; 413, `too_large`) without room for it."""
        if self._size + size > self._budget.limit:  # nor would there be any later
            raise too_large(self._budget.limit)
        if self._budget.used + size > self._budget.limit:
            raise RefusedPayload(429, "busy", "too many bytes in flight")
        self._budget.used += size
        self._size += size

    def __enter__(self) -> Held:
        return self

    def __exit__(
        self,
        type_: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._budget.used -= self._size
        self._size = 0


def too_large(limit: int) -> RefusedPayload:
    """What to answer to a body that there is never room for."""
    return RefusedPayload(413, "too_large", f"the body has more than {limit} bytes")
