"""A ledger's account and journal that take hand-overs, by a clock that is set by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from still_clock import StillClock

from errlock.ledger.account.account import Account
from errlock.ledger.account.store import AccountStore, Row
from errlock.ledger.code.reading import CodeReader
from errlock.ledger.embedded.handover import HandOver, decoded
from errlock.ledger.embedded.taking import NOTE, Taking
from errlock.ledger.exposed import Learner
from errlock.ledger.journal.journal import Journal, read
from errlock.ledger.options import AccountOptions

NOW = 1_764_158_430.0
MINUTE = 1_764_158_400
ROW: dict[str, Any] = {
    "minute": MINUTE, "destination": "sentry", "type": "event", "service": "shop",
    "environment": "prod", "policy": "embedded:0123456789abcdef", "documents": 1, "bytes": 100,
    "first": NOW - 20, "last": NOW - 10,
}  # fmt: skip
NAME = ("sentry", "shop", "prod", "package", "django", "4.2.1", 2, NOW - 20, NOW - 10)


def handed(number: int = 1, process: str = "a", **more: Any) -> HandOver:
    """As it comes over the wire."""
    rows = more.pop("rows", [ROW])
    written = {
        "process": (process * 32)[:32], "number": number, "service": "shop", "name": "pod-7",
        "every": 60, "made": NOW, "rows": rows, **more,
    }  # fmt: skip
    return decoded(msgspec.json.encode(written))


class Book:
    """A ledger's account and journal, with a clock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = StillClock(NOW)
        self.begin()

    def begin(self, *, code: bool = True) -> None:
        self.journal = Journal(self.folder / "journal")
        self.account = Account(
            self.folder / "ledger.db", AccountOptions(), self.journal.append, self.clock.now,
            learner=Learner(CodeReader()),
        )  # fmt: skip
        self.account.write()
        notes, labels = self.account.embedded(NOTE)
        self.taking = Taking(
            self.account,
            None,
            self.journal.append,
            notes,
            labels,
            7 * 86400,
            self.clock.now,
            code=code,
        )

    def take(self, handover: HandOver) -> None:
        """Take and write."""
        done = self.taking.take(handover, "shop")
        self.clock.advance(6)
        self.account.write()
        assert done.done()

    def end(self) -> None:
        self.account.close()
        self.journal.close()

    def rows(self) -> list[Row]:
        store = AccountStore.to_read(self.folder / "ledger.db")
        rows = store.rows(0, 2**40)
        store.close()
        return rows

    def documents(self) -> int:
        return sum(row.figures.documents for row in self.rows() if not row.series.class_)

    def told(self, kind: str) -> list[dict[str, Any]]:
        return [dict(e.body) for e in read(self.folder / "journal") if e.kind == kind]
