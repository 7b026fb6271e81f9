"""A collector that is killed again and again, before destinations that misbehave, loses nothing.

`./dev bench crash` is the same for longer.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from crash_course import crash
from scripted_backend import scripted_backend

SUPPORT = Path(__file__).parents[1] / "support"
KILLS = 8
MOUNT = 'mount -t tmpfs -o size=8m,mode=0700 tmpfs "$0" && exec "$@"'


def test_what_was_acknowledged_arrives_after_many_kills(tmp_path: Path) -> None:
    with scripted_backend("first") as first, scripted_backend("second") as second:
        course = crash(
            tmp_path, (first, second), KILLS, seed="crash", threads=1, pause=0.02, longest=0.6
        )
    assert course.kills == KILLS
    assert course.before_ready
    for kind, acknowledged in course.senders.acknowledged.items():
        assert len(acknowledged) > KILLS, kind
    assert course.largest_queue, "nothing ever waited"
    did = first.did + second.did
    assert {"fail", "hang after storing", "reset", "reset after storing"} <= set(did), did


def test_a_full_disk_refuses_and_loses_nothing(tmp_path: Path) -> None:
    disk, run = tmp_path / "disk", tmp_path / "run"
    disk.mkdir()
    done = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", MOUNT, disk,
         sys.executable, SUPPORT / "full_disk.py", run, disk],
        env={**os.environ, "PYTHONPATH": str(SUPPORT)},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
