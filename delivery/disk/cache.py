"""Payloads that were just stored: what is delivered at once is not read from the disk."""

from __future__ import annotations

from dataclasses import dataclass

from ..resting import AtRest


@dataclass(slots=True)
class _Kept:
    payload: AtRest
    deliveries: int  # that may still ask for it


class PayloadCache:
    """Bounded by bytes; the oldest goes first. Belongs to the event loop."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._bytes = 0
        self._kept: dict[int, _Kept] = {}

    def add(self, number: int, payload: AtRest, deliveries: int) -> None:
        """Keep a payload, if it is not too large, until so many deliveries are done."""
        if payload.memory > self._capacity or not deliveries:
            return
        self._kept[number] = _Kept(payload, deliveries)
        self._bytes += payload.memory
        while self._bytes > self._capacity:
            self.drop(next(iter(self._kept)))

    def get(self, number: int) -> AtRest | None:
        """A payload, if it is at hand."""
        found = self._kept.get(number)
        return None if found is None else found.payload

    def done(self, number: int) -> None:
        """One delivery of it has ended."""
        found = self._kept.get(number)
        if found is not None:
            found.deliveries -= 1
            if not found.deliveries:
                self.drop(number)

    def drop(self, number: int) -> None:
        """Forget a payload."""
        found = self._kept.pop(number, None)
        if found is not None:
            self._bytes -= found.payload.memory
