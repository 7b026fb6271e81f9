"""On a disk that is really full: a small one, in a mount namespace of the test's own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHILD = Path(__file__).parent / "children" / "filling.py"
SUPPORT = Path(__file__).parents[2] / "support"
MOUNT = 'mount -t tmpfs -o size=12m,mode=0700 tmpfs "$0" && exec "$@"'


@pytest.mark.parametrize(
    "scenario",
    ["putting", "settling", "purging", "crashing", "telling", "removing", "keeping", "mending"],
)
def test_a_full_disk_loses_nothing(tmp_path: Path, scenario: str) -> None:
    disk = str(tmp_path)
    run = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", MOUNT, disk,
         sys.executable, str(CHILD), scenario, disk],
        env={**os.environ, "PYTHONPATH": str(SUPPORT)},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
