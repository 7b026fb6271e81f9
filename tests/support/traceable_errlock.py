"""`errlock` as anybody may trace it, and as if a commit were done before it is on the disk.

    python traceable_errlock.py full|normal run …

The word is SQLite's `synchronous`. Errlock keeps debuggers out, so that only root could trace it.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable
from typing import Any

from errlock.delivery.disk import opening, queue_file
from errlock.pipeline import cli
from errlock.pipeline.collector import serving


def _lowered(open_queues: Callable[..., sqlite3.Connection]) -> Callable[..., sqlite3.Connection]:
    def open_lowered(*arguments: Any) -> sqlite3.Connection:
        connection = open_queues(*arguments)
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    return open_lowered


if __name__ == "__main__":
    if sys.argv.pop(1) == "normal":
        names = vars(queue_file)  # what is imported there by name
        assert names["open_queues"] is opening.open_queues
        names["open_queues"] = _lowered(opening.open_queues)
    vars(serving)["_no_core_dumps"] = lambda: None
    sys.exit(cli.main())
