"""What does the ledger cost: in CPU time for each payload, and on the disk?

A payload is decoded, sanitised and encoded, without noting what is in it and booking it, and with
each depth of it: medians, less the first tenth. What was booked is written at the end, its time
shared among all. Events are of a program with 40 ways to fail, in 8 places; and, as the worst that
can come, no two of the same code. On the disk: an account and its journal of a day, by the minute,
the hour and the day.

Last, what it takes of a whole collector: CPU time of its process for each request, from the socket
to the destination, its queue on the disk, next to a collector that has no ledger at all.
"""

from __future__ import annotations

import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from operator import truediv
from pathlib import Path
from typing import Any

import msgspec
from live_errlock import Errlock, collector, otlp_at, running_errlock, sentry_at
from live_ports import listening_port

from benchmarks.collectors import Door, cpu_of, round_of
from benchmarks.events import Events
from benchmarks.options import Options, parse, progress
from benchmarks.report import machine, show
from benchmarks.timing import timed
from errlock.ledger.account.account import Account
from errlock.ledger.account.counting import Delivered
from errlock.ledger.account.store import DAY, HOUR, MINUTE, AccountStore
from errlock.ledger.code.reading import CodeReader
from errlock.ledger.exposed import Exposed, Learner
from errlock.ledger.journal.journal import Journal
from errlock.ledger.manifest import Items, Line, Manifest, write_manifest
from errlock.ledger.needles.needles import Needles
from errlock.ledger.needles.words import WordReader
from errlock.ledger.options import AccountOptions, NeedleOptions
from errlock.ledger.traces import Tracer
from errlock.pipeline.chain import Chain, Step
from errlock.pipeline.counters import Counters
from errlock.pipeline.payloads.document import Payload, Tree
from errlock.pipeline.payloads.envelope import Envelope
from errlock.pipeline.payloads.otlp import OtlpRequest
from errlock.policy.parts import RedactPart

DEPTHS = ("counts", "code", "words")
KEY = "k" * 44
Decode = Callable[[bytes], Payload]


def main() -> int:
    """Measure and show."""
    options = parse(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        rows = list(_costs(options, Path(folder)))
    show("CPU time a payload, without and with the ledger", rows, machine("numpy"))
    with tempfile.TemporaryDirectory() as folder:
        sizes = list(_sizes(options, Path(folder)))
    with tempfile.TemporaryDirectory() as folder:
        whole = list(_collectors(options, Path(folder)))
    if "--json" not in sys.argv:
        show("Account and journal on the disk", sizes, machine("numpy"))
        show("CPU time of a collector, for each request", whole, machine("aiohttp", "numpy"))
    return 0


def _costs(options: Options, folder: Path) -> Iterator[dict[str, object]]:
    for label, decode, bodies in _payloads(options):
        if not options.wants(label):
            continue
        progress(label)
        without = _contender(decode, None)
        accounts = {depth: _account(folder, label, depth) for depth in DEPTHS}
        contenders = [without, *(_contender(decode, accounts[d]) for d in DEPTHS)]
        seconds: list[list[float]] = [[] for _ in contenders]
        for number, body in enumerate(bodies):
            # Each gets every other one: what the process remembers of a text helps who comes next.
            turn = number % len(contenders)
            seconds[turn].append(timed(contenders[turn], body))
        before, *after = (statistics.median(each[len(each) // 10 :]) for each in seconds)
        for depth, cost in zip(DEPTHS, after, strict=True):
            writing = _writing(accounts[depth]) / (len(bodies) / len(contenders))
            yield {
                "payload": label,
                "payloads": len(bodies) // len(contenders),
                "depth": depth,
                "without µs": before * 1e6,
                "with µs": (cost + writing) * 1e6,
                "of that writing": writing * 1e6,
                "cost %": ((cost + writing) / before - 1) * 100,
            }


def _account(folder: Path, label: str, depth: str) -> Account:
    path = folder / f"{hash(label)} {depth}.db"
    needles = Needles(path.with_suffix(".needles"), KEY, NeedleOptions(), lambda *_: None)
    learner = Learner(
        CodeReader() if depth != "counts" else None, WordReader(KEY) if depth == "words" else None
    )
    return Account(path, AccountOptions(), lambda *_: None, needles=needles, learner=learner)


def _writing(account: Account) -> float:
    """Seconds to write all that was booked: as much as is booked in some seconds."""
    start = time.process_time()
    account.write()
    seconds = time.process_time() - start
    account.close()
    return seconds


_RESOURCE: dict[str, Tree] = {
    "service.name": "shop", "deployment.environment.name": "production",
}  # fmt: skip
_MODULES = {f"package-{'abcdefghij'[n % 10] * 4}-{n}": f"1.{n}.0" for n in range(150)}


def _payloads(options: Options) -> Iterator[tuple[str, Decode, list[bytes]]]:
    wanted = 20 if options.quick else 4000
    for kind, secrets, size in (
        ("clean", 0, 1), ("clean", 0, 6), ("clean", 0, 20), ("dirty", 4, 1), ("dirty", 4, 6),
        ("dirty", 4, 20), ("150 modules", 0, 6), ("no code twice", 0, 6),
    ):  # fmt: skip
        events = Events(f"ledger {kind} {size}")
        program = Program(events, size * 1000, _MODULES if kind == "150 modules" else {})
        many = range(max(20, wanted // size))
        make = program.event if kind != "no code twice" else events.event
        yield (
            f"event, {kind}, {size} KB",
            lambda body: Envelope.decode(body, "shop", 1.0),
            [_envelope(events, make(size * 1000), secrets) for _ in many],
        )
    for share in (0.0, 0.05):
        dice = random.Random(f"ledger {share}")
        yield (
            f"logs, 200 records, {share:.0%} dirty",
            lambda body: OtlpRequest.decode(body, "logs", "shop", 1.0),
            [_logs(dice, share) for _ in range(max(20, wanted // 20))],
        )
    dice = random.Random("ledger spans")
    yield (
        "traces, 200 spans",
        lambda body: OtlpRequest.decode(body, "traces", "shop", 1.0),
        [_spans(dice) for _ in range(max(20, wanted // 20))],
    )


def _spans(dice: random.Random) -> bytes:
    """Of a service that answers requests and asks a database for each."""
    records: list[Tree] = []
    for number in range(100):
        record: dict[str, Tree] = {"name": "x", "trace_id": f"{dice.getrandbits(128):032x}"}
        server: dict[str, Tree] = {
            "http.request.method": "GET", "http.route": "/orders/{id}",
            "url.path": f"/orders/{dice.randrange(10**6)}", "server.address": "shop.example.com",
            "http.response.status_code": 200,
        }  # fmt: skip
        client: dict[str, Tree] = {
            "db.system.name": "postgresql", "server.address": "db01.internal",
            "db.query.text": f"SELECT id, total FROM orders WHERE step = %s -- {number % 9}",
        }  # fmt: skip
        records += [
            {**record, "span_id": f"{dice.getrandbits(64):016x}", "attributes": attributes}
            for attributes in (server, client)
        ]
    request = OtlpRequest.from_trees(
        "traces", {"attributes": _RESOURCE}, {}, records, project="shop", received=1.0
    )
    return request.encode()


class Program:
    """What sends events: the code is the same each time, values are not."""

    def __init__(self, events: Events, size: int, modules: dict[str, str]) -> None:
        self._events = events
        self._modules = modules
        self._dice = random.Random(size)
        self._ways = [events.event(size) for _ in range(40)]

    def event(self, size: int) -> dict[str, Any]:
        """Another failure in one of the ways, at one of the places."""
        event, way = self._events.event(size), self._dice.choice(self._ways)
        frames = [each["exception"]["values"][0]["stacktrace"]["frames"] for each in (event, way)]
        for frame, same in zip(*frames, strict=False):
            frame.update({**same, "vars": frame["vars"]})
        event |= {"release": "shop@7.15.3", "server_name": f"shop-{self._dice.randrange(8)}"}
        return event | ({"modules": self._modules} if self._modules else {})


def _envelope(events: Events, event: dict[str, Any], secrets: int) -> bytes:
    events.plant(event, secrets)
    headers = {"event_id": event["event_id"], "trace": {"environment": "production"}}
    return b"\n".join(
        [json.dumps(headers).encode(), b'{"type":"event"}', json.dumps(event).encode(), b""]
    )


def _logs(dice: random.Random, dirty: float) -> bytes:
    records: list[Tree] = []
    for number in range(200):
        who = f"ann{dice.randrange(10**6)}@mail.example" if dice.random() < dirty else "somebody"
        body = f"order {dice.randrange(10**9)} of {who} was paid in step {number}"
        records.append({"body": body, "attributes": {"code.lineno": number}})
    request = OtlpRequest.from_trees(
        "logs", {"attributes": _RESOURCE}, {}, records, project="shop", received=1.0
    )
    return request.encode()


def _contender(decode: Decode, account: Account | None) -> Callable[[bytes], object]:
    tracer = Tracer(KEY)
    trace = tracer.traces if account is not None else None
    chain = Chain([Step("redact", RedactPart())], Counters(), "errors", trace=trace)

    def run(body: bytes) -> bytes:
        payload = chain.run(decode(body))
        if account is None:
            return payload.encode()
        payload.manifest = write_manifest(payload)
        out = payload.encode()
        account.expose(Exposed("sentry", payload, payload.types))
        account.book(Delivered("sentry", "errors:1", payload.manifest, payload.types))
        return out

    return run


# A collector like any other, but that nothing is noted or booked.
_WITHOUT = (
    "from errlock.pipeline import cli; from errlock.pipeline.collector import collector; "
    "collector.Ledger = lambda *_: None; raise SystemExit(cli.main())"
)
_ROUNDS, _CLIENTS = 24, 8
_WRITTEN_WITHIN = 1.5  # seconds


def _collectors(options: Options, folder: Path) -> Iterator[dict[str, object]]:
    with ExitStack() as running:
        depths = DEPTHS[:1] if options.quick else DEPTHS
        contenders = [_collector(running, folder, depth) for depth in (None, *depths)]
        for label, signal, bodies in _requests(options):
            if not options.wants(label):
                continue
            progress(f"collectors: {label}")
            # Of each before its rounds. What it does after the last answer of one counts too: the
            # account is written once a second.
            used: list[list[float]] = [[] for _ in contenders]
            rounds = _rounds(options)
            share = len(bodies) // rounds
            for number in range(rounds):
                sent = bodies[number * share :][:share]
                # Each comes first as often as the others: what a machine does before matters.
                for turn in range(len(contenders)):
                    at = (number + turn) % len(contenders)
                    errlock, doors = contenders[at]
                    used[at].append(cpu_of(errlock))
                    round_of(errlock, doors[signal], sent, _CLIENTS)
            time.sleep(_WRITTEN_WITHIN)
            for each, (errlock, _) in zip(used, contenders, strict=True):
                each.append(cpu_of(errlock))
            without, *others = (
                # The first round only warms up.
                [(after - before) / share for before, after in pairwise(each[1:])]
                for each in used
            )
            for depth, found in zip(depths, others, strict=True):
                yield {
                    "request": label,
                    "requests": len(without) * share,
                    "depth": depth,
                    "without µs": statistics.median(without) * 1e6,
                    "with µs": statistics.median(found) * 1e6,
                    "cost %": (statistics.median(map(truediv, found, without)) - 1) * 100,
                }


def _collector(
    running: ExitStack, folder: Path, depth: str | None
) -> tuple[Errlock, dict[str, Door]]:
    sentry, grpc, http = listening_port(), listening_port(), listening_port()
    receivers = sentry_at(sentry) | otlp_at(grpc, http)
    config = collector(receivers, {"debug": {"verbosity": "basic"}})
    config["service"] |= {
        "storage": "data",
        "ledger": {"key": KEY, "depth": depth or "counts"},
        "telemetry": {"metrics": {"level": "none"}},
    }
    command = () if depth else (sys.executable, "-c", _WITHOUT)
    errlock = running.enter_context(running_errlock(config, folder / str(depth), command=command))
    doors = {signal: Door.otlp(http, signal) for signal in ("logs", "traces")}
    return errlock, {"events": Door(sentry), **doors}


def _rounds(options: Options) -> int:
    """With one to warm up."""
    return 1 + (2 if options.quick else _ROUNDS)


def _requests(options: Options) -> Iterator[tuple[str, str, list[bytes]]]:
    amount = _rounds(options) * (8 if options.quick else 120)
    for kind, secrets in (("clean", 0), ("dirty", 4)):
        events = Events(f"collector {kind}")
        program = Program(events, 6000, {})
        bodies = [_envelope(events, program.event(6000), secrets) for _ in range(amount)]
        yield f"event, {kind}, 6 KB", "events", bodies
    dice = random.Random("collector")
    few = amount // 4
    yield "logs, 200 records, 5% dirty", "logs", [_logs(dice, 0.05) for _ in range(few)]
    # These take least: of as few as logs, what is done once a second would be too much.
    yield "traces, 200 spans", "traces", [_spans(dice) for _ in range(amount)]


def _sizes(options: Options, folder: Path) -> Iterator[dict[str, object]]:
    """Two destinations, three services, two environments, a dozen classes: 10,000 a minute."""
    minutes = 10 if options.quick else DAY // MINUTE
    dice = random.Random(1)
    now = [1_790_000_000 // DAY * DAY]
    journal = Journal(folder / "journal")
    path = folder / "ledger.db"
    account = Account(path, AccountOptions(), journal.append, lambda: float(now[0]))
    documents = 0
    for _ in range(minutes):
        for delivered in _minute(dice):
            account.book(delivered)
            documents += sum(delivered.documents.values())
        account.write()
        now[0] += MINUTE
    account.close()
    journal.close()
    store = AccountStore.to_write(path)
    for kept, span, into in (("minutes", 0, 0), ("hours", MINUTE, HOUR), ("days", HOUR, DAY)):
        while into and store.compact(span, into, now[0]):
            pass
        account_size = store.used()
        journal_size = (folder / "journal").stat().st_size
        yield {
            "kept by": kept,
            "documents": documents,
            "account MB": account_size / 1e6,
            "journal MB": journal_size / 1e6,
            "MB a million documents": (account_size + journal_size) / documents,
        }
    store.close()


_CLASSES = ("pii.email", "pii.user_id", "pii.ip", "secret.password", "secret.token.jwt", "code.sql")


def _minute(dice: random.Random) -> Iterator[Delivered]:
    for destination in ("sentry", "otlp"):
        for service in ("shop", "cart", "billing"):
            for environment in ("prod", "staging"):
                people = [dice.randrange(10**5) for _ in range(300)]
                items = {"event": Items(833, 833 * 6000, people)}
                lines = [
                    Line("event", class_, form, "key", 90, 120,
                         [dice.randrange(10**6) for _ in range(100)])
                    for class_ in _CLASSES
                    for form in ("removed", "clear")
                ]  # fmt: skip
                manifest = Manifest(service, environment, items, lines)
                data = msgspec.msgpack.encode(manifest)
                yield Delivered(destination, "errors:0123456789abcdef", data, {"event": 833})


if __name__ == "__main__":
    sys.exit(main())
