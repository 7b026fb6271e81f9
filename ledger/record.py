"""Where the record of one collector lies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .journal.entries import MAX_LINE


@dataclass(frozen=True, slots=True)
class Record:
    """Its journal, its account, and the folder in which its needles are."""

    journal: Path
    account: Path

    @classmethod
    def at(cls, storage: Path) -> Record:
        """Of a storage folder, or a copy of it."""
        return cls(storage / "journal", storage / "ledger.db")

    def beginning(self) -> bytes:
        """The first line of the journal, which no other one begins with; nothing where there is
        none. Raises OSError.
        """
        if not self.journal.exists():
            return b""
        with self.journal.open("rb") as file:
            return file.readline(MAX_LINE)

    @property
    def folder(self) -> Path:
        """Where its needles are."""
        return self.journal.parent
