"""`trust_on_full_disk.py FOLDER`: a collector whose storage, FOLDER/data, is on a small disk of its
own, and what people say of trust when that is full.

Exits 0 when everything was as it should be.
"""

from __future__ import annotations

import sys
from pathlib import Path

from live_operators import Controlled, running_controlled
from purge_on_full_disk import fill

from errlock.ledger.journal.journal import read

_NOT_JOURNALED = (
    "it is in force, but the journal could not be written: a gap will stand there for it\n"
)
_REFUSED = "errlock trust: it could not be written down (journal): nothing changed\n"


def state(collector: Controlled) -> str:
    """Of the destination."""
    destinations = collector.ask("/v1/status").json["destinations"]
    return str(next(each["trust"]["state"] for each in destinations if each["id"] == "file"))


def says(collector: Controlled, data: Path) -> None:
    """Distrust until there is no room in the last page of the journal either, then try to trust."""
    filler = fill(data)
    for _ in range(8):
        told = collector.command("distrust", "file", "--why", "b" * 500)
        if told.returncode:
            break
    assert (told.returncode, told.stdout, told.stderr) == (1, "file: distrusted\n", _NOT_JOURNALED)
    entries = len(list(read(data / "journal")))
    refused = collector.command("trust", "file", "--yes", "--why", "m" * 990)
    assert (refused.returncode, refused.stdout, refused.stderr) == (1, "", _REFUSED), refused
    assert state(collector) == "distrusted"
    assert len(list(read(data / "journal"))) == entries
    filler.unlink()
    assert collector.command("trust", "file", "--yes", "--why", "mended").returncode == 0
    assert state(collector) == "trusted"
    last = [entry.kind for entry in read(data / "journal") if entry.kind in ("gap", "trust")]
    assert last[-2:] == ["gap", "trust"], last


def main(folder: Path) -> None:
    """Run it."""
    with running_controlled(folder, storage_reserve=0) as collector:
        says(collector, folder / "data")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
