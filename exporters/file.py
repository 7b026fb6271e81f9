"""Write sanitised documents to a file: a line of JSON for each request.

An OTLP request is a line of OTLP JSON, as the OpenTelemetry Collector's file exporter writes it, a
Sentry envelope is a line as in envelope_lines.py. The `file` receiver reads both back.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from ..pipeline.component import Delivered, Exporter, ExporterConfig, Settings
from ..pipeline.errors import DropReason, ExportFailed, Problem
from ..pipeline.options import Duration
from ..pipeline.payloads.document import Payload, Protocol
from ..pipeline.payloads.envelope_lines import write_envelope
from ..pipeline.payloads.otlp import OtlpRequest
from .aborting import aborted


class Rotation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a new file is begun, and which old ones stay."""

    max_megabytes: Annotated[
        int, Meta(ge=0, description="Begin a new file before this one gets larger. 0: never.")
    ] = 100
    max_backups: Annotated[
        int, Meta(ge=0, description="How many old files stay beside it. 0: all.")
    ] = 10
    max_age: Annotated[Duration, Meta(description="How long old files stay. 0: for ever.")] = (
        Duration(0)
    )


class FileExporterConfig(ExporterConfig, frozen=True, kw_only=True):
    """Write sanitised documents to a file, a line of JSON for each request."""

    path: Annotated[str, Meta(description="The file. Made with mode 0600, its folder with 0700.")]
    format: Annotated[Literal["json"], Meta(description="How it is written: lines of JSON.")] = (
        "json"
    )
    rotation: Annotated[
        Rotation, Meta(description="When a new file is begun, and which old ones stay.")
    ] = Rotation()
    fsync: Annotated[
        bool, Meta(description="Wait until each line is on the disk, not only handed to it.")
    ] = False

    def problems(self) -> Iterable[Problem]:
        """A path that names no file."""
        if not self.path or self.path.endswith("/"):
            yield Problem("path", "expected the path of a file")

    def build(self, settings: Settings) -> FileExporter:
        """Make the exporter."""
        return FileExporter(self)


class FileExporter(Exporter):
    """Writes whole lines or nothing, in a thread of its own."""

    accepts: ClassVar[Sequence[Protocol]] = ("sentry", "otlp")

    def __init__(self, options: FileExporterConfig) -> None:
        self._file = RotatingFile(Path(options.path), options.rotation, fsync=options.fsync)
        self._thread: ThreadPoolExecutor | None = None
        self._aborted = False

    async def start(self) -> None:
        """Open the file. Raises OSError."""
        self._aborted = False
        if self._thread is not None:  # it was only aborted
            return
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="file exporter")
        await asyncio.get_running_loop().run_in_executor(self._thread, self._file.open)

    async def export(self, payload: Payload) -> Delivered:
        """See `Exporter.export`. A full disk is retryable."""
        before = payload.alive
        line = await asyncio.get_running_loop().run_in_executor(self._thread, _line, payload)
        lost: Counter[DropReason] = Counter(each.lost for each in before if each.lost is not None)
        try:
            await asyncio.get_running_loop().run_in_executor(
                self._thread, self._write, line + b"\n"
            )
        except OSError as failure:
            # The name of the error (enospc), not its text, which has the path.
            kind = errno.errorcode.get(failure.errno or 0, "os_error").lower()
            raise ExportFailed(kind, retryable=True) from None
        return Delivered(len(before) - lost.total(), lost)

    def abort(self) -> None:
        """See `Exporter.abort`. A line that is being written is written to its end."""
        self._aborted = True

    async def stop(self) -> None:
        """See `Exporter.stop`."""
        if self._thread is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._file.close)
            self._thread.shutdown()
            self._thread = None

    def _write(self, line: bytes) -> None:
        if self._aborted:
            raise aborted()
        self._file.write(line)


def _line(payload: Payload) -> bytes:
    return payload.encode_json() if isinstance(payload, OtlpRequest) else write_envelope(payload)


class RotatingFile:
    """A file that is appended to and, when it is large enough, moved aside. Not thread-safe.

    Others may move it aside, too, or empty or delete it: what is written next is in the file that
    has its name.
    """

    def __init__(self, path: Path, rotation: Rotation, *, fsync: bool = False) -> None:
        self._path = path
        self._rotation = rotation
        self._fsync = fsync
        self._limit = rotation.max_megabytes * 10**6
        self._fd: int | None = None

    def open(self) -> None:
        """Open it for appending. Raises OSError."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Also to be read: how its last line ends.
        self._fd = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._end_line(self._fd)
        self._forget()

    def write(self, line: bytes) -> None:
        """Append all of a line or nothing. Raises OSError."""
        fd = self._there()
        size = os.fstat(fd).st_size
        if self._limit and size and size + len(line) > self._limit:
            self._rotate()
            fd, size = self._there(), 0
        try:
            written = 0
            while written < len(line):
                written += os.write(fd, line[written:])
            if self._fsync:
                os.fsync(fd)
        except OSError:
            # Half a line would spoil the next one.
            with suppress(OSError):
                os.ftruncate(fd, size)
            raise

    def _there(self) -> int:
        """The file that has the name now."""
        if self._fd is not None:
            try:
                there = os.path.samestat(self._path.stat(), os.fstat(self._fd))
            except FileNotFoundError:
                there = False
            if not there:
                self.close()
        if self._fd is None:
            self.open()
        assert self._fd is not None
        return self._fd

    @staticmethod
    def _end_line(fd: int) -> None:
        """Half a line that a process left that was killed would spoil the next one."""
        size = os.fstat(fd).st_size
        if size and os.pread(fd, 1, size - 1) != b"\n":
            os.write(fd, b"\n")

    def close(self) -> None:
        """Close it. Idempotent."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _rotate(self) -> None:
        self.close()
        moment = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S.%f")
        backup = self._path.with_name(f"{self._path.stem}-{moment}{self._path.suffix}")
        self._path.rename(backup)
        self.open()

    def _forget(self) -> None:
        """Delete old files that are too many or too old."""
        name = re.compile(
            rf"{re.escape(self._path.stem)}-\d{{4}}-\d\d-\d\dT[\d.-]+{re.escape(self._path.suffix)}"
        )
        # Their names sort by time.
        backups = sorted(file for file in self._path.parent.iterdir() if name.fullmatch(file.name))
        most, age = self._rotation.max_backups, self._rotation.max_age
        for index, backup in enumerate(reversed(backups)):
            too_old = age and backup.stat().st_mtime < time.time() - age
            if too_old or (most and index >= most):
                backup.unlink(missing_ok=True)
