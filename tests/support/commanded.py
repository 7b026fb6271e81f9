"""Commands of `errlock` in the process of the tests: what they say and do, and not their start."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager, nullcontext
from pathlib import Path
from unittest.mock import patch

from errlock.pipeline.cli import main


def commanded(
    *words: str | Path, given: str = "", folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """As if `errlock` were run with these words, `given` as its input, and in this folder."""
    with chdir(folder) if folder else nullcontext(), _streams(given) as (out, err):
        code = main(list(map(str, words)))
    return subprocess.CompletedProcess(words, code, _written(out), _written(err))


@contextmanager
def _streams(given: str) -> Iterator[tuple[io.TextIOWrapper, io.TextIOWrapper]]:
    """The three that a process has: text with bytes below it, and no terminal."""
    stdin = io.TextIOWrapper(io.BytesIO(given.encode()))
    out, err = io.TextIOWrapper(io.BytesIO()), io.TextIOWrapper(io.BytesIO())
    with (
        patch.object(sys, "stdin", stdin),
        patch.object(sys, "stdout", out),
        patch.object(sys, "stderr", err),
    ):
        yield out, err


def _written(stream: io.TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()
