"""What does the ledger cost: in CPU time for each payload, and on the disk?

A payload is decoded, sanitised and encoded, with and without noting what is in it and booking it:
medians, less the first tenth. What was booked is written at the end, its time shared among all. On
the disk: an account and its journal of a day, by the minute, the hour and the day.
"""

from __future__ import annotations

import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from benchmarks.events import Events
from benchmarks.options import Options, parse, progress
from benchmarks.report import machine, show
from benchmarks.timing import timed
from errlock.ledger.account import Account, Delivered
from errlock.ledger.account_store import DAY, HOUR, MINUTE, AccountStore
from errlock.ledger.journal import Journal
from errlock.ledger.manifest import Items, Line, Manifest, write_manifest
from errlock.ledger.options import AccountOptions
from errlock.ledger.traces import Tracer
from errlock.pipeline.chain import Chain, Step
from errlock.pipeline.counters import Counters
from errlock.pipeline.payloads.document import Payload, Tree
from errlock.pipeline.payloads.envelope import Envelope
from errlock.pipeline.payloads.otlp import OtlpRequest
from errlock.policy.parts import RedactPart

Decode = Callable[[bytes], Payload]


def main() -> int:
    """Measure and show."""
    options = parse(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        rows = list(_costs(options, Path(folder)))
    show("CPU time a payload, without and with the ledger", rows, machine("datasketches"))
    with tempfile.TemporaryDirectory() as folder:
        sizes = list(_sizes(options, Path(folder)))
    if "--json" not in sys.argv:
        show("Account and journal on the disk", sizes, machine("datasketches"))
    return 0


def _costs(options: Options, folder: Path) -> Iterator[dict[str, object]]:
    for label, decode, bodies in _payloads(options):
        if not options.wants(label):
            continue
        progress(label)
        account = Account(folder / f"{len(label)}.db", AccountOptions(), lambda *_: None)
        contenders = (_contender(decode, None), _contender(decode, account))
        seconds: tuple[list[float], list[float]] = ([], [])
        for number, body in enumerate(bodies):
            # Each gets every other one: what the process remembers of a text helps who comes next.
            seconds[number % 2].append(timed(contenders[number % 2], body))
        start = time.process_time()
        account.write()
        writing = (time.process_time() - start) / len(seconds[1])
        account.close()
        before, after = (statistics.median(each[len(each) // 10 :]) for each in seconds)
        yield {
            "payload": label,
            "payloads": len(bodies),
            "without µs": before * 1e6,
            "with µs": (after + writing) * 1e6,
            "of that writing": writing * 1e6,
            "cost %": ((after + writing) / before - 1) * 100,
        }


def _payloads(options: Options) -> Iterator[tuple[str, Decode, list[bytes]]]:
    wanted = 20 if options.quick else 4000
    for kind, secrets in (("clean", 0), ("dirty", 4)):
        for size in (1, 6, 20):
            events = Events(f"ledger {kind} {size}")
            yield (
                f"event, {kind}, {size} KB",
                lambda body: Envelope.decode(body, "shop", 1.0),
                [_envelope(events, size * 1000, secrets) for _ in range(max(20, wanted // size))],
            )
    for share in (0.0, 0.05):
        dice = random.Random(f"ledger {share}")
        yield (
            f"logs, 200 records, {share:.0%} dirty",
            lambda body: OtlpRequest.decode(body, "logs", "shop", 1.0),
            [_logs(dice, share) for _ in range(max(20, wanted // 20))],
        )


def _envelope(events: Events, size: int, secrets: int) -> bytes:
    event = events.event(size)
    events.plant(event, secrets)
    headers = {"event_id": event["event_id"], "trace": {"environment": "production"}}
    return b"\n".join(
        [json.dumps(headers).encode(), b'{"type":"event"}', json.dumps(event).encode(), b""]
    )


def _logs(dice: random.Random, dirty: float) -> bytes:
    attributes: dict[str, Tree] = {
        "service.name": "shop", "deployment.environment.name": "production",
    }  # fmt: skip
    records: list[Tree] = []
    for number in range(200):
        who = f"ann{dice.randrange(10**6)}@mail.example" if dice.random() < dirty else "somebody"
        body = f"order {dice.randrange(10**9)} of {who} was paid in step {number}"
        records.append({"body": body, "attributes": {"code.lineno": number}})
    request = OtlpRequest.from_trees(
        "logs", {"attributes": attributes}, {}, records, project="shop", received=1.0
    )
    return request.encode()


def _contender(decode: Decode, account: Account | None) -> Callable[[bytes], object]:
    tracer = Tracer("k" * 44)
    trace = tracer.traces if account is not None else None
    chain = Chain([Step("redact", RedactPart())], Counters(), "errors", trace=trace)

    def run(body: bytes) -> bytes:
        payload = chain.run(decode(body))
        if account is None:
            return payload.encode()
        payload.manifest = write_manifest(payload)
        out = payload.encode()
        account.book(Delivered("sentry", "errors:1", payload.manifest, payload.types))
        return out

    return run


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
