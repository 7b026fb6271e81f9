"""`python -m benchmarks.record`: take documents from real SDKs, for the benchmarks to measure with.

Each sender (benchmarks/senders) runs as a program of its own and writes into a folder of its own
under build/bench/recorded; what is there and of the same sources is not recorded again. Senders
whose frameworks are not installed are left out: they are in the extra `bench`.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from benchmarks.report import BUILD

_SENDERS = Path(__file__).parent / "senders"
# What each needs beyond what errlock is developed with.
_NEEDS: Mapping[str, tuple[str, ...]] = {
    "sentry_wsgi": (),
    "sentry_flask": ("flask", "sqlalchemy"),
    "sentry_django": ("django",),
    "sentry_fastapi": ("fastapi",),
    "otel_wsgi": (),
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
    if missing := [need for need in _NEEDS[name] if find_spec(need) is None]:
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


def _record(name: str, folder: Path) -> None:
    unfinished = folder.with_name(f"{folder.name}.{os.getpid()}")
    unfinished.mkdir(parents=True)
    clean = {key: text for key, text in os.environ.items() if not key.startswith(_FOREIGN)}
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.senders.{name}", str(unfinished)],
        cwd=Path(__file__).parents[1], env=clean, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{name} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    if folder.is_dir():  # somebody else was faster
        return
    unfinished.rename(folder)


def main() -> None:
    """Record what is not there yet, and say what there is."""
    for folder in (*recorded("sentry"), *recorded("otel")):
        files = list(folder.iterdir())
        print(f"{folder}: {len(files)} files, {sum(file.stat().st_size for file in files):,} bytes")


if __name__ == "__main__":
    main()
