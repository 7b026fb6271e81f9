"""Read documents from a file or standard input, one a line.

A line is an event as JSON, an envelope in base64, an envelope as the `file` exporter writes it, or
an export request as OTLP JSON. What cannot be read is counted by reason and never shown.
"""

from __future__ import annotations

import asyncio
import errno
import os
import select
import stat
import threading
import time
from collections.abc import Iterable
from concurrent.futures import CancelledError
from contextlib import suppress
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from ..pipeline.component import Receiver, ReceiverConfig, Settings, Sink
from ..pipeline.errors import Problem, RefusedPayload
from ..pipeline.options import Size
from ..pipeline.payloads.document import Payload
from ..pipeline.payloads.envelope import Envelope
from ..pipeline.payloads.envelope_lines import read_envelope
from ..pipeline.payloads.otlp import OtlpRequest
from .bodies import beside_the_loop
from .books import Books
from .json_lines import Format, Lines, seen_format

_CHUNK = 1 << 18
_LARGE = 16 * 1024  # bytes of a line from which reading it would hold up everybody else
# Seconds between two looks at a file that is followed, and between two tries when a pipeline
# is too busy.
_PAUSE = 0.5
_LATER = (429, 503)  # what is refused so may be taken another time
_STDIN = "-"


class FileReceiverConfig(ReceiverConfig, frozen=True, kw_only=True):
    """Read documents from a file or standard input, one a line."""

    path: Annotated[str, Meta(description="The file, or `-` for standard input.")]
    format: Annotated[
        Format,
        Meta(
            description="What a line is: an event as JSON, an envelope (in base64, or as the file "
            "exporter writes it), an OTLP request as JSON. auto: seen from each line."
        ),
    ] = "auto"
    project: Annotated[
        str, Meta(description="The project of events and envelopes that do not name theirs.")
    ] = "default"
    follow: Annotated[
        bool,
        Meta(
            description="Wait for more at the end, also when the file is replaced. Each start "
            "reads it from its beginning."
        ),
    ] = False
    max_line_size: Annotated[Size, Meta(description="Longer lines are refused.")] = Size("20MiB")

    def problems(self) -> Iterable[Problem]:
        """A path that names no file; standard input, which cannot be followed."""
        if not self.path or self.path.endswith("/"):
            yield Problem("path", "expected the path of a file, or - for standard input")
        if self.follow and self.path == _STDIN:
            yield Problem("follow", "standard input is read until it ends, it cannot be followed")

    def build(self, settings: Settings) -> FileReceiver:
        """Make the receiver."""
        return FileReceiver(self, settings)


class FileReceiver(Receiver):
    """Reads in a daemon thread: a pipe may never bring another byte."""

    def __init__(self, options: FileReceiverConfig, settings: Settings) -> None:
        self._options = options
        self._settings = settings
        self._books = Books(settings.id, "file", settings.counters)
        self._lines = Lines(options.max_line_size)
        self._fd: int | None = None
        self._successor: int | None = None  # the file that has the name of the followed one now
        self._sink: Sink | None = None
        self._stopping = threading.Event()
        self._taking = asyncio.Lock()
        self._done = asyncio.Event()

    async def start(self, sink: Sink) -> None:
        """Open the file and begin to read. Raises OSError."""
        self._sink = sink
        is_stdin = self._options.path == _STDIN
        # A named pipe would keep the event loop here until somebody writes to it.
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
        self._fd = 0 if is_stdin else os.open(self._options.path, flags)
        if stat.S_ISDIR(os.fstat(self._fd).st_mode):
            os.close(self._fd)
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), self._options.path)
        loop = asyncio.get_running_loop()
        name = f"{self._settings.id} reader"
        threading.Thread(target=self._read, args=(loop,), name=name, daemon=True).start()

    async def stop(self) -> None:
        """Finish the line that was begun and read no more."""
        self._stopping.set()
        async with self._taking:
            self._done.set()

    async def finished(self) -> None:
        """Return at the end of the file; never when it is followed."""
        await self._done.wait()

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        """Hand chunks to the event loop, one after the other, until the end (an empty one)."""
        try:
            if not self._has_begun():
                return
            while True:
                data = self._next_chunk()
                if self._stopping.is_set():
                    return
                asyncio.run_coroutine_threadsafe(self._take(data), loop).result()
                if not data:
                    return
        except (RuntimeError, CancelledError):
            return  # the event loop has ended: nobody is there to take anything
        finally:
            for descriptor in (self._fd, self._successor):
                if descriptor:
                    os.close(descriptor)

    def _has_begun(self) -> bool:
        """Wait for who writes to a named pipe: until then it looks ended. False: stopped."""
        assert self._fd is not None
        if self._fd == 0:
            return True
        if stat.S_ISFIFO(os.fstat(self._fd).st_mode):
            written = select.poll()
            written.register(self._fd, select.POLLIN)
            while not written.poll(_PAUSE * 1000):
                if self._stopping.is_set():
                    return False
        os.set_blocking(self._fd, True)
        return True

    def _next_chunk(self) -> bytes:
        assert self._fd is not None
        try:
            while not (data := os.read(self._fd, _CHUNK)) and self._options.follow:
                if self._stopping.wait(_PAUSE):
                    break
                if self._begins_anew():
                    return b"\n"  # nobody ends the line that was begun
        except OSError as failure:
            name = errno.errorcode.get(failure.errno or 0, "OSError")
            self._settings.log.error("%s cannot be read any more: %s", self._settings.id, name)
            return b""
        return data

    def _begins_anew(self) -> bool:
        """Go on with the file that replaced the followed one, or at the start of one made empty.

        Who writes may not have heard yet that it was moved: it is read for a pause longer.
        """
        assert self._fd is not None
        here = os.fstat(self._fd)
        if not stat.S_ISREG(here.st_mode):
            return False  # the next who writes to a pipe writes to this one
        at = os.lseek(self._fd, 0, os.SEEK_CUR)
        if here.st_size < at:
            os.lseek(self._fd, 0, os.SEEK_SET)
            return True
        if self._successor is None:
            self._look_for_successor(here)
        elif here.st_size == at:
            os.close(self._fd)
            self._fd, self._successor = self._successor, None
            return True
        return False

    def _look_for_successor(self, here: os.stat_result) -> None:
        with suppress(OSError):  # it will be made again, or may be read in a moment
            if not os.path.samestat(here, Path(self._options.path).stat()):
                self._successor = os.open(self._options.path, os.O_RDONLY | os.O_CLOEXEC)

    async def _take(self, data: bytes) -> None:
        async with self._taking:
            for line in self._lines.feed(data) if data else self._lines.end():
                if self._stopping.is_set():
                    return
                await self._take_line(line)
            if not data:
                self._done.set()

    async def _take_line(self, line: bytes | None) -> None:
        try:
            if line is None:
                raise RefusedPayload(413, "too_long", "the line is too long")
            is_large = len(line) >= _LARGE
            for payload in await beside_the_loop(is_large, self._payloads, line):
                await self._accept(payload)
        except RefusedPayload as refused:
            self._books.refuse_request(refused.reason)
        except Exception as failure:  # noqa: BLE001  its text may quote the line
            self._settings.log.error("a line failed: %s", type(failure).__name__)
            self._books.refuse_request("internal")

    async def _accept(self, payload: Payload) -> None:
        """Put a payload into the sink, as soon as there is room, on the disk too: a file waits."""
        assert self._sink is not None
        while True:
            try:
                receipt = await self._sink.accept(payload)
            except RefusedPayload as refused:
                if refused.status not in _LATER or self._stopping.is_set():
                    raise
                await asyncio.sleep(_PAUSE)
            else:
                return self._books.settle(payload, receipt)

    def _payloads(self, line: bytes) -> Iterable[Payload]:
        """What a line holds. Raises RefusedPayload."""
        format_ = self._options.format
        if format_ == "auto":
            format_ = seen_format(line)
        project, now = self._options.project, time.time()
        if format_ == "event":
            return [Envelope.from_event(line, project, now)]
        if format_ == "envelope":
            return [read_envelope(line, project, now)]
        if format_ == "otlp-logs":
            return OtlpRequest.decode_json(line, "logs", received=now).split()
        if format_ == "otlp-traces":
            return OtlpRequest.decode_json(line, "traces", received=now).split()
        return OtlpRequest.decode_json(line, "metrics", received=now).split()
