"""Packages in versions that the tests' own environment does not have."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from installed_once import installed_once


def installed(requirements: Path) -> Path:
    """A folder for PYTHONPATH with what `NAME-requirements.txt` lists, and nothing else."""

    def install(home: Path) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps",
             "--target", home, "--requirement", requirements],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"pip failed:\n{done.stderr[-4000:]}")

    name = requirements.name.removesuffix("-requirements.txt")
    return installed_once(name, requirements.read_bytes() + sys.version.encode(), install)
