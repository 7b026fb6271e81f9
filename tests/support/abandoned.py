"""What keeps a file of the ledger, left as a crash leaves it."""

from __future__ import annotations

from errlock.ledger.account.account import Account
from errlock.ledger.needles.needles import Needles


def abandon(keeper: Account | Needles) -> None:
    """Let its file go, if it has one open; what waits is not written."""
    store, keeper._store = keeper._store, None
    if store is not None:
        store.close()
