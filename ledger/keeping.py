"""The ledger of a running collector: its journal, and where heads of it go."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from .entries import SHORTEST_HASH, EntryKind, Head
from .heads import HeadSender
from .journal import Journal, JournalFailed
from .options import LedgerOptions
from .signing import SigningKey

_MAX_KEY_FILE = 16 * 1024  # bytes; a key in PEM has some hundred

_log = logging.getLogger("errlock.ledger")


class Ledger:
    """What a collector records. Open from `open` to `close`; `record` is safe from every thread."""

    def __init__(self, folder: Path, options: LedgerOptions) -> None:
        """`folder` is service.storage. Opens nothing."""
        self._folder = folder
        self._options = options
        self._journal: Journal | None = None
        self._sender: HeadSender | None = None
        self._sending: asyncio.Task[None] | None = None

    async def open(self, policy: Mapping[str, Any]) -> None:
        """Open the journal and tell that a collector begins, under which policy.

        Raises JournalFailed, which is an OSError.
        """
        self._journal = await asyncio.to_thread(self._open, policy)
        self._sender = HeadSender(self._journal, self._options.journal.heads)
        self._sending = asyncio.create_task(self._sender.run(), name="heads of the journal")

    def record(self, kind: EntryKind, body: Mapping[str, Any]) -> None:
        """Write an entry of the journal: see `Journal.append`. Blocks while the disk writes."""
        assert self._journal is not None, "open() comes first"
        self._journal.append(kind, body)

    async def close(self) -> None:
        """Tell that it ends, send the last head, let the file go. Idempotent, safe unopened."""
        journal, self._journal = self._journal, None
        if journal is None:
            return
        try:
            await asyncio.to_thread(journal.append, "stop", {})
        except JournalFailed as failed:
            _log.error("the journal cannot be written: %s", failed.strerror)
        if self._sending is not None:
            self._sending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sending
        journal.close()

    @property
    def head(self) -> Head | None:
        """The journal's, signed if there is a key; None before open()."""
        return self._journal.head if self._journal is not None else None

    def status(self) -> dict[str, object]:
        """For people and scripts: the head, and how sending it away goes."""
        head, sender = self.head, self._sender
        return {
            "head": str(head) if head else None,
            "signature": head.signature if head else None,
            "sent": sender.sent.head if sender else None,
            "send_failed": sender.sent.failed if sender else None,
        }

    def entries(self) -> int:
        """How many entries the journal has: a metric."""
        return self.head.count if self.head else 0

    def head_number(self) -> int:
        """The first digits of the head's hash as a number: a metric holds no more exactly."""
        return int(self.head.hash[:SHORTEST_HASH], 16) if self.head else 0

    def _open(self, policy: Mapping[str, Any]) -> Journal:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        secret = self._options.journal.key
        key = SigningKey(secret.reveal()) if secret is not None else None
        if secret is not None:
            _refuse_inside(self._folder, secret.reveal())
        journal = Journal(self._folder / "journal", key)
        try:
            journal.append("start", {"errlock": version("errlock"), "key": key and key.public.id})
            journal.append("policy", policy)
        except JournalFailed:
            journal.close()
            raise
        return journal


def _refuse_inside(folder: Path, key: str) -> None:
    """Whoever takes the storage folder must not have the key that signs it."""
    for path in folder.rglob("*"):
        if (
            path.is_file()
            and path.stat().st_size <= _MAX_KEY_FILE
            and key.strip().encode() in path.read_bytes()
        ):
            reason = "the key that signs the journal lies inside service.storage"
            raise JournalFailed(errno.EPERM, reason, str(path))
