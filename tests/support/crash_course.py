"""A collector under load that is killed at random moments, and what became of every document.

Four sources are compared, none of which knows of another: what clients were acknowledged, what the
destinations' servers stored, the records in the file of the queues as SQL counts them, and the
books in that file.
"""

from __future__ import annotations

import random
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from live_errlock import Errlock, collector, otlp_at, sentry_at, started_errlock
from live_ports import listening_port
from numbered_senders import NumberedSenders
from scripted_backend import HEALTHY, MOODY, Kind, ScriptedBackend

KINDS: tuple[Kind, ...] = ("event", "session", "log_record", "otlp_span")
# Sent twice, they would count twice.
WITHOUT_ID: tuple[Kind, ...] = ("session", "log_record")
CONSUMERS = 4
_DRAINED = 120.0

_QUEUED = (
    "SELECT destination, key, sum(value) FROM deliveries, json_each(counts)"
    " GROUP BY destination, key"
)


@dataclass(frozen=True, slots=True)
class Place:
    """A destination: a path of one of the backends."""

    backend: ScriptedBackend
    path: str
    kinds: tuple[Kind, ...]
    bounded: bool = False  # its queue is so short that documents are dropped

    def exporter(self) -> dict[str, Any]:
        """Its configuration: impatient, so that much happens in little time."""
        retry = {"initial_interval": "100ms", "max_interval": "500ms"}
        queue: dict[str, Any] = {"num_consumers": CONSUMERS}
        if self.bounded:
            queue["max_documents"] = 12
        options = {"timeout": "2s", "retry_on_failure": retry, "sending_queue": queue}
        root = f"127.0.0.1:{self.backend.port}"
        if self.path.startswith("/api/"):
            return {"dsn": f"http://key@{root}/{self.path.removeprefix('/api/')}", **options}
        return {"endpoint": f"http://{root}", **options}


@dataclass(frozen=True, slots=True)
class Line:
    """What the file of the queues says of one kind of document at one destination."""

    accepted: int = 0
    delivered: int = 0
    queued: int = 0  # counted over the records
    dropped: Mapping[str, int] = field(default_factory=dict)  # by reason

    @property
    def holds(self) -> bool:
        """Whether accepted = delivered + queued + dropped."""
        return self.accepted == self.delivered + self.queued + sum(self.dropped.values())


Ledger = Mapping[tuple[str, str], Line]  # by destination and kind


def read_books(storage: Path) -> Ledger:
    """One look at the file, whoever writes to it: everything is of the same moment."""
    uri = f"{(storage / 'queue.db').as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None, timeout=10)) as queues:
        queues.execute("BEGIN")
        books = queues.execute("SELECT destination, type, kind, reason, amount FROM books")
        found: dict[tuple[str, str], Counter[tuple[str, str]]] = {}
        for destination, type_, kind, reason, amount in books:
            found.setdefault((destination, type_), Counter())[kind, reason] = amount
        queued = {(id_, type_): amount for id_, type_, amount in queues.execute(_QUEUED)}
    return {
        key: Line(
            each["accepted", ""],
            each["delivered", ""],
            queued.get(key, 0),
            {reason: n for (kind, reason), n in each.items() if kind == "dropped"},
        )
        for key, each in found.items()
    }


@dataclass
class Course:
    """The run, and what it saw."""

    places: Mapping[str, Place]  # by the exporter's id
    senders: NumberedSenders
    storage: Path
    kills: int = 0
    before_ready: int = 0  # kills while it started
    looks: int = 0  # times that the equation was read under load
    # Of each destination and kind: what its server had and the books had not, at each kill.
    unbooked: dict[tuple[str, Kind], list[int]] = field(default_factory=dict)
    largest_queue: int = 0

    @property
    def accounts(self) -> Iterator[tuple[str, Place, Kind]]:
        """Every destination with every kind that goes there."""
        for id_, place in self.places.items():
            for kind in place.kinds:
                yield id_, place, kind

    def look(self) -> None:
        """The equation at this moment, while everything moves.

        What a source counts later than another one it may have more of, never less.
        """
        acknowledged, _ = self.senders.counts()
        ledger = read_books(self.storage)
        _, sent = self.senders.counts()
        for id_, place, kind in self.accounts:
            line = ledger.get((id_, kind), Line())
            where = f"{id_}, {kind}: {line}"
            assert line.holds, where
            assert acknowledged.get(kind, 0) <= line.accepted <= sent.get(kind, 0), where
            assert line.delivered <= len(place.backend.distinct(place.path, kind)), where
            assert place.bounded or set(line.dropped) <= {"unclear"}, where
            self.largest_queue = max(self.largest_queue, line.queued)
        self.looks += 1

    def look_after_a_kill(self) -> None:
        """The same, and how much the servers had that nobody had booked: that goes once more."""
        for backend in {place.backend for place in self.places.values()}:
            backend.wait_for_silence()
        self.look()
        ledger = read_books(self.storage)
        for id_, place, kind in self.accounts:
            line = ledger.get((id_, kind), Line())
            answered = len(place.backend.answered[place.path, kind])
            self.unbooked.setdefault((id_, kind), []).append(answered - line.delivered)

    def wait_until_drained(self) -> None:
        """Return when nothing waits any more."""
        deadline = time.monotonic() + _DRAINED
        while waiting := {key: each.queued for key, each in read_books(self.storage).items()}:
            if not any(waiting.values()):
                return
            assert time.monotonic() < deadline, waiting
            time.sleep(0.1)

    def judge(self) -> None:
        """At rest: the four sources say the same, and nothing that was acknowledged is missing."""
        ledger = read_books(self.storage)
        for id_, place, kind in self.accounts:
            line = ledger[id_, kind]
            where = f"{id_}, {kind}: {line}"
            acknowledged = self.senders.acknowledged[kind]
            stored = place.backend.distinct(place.path, kind)
            lost = line.dropped.get("unclear", 0) + line.dropped.get("queue_full", 0)
            again = place.backend.again(place.path, kind)
            assert line.holds, where
            assert line.queued == 0, where
            assert stored <= self.senders.sent[kind], where
            assert lost == sum(line.dropped.values()), where
            if kind in WITHOUT_ID:
                assert again == 0, f"{where}: {again} came twice"
            else:
                unanswered = place.backend.unanswered[place.path, kind]
                assert again <= unanswered + sum(self.unbooked[id_, kind]), where
            if lost:
                assert kind in WITHOUT_ID or place.bounded, where
                assert line.delivered <= len(stored) <= line.accepted, where
                assert len(acknowledged - stored) <= lost, where
                assert len(acknowledged | stored) <= line.accepted, where
            else:
                assert acknowledged <= stored, f"{where}: {len(acknowledged - stored)} are missing"
                assert line.accepted == line.delivered == len(stored), where

    def rows(self) -> list[dict[str, object]]:
        """What it came to, a line for each destination and kind."""
        ledger = read_books(self.storage)
        rows: list[dict[str, object]] = []
        for id_, place, kind in self.accounts:
            line = ledger[id_, kind]
            # What has no id does not come twice, whatever was booked.
            unbooked = None if kind in WITHOUT_ID else self.unbooked[id_, kind]
            rows.append(
                {
                    "destination": id_,
                    "documents": kind,
                    "acknowledged": len(self.senders.acknowledged[kind]),
                    "accepted": line.accepted,
                    "delivered": line.delivered,
                    "queued": line.queued,
                    "unclear": line.dropped.get("unclear", 0),
                    "queue full": line.dropped.get("queue_full", 0),
                    "at the server": len(place.backend.distinct(place.path, kind)),
                    "twice": place.backend.again(place.path, kind),
                    "answer cut": place.backend.unanswered[place.path, kind],
                    "unbooked at kills": unbooked and sum(unbooked),
                    "most at one": unbooked and max(unbooked),
                }
            )
        return rows


def crash(
    folder: Path,
    backends: tuple[ScriptedBackend, ScriptedBackend],
    kills: int,
    *,
    seed: str,
    threads: int,
    pause: float,
    longest: float,
    tell: Callable[[str], None] = lambda text: None,
) -> Course:
    """Kill so often, each time after `longest` seconds at most; then let it deliver, and judge.

    `tell` is told how far it is. Raises AssertionError as soon as something does not add up.
    """
    draw = random.Random(seed)
    first, second = backends
    places = {
        "sentry": Place(first, "/api/1", ("event", "session")),
        "sentry/other": Place(second, "/api/1", ("event", "session")),
        "sentry/bounded": Place(second, "/api/2", ("event", "session"), bounded=True),
        "otlp_http": Place(first, "/v1", ("log_record", "otlp_span")),
        "otlp_http/other": Place(second, "/v1", ("log_record", "otlp_span")),
    }
    http, grpc = listening_port(), listening_port()
    config = configuration(places, http, grpc)
    with NumberedSenders(http, grpc, threads, pause) as senders:
        course = Course(places, senders, folder / "data")
        for backend in backends:
            backend.manners = MOODY
        while course.kills < kills:
            with started_errlock(config, folder) as errlock:
                # Every sixth dies while it starts.
                if course.kills % 6 == 5:
                    time.sleep(draw.uniform(0.0, longest))
                    course.before_ready += 1
                else:
                    errlock.wait_until_healthy()
                    senders.wait_for_more()
                    time.sleep(draw.uniform(0.0, longest))
                    course.look()
                    time.sleep(draw.uniform(0.0, longest / 4))
                kill(errlock)
            course.kills += 1
            tell(f"killed {course.kills} times, {len(senders.acknowledged['event'])} events")
            course.look_after_a_kill()
        with started_errlock(config, folder) as errlock:
            errlock.wait_until_healthy()
            course.look()
            senders.stop()
            for backend in backends:
                backend.manners = HEALTHY
            course.wait_until_drained()
            errlock.stop()
    course.judge()
    return course


def configuration(places: Mapping[str, Place], http: int, grpc: int) -> dict[str, Any]:
    """Events to three destinations, OTLP to two."""
    exporters = {id_: place.exporter() for id_, place in places.items()}
    config = collector({**sentry_at(http), **otlp_at(grpc, listening_port())}, exporters)
    errors = config["service"]["pipelines"].pop("errors")
    for receiver in ("sentry", "otlp"):
        config["service"]["pipelines"][receiver] = {
            **errors,
            "receivers": [receiver],
            "exporters": [id_ for id_ in exporters if id_.startswith(receiver)],
        }
    config["service"] |= {"storage": "data", "storage_reserve": "1MiB"}
    return config


def kill(errlock: Errlock) -> None:
    """End it at once, and see that this is what ended it."""
    errlock.send(signal.SIGKILL)
    assert errlock.ended(30) == -signal.SIGKILL, errlock.log[-4000:]
