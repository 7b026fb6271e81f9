"""Read documents from a file or standard input, one a line.

A line is an event as JSON, an envelope in base64, an envelope as the `file` exporter writes it, or
an export request as OTLP JSON. What cannot be read is counted by reason and never shown.
"""

from __future__ import annotations

import asyncio
import errno
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError
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
from .positions import Position, PositionFile
from .source import STDIN, Source

_LARGE = 16 * 1024  # bytes of a line from which reading it would hold up everybody else
_AT_ONCE, _BYTES_AT_ONCE = 64, 1 << 20  # lines, and bytes of them, that are taken together
_KEPT_EVERY = 1.0  # seconds, while much is read
_PAUSE = 0.5  # seconds between two tries when a pipeline is too busy
_LATER = (429, 503)  # what is refused so may be taken another time


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
            description="Wait for more at the end, also when the file is replaced. The next start "
            "goes on there, but with `storage: memory`."
        ),
    ] = False
    max_line_size: Annotated[Size, Meta(description="Longer lines are refused.")] = Size("20MiB")

    def problems(self) -> Iterable[Problem]:
        """A path that names no file; standard input, which cannot be followed."""
        if not self.path or self.path.endswith("/"):
            yield Problem("path", "expected the path of a file, or - for standard input")
        if self.follow and self.path == STDIN:
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
        self._source = Source(options.path, follow=options.follow)
        self._positions = (
            PositionFile(settings.storage, settings.id)
            if options.follow and settings.storage is not None
            else None
        )
        self._keeping = threading.Lock()
        self._kept: Position | None = None
        self._predecessor: FileReceiver | None = None
        self._ended = threading.Event()  # nothing is read any more
        self._goes_on = False  # from here on it is its own position that counts
        self._has_stopped = False  # and from here on no more
        self._kept_at = 0.0  # as time.monotonic() tells it
        self._told = ""  # why it could not be kept
        self._sink: Sink | None = None
        self._taking = asyncio.Lock()
        self._taken = 0  # bytes of what was read
        self._done = asyncio.Event()

    async def start(self, sink: Sink) -> None:
        """Open the file and begin to read. Raises OSError."""
        self._sink = sink
        self._source.open()
        loop = asyncio.get_running_loop()
        name = f"{self._settings.id} reader"
        threading.Thread(target=self._read, args=(loop,), name=name, daemon=True).start()

    def take_over(self, predecessor: Receiver) -> None:
        """See `Receiver.take_over`. What that one has begun to read it reads on until it stops."""
        if isinstance(predecessor, FileReceiver):
            self._predecessor = predecessor

    async def stop(self) -> None:
        """Finish the line that was begun and read no more."""
        self._source.stop()
        async with self._taking:
            await asyncio.to_thread(self._keep_position, last=True)
            self._done.set()

    async def finished(self) -> None:
        """Return at the end of the file; never when it is followed."""
        await self._done.wait()

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        """Hand chunks to the event loop, one after the other, until the end (an empty one)."""
        try:
            self._go_on()
            self._source.wait()
            while True:
                data = self._next_chunk()
                if self._source.is_stopping:
                    return
                if data is None:
                    self._keep_position()
                    continue
                asyncio.run_coroutine_threadsafe(self._take(data), loop).result()
                if not data:
                    return
        except (RuntimeError, CancelledError):
            return  # the event loop has ended: nobody is there to take anything
        finally:
            self._keep_position()
            self._source.close()
            self._ended.set()

    def _go_on(self) -> None:
        """Begin where this receiver stopped last, once it has."""
        if self._positions is None:
            return
        before, self._predecessor = self._predecessor, None
        while before is not None and not before._ended.wait(_PAUSE):
            if self._source.is_stopping:
                return
        if (last := self._positions.load()) is not None:
            self._source.go_on(last)
        self._goes_on = True

    def _keep_position(self, *, last: bool = False) -> None:
        """Note how far lines were taken, for the next start.

        The `last` time is when it stops: what a thread that ends later found in the file may not be
        what was read, and somebody else may follow it.
        """
        with self._keeping:
            if self._positions is not None and self._goes_on and not self._has_stopped:
                self._note(self._positions)
            self._has_stopped |= last

    def _note(self, positions: PositionFile) -> None:
        self._kept_at = time.monotonic()
        try:
            position = self._source.position(self._taken)
            if position is not None and position != self._kept:
                positions.keep(position)
                self._kept = position
        except OSError as failure:
            self._tell_once(failure)
        else:
            self._told = ""

    def _tell_once(self, failure: OSError) -> None:
        name = errno.errorcode.get(failure.errno or 0, "OSError")
        if name != self._told:
            self._told = name
            what = "how far it was read cannot be noted: the next start reads some of it again"
            self._settings.log.warning("%s: %s: %s", self._settings.id, what, name)

    def _next_chunk(self) -> bytes | None:
        try:
            return self._source.read()
        except OSError as failure:
            name = errno.errorcode.get(failure.errno or 0, "OSError")
            self._settings.log.error("%s cannot be read any more: %s", self._settings.id, name)
            return b""

    async def _take(self, data: bytes) -> None:
        async with self._taking:
            for lines in _batches(self._lines.feed(data) if data else self._lines.end()):
                if self._source.is_stopping:
                    return
                # Storage writes once for all that come at the same time.
                if not all(await asyncio.gather(*map(self._take_line, lines))):
                    return
                self._taken = self._lines.ended
                if time.monotonic() - self._kept_at > _KEPT_EVERY:
                    await asyncio.to_thread(self._keep_position)
            if not data:
                self._done.set()

    async def _take_line(self, line: bytes | None) -> bool:
        """False: the next start has to take it."""
        try:
            if line is None:
                raise RefusedPayload(413, "too_long", "the line is too long")
            is_large = len(line) >= _LARGE
            for payload in await beside_the_loop(is_large, self._payloads, line):
                await self._accept(payload)
        except RefusedPayload as refused:
            if refused.status in _LATER and self._positions is not None:
                return False
            self._books.refuse_request(refused.reason)
        except Exception as failure:  # noqa: BLE001  its text may quote the line
            self._settings.log.error("a line failed: %s", type(failure).__name__)
            self._books.refuse_request("internal")
        return True

    async def _accept(self, payload: Payload) -> None:
        """Put a payload into the sink, as soon as there is room, on the disk too: a file waits."""
        assert self._sink is not None
        while True:
            try:
                receipt = await self._sink.accept(payload)
            except RefusedPayload as refused:
                if refused.status not in _LATER or self._source.is_stopping:
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


def _batches(lines: Iterable[bytes | None]) -> Iterator[list[bytes | None]]:
    """Lines that are taken together. Asks for none that the last batch that came out lacks."""
    batch: list[bytes | None] = []
    size = 0
    for line in lines:
        batch.append(line)
        size += len(line or b"")
        if len(batch) >= _AT_ONCE or size >= _BYTES_AT_ONCE:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
