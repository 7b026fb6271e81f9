"""A storage folder that was put back from a backup, with who was trusted then."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from live_operators import Controlled, running_controlled

from errlock.ledger.journal.journal import read

COPY = "the storage folder is a copy of one: "
OLDER = "the journal is older than a head of it that was kept elsewhere: "
UNKNOWN = "who was distrusted after it was made is not known"


def anew(data: Path, backup: Path) -> None:
    shutil.rmtree(data)
    shutil.copytree(backup, data)


def in_place(data: Path, backup: Path) -> None:
    """As a volume, or a machine, that is put back to a snapshot: the files are the same."""
    for file in data.iterdir():
        if not (backup / file.name).exists():
            file.unlink()
    for file in backup.iterdir():
        (data / file.name).write_bytes(file.read_bytes())


def trust_of(collector: Controlled) -> tuple[str, str, str]:
    found = collector.ask("/v1/status").json["destinations"]
    trust = next(each["trust"] for each in found if each["id"] == "file")
    return trust["state"], trust["by"], trust["why"]


@pytest.mark.parametrize(
    ("put_back", "service", "doubt"),
    [
        (anew, {}, COPY),
        (in_place, {"ledger": {"journal": {"heads": {"file": "heads"}}}}, OLDER),
    ],
    ids=["a copy", "a snapshot"],
)
def test_a_folder_that_was_put_back_holds_everything_until_somebody_says_whom_they_trust(
    tmp_path: Path, put_back: Callable[[Path, Path], None], service: dict[str, Any], doubt: str
) -> None:
    with running_controlled(tmp_path, **service):
        pass
    shutil.copytree(tmp_path / "data", tmp_path / "backup")
    with running_controlled(tmp_path, **service) as collector:
        assert collector.command("distrust", "file").returncode == 0
    put_back(tmp_path / "data", tmp_path / "backup")
    held = ("held", "errlock", doubt + UNKNOWN)
    with running_controlled(tmp_path, **service) as collector:
        first = collector.send()
        assert trust_of(collector) == held
        assert doubt + UNKNOWN in collector.command("status").stdout
        assert f"every destination is held: {doubt}{UNKNOWN}" in collector.errlock.log
        assert {"what": doubt + UNKNOWN} in [
            entry.body for entry in read(tmp_path / "data" / "journal") if entry.kind == "gap"
        ]
    with running_controlled(tmp_path, **service) as collector:
        assert trust_of(collector) == held
        assert collector.stored("out.jsonl") == []
        assert collector.command("trust", "file", "--yes").returncode == 0
        collector.wait_until_stored("out.jsonl", first)
    with running_controlled(tmp_path, **service) as collector:
        assert trust_of(collector)[0] == "trusted"
        collector.wait_until_stored("out.jsonl", collector.send())
        assert collector.ask("/v1/status").json["trust_fault"] is None


def test_a_folder_that_is_moved_on_its_disk_is_no_copy(tmp_path: Path) -> None:
    with running_controlled(tmp_path):
        pass
    (tmp_path / "data").rename(tmp_path / "aside")
    (tmp_path / "aside").rename(tmp_path / "data")
    (tmp_path / "data" / "trust").touch(0o600)
    with running_controlled(tmp_path) as collector:
        collector.wait_until_stored("out.jsonl", collector.send())
