"""What is told a collector whose disk is full."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SUPPORT = Path(__file__).parents[1] / "support"
MOUNT = 'mount -t tmpfs -o size=8m,mode=0700 tmpfs "$0" && exec "$@"'


def run_there(script: str, folder: Path) -> None:
    """Have a script do its work where `data` is a small disk."""
    disk = folder / "data"
    disk.mkdir(mode=0o700)
    run = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", MOUNT, disk,
         sys.executable, SUPPORT / script, folder],
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr


def test_a_purge_on_a_full_disk_fails_until_there_is_room(tmp_path: Path) -> None:
    """Asked a second time it said that all was done. Reloads that take the exporter away and give
    it back had what was purged wait again.
    """
    run_there("purge_on_full_disk.py", tmp_path)


def test_nothing_is_trusted_again_that_the_journal_does_not_have(tmp_path: Path) -> None:
    run_there("trust_on_full_disk.py", tmp_path)


def test_after_a_first_start_on_a_full_disk_the_next_one_holds_nothing(tmp_path: Path) -> None:
    run_there("first_start_on_full_disk.py", tmp_path)
