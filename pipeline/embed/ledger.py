"""The account of what an application itself sends, handed to a collector or kept in a folder.

    ledger = Ledger(service="shop", to="https://errlock.internal:13134", token=...)
    sentry_sdk.init(dsn=..., transport=sentry_transport(pipeline, ledger=ledger))

One object serves every SDK of a process, and every process that is forked from it. It holds counts
and fingerprints, never a value.
"""

from __future__ import annotations

import atexit
import re
from collections import Counter
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ...ledger.account.counting import Delivered, Withheld
from ...ledger.code.reading import CodeReader
from ...ledger.embedded.handing import EVERY, EmbeddedAccount, NotTaken, Taker, Unacceptable
from ...ledger.embedded.handover import DESTINATION, SUFFIX, HandOver, Taken, encoded
from ...ledger.exposed import Learner, Learnt
from ...ledger.manifest import or_empty, write_manifest
from ...ledger.origins import EMBEDDED
from ...policy.forks import whole
from ..host.file_places import put_whole
from ..terminal import escape
from .judging import judging

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..api import Pipeline
    from ..component import Outcome
    from ..errors import DropReason
    from ..payloads.document import DocumentType, Payload

CLOSE_WITHIN = 5.0  # seconds that the end of a process may wait for a collector
_LONGEST_TOLD = 200
_AGAIN = frozenset({408, 409, 421, 429})  # and all above 499: the same may be taken later


class Note:
    """What one sanitised payload holds, until it is known what became of it."""

    __slots__ = ("documents", "learnt", "manifest", "policy")

    def __init__(
        self,
        policy: str,
        manifest: bytes,
        documents: Counter[DocumentType],
        learnt: Learnt | None = None,
    ) -> None:
        self.policy = policy
        self.manifest = manifest
        self.documents = documents
        self.learnt = learnt


class Ledger:
    """Keeps the account of one application. Safe to use from every thread."""

    def __init__(
        self,
        *,
        service: str,
        to: str | None = None,
        token: str | None = None,
        folder: str | Path | None = None,
        key: str | None = None,
        every: float = EVERY,
        name: str | None = None,
        close_within: float = CLOSE_WITHIN,
        depth: Literal["counts", "code"] = "code",
    ) -> None:
        """Hands over `to` the URL of a collector's control API, with a `token` whose role is
        `account`; or keeps hand-overs in a `folder`, for `errlock exposure merge`.

        `service` is what this application is called where its documents do not say. `key` is the
        collector's `service.ledger.key`: without, values and people are not told apart and cannot
        be searched for. `every` is how often, in seconds; `name` is how people know the process:
        its host and number if nothing is said. When the process ends, what is left is handed over
        within `close_within` seconds. `depth` is as `service.ledger.depth`: `counts` keeps nothing
        of what documents tell of the program that sent them. Raises ValueError.
        """
        if (to is None) == (folder is None):
            raise ValueError("expected either to or folder")
        if (to is None) != (token is None):
            raise ValueError("expected a token with to, and only with it")
        if not 0 < every <= 3600:
            raise ValueError("expected every to be above 0 and at most 3600")
        if depth not in ("counts", "code"):
            raise ValueError("expected depth to be counts or code")
        taker: Taker
        if to is not None and token is not None:
            taker = _Collector(to, token)
        else:
            taker = _Folder(Path(str(folder)))
        self._account = EmbeddedAccount(
            _Careful(taker), service, key=key, every=every, name=name, around=judging
        )
        self._close_within = close_within
        self._learner = Learner(CodeReader() if depth == "code" else None)
        atexit.register(self.close)

    def keep_account_of(self, pipeline: Pipeline) -> None:
        """Have a pipeline note what it finds. Raises ValueError: no account without a version."""
        try:
            pipeline.version  # noqa: B018  made now, not amid the first document
        except PackageNotFoundError:
            raise ValueError(
                "ledger: errlock's version is not known, because its metadata (errlock-*.dist-info)"
                " is not installed beside it"
            ) from None
        pipeline.keep_traces(self._account.tracer.traces)

    def expect_ids(self, *destinations: str) -> None:
        """Raise ValueError unless they can be accounted for under these names."""
        if not all(re.search(DESTINATION, id_) for id_ in destinations):
            raise ValueError("destination: expected an exporter's id, such as sentry or otlp/tempo")

    def note(self, pipeline: Pipeline, payload: Payload | None) -> Note:
        """What a sanitised payload holds; None: nobody judged it. Never raises: see `or_empty`."""
        with whole:
            policy = f"{EMBEDDED}{pipeline.version}"
            if payload is None:
                return Note(policy, b"", Counter())
            manifest = or_empty(lambda: write_manifest(payload))
            # At once: the payload is not kept for as long as the SDK keeps what it sends.
            return Note(policy, manifest, payload.types, self._learner.learn(payload))

    def book(
        self,
        destination: str,
        note: Note,
        outcome: Outcome = "delivered",
        reason: DropReason | None = None,
        documents: Counter[DocumentType] | None = None,
    ) -> None:
        """Count what a destination got of a payload: all of it, unless `documents` are given."""
        counted = note.documents if documents is None else documents
        self._account.book(
            Delivered(destination, note.policy, note.manifest, counted, outcome, reason),
            note.learnt,
        )

    def withhold(
        self, destination: str, note: Note, lost: Mapping[tuple[DocumentType, DropReason], int]
    ) -> None:
        """Count what does not leave of a payload, and why."""
        self._account.withhold(Withheld(destination, note.policy, note.manifest, lost))

    def flush(self, timeout: float = CLOSE_WITHIN) -> bool:
        """Hand over what there is, within about `timeout` seconds. Whether it was all taken."""
        return self._account.flush(timeout)

    def close(self) -> None:
        """Hand over what is left, and say that the process ends. Called at exit by itself."""
        self._account.close(self._close_within)


class _Careful:
    """Fails of nothing that nobody expects: then the thread that hands over would end, or an
    application's own.
    """

    def __init__(self, taker: Taker) -> None:
        self._taker = taker

    def take(self, handover: HandOver, timeout: float) -> None:
        """See `Taker.take`."""
        try:
            self._taker.take(handover, timeout)
        except (NotTaken, Unacceptable):
            raise
        except Exception as failure:  # noqa: BLE001  whatever it is, it may go well later
            raise NotTaken(type(failure).__name__) from None


class _Collector:
    """Hands over to a collector's control API."""

    def __init__(self, url: str, token: str) -> None:
        from ..control.client import Client

        self._client = Client(url, token)

    def take(self, handover: HandOver, timeout: float) -> None:
        """See `Taker.take`."""
        from ..control.client import Denied, NoAnswer

        try:
            self._client.ask("/v1/account", Taken, handover, timeout=timeout)
        except NoAnswer as no:
            raise NotTaken(_told(str(no))) from None
        except Denied as no:
            why = f"{_told(no.kind)} (HTTP {no.status})"
            if no.status in _AGAIN or no.status > 499 or no.status in (401, 403):
                raise NotTaken(why) from None
            raise Unacceptable(why) from None


def _told(text: str) -> str:
    """What whoever answered says, as a log may have it: nobody knows that it is a collector."""
    return escape(text)[:_LONGEST_TOLD]


class _Folder:
    """Keeps each hand-over in a file of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def take(self, handover: HandOver, timeout: float) -> None:
        """See `Taker.take`."""
        told = handover.rows or handover.code or handover.missing or handover.ended
        if not told and handover.number != 1:
            return  # nobody watches a folder for a sign of life
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self._folder / f"{handover.process}-{handover.number:010}{SUFFIX}"
            put_whole(path, encoded(handover))
        except OSError as error:
            raise NotTaken(error.strerror or type(error).__name__) from None
