"""The keys of pseudonyms that a destination was sent, as the journal tells of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...journal.entries import Entry
from ..counted import PseudonymKey
from .telling import time_of


@dataclass(frozen=True, slots=True)
class _Told:
    """What one record tells of a key."""

    record: int
    entry: Entry

    @property
    def destroyed(self) -> bool:
        return self.entry.body.get("did") == "destroyed"

    @property
    def epoch(self) -> tuple[str, str]:
        body = self.entry.body
        return str(body.get("keyring")), str(body.get("epoch"))

    @property
    def destination(self) -> str | None:
        """None: all of them."""
        found = self.entry.body.get("destination")
        return str(found) if found else None


def pseudonym_keys(told: Iterable[tuple[int, Entry]], destinations: set[str]) -> list[PseudonymKey]:
    """Each one that is about some destinations, or about all: made when, destroyed when.

    Of entries, in the order of time, with the number of their record: a fleet shares a keyring, or
    each collector has a copy, of which the others know nothing.
    """
    about = [_Told(record, entry) for record, entry in told if entry.kind == "key"]
    about = [each for each in about if each.destination in {None, *destinations}]
    keys = dict.fromkeys((each.epoch, each.destination) for each in about)
    return [
        _key(destination, [each for each in about if each.epoch == epoch])
        for epoch, destination in keys
    ]


def _key(destination: str | None, about: Sequence[_Told]) -> PseudonymKey:
    """A destination's key of the epoch that all of these are about."""
    made = next((e for e in about if e.destination == destination and not e.destroyed), None)
    gone: dict[int, _Told] = {}  # by record: a crash may have it told twice, the first one counts
    for each in about:
        if each.destroyed and each.destination in (None, destination):
            gone.setdefault(each.record, each)
    # Who has told of the epoch has, or had, a key of it.
    had = {e.record for e in about if destination is None or e.destination in (None, destination)}
    left = sorted(had - gone.keys()) if gone else []
    decides = list(gone.values())[-1] if gone else made
    assert decides is not None
    entry = decides.entry
    return PseudonymKey(
        epoch=decides.epoch[1],
        destination=destination,
        made_at=time_of(made.entry.time) if made else None,
        destroyed_at=time_of(entry.time) if gone and not left else None,
        left_in=left,
        by=str(entry.body["by"]) if entry.body.get("by") else None,
        why=str(entry.body["why"]) if entry.body.get("why") else None,
        record=decides.record,
        entry=entry.number,
        entry_hash=entry.hash,
    )
