"""Which destinations a record knows: a name it never heard of is not one that got nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing

from .account.store import AccountStore, OtherVersion
from .journal.finding import entries_of
from .record import Record


def known_destinations(record: Record) -> set[str]:
    """Those that a policy in the journal sent to, and those in the account. Raises OSError.

    None where neither is there or can be read.
    """
    known: set[str] = set()
    for entry in entries_of(record.journal, "policy"):
        content = entry.body.get("content")
        exporters = content.get("exporters") if isinstance(content, Mapping) else None
        known.update(exporters if isinstance(exporters, Mapping) else ())
    try:
        with closing(AccountStore.to_read(record.account)) as store:
            known |= store.destinations()
    except (sqlite3.Error, OtherVersion):
        pass
    return known
