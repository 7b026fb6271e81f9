"""How much of other processes' accounts is taken in an hour, from the holder of each token."""

from __future__ import annotations

from collections import Counter

from .handover import HandOver

_HOUR = 3600
_LATE = 300.0  # seconds after which the journal may have to be told of a minute again
# Enough for some hundred processes that were cut off for hours; too little to fill a disk.
BUDGETS = {
    "rows": 3_000_000,
    "lines": 200_000,  # distinct rows
    "values": 2_000_000,
    "names": 10_000_000,  # of code
    "different names": 50_000,
    "late minutes": 50_000,
    "losses": 1_000,  # that are told
    "processes": 1_000,  # that nobody has heard of before
    "destinations": 64,
}


class TooMuch(Exception):  # noqa: N818  an answer
    """More than there is room for now: the same may be handed over later. Says of what."""


class Budget:
    """What the holder of one token may still hand over."""

    def __init__(self) -> None:
        self._begin(0)

    def _begin(self, hour: int) -> None:
        self._hour = hour
        self._spent: Counter[str] = Counter()
        self._lines: set[int] = set()
        self._names: set[int] = set()
        self._destinations: set[str] = set()

    def pay(self, handover: HandOver, now: float, *, new: bool) -> None:
        """Take a hand-over into account; `new` is whether it is a process's first.

        Raises TooMuch when something of this hour is spent; then nothing is.
        """
        if (hour := int(now) // _HOUR) != self._hour:
            self._begin(hour)
        rows = handover.rows
        lines = {
            hash((r.minute, r.destination, r.type, r.service, r.environment, r.policy, r.class_,
                  r.form, r.detector, r.outcome, r.reason))
            for r in rows
        } - self._lines  # fmt: skip
        names = {
            hash((n.destination, n.service, n.environment, n.kind, n.name, n.detail))
            for n in handover.code
        } - self._names
        destinations = {row.destination for row in rows} | {n.destination for n in handover.code}
        destinations -= self._destinations
        price = Counter(
            {
                "rows": len(rows),
                "lines": len(lines),
                "values": sum(len(row.values) for row in rows),
                "names": len(handover.code),
                "different names": len(names),
                "late minutes": len({row.minute for row in rows if row.minute < now - _LATE}),
                "losses": int(handover.missing is not None),
                "processes": int(new),
                "destinations": len(destinations),
            }
        )
        for what, amount in price.items():
            if amount and self._spent[what] + amount > BUDGETS[what]:
                raise TooMuch(what)
        self._spent += price
        self._lines |= lines
        self._names |= names
        self._destinations |= destinations
