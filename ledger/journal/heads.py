"""Sends heads of the journal away from this machine.

A head that lies where whoever takes this machine cannot reach it is what makes a rewritten or
shortened journal visible. That one could not be sent is told in status and in the log; it changes
nothing about the journal. Where they go into a file, a start sees by them that the journal is an
older one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import msgspec

from ...pipeline.errors import UNREADABLE
from ...pipeline.http.answers import as_long_as, connector
from ..options import HeadsOptions
from .journal import Journal

_ANSWER_LIMIT = 64 * 1024  # bytes; only its status counts
_TIMEOUT = 10.0  # seconds for one attempt
_LOOKED_AT = 1 << 20  # bytes at the end of a file of heads: some thousands

_log = logging.getLogger("errlock.ledger")


@dataclass(frozen=True, slots=True)
class Sent:
    """How sending heads goes, for status."""

    head: str | None  # the newest one that arrived everywhere it should
    failed: str | None  # the kind of the last failure; None: the last attempt went well


class HeadSender:
    """Sends each new head, at most once an interval. Its task is `run`."""

    def __init__(
        self,
        journal: Journal,
        options: HeadsOptions,
        may_tell: Callable[[str], bool] = lambda _: True,
    ) -> None:
        """`may_tell`: whether whoever is at a host may be told anything, now."""
        self.sent = Sent(None, None)
        self._journal = journal
        self._options = options
        self._may_tell = may_tell
        self._of: str | None = None  # the journal's name, once it has one

    async def run(self) -> None:
        """Send until cancelled, and once more then."""
        if self._options.file is None and self._options.url is None:
            return
        try:
            while True:
                await self._send()
                await asyncio.sleep(self._options.every)
        finally:
            await self._send()

    async def _send(self) -> None:
        head = self._journal.head
        if str(head) == self.sent.head:
            return
        self._of = self._of or await asyncio.to_thread(_name_of, self._journal)
        line = msgspec.json.encode({**head.as_dict(), "journal": self._of}) + b"\n"
        failed = None
        try:
            async with asyncio.timeout(_TIMEOUT):
                if self._options.file is not None:
                    await asyncio.to_thread(_add, self._options.file, line)
                if self._options.url is not None:
                    posting = self._post(self._options.url, line)
                    await as_long_as(self._check, posting)
        except (aiohttp.ClientError, TimeoutError) as error:  # a foreign text may quote
            failed = type(error).__name__
        except OSError as error:
            failed = error.strerror or type(error).__name__
        except _Refused as refused:
            failed = str(refused)
        if failed is None:
            if self.sent.failed is not None:
                _log.info("heads of the journal are sent again")
            self.sent = Sent(str(head), None)
        else:
            if self.sent.failed is None:
                _log.error("a head of the journal could not be sent: %s", failed)
            self.sent = Sent(self.sent.head, failed)

    def _check(self) -> None:
        if not self._may_tell(urlsplit(self._options.url or "").hostname or ""):
            raise _Refused("distrusted")

    async def _post(self, url: str, body: bytes) -> None:
        headers = {"Content-Type": "application/json"}
        if (token := self._options.token) is not None:
            headers["Authorization"] = f"Bearer {token.reveal()}"
        async with (
            aiohttp.ClientSession(connector=connector(_ANSWER_LIMIT), trust_env=False) as session,
            session.post(url, data=body, headers=headers, allow_redirects=False) as answer,
        ):
            if not 200 <= answer.status < 300:
                raise _Refused(f"http_{answer.status}")


def lacking(journal: Journal, file: Path) -> str | None:
    """The newest head of this journal in a file of heads that it has no entry for.

    Then it is an older one that was put back. Blocks; where the file cannot be read, or others'
    heads alone are there, there is none.
    """
    try:
        ours = [head.hash for head in _sent_to(file) if head.journal == _name_of(journal)]
        gone = journal.without(ours)
    except OSError:
        return None
    return next((each for each in reversed(ours) if each in gone), None)


class _SentHead(msgspec.Struct):
    hash: str
    journal: str | None = None  # the hash of its first entry


def _sent_to(file: Path) -> Iterator[_SentHead]:
    with file.open("rb") as heads:
        heads.seek(max(0, heads.seek(0, os.SEEK_END) - _LOOKED_AT))
        for line in heads:
            with contextlib.suppress(*UNREADABLE):  # cut off, say
                yield msgspec.json.decode(line, type=_SentHead)


def _name_of(journal: Journal) -> str | None:
    return None if (first := journal.first) is None else first.hash


class _Refused(Exception):  # noqa: N818  an answer
    """The other side did not take it, or may not have it."""


def _add(path: Path, line: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(file, "wb") as handle:
        handle.write(line)
        handle.flush()
        os.fsync(file)
