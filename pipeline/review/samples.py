"""Reading sample documents: files and folders in, one encoded document after the other out."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from time import time
from typing import IO

from ..api import Format
from ..errors import RefusedPayload
from ..formats import LARGEST, codec_of, text_as_event
from ..payloads.document import Payload, Tree
from ..payloads.envelope_lines import read_envelope

STDIN = "-"
_ENVELOPE_HEADER = frozenset({"dsn", "event_id", "sdk", "sent_at", "trace", "retention_days"})
_OTLP: Mapping[str, Format] = {
    "resourceLogs": "otlp-logs",
    "resourceSpans": "otlp-traces",
    "resourceMetrics": "otlp-metrics",
}


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What could not be read: which file, which line, and the kind of damage; no content."""

    file: str
    kind: str
    line: int = 0  # 0: all of the file

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.kind}"


def payloads(
    names: Sequence[str], format_: Format
) -> Iterator[tuple[str, int, Payload | Unreadable]]:
    """Each document of each file, with the name of the file and the line where it stands.

    Folders are read with all that is below them; `-` is stdin. What cannot be read comes as
    Unreadable, and the rest goes on.
    """
    for name in _files(names):
        try:
            with _opened(name) as source:
                for line, data in _documents(source, format_):
                    yield name, line, _decoded(name, line, data, format_)
        except OSError as error:
            yield name, 0, Unreadable(name, error.strerror or type(error).__name__)


def _opened(name: str) -> AbstractContextManager[IO[bytes]]:
    return nullcontext(sys.stdin.buffer) if name == STDIN else Path(name).open("rb")


def _files(names: Sequence[str]) -> Iterator[str]:
    for name in names:
        if name == STDIN or not Path(name).is_dir():
            yield name
            continue
        for folder, below, files in os.walk(name):
            below[:] = sorted(each for each in below if not each.startswith("."))
            for file in sorted(files):
                path = Path(folder, file)
                if not file.startswith(".") and path.is_file():
                    yield str(path)


def _documents(source: IO[bytes], format_: Format) -> Iterator[tuple[int, bytes | str]]:
    """The documents of a file by their lines, 0 for all of it; a text says what is wrong."""
    start = [source.readline(LARGEST + 1), source.readline(LARGEST + 1)]
    # Of the second line, too: one broken line must not make the file one broken document.
    likely = start[:1] if format_ == "envelope" else start
    if format_ == "text" or any(_stands_alone(line, format_) for line in likely):
        yield from _by_line(start, source)
        return
    data = b"".join(start)
    data += source.read(max(0, LARGEST + 1 - len(data)))
    if len(data) > LARGEST:
        yield 0, "is too large"
    elif not data.strip():
        yield 0, "is empty"
    else:
        yield 0, data


def _by_line(start: list[bytes], source: IO[bytes]) -> Iterator[tuple[int, bytes | str]]:
    number, goes_on = 0, False  # the line before was cut: this is the rest of it
    for line in chain(start, iter(partial(source.readline, LARGEST + 1), b"")):
        number += not goes_on
        if len(line) > LARGEST and not goes_on:
            yield number, "the line is too large"
        elif line.strip() and not goes_on:
            yield number, line
        goes_on = len(line) > LARGEST and not line.endswith(b"\n")


def _stands_alone(line: bytes, format_: Format) -> bool:
    """Whether a line is a document, so that each line of its file is one."""
    if format_ == "envelope" and not line.lstrip().startswith(b"{"):  # base64
        return bool(line.strip())
    try:
        tree = json.loads(line)
    except (ValueError, RecursionError):
        return False
    # A plain envelope begins with its headers.
    return isinstance(tree, dict) and (format_ != "envelope" or _is_envelope_line(tree))


def _decoded(name: str, line: int, data: bytes | str, format_: Format) -> Payload | Unreadable:
    if isinstance(data, str):
        return Unreadable(name, data, line)
    try:
        if format_ == "text":
            return text_as_event(_text(data))
        if format_ == "envelope" and line:
            payload: Payload = read_envelope(data.strip(), "", time())
        else:
            payload = codec_of(format_).decode(data)
        if not payload.count:  # of OTLP's JSON nobody refuses what he does not know
            return Unreadable(name, "holds no document of this format", line)
        other = _other_format(payload.documents[0].tree) if format_ == "event" else None
        return Unreadable(name, f"is no event: see --format {other}", line) if other else payload
    except RefusedPayload as refused:
        return Unreadable(name, str(refused), line)
    except Exception as failure:  # noqa: BLE001  one bad document must not end a review; its text may quote it
        return Unreadable(name, f"cannot be read ({type(failure).__name__})", line)


def _is_envelope_line(tree: Mapping[str, Tree]) -> bool:
    """Whether it is an envelope as the `file` exporter writes it."""
    return {"headers", "items"} <= tree.keys()


def _other_format(tree: Tree) -> Format | None:
    """The format that an object is of when it is taken for an event by mistake."""
    if not isinstance(tree, dict):
        return None
    if (tree and tree.keys() <= _ENVELOPE_HEADER) or _is_envelope_line(tree):
        return "envelope"
    return next((format_ for key, format_ in _OTLP.items() if key in tree), None)


def _text(line: bytes) -> bytes:
    """A line of a log, or a JSON string as `errlock scrub --format text` reads it."""
    line = line.rstrip(b"\r\n")
    if line.startswith(b'"'):
        try:
            text = json.loads(line)
        except ValueError:
            return line
        if isinstance(text, str):
            return text.encode("utf-8", "backslashreplace")
    return line
