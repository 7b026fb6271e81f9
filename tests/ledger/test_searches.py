"""What searches leave for the journal is taken there: all of it, once."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from errlock.ledger.journal.journal import Journal, read
from errlock.ledger.search.searches import FILE, Search, Searches, leave


def search_for(values: int) -> Search:
    return Search(
        what="search", by="ann", time="2026-11-26T12:00:00Z", destination=None,
        values=values, sent=0, maybe=0,
    )  # fmt: skip


def taken(folder: Path) -> list[tuple[str, Mapping[str, Any]]]:
    entries: list[tuple[str, Mapping[str, Any]]] = []
    searches = Searches(folder, lambda kind, body: entries.append((kind, body)))
    searches.take()
    searches.take()
    return entries


def test_all_that_was_left_while_no_collector_ran_is_journaled(tmp_path: Path) -> None:
    leave(tmp_path, search_for(0))
    line = (tmp_path / FILE).read_bytes()
    count = 2 * 2**20 // len(line)
    (tmp_path / FILE).write_bytes(line * count)
    entries = taken(tmp_path)
    assert [kind for kind, _ in entries] == ["search"] * count
    assert (tmp_path / FILE).read_bytes() == b""


def test_lines_that_cannot_be_read_are_told_of_and_keep_no_other_one_back(tmp_path: Path) -> None:
    leave(tmp_path, search_for(1))
    with (tmp_path / FILE).open("ab") as file:
        file.write(b"{\n" + b"x" * 200_000 + b"\n" + b'{"what": "\xff"}\n')
    leave(tmp_path, search_for(2))
    kinds = [(kind, body.get("values")) for kind, body in taken(tmp_path)]
    assert kinds == [("search", 1), ("search", 2), ("gap", None)]


def test_what_was_journaled_before_the_disk_was_full_is_not_journaled_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal"
    journal = Journal(path)
    for values in range(3):
        leave(tmp_path, search_for(values))

    def full(file: int, data: bytes) -> int:
        if os.fstat(file).st_size:
            raise OSError(28, "No space left on device")
        return real(file, data)  # there was room for one

    real = os.write
    monkeypatch.setattr(os, "write", full)
    Searches(tmp_path, journal.append).take()
    monkeypatch.undo()
    assert [entry.body["values"] for entry in read(path)] == [0]
    Searches(tmp_path, journal.append).take()  # of a collector that was started again
    searches = [entry.body["values"] for entry in read(path) if entry.kind == "search"]
    assert searches == [0, 1, 2]
    assert (tmp_path / FILE).read_bytes() == b""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files for others")
def test_what_root_leaves_is_the_collectors_to_take(tmp_path: Path) -> None:
    os.chown(tmp_path, 4711, 4712)
    leave(tmp_path, search_for(1))
    about = (tmp_path / FILE).stat()
    assert (about.st_uid, about.st_gid, about.st_mode & 0o777) == (4711, 4712, 0o600)
