"""Packages in versions that the tests' own environment does not have.

Installed under `.cache/`, once for each set of pinned versions, for the Python of the tests.
"""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import sys
from pathlib import Path

_CACHE = Path(__file__).parents[2] / ".cache"


def installed(requirements: Path) -> Path:
    """A folder for PYTHONPATH with what `NAME-requirements.txt` lists, and nothing else."""
    name = requirements.name.removesuffix("-requirements.txt")
    key = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:12]
    home = _CACHE / f"{name}-{key}"
    _CACHE.mkdir(exist_ok=True)
    with (_CACHE / f"{home.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test sessions may start at once
        if not (home / "ready").exists():
            done = subprocess.run(
                [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps",
                 "--target", home, "--requirement", requirements],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            if done.returncode:
                raise RuntimeError(f"pip failed:\n{done.stderr[-4000:]}")
            (home / "ready").touch()
    return home
