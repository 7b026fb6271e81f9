"""Commands on a real terminal: what people see."""

from __future__ import annotations

import os
import pty
import subprocess
from collections.abc import Sequence
from pathlib import Path


def on_a_terminal(
    command: Sequence[str | Path], *, typed: bytes | None = None, **environment: str
) -> bytes:
    """All that a command writes to it, and what is `typed`, which a terminal shows as well."""
    ours, theirs = pty.openpty()
    around = {**os.environ, "TERM": "xterm", **environment}
    stdin = None if typed is None else theirs
    with subprocess.Popen(command, stdin=stdin, stdout=theirs, stderr=theirs, env=around):
        os.close(theirs)
        if typed is not None:
            os.write(ours, typed)
        shown = b""
        while chunk := _read(ours):
            shown += chunk
    os.close(ours)
    return shown


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # Linux says EIO when the other side has closed
        return b""
