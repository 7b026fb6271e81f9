"""`purge_on_full_disk.py FOLDER`: a collector whose storage, FOLDER/data, is on a small disk of its
own, and a purge when that is full.

Exits 0 when everything was as it should be.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from live_errlock import CONFIG
from live_operators import Controlled, running_controlled
from waiting import wait_for

from errlock.ledger.journal.journal import read

_DOCUMENTS = 20
_FAILED = (
    "errlock purge: what waited is not sent any more, and may still be on the disk (full): "
    "purge again\n"
)


def fill(data: Path) -> Path:
    """Take all room that is left, once nothing is in the WAL: what is there is used again."""
    with closing(sqlite3.connect(data / "queue.db")) as database:
        assert database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
    filler = data / "filler"
    with filler.open("ab", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            try:
                while file.write(bytes(size)):
                    pass
            except OSError:
                continue
    assert os.statvfs(data).f_bavail == 0
    return filler


def rows(data: Path) -> int:
    """How many deliveries to the destination are on the disk."""
    with closing(sqlite3.connect(f"file:{data}/queue.db?mode=ro", uri=True)) as database:
        counted = database.execute("SELECT count(*) FROM deliveries WHERE destination = 'file'")
        found: int = counted.fetchone()[0]
        return found


def purges(collector: Controlled, data: Path) -> None:
    """Purge again and again until there is room."""
    collector.command("hold", "file")
    for _ in range(_DOCUMENTS):
        collector.send()
    filler = fill(data)
    for _ in range(3):
        purged = collector.command("purge", "file", "--yes")
        assert (purged.returncode, purged.stdout, purged.stderr) == (1, "", _FAILED), purged
        assert rows(data) == _DOCUMENTS
    asked = collector.ask("/v1/purge", {"destination": "file"}).json
    assert (asked["done"], asked["documents"]) == (False, _DOCUMENTS), asked
    take_away_and_give_back(collector)
    filler.unlink()
    assert collector.command("resume", "file").returncode == 0
    purged = collector.command("purge", "file", "--yes")
    assert purged.returncode == 0, purged
    assert purged.stdout.startswith(f"file: {_DOCUMENTS} documents destroyed ("), purged
    assert rows(data) == 0
    last = [each.body for each in read(data / "journal") if each.kind == "purge"][-1]
    assert (last["state"], last["documents"]) == ("done", _DOCUMENTS), last
    again = collector.command("purge", "file", "--yes")
    assert again.stdout.startswith("file: 0 documents destroyed ("), again
    wait_for(lambda: collector.ask("/v1/status").json["storage_fault"] is None)
    collector.wait_until_stored("out.jsonl", after := collector.send())
    assert collector.stored("out.jsonl") == [after], "what was purged was sent"


def status(collector: Controlled) -> list[dict[str, Any]]:
    """How its destinations are."""
    found: list[dict[str, Any]] = collector.ask("/v1/status").json["destinations"]
    return found


def take_away_and_give_back(collector: Controlled) -> None:
    """Have reloads exchange the destination for one that knows only what is on the disk."""
    path = collector.folder / CONFIG
    with_it = path.read_text()
    without = json.loads(with_it)
    del without["incident"]
    without["exporters"] = {"debug": {}}
    without["service"]["pipelines"]["errors"]["exporters"] = ["debug"]
    for config in (json.dumps(without), with_it):
        path.write_text(config)
        reloaded = collector.command("reload")
        assert reloaded.returncode == 0, reloaded
    waits = {each["id"]: each["queued_documents"] for each in status(collector)}
    assert waits == {"file": 0, "file/standby": 0}, waits


def main(folder: Path) -> None:
    """Run it."""
    with running_controlled(folder, storage_reserve=0) as collector:
        purges(collector, folder / "data")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
