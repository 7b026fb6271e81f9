"""errlock's own log: one line or one JSON object an entry, on stderr.

No entry holds a payload's value. Our own code logs ids, kinds, counts and sizes only; what other
libraries log may quote requests, so of theirs only warnings are taken and their text is left out.
Tracebacks are reduced to the exception's type and the place, because its text may quote data.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from pathlib import PurePath
from typing import IO, Literal

from .terminal import escape

Level = Literal["debug", "info", "warn", "error"]
Encoding = Literal["console", "json"]

_LEVELS: dict[Level, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
}
_OURS = "errlock"


def configure_logging(
    level: Level = "info", encoding: Encoding = "console", stream: IO[str] | None = None
) -> None:
    """Send every log entry of the process to stderr (or `stream`) in one form."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_Json() if encoding == "json" else _Console())
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger(_OURS).setLevel(_LEVELS[level])
    # Otherwise a failure to log prints a traceback with the entry's arguments.
    logging.raiseExceptions = False
    logging.captureWarnings(True)


def _is_ours(record: logging.LogRecord) -> bool:
    return record.name == _OURS or record.name.startswith(f"{_OURS}.")


def _entry(record: logging.LogRecord) -> dict[str, str]:
    """What is told of a record, in this order."""
    time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    entry = {
        "ts": time.replace("+00:00", "Z"),
        "level": record.levelname.lower().replace("warning", "warn"),
        "logger": record.name,
        "msg": record.getMessage() if _is_ours(record) else "(the text of another library)",
    }
    if not _is_ours(record):
        entry["caller"] = f"{record.module}:{record.lineno}"
    if record.exc_info and record.exc_info[0] is not None:
        entry["exception"] = record.exc_info[0].__name__
        traceback = record.exc_info[2]
        while traceback is not None and traceback.tb_next is not None:
            traceback = traceback.tb_next
        if traceback is not None:
            file = PurePath(traceback.tb_frame.f_code.co_filename).name
            entry["at"] = f"{file}:{traceback.tb_lineno}"
    return entry


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(_entry(record))


class _Console(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry = _entry(record)
        text = f"{entry.pop('ts')} {entry.pop('level'):5} {entry.pop('logger')}: {entry.pop('msg')}"
        rest = "".join(f" {name}={value}" for name, value in entry.items())
        return escape(text + rest)
