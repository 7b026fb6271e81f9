"""Which destinations a record knows: a name it never heard of is not one that got nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing

from .account.store import AccountStore
from .journal.finding import entries_of
from .record import Record
from .sqlite_file import OtherVersion


def known_destinations(record: Record) -> dict[str, set[str]]:
    """Those that a policy in the journal sent to, and those in the account; with who ran them at
    any time. Raises OSError.

    None where neither is there or can be read.
    """
    known: dict[str, set[str]] = {}
    for entry in entries_of(record.journal, "policy"):
        content, operators = entry.body.get("content"), entry.body.get("operators")
        exporters = content.get("exporters") if isinstance(content, Mapping) else None
        for name in exporters if isinstance(exporters, Mapping) else ():
            its = operators.get(name) if isinstance(operators, Mapping) else None
            known.setdefault(name, set()).update(its if isinstance(its, list) else ())
    try:
        with closing(AccountStore.to_read(record.account)) as store:
            for name in store.destinations():
                known.setdefault(name, set())
    except (sqlite3.Error, OtherVersion):
        pass
    return known
