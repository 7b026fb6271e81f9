"""Keep sanitised documents in an embedded store, for whoever has no backend yet."""

from __future__ import annotations

import asyncio
import errno
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from ..pipeline.component import Delivered, Exporter, ExporterConfig, Settings
from ..pipeline.errors import BrokenDocument, ConfigError, ExportFailed, Problem
from ..pipeline.options import Duration, Size
from ..pipeline.payloads import json
from ..pipeline.payloads.document import Document, Payload, Protocol
from .aborting import aborted
from .local_store import LocalStore, NewDocument, Stored, Summary, Writer
from .titles import title

__all__ = ["LocalExporter", "LocalExporterConfig", "LocalStore", "Stored", "Summary"]

# How often what is too old is looked for, in seconds.
_FORGET_EVERY = 600.0
# What a document is shown with.
_CONTEXTS = ("envelope", "resource", "scope", "otlp_metric")


class Retention(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much is kept."""

    max_age: Annotated[Duration, Meta(description="How long documents stay. 0: for ever.")] = (
        Duration("30d")
    )
    max_size: Annotated[
        Size, Meta(description="How many bytes of documents stay; the oldest go. 0: all.")
    ] = Size("1GiB")


class LocalExporterConfig(ExporterConfig, frozen=True, kw_only=True):
    """Keep sanitised documents in an embedded store, for whoever has no backend yet."""

    path: Annotated[
        str | None,
        Meta(
            description="The folder of the store, by default that of `service.storage`. With "
            "`storage: memory` it has to be named."
        ),
    ] = None
    retention: Annotated[Retention, Meta(description="How much is kept.")] = Retention()

    def build(self, settings: Settings) -> LocalExporter:
        """Make the exporter."""
        folder = Path(self.path) if self.path is not None else settings.storage
        if folder is None:
            raise ConfigError(
                [Problem("path", "expected a folder, because service.storage is memory")]
            )
        return LocalExporter(self, folder)


class LocalExporter(Exporter):
    """Writes in a thread of its own, so that a slow disk holds up nobody."""

    accepts: ClassVar[Sequence[Protocol]] = ("sentry", "otlp")

    def __init__(self, options: LocalExporterConfig, folder: Path) -> None:
        self._writer = Writer(folder, options.retention.max_age, options.retention.max_size)
        self._thread: ThreadPoolExecutor | None = None
        self._aborted = False
        self._forgetting: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open the store. Raises OSError when that cannot be done."""
        self._aborted = False
        if self._forgetting is not None:  # it was only aborted
            return
        if self._thread is None:
            self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="local store")
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._thread, self._writer.open)
        except sqlite3.Error as failure:
            what = f"the local store cannot be opened: {_kind(failure)}"
            raise OSError(errno.EIO, what) from None
        self._forgetting = asyncio.create_task(self._forget_now_and_then())

    async def export(self, payload: Payload) -> Delivered:
        """See `Exporter.export`."""
        loop = asyncio.get_running_loop()
        written, broken = await loop.run_in_executor(self._thread, _rows, payload)
        try:
            if written:
                await loop.run_in_executor(self._thread, self._add, written)
        except sqlite3.OperationalError as failure:
            raise ExportFailed(_kind(failure), retryable=True) from None
        except sqlite3.Error as failure:
            raise ExportFailed(_kind(failure), retryable=False) from None
        return Delivered(len(written), {"broken": broken} if broken else {})

    def abort(self) -> None:
        """See `Exporter.abort`. What is being stored is stored to its end."""
        self._aborted = True

    async def stop(self) -> None:
        """See `Exporter.stop`."""
        if self._forgetting is not None:
            self._forgetting.cancel()
            self._forgetting = None
        if self._thread is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._writer.close)
            self._thread.shutdown()
            self._thread = None

    def _add(self, written: list[NewDocument]) -> None:
        if self._aborted:
            raise aborted()
        self._writer.add(written)

    async def _forget_now_and_then(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_FORGET_EVERY)
            try:
                await loop.run_in_executor(self._thread, self._writer.forget)
            except sqlite3.Error:
                continue  # the next export meets the same trouble and tells it


def _kind(failure: sqlite3.Error) -> str:
    """`sqlite_full`, `sqlite_busy`, …: SQLite's own name of the error, never its text."""
    return str(getattr(failure, "sqlite_errorname", "sqlite_error")).lower()


def _rows(payload: Payload) -> tuple[list[NewDocument], int]:
    """What is written of a payload, and how many of its documents are broken."""
    rows: list[NewDocument] = []
    broken = 0
    for document in payload.alive:
        try:
            rows.append(_new(payload, document))
        except BrokenDocument:
            document.dropped = "broken"
            broken += 1
    return rows, broken


def _new(payload: Payload, document: Document) -> NewDocument:
    contexts = [
        {"type": parent.type, "tree": parent.tree}
        for parent in document.parents
        if parent.type in _CONTEXTS
    ]
    return NewDocument(
        received=payload.received,
        project=payload.project,
        protocol=payload.protocol,
        type=document.type,
        title=title(document),
        trace_id=document.trace_id,
        event_id=document.event_id,
        json=json.encode(document.tree),
        contexts=json.encode(contexts),
    )
