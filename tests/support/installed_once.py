"""What tests need that comes from the network, kept under `.cache/`."""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Callable
from pathlib import Path

_CACHE = Path(__file__).parents[2] / ".cache"


def installed_once(name: str, pins: bytes, install: Callable[[Path], None]) -> Path:
    """The folder that `install` was given, once for each state of `pins`.

    Others who want it meanwhile wait: several processes share the tests out, and two test sessions
    may run at the same time.
    """
    home = _CACHE / f"{name}-{hashlib.sha256(pins).hexdigest()[:12]}"
    home.mkdir(parents=True, exist_ok=True)
    with (_CACHE / f"{home.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "ready").exists():
            install(home)
            (home / "ready").touch()
    return home
