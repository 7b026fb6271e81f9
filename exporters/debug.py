"""Show sanitised documents in a terminal."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import IO, Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from ..pipeline.component import Delivered, Exporter, ExporterConfig, Settings
from ..pipeline.errors import BrokenDocument, ExportFailed
from ..pipeline.payloads import json
from ..pipeline.payloads.document import Document, Payload, Protocol
from ..pipeline.terminal import escape, has_colours, paint
from .aborting import aborted
from .titles import title


class DebugExporterConfig(ExporterConfig, frozen=True, kw_only=True):
    """Show sanitised documents in a terminal."""

    verbosity: Annotated[
        Literal["basic", "normal", "detailed"],
        Meta(
            description="basic: a line for each request; normal: a line for each document; "
            "detailed: each document with its content."
        ),
    ] = "normal"

    def build(self, settings: Settings) -> DebugExporter:
        """Make the exporter."""
        return DebugExporter(self)


class DebugExporter(Exporter):
    """Writes to standard output, in a thread of its own: a terminal may stand still.

    Whatever a document holds, no control character of it reaches the terminal.
    """

    accepts: ClassVar[Sequence[Protocol]] = ("sentry", "otlp")

    def __init__(self, options: DebugExporterConfig, stream: IO[str] | None = None) -> None:
        """`stream` is standard output as it is at the start, by default."""
        self._verbosity = options.verbosity
        self._stream = stream
        self._thread: ThreadPoolExecutor | None = None
        self._aborted = False

    async def start(self) -> None:
        """See `Exporter.start`."""
        self._aborted = False
        if self._thread is not None:  # it was only aborted
            return
        self._stream = self._stream or sys.stdout
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="debug exporter")

    async def export(self, payload: Payload) -> Delivered:
        """See `Exporter.export`."""
        assert self._stream is not None
        colours = has_colours(self._stream)
        if self._verbosity == "basic":
            lines, broken = [_summary(payload, colours)], 0
        else:
            lines, broken = self._documents(payload, colours)
        text = "".join(f"{line}\n" for line in lines)
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._write, text)
        except (OSError, ValueError):  # ValueError: the stream was closed
            raise ExportFailed("closed", retryable=False) from None
        return Delivered(payload.count_alive, {"broken": broken} if broken else {})

    def abort(self) -> None:
        """See `Exporter.abort`."""
        self._aborted = True

    async def stop(self) -> None:
        """See `Exporter.stop`."""
        if self._thread is not None:
            self._thread.shutdown(wait=False)
            self._thread = None

    def _write(self, text: str) -> None:
        assert self._stream is not None
        if self._aborted:
            raise aborted()
        self._stream.write(text)
        self._stream.flush()

    def _documents(self, payload: Payload, colours: bool) -> tuple[list[str], int]:
        lines: list[str] = []
        broken = 0
        for document in payload.alive:
            try:
                shown = [_line(payload, document, colours)]
                if self._verbosity == "detailed":
                    shown += _content(document)
            except BrokenDocument:
                document.dropped = "broken"
                broken += 1
            else:
                lines += shown
        return lines, broken


def _summary(payload: Payload, colours: bool) -> str:
    counts = payload.types
    found = ", ".join(f"{count} {type_}" for type_, count in counts.items())
    return f"{_head(payload, colours)}  {found}"


def _line(payload: Payload, document: Document, colours: bool) -> str:
    kind = paint(f"{document.type:<11}", "red" if document.type == "event" else "bold", colours)
    ids = [("trace", document.trace_id), ("event", document.event_id)]
    said = " ".join(f"{name}={value}" for name, value in ids if value)
    return f"{_head(payload, colours)}  {kind}  {escape(title(document))}  " + paint(
        said, "dim", colours
    )


def _head(payload: Payload, colours: bool) -> str:
    received = datetime.fromtimestamp(payload.received, UTC).strftime("%H:%M:%S")
    return f"{paint(received, 'dim', colours)}  {escape(payload.project)}"


def _content(document: Document) -> Iterator[str]:
    """The document as indented JSON, which writes control characters as escapes."""
    for line in msgspec.json.format(json.encode(document.tree), indent=2).decode().split("\n"):
        yield f"    {escape(line)}"
