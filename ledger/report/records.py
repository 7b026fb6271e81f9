"""The records that a report stands on: that of one collector, or those of a fleet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..account.reconciling import readable
from ..controls import ways_in
from ..journal.entries import Entry
from ..record import Record


@dataclass(frozen=True, slots=True)
class Told:
    """What one collector tells."""

    number: int  # of its record in the report, from 1
    record: Record
    entries: Sequence[Entry]  # of the journal, but for the sums in it

    def led_to(self, destination: str) -> tuple[bool, Entry | None]:
        """Whether it ever sent there, and the policy without a way there that ended it, if one did.

        True where it says nothing of its ways.
        """
        led, ended, says_nothing = False, None, True
        for entry in self.entries:
            if entry.kind == "policy" and "ways" in entry.body:
                says_nothing = False
                if any(way.destination == destination for way in ways_in(entry.body)):
                    led, ended = True, None
                elif led and ended is None:
                    ended = entry
        return led or says_nothing, ended


def told_by(records: Iterable[Record]) -> list[Told]:
    """Read the journals. Raises OSError."""
    return [
        Told(number, record, [e for e in readable(record.journal) if e.kind not in _SUMS])
        for number, record in enumerate(records, 1)
    ]


_SUMS = ("minute", "code")
