"""The ledger of a running collector: its journal, where heads of it go, and its account."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from ..pipeline.component import Planted
from ..pipeline.host.misplaced_keys import file_with_key
from ..pipeline.host.tasks import keep_going
from ..pipeline.payloads.document import Document, Payload
from ..policy.keyring.pseudonyms import KeyringError, key_bytes
from .account import store as account_store
from .account.account import Account
from .account.counting import Delivered, Withheld
from .code.reading import CodeReader
from .controls import Way, compare, ways_in
from .embedded.taking import NOTE, Taking
from .exposed import Exposed, Learner
from .journal.entries import SHORTEST_HASH, Entry, EntryKind, Head, now
from .journal.heads import HeadSender, lacking
from .journal.journal import Journal, JournalFailed, latest
from .journal.signing import SigningKey
from .manifest import manifest_of_portion, or_empty, renewed, write_manifest
from .needles import store as needle_store
from .needles.needles import FILE as NEEDLES
from .needles.needles import Needles
from .needles.words import WordReader
from .options import LedgerOptions
from .policy_entry import fitting
from .search.searches import Searches
from .sqlite_file import check_version
from .traces import Tracer

_EVERY = 1.0  # seconds between two looks at where the journal lies

_log = logging.getLogger("errlock.ledger")


class Ledger:
    """What a collector records. Open from `open` to `close`.

    `record`, `planted`, `book`, `expose`, `tracer` and what is about manifests are safe from every
    thread.
    """

    def __init__(self, folder: Path, options: LedgerOptions) -> None:
        """`folder` is service.storage. Opens nothing."""
        self._folder = folder
        self._options = options
        secret = options.key
        # The hash of an entry that the journal had by a head kept elsewhere, and has not any more.
        self.lacks: str | None = None
        self.tracer = Tracer(secret.reveal() if secret is not None else None)
        self._code = CodeReader() if options.depth != "counts" else None
        self._words = None
        if secret is not None and options.depth == "words":
            self._words = WordReader(secret.reveal())
        self._journal: Journal | None = None
        self._account: Account | None = None
        self._sender: HeadSender | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._taking: Taking | None = None
        self._planted: set[Planted] = set()
        self._ways: list[Way] = []  # as the journal has them
        self._lock = threading.Lock()

    async def open(self, policy: Mapping[str, Any], ways: Sequence[Way] = ()) -> None:
        """Open journal and account, and tell that a collector begins, under which policy.

        `ways` are as for `in_force`. Raises JournalFailed or OtherVersion, which are OSErrors.
        """
        journal, account = await asyncio.to_thread(self._open, policy, ways)
        self._journal, self._account = journal, account
        assert self._taking is not None
        searches = Searches(self._folder, partial(journal.append, again=True))
        works = {
            "the journal's file": lambda: _watch(journal),
            "the account": account.run,
            "embedded pipelines": self._taking.run,
            "searches": searches.run,
        }
        self._tasks = [
            asyncio.create_task(keep_going(name, run, _log), name=name)
            for name, run in works.items()
        ]

    def send_heads(self, may_tell: Callable[[str], bool] = lambda _: True) -> None:
        """Send heads of the journal away from now on, to hosts that `may_tell` lets be told."""
        assert self._journal is not None, "open() comes first"
        self._sender = HeadSender(self._journal, self._options.journal.heads, may_tell)
        sending = keep_going("heads of the journal", self._sender.run, _log)
        self._tasks.append(asyncio.create_task(sending))

    def write(self, kind: EntryKind, body: Mapping[str, Any]) -> None:
        """Write an entry of the journal. Blocks while the disk writes.

        Raises JournalFailed when the disk refuses: a gap tells of it once it can be written again.
        """
        assert self._journal is not None, "open() comes first"
        self._journal.append(kind, body)

    def record(self, kind: EntryKind, body: Mapping[str, Any]) -> None:
        """As `write`, but never fails: what the disk refuses is logged, and what is too long for an
        entry is a gap.
        """
        try:
            self.write(kind, body)
        except JournalFailed as failed:
            _log.error("the journal cannot be written: %s", failed.strerror)
        except ValueError as unfit:  # its text says what is wrong, and nothing of the body
            _log.error("the journal has no entry about it: %s", unfit)
            self.record("gap", {"what": "an entry that does not fit", "kind": kind})

    def planted(self, what: Planted) -> None:
        """Write down that these decoys leave for a destination, once. Blocks, never fails."""
        with self._lock:
            if what in self._planted:
                return
            self._planted.add(what)
        self.record("decoy", what._asdict())

    def in_force(self, policy: Mapping[str, Any], ways: Sequence[Way], by: str, began: str) -> None:
        """Tell that a policy is in force, and which controls that puts off or on. As `record`.

        `ways` has every pipeline that leads to a destination, `by` is `start` or `reload`, which
        began at `began`.
        """
        self._ways, changes = compare(self._ways, ways)
        # First, so that a crash in between has them told twice rather than never.
        for change in changes:
            self.record("control_off", change.body(by, began))
        self.record("policy", fitting({**policy, "ways": msgspec.to_builtins(self._ways)}))

    def newest(self, kind: EntryKind) -> Entry | None:
        """The last entry of a kind. Blocks while it is looked for; None also where there is none
        that can be read.
        """
        try:
            return latest(self._folder / "journal", kind, lambda _: True)
        except OSError:
            return None

    def failed_over(self, destination: str, to: str | None, before: str | None) -> None:
        """Tell who gets the documents of a destination that is down. As `record`.

        None is the destination itself: it is up again, or somebody decided otherwise.
        """
        body = {"failover": destination, "to": to, "before": before, "by": "health"}
        self.record("route", body)

    def book(self, delivered: Delivered) -> None:
        """Count what a destination has now: see `Account.book`."""
        if self._account is not None:
            self._account.book(delivered)

    def expose(self, exposed: Exposed) -> None:
        """Note what a destination can have read: see `Account.expose`."""
        if self._account is not None:
            self._account.expose(exposed)

    @property
    def taking(self) -> Taking:
        """Books what embedded pipelines hand over."""
        assert self._taking is not None, "open() comes first"
        return self._taking

    def withhold(self, withheld: Withheld) -> None:
        """Count what did not leave: see `Account.withhold`."""
        if self._account is not None:
            self._account.withhold(withheld)

    def manifest(
        self,
        payload: Payload,
        carried: Sequence[Document] | None = None,
        *,
        judged: bool = True,
    ) -> bytes:
        """What a sanitised payload holds: see `write_manifest`. Never raises: see `or_empty`.

        Not on the event loop: where payloads are made faster than the account can read what was
        sent, it waits for that.
        """
        if self._account is not None:
            self._account.keep_up()
        return or_empty(lambda: write_manifest(payload, carried, judged=judged))

    def renewed(self, payload: Payload, *, judged: bool = True) -> bytes:
        """What a stored payload holds that was sanitised once more. Never raises."""
        return or_empty(lambda: renewed(payload.manifest, payload, judged=judged))

    def portion(
        self, whole: Payload, before: int, carried: Sequence[Document], portion: Payload
    ) -> bytes:
        """What is in a payload that was made of a stored one: see `manifest_of_portion`. Never
        raises.
        """
        return or_empty(lambda: manifest_of_portion(whole, before, carried, portion))

    async def close(self) -> None:
        """Tell that it ends, send the last head, let the files go. Idempotent, safe unopened."""
        journal, self._journal = self._journal, None
        account, self._account = self._account, None
        if journal is None or account is None:
            return
        watching, writing, taking, searches, *sending = self._tasks
        await _ended(watching)
        await _ended(taking)
        await _ended(writing)
        await _ended(searches)
        await asyncio.to_thread(account.close)
        try:
            await asyncio.to_thread(journal.append, "stop", {})
        except JournalFailed as failed:
            _log.error("the journal cannot be written: %s", failed.strerror)
        for each in sending:  # the last head, too
            await _ended(each)
        journal.close()

    @property
    def head(self) -> Head | None:
        """The journal's, signed if there is a key; None before open()."""
        return self._journal.head if self._journal is not None else None

    def status(self) -> dict[str, Any]:
        """For people and scripts: the head, how sending it away goes, and what is missing."""
        head, sender = self.head, self._sender
        gaps, last_gap = self._journal.gaps if self._journal is not None else (0, None)
        return {
            "head": str(head) if head else None,
            "signature": head.signature if head else None,
            "sent": sender.sent.head if sender else None,
            "send_failed": sender.sent.failed if sender else None,
            "gaps": gaps,
            "last_gap": last_gap,
        }

    def entries(self) -> int:
        """How many entries the journal has: a metric."""
        return self.head.count if self.head else 0

    def head_number(self) -> int:
        """The first digits of the head's hash as a number: a metric holds no more exactly."""
        return int(self.head.hash[:SHORTEST_HASH], 16) if self.head else 0

    def _open(self, policy: Mapping[str, Any], ways: Sequence[Way]) -> tuple[Journal, Account]:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / "ledger.db"
        check_version(path, account_store.VERSION)
        check_version(self._folder / NEEDLES, needle_store.VERSION)
        secret = self._options.journal.key
        key = SigningKey(secret.reveal()) if secret is not None else None
        if key is not None:
            _refuse_inside(self._folder, key.raw, "the key that signs the journal")
        if (secret := self._options.key) is not None:
            _refuse_inside(self._folder, _bytes_of(secret.reveal()), "the key of the ledger")
        for secret in self._options.previous_keys:
            _refuse_inside(self._folder, _bytes_of(secret.reveal()), "a key of the ledger")
        journal = self._journal = Journal(self._folder / "journal", key)
        if (heads := self._options.journal.heads.file) is not None:
            self.lacks = lacking(journal, heads)
        began = None if (first := journal.first) is None else first.time
        # A full disk must not keep a collector from starting: what is missing is told later.
        self.record("start", {"errlock": version("errlock"), "key": key and key.public.id})
        before = latest(self._folder / "journal", "policy", lambda entry: "ways" in entry.body)
        self._ways = ways_in(before.body) if before is not None else []
        self.in_force(policy, ways, "start", now())
        # What they could not tell they tell later.
        append = partial(journal.append, again=True)
        needles = None
        if (secret := self._options.key) is not None and self._options.needles.keep:
            file = self._folder / NEEDLES
            needles = Needles(
                file, secret.reveal(), self._options.needles, append,
                has_words=self._words is not None,
                previous=[each.reveal() for each in self._options.previous_keys],
            )  # fmt: skip
        learner = Learner(self._code, self._words)
        account = Account(
            path, self._options.account, append, needles=needles, learner=learner,
            began=began,
        )  # fmt: skip
        account.write()
        notes, labels = account.embedded(NOTE)
        oldest = self._options.account.minutes
        code = self._code is not None
        self._taking = Taking(account, needles, self.record, notes, labels, oldest, code=code)
        return journal, account


async def _watch(journal: Journal) -> None:
    """See to it that the journal stays where it is looked for."""
    while True:
        await asyncio.sleep(_EVERY)
        await asyncio.to_thread(journal.put_back)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _bytes_of(key: str) -> bytes:
    """What is looked for: the key itself, which `errlock key new` writes in base64, or any text."""
    try:
        return key_bytes(key)
    except KeyringError:
        return key.encode()


def _refuse_inside(folder: Path, key: bytes, what: str) -> None:
    """Whoever takes the storage folder must not have the keys to it."""
    if (path := file_with_key(folder, key)) is not None:
        raise JournalFailed(errno.EPERM, f"{what} lies inside service.storage", str(path))
