"""Which destinations get what comes in: each its own, or another one that stands in for it.

A standby gets nothing until the destination that it stands by for is distrusted, was swapped for
it by a person, or, only where its configuration says so, has been down for long.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from .clock import Clock
    from .destination import Destination

Cause = Literal["swapped", "distrusted", "down"]


@dataclass(frozen=True, slots=True)
class Standby:
    """What a configuration says about a destination that stands by."""

    primary: str  # the id of the destination that it can take over from
    failover_after: float = 0.0  # seconds that the other one must have been down; 0: never


@dataclass(frozen=True, slots=True)
class StandIn:
    """A destination that gets what another one would have got, and why."""

    id: str
    cause: Cause


# Told of a destination that is down, who gets its documents now, and who did: None is itself.
FailoverTold = Callable[[str, str | None, str | None], object]


class Shares:
    """Standbys that get a share of what comes in as well, for as long as they are rehearsed."""

    def __init__(self) -> None:
        self._shares: dict[str, float] = {}
        self._owed: dict[str, float] = {}  # what a share has added up to, in payloads

    @contextmanager
    def given(self, standby: str, share: float) -> Iterator[None]:
        """In this block a standby gets its share."""
        self._shares[standby] = share
        try:
            yield
        finally:
            self._shares.pop(standby, None)

    def due(self, ids: Collection[str]) -> set[str]:
        """Those of `ids` that get this payload too: of each share the first one does."""
        return {id_ for id_ in self._shares if id_ in ids and self._is_due(id_)}

    def _is_due(self, standby: str) -> bool:
        owed = self._owed.get(standby, 1.0)
        due = owed >= 1.0
        self._owed[standby] = owed - due + self._shares[standby]
        return due


class Lineup:
    """Decides anew for each payload; belongs to one event loop."""

    def __init__(
        self,
        destinations: Mapping[str, Destination],
        standbys: Mapping[str, Standby],
        clock: Clock,
    ) -> None:
        self._destinations = destinations
        self._standbys = standbys
        self._clock = clock
        # What people swapped: a destination and the standby that gets its documents.
        self.swapped: dict[str, str] = {}
        self.shares = Shares()
        # Destinations that are down, and who gets their documents without anybody having said so.
        self.failed_over: dict[str, str] = {}
        self.told: FailoverTold | None = None

    def takers(self, ids: Collection[str]) -> frozenset[str]:
        """Of a route's destinations those that get what comes in now."""
        # One whose other one has no part in a route is there in its own right.
        own = [
            id_ for id_ in ids
            if id_ not in self._standbys or self._standbys[id_].primary not in ids
        ]  # fmt: skip
        takers = {self._taker(id_, ids) for id_ in own}
        return frozenset(takers | self.shares.due(ids))

    def _taker(self, primary: str, ids: Collection[str]) -> str:
        found = self.stand_in(primary, ids)
        now = found.id if found is not None and found.cause == "down" else None
        before = self.failed_over.get(primary)
        if now != before:
            self.failed_over.pop(primary, None)
            if now is not None:
                self.failed_over[primary] = now
            if self.told is not None:
                self.told(primary, now, before)
        return primary if found is None else found.id

    def stand_in(self, primary: str, ids: Collection[str]) -> StandIn | None:
        """Who gets what `primary` would have got; None: itself.

        One that nobody can stand in for keeps its documents in its queue.
        """
        candidates = [id_ for id_ in self._of(primary) if id_ in ids]
        swapped = self.swapped.get(primary)
        if swapped in candidates:
            return self._usable([swapped], ids, "swapped") or StandIn(swapped, "swapped")
        if self._destinations[primary].trust == "distrusted":
            return self._usable(candidates, ids, "distrusted")
        down = self._destinations[primary].down_for(self._clock.now())
        patient = [self._standbys[id_].failover_after for id_ in candidates]
        return self._usable(
            [id_ for id_, after in zip(candidates, patient, strict=True) if 0 < after <= down],
            ids,
            "down",
        )

    def _usable(
        self, candidates: Collection[str], ids: Collection[str], cause: Cause
    ) -> StandIn | None:
        """The first of them that may be sent to, or the first that has a stand-in of its own."""
        for id_ in candidates:
            if self._destinations[id_].trust == "trusted":
                return StandIn(id_, cause)
        for id_ in candidates:
            if (found := self.stand_in(id_, ids)) is not None:
                return StandIn(found.id, cause)
        return None

    def _of(self, primary: str) -> list[str]:
        return [id_ for id_, standby in self._standbys.items() if standby.primary == primary]
