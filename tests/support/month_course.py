"""A month of a collector whose contents are known, and the truth about what each destination got.

The collector is a process of its own with real sockets; only what `time.time` says in it comes
from a file that the script writes. The clock stands still while documents are sent, and moves on
when all of them are delivered and booked: so the script knows the minute of every document.
"""

from __future__ import annotations

import http.client
import itertools
import json
import random
import re
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from counting_backend import CountingBackend, counting_backend
from live_errlock import ERRLOCK, Errlock, collector, running_errlock, sentry_at
from live_ports import listening_port
from moved_clock import MovedClock
from waiting import wait_for

MINUTE, HOUR, DAY = 60, 3600, 86400
DAYS = 30
BEGIN = datetime(2026, 10, 1, tzinfo=UTC).timestamp()
# What happens in the month, in seconds since its beginning.
STRICTER = 10 * DAY + 9 * HOUR  # e-mail addresses are replaced from now on
OFF = 15 * DAY + 12 * HOUR  # for an hour nothing is taken out
ON = OFF + HOUR
DISTRUST = 26 * DAY + 8 * HOUR + 17 * MINUTE
SWAP = DISTRUST + 13 * MINUTE

VENDOR, STANDBY, ARCHIVE = "sentry", "sentry/standby", "sentry/archive"
_SERVICES = ("shop", "billing", "gateway")
_LOGS = 9  # in an envelope, beside an event
_SENDERS = 6
_KEY = "QQ" * 22  # of the ledger: the same sketches in every run
# What a backend sees in clear.
_CLEAR = {
    "pii.email": re.compile(rb"person\d+@mail\.example"),
    "secret.password": re.compile(rb"hunter\d+correct"),
}

Found = tuple[str, str]  # a class and the form it left in


@dataclass
class Share:
    """What one destination got in one minute from one service."""

    documents: Counter[str] = field(default_factory=Counter)  # by type
    found: Counter[Found] = field(default_factory=Counter)
    values: dict[Found, set[str]] = field(default_factory=dict)
    people: set[str] = field(default_factory=set)

    def add(self, other: Share) -> None:
        """What another one got, too."""
        self.documents += other.documents
        self.found += other.found
        self.people |= other.people
        for key, values in other.values.items():
            self.values.setdefault(key, set()).update(values)


Key = tuple[str, int, str, str]  # destination, minute, service, environment
Origin = tuple[str, str]
Truth = dict[Key, Share]


@dataclass(frozen=True)
class Month:
    """What came of it."""

    folder: Path
    truth: Truth
    seen: Mapping[str, Counter[str]]  # by destination: documents and values in clear, on the wire
    heads: list[str]

    def told(self, destination: str, since: float, until: float) -> Share:
        """The truth about a window, in seconds since the month began."""
        share = Share()
        for _, each in self._within(destination, since, until):
            share.add(each)
        return share

    def origins(self, destination: str, since: float, until: float) -> dict[Origin, Share]:
        """The same, by service and environment."""
        found: dict[Origin, Share] = {}
        for (_, _, *origin), each in self._within(destination, since, until):
            found.setdefault((origin[0], origin[1]), Share()).add(each)
        return found

    def minutes(self, destination: str, since: float, until: float) -> list[int]:
        """The minutes in which it got anything."""
        return [minute for (_, minute, _, _), _ in self._within(destination, since, until)]

    def _within(self, destination: str, since: float, until: float) -> Iterator[tuple[Key, Share]]:
        for key, each in self.truth.items():
            if key[0] == destination and BEGIN + since <= key[1] < BEGIN + until:
                yield key, each


def month(folder: Path, documents: int, moments: int) -> Month:
    """Send so many documents at so many moments of a month, and let happen what happens."""
    with (
        counting_backend(_CLEAR) as vendor,
        counting_backend(_CLEAR) as standby,
        counting_backend(_CLEAR) as archive,
    ):
        backends = {VENDOR: vendor, STANDBY: standby, ARCHIVE: archive}
        script = _Script(folder, backends)
        envelopes = documents // (1 + _LOGS)
        times = sorted(script.dice.sample(range(DAYS * DAY // MINUTE), moments - len(_EXACT)))
        times = sorted({*(each * MINUTE for each in times), *_EXACT})
        command = script.clock.command(ERRLOCK)
        with running_errlock(script.config, folder / "run", command=command) as errlock:
            script.errlock = errlock
            for number, time in enumerate(times):
                script.happens(time)
                wanted = envelopes * (number + 1) // len(times) - envelopes * number // len(times)
                script.send(time, max(1, wanted))
            script.at(DAYS * DAY)
            script.heads.append(script.head())
            script.close()
        seen = {name: backend.seen for name, backend in backends.items()}
        return Month(folder / "run" / "store", script.truth, seen, script.heads)


# At these moments something is sent in any case: at and beside every change.
_EXACT = [
    at + beside for at in (STRICTER, OFF, ON, DISTRUST, SWAP) for beside in (-MINUTE, 0, MINUTE)
]


class _Script:
    """Sends, waits, moves the clock, and keeps the truth."""

    errlock: Errlock

    def __init__(self, folder: Path, backends: Mapping[str, CountingBackend]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "ledger.key").write_text(_KEY)
        self.dice = random.Random(30)
        self.clock = MovedClock(folder / "clock", BEGIN)
        self.truth: Truth = {}
        self.heads: list[str] = []
        self._folder = folder
        self._backends = backends
        self._port = listening_port()
        self._sent: Counter[str] = Counter()
        self._numbers = itertools.count()
        self._senders = ThreadPoolExecutor(_SENDERS)
        self._connections: SimpleQueue[http.client.HTTPConnection] = SimpleQueue()
        for _ in range(_SENDERS):
            self._connections.put(http.client.HTTPConnection("127.0.0.1", self._port, timeout=120))
        self._left = [(STRICTER, self._stricter), (OFF, self._off), (ON, self._on),
                      (DISTRUST, self._distrust), (SWAP, self._swap)]  # fmt: skip
        self._email = "clear"
        self._redacting = True
        self._to = VENDOR
        self.config = self._written()

    def happens(self, time: float) -> None:
        """Move on to a time; what was due until then happens at its own."""
        while self._left and self._left[0][0] <= time:
            due, act = self._left.pop(0)
            self.at(due)
            act()
        self.at(time)

    def at(self, time: float) -> None:
        """Set the clock."""
        self.clock.set(BEGIN + time)

    def head(self) -> str:
        """The journal's, as somebody would keep it elsewhere."""
        return str(self._ask("/v1/status")["journal"]["head"])

    def send(self, time: float, envelopes: int) -> None:
        """Send so many, and return when every destination has them and they are booked."""
        made = [self._envelope(int(BEGIN + time)) for _ in range(envelopes)]
        list(self._senders.map(self._post, made))
        wait_for(self._settled, 120)

    def close(self) -> None:
        """Let the connections go."""
        self._senders.shutdown()
        while not self._connections.empty():
            self._connections.get().close()

    def _settled(self) -> bool:
        return all(
            self.errlock.metric("errlock_exporter_sent_total", exporter=name) == number
            for name, number in self._sent.items()
        )

    def _post(self, body: bytes) -> None:
        connection = self._connections.get()
        connection.request("POST", "/api/7/envelope/?sentry_key=abc", body)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
        self._connections.put(connection)

    def _envelope(self, minute: int) -> bytes:
        """An event and some logs, with what is in them noted for who will get them."""
        number = next(self._numbers)
        service, environment = self.dice.choice(_SERVICES), self.dice.choice(("prod", "staging"))
        got = [Share() for _ in (self._to, ARCHIVE)]
        event = self._event(number, got)
        logs = [self._log(number, index, got) for index in range(_LOGS)]
        for name, share in zip((self._to, ARCHIVE), got, strict=True):
            share.documents += Counter({"event": 1, "log": _LOGS})
            key = (name, minute, "7", f"{service}-{environment}")
            self.truth.setdefault(key, Share()).add(share)
            self._sent[name] += 1 + _LOGS
        header = {
            "event_id": event["event_id"],
            "trace": {"environment": f"{service}-{environment}"},
        }
        container = {"type": "log", "item_count": _LOGS,
                     "content_type": "application/vnd.sentry.items.log+json"}  # fmt: skip
        parts = (header, {"type": "event"}, event, container, {"items": logs})
        return (
            b"\n".join(json.dumps(part, separators=(",", ":")).encode() for part in parts) + b"\n"
        )

    def _event(self, number: int, got: list[Share]) -> dict[str, Any]:
        event: dict[str, Any] = {"event_id": f"{number:032x}", "message": "order failed"}
        if self.dice.random() < 0.7:
            person = f"user-{self.dice.randrange(20_000)}"
            event["user"] = {"id": person}
            self._note("pii.user_id", person, got)
            for share in got:
                share.people.add(person)
        if self.dice.random() < 0.2:
            password = f"hunter{number}correct"
            event["extra"] = {"password": password}
            self._note("secret.password", password, got)
        return event

    def _log(self, number: int, index: int, got: list[Share]) -> dict[str, Any]:
        body = "order was paid"
        if self.dice.random() < 0.3:
            email = f"person{self.dice.randrange(5_000)}@mail.example"
            body = f"mail to {email} was sent"
            self._note("pii.email", email, got)
            for share in got:  # nothing says better who a log is about
                share.people.add(email)
        trace = f"{number * 16 + index + 1:032x}"
        return {"timestamp": 1790000000.0, "trace_id": trace, "level": "info", "body": body}

    def _note(self, class_: str, value: str, got: list[Share]) -> None:
        for name, share in zip((self._to, ARCHIVE), got, strict=True):
            key = (class_, self._form(class_, name))
            share.found[key] += 1
            share.values.setdefault(key, set()).add(value)

    def _form(self, class_: str, destination: str) -> str:
        if destination == ARCHIVE and class_ != "pii.user_id":
            return "removed"  # it has a policy of its own on top
        if not self._redacting:
            return "clear"
        return self._email if class_ == "pii.email" else _FORMS[class_]

    def _stricter(self) -> None:
        self._email = "removed"
        self._reload()

    def _off(self) -> None:
        self._redacting = False
        self._reload()

    def _on(self) -> None:
        self._redacting = True
        self._reload()

    def _distrust(self) -> None:
        self._to = STANDBY
        self._ask("/v1/distrust", {"names": [VENDOR], "why": "mail of the vendor"})

    def _swap(self) -> None:
        self._ask("/v1/swap", {"from": VENDOR, "to": STANDBY, "why": "it will take long"})

    def _reload(self) -> None:
        self.errlock.write(self._written())
        self._ask("/v1/reload", {})

    def _ask(self, path: str, order: object = None) -> Any:
        """Ask the control API, as the commands do."""
        body = None if order is None else json.dumps(order).encode()
        token = (self._folder / "run/store/control-token").read_text().strip()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        url = f"http://127.0.0.1:{self.errlock.control}{path}"
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=120) as got:
            return json.load(got)

    def _written(self) -> dict[str, Any]:
        exporters: dict[str, Any] = {
            name: {"dsn": f"http://key@127.0.0.1:{backend.server_port}/1", "operator": name[-7:]}
            for name, backend in self._backends.items()
        }
        exporters[STANDBY]["standby_for"] = VENDOR
        exporters[ARCHIVE]["processors"] = ["redact/archive"]
        written = collector(sentry_at(self._port), exporters)
        kept = {"pii.email"} if self._email == "clear" else set()
        kept = kept if self._redacting else set(_FORMS)
        actions = {class_: "keep" if class_ in kept else "replace" for class_ in _FORMS}
        written["processors"] = {
            "redact": {"classes": actions},
            "redact/archive": {"classes": {"pii.user_id": "keep"}},
        }
        written["service"]["pipelines"]["errors"]["exporters"] = [VENDOR, ARCHIVE]
        written["service"] |= {
            "storage": str(self._folder / "run" / "store"),
            "ledger": {"key": f"${{file:{self._folder / 'ledger.key'}}}"},
        }
        return written


_FORMS = {"pii.user_id": "removed", "secret.password": "removed", "pii.email": "removed"}
