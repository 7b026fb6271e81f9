"""A journal and an account as a collector leaves them, made by hand and by a clock set by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from errlock.ledger.account.account import Account
from errlock.ledger.account.counting import Delivered, Withheld
from errlock.ledger.journal.entries import EntryKind, Head
from errlock.ledger.journal.journal import Journal
from errlock.ledger.manifest import Items, Line, Manifest
from errlock.ledger.options import AccountOptions
from errlock.pipeline.component import Outcome
from errlock.pipeline.errors import DropReason
from errlock.pipeline.options import Duration
from errlock.pipeline.payloads.document import DocumentType

NOON = datetime(2026, 9, 21, 12, tzinfo=UTC).timestamp()


class ToyLedger:
    """Opens both; `close` when everything is in it."""

    def __init__(self, folder: Path, **options: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.now = NOON
        self.journal = Journal(folder / "journal", clock=self._written)
        self.account = Account(
            folder / "ledger.db",
            AccountOptions(**{name: Duration(each) for name, each in options.items()}),
            self.journal.append,
            lambda: self.now,
        )
        # No two journals begin alike.
        self.tell("start", errlock="0.1.0", key=None, toy=folder.name)
        self.policy({"redact": {}})
        self.account.write()

    @property
    def head(self) -> Head:
        return self.journal.head

    def tell(self, kind: EntryKind, **body: Any) -> None:
        self.journal.append(kind, body)

    def policy(self, processors: Mapping[str, Any], *exporters: str) -> None:
        """A policy comes into force: every processor, for every exporter."""
        content = {
            "errlock": "0.1.0",
            "processors": processors,
            "pipelines": {
                "errors": {
                    "receivers": ["sentry"],
                    "processors": list(processors),
                    "exporters": list(exporters or ("sentry", "standby")),
                }
            },
            "exporters": {name: {"processors": []} for name in exporters},
        }
        self.tell("policy", sha256=f"{len(str(content)):064x}", content=content)

    def control(self, state: str, *controls: str, destination: str = "sentry") -> None:
        """Controls go off, or come back."""
        off = {"since": self._written()} if state == "off" else {}
        self.tell("control_off", destination=destination, pipeline="errors", state=state,
                  controls=list(controls), by="reload", **off)  # fmt: skip

    def trust(self, name: str, state: str, why: str = "breach") -> None:
        word = {"state": state, "by": "jane", "why": why, "since": self.now}
        what = "loosened" if state == "trusted" else "tightened"
        self.tell("trust", what=what, words={name: word})

    def deliver(
        self,
        documents: int = 1,
        *lines: Line,
        destination: str = "sentry",
        service: str = "shop",
        environment: str = "prod",
        type_: DocumentType = "event",
        policy: str = "errors:1",
        people: Iterable[int] = (),
        outcome: Outcome = "delivered",
    ) -> None:
        """A destination has some documents now."""
        items: dict[str, Items] = {type_: Items(documents, documents * 1000, sorted(set(people)))}
        manifest = Manifest(service, environment, items, list(lines))
        data = msgspec.msgpack.encode(manifest)
        self.account.book(Delivered(destination, policy, data, {type_: documents}, outcome))

    def withhold(self, documents: int, reason: DropReason) -> None:
        """Some documents do not leave."""
        self.account.withhold(Withheld("sentry", "errors:1", b"", {("event", reason): documents}))

    def wait(self, seconds: float) -> None:
        """Time passes; what was booked is written."""
        self.account.write()
        self.now += seconds
        self.account.write()

    def close(self) -> None:
        self.account.close()
        self.tell("stop")
        self.journal.close()

    def _written(self) -> str:
        return datetime.fromtimestamp(self.now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def found(
    class_: str,
    form: str = "clear",
    occurrences: int = 1,
    values: Iterable[int] = (),
    *,
    documents: int = 0,
    detector: str = "key",
    type_: str = "event",
) -> Line:
    """What was found in documents of a type."""
    known = sorted(set(values))
    return Line(type_, class_, form, detector, documents or occurrences, occurrences, known)
