"""A counter on a terminal, for what takes long."""

from __future__ import annotations

import sys
import time


class Progress:
    """Writes to stderr how far it is, where that is a terminal."""

    def __init__(self, of_what: str, *, every: float = 0.2, on: bool = True) -> None:
        """Say `12,000 {of_what}` at most once in `every` seconds; nothing unless `on`."""
        self._of_what = of_what
        self._every = every
        self._on = on and sys.stderr.isatty()
        self._told = time.monotonic()

    def step(self, done: int) -> None:
        """So many are done."""
        if self._on and time.monotonic() - self._told >= self._every:
            self._told = time.monotonic()
            sys.stderr.write(f"\r{done:,} {self._of_what}")
            sys.stderr.flush()

    def clear(self) -> None:
        """Leave the line to others: it has ended, or something else is to be said."""
        if self._on:
            sys.stderr.write("\r\x1b[K")
