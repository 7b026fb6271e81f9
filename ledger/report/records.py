"""The records that a report stands on: that of one collector, or those of a fleet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..account.reconciling import readable
from ..controls import ways_in
from ..journal.ending import unsaid_end
from ..journal.entries import Entry
from ..record import Record


@dataclass(frozen=True, slots=True)
class Told:
    """What one collector tells."""

    number: int  # of its record in the report, from 1
    record: Record
    entries: Sequence[Entry]  # of the journal, but for the sums in it
    unsaid_end: Entry | None  # the last one, where no collector runs and none said that it ended

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


def told_by(records: Iterable[Record], runs: Callable[[Path], bool]) -> list[Told]:
    """Read the journals; `runs` says whether a collector has a folder now. Raises OSError."""
    return [
        Told(
            number,
            record,
            [each for each in readable(record.journal) if each.kind not in _SUMS],
            unsaid_end(record.journal, runs=runs(record.folder)),
        )
        for number, record in enumerate(records, 1)
    ]


_SUMS = ("minute", "code")
