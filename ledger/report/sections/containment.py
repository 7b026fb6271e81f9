"""Since when nothing more may be sent to some destinations, as the journal tells it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from ...journal.entries import Entry
from ..tallies import moment
from .telling import time_of


@dataclass(frozen=True, slots=True)
class Contained:
    """The word that began what is still in force."""

    at: float
    by: str
    entry: Entry

    @property
    def when(self) -> datetime:
        """To the second."""
        return moment(self.at)


def contained(entries: Iterable[Entry], names: set[str]) -> Contained | None:
    """The first word of those that are not taken back. None: documents may be sent.

    `names` are those under which people speak of a destination: its id, its operators.
    """
    states: dict[str, str] = {}
    found: Contained | None = None
    before = (states, found)
    for entry in entries:
        words = entry.body.get("words")
        if entry.kind != "trust" or not isinstance(words, Mapping):
            continue
        if entry.body.get("what") == "not_loosened":
            states, found = before
            continue
        said = {n: w for n, w in words.items() if n in names and isinstance(w, Mapping)}
        before = (states, found)
        states = states | {name: str(word.get("state")) for name, word in said.items()}
        if all(state == "trusted" for state in states.values()):
            found = None
        elif found is None:
            found = _contained(entry, list(said.values()))
    return found


def taken_out(entry: Entry) -> Contained:
    """By a policy that leads there no more."""
    written = time_of(entry.time)
    assert written is not None, "entries have a time"
    return Contained(written.timestamp(), "a configuration without it", entry)


def _contained(entry: Entry, words: list[Mapping[str, object]]) -> Contained:
    written = time_of(entry.time)
    assert written is not None, "entries have a time"
    said = [s for word in words if isinstance(s := word.get("since"), int | float) and s > 0]
    by = ", ".join(sorted({str(word.get("by")) for word in words if word.get("by")}))
    # A word is in force before it is written down.
    return Contained(min([written.timestamp(), *said]), by, entry)
