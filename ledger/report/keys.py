"""The keys of pseudonyms that a destination was sent, as the journal tells of them."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ..journal.entries import Entry
from .counted import PseudonymKey
from .telling import time_of


def pseudonym_keys(told: Iterable[tuple[int, Entry]], destinations: set[str]) -> list[PseudonymKey]:
    """Each one that is about some destinations, or about all: made when, destroyed when.

    Of entries, in the order of time, with the number of their record: a fleet shares a keyring.
    """
    found: dict[tuple[str, str, str], PseudonymKey] = {}
    for record, entry in told:
        body = entry.body
        destination = body.get("destination")
        if entry.kind != "key" or (destination and destination not in destinations):
            continue
        key = (str(body.get("keyring")), str(destination or ""), str(body.get("epoch")))
        known = found.get(key)
        one = PseudonymKey(
            epoch=key[2],
            destination=str(destination) if destination else None,
            made_at=known.made_at if known else None,
            destroyed_at=known.destroyed_at if known else None,
            by=str(body["by"]) if body.get("by") else None,
            why=str(body["why"]) if body.get("why") else None,
            record=record,
            entry=entry.number,
            entry_hash=entry.hash,
        )
        what = "destroyed_at" if body.get("did") == "destroyed" else "made_at"
        # A crash may have told it twice, and each collector does: the first time counts.
        if getattr(one, what) is None:
            found[key] = msgspec.structs.replace(one, **{what: time_of(entry.time)})
    return list(found.values())
