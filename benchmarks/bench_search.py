"""How long does it take to say whether values were sent, and what do needles cost on the disk?

Deliveries are booked as a collector books them: people who come back, sessions that do not, and
1,000 secrets among them. Then these are looked for, and 100,000 that were never sent. Ends with 1
if one of the former is missed, one of the latter found, or all of them take a second of CPU time.
How long it takes to add all needles up, as a search does that is held against heads, is told apart.
The same for words, which may take longer, and of which some may be found by chance: not more than
is said. Reading is in it, from the page cache; beside CPU time stands what a clock says, which is
more while others use the machine.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from benchmarks.options import parse, progress
from benchmarks.report import machine, show
from errlock.ledger.account.account import Account
from errlock.ledger.account.counting import Delivered
from errlock.ledger.account.store import HOUR, AccountStore
from errlock.ledger.checking import needles_whole
from errlock.ledger.inventory.wanted import Wanted
from errlock.ledger.journal.journal import Journal
from errlock.ledger.manifest import Items, Line, Manifest
from errlock.ledger.needles.keys import NeedleKey
from errlock.ledger.needles.needles import FILE, Needles
from errlock.ledger.needles.words import WordReader
from errlock.ledger.options import AccountOptions, NeedleOptions
from errlock.ledger.search.searching import Searched, search
from errlock.policy.keyring.pseudonyms import new_key

KEY = new_key()
_BATCH = 500  # documents in one delivery
_SECOND = 1.0
_START = 1_790_000_000 // HOUR * HOUR


def main() -> int:
    """Measure and show."""
    options = parse(__doc__)
    documents, unsent = (50_000, 2_000) if options.quick else (10_000_000, 100_000)
    there, absent = secrets("sent", 100 if options.quick else 1000), secrets("not", unsent)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start = time.process_time()
        deliver(folder, documents, there)
        booking = time.process_time() - start
        size = (folder / FILE).stat().st_size
        rows = []
        for wanted in (there[:1], there, [*there, *absent]):
            progress(f"looking for {len(wanted):,} values")
            found, times = _timed(folder, wanted)
            rows.append(_row(documents, wanted, found, set(there)) | times)
        start = time.process_time()
        assert needles_whole(folder / FILE, [KEY]) == ([], True)
        adding = time.process_time() - start
    notes = [
        f"adding up, to see that none was taken out: {adding:.1f} s of CPU time",
        f"{size / 1e6:.0f} MB of needles, {size / documents:.1f} MB per million documents",
        f"booking and writing: {booking / documents * 1e6:.1f} µs a document",
    ]
    show("Looking for values", rows, machine(), notes)
    with tempfile.TemporaryDirectory() as name:
        words = _words(Path(name), documents // 50, [*there, *absent], set(there))
    if "--json" not in sys.argv:
        show("Looking for words that no detector claimed", [words], machine("numpy"))
    wrong = any(row["missed"] or row["false"] for row in rows)
    slow = any(row["CPU seconds"] >= _SECOND for row in rows)
    # Of so few a sum of their chances is exceeded now and then: not by five, and not by as much.
    return int(wrong or slow or words["missed"] or words["false"] > 2 * words["by chance"] + 5)


def secrets(name: str, amount: int) -> list[Wanted]:
    """Made-up ones, always the same; the n-th is called `name n`."""
    dice = random.Random(f"secrets {name}")
    return [
        Wanted(f"{name} {number}", f"tok_{dice.randbytes(20).hex()}") for number in range(amount)
    ]


def deliver(folder: Path, documents: int, sent: Sequence[Wanted]) -> None:
    """Book deliveries of a month to two destinations, with each of the secrets in one or more."""
    now = [float(_START)]
    needles = Needles(folder / FILE, KEY, NeedleOptions(), lambda *_: None)
    account = Account(
        folder / "ledger.db", AccountOptions(), lambda *_: None, lambda: now[0], needles
    )
    batches = documents // _BATCH
    for number, manifest in enumerate(_manifests(batches, documents // 50, sent)):
        destination = ("sentry", "otlp")[number % 2]
        account.book(Delivered(destination, "errors:1", manifest, {"event": _BATCH}))
        if number % 200 == 199:  # 100,000 documents
            now[0] += 30 * 24 * HOUR * 200 / max(batches, 200)
            account.write()
        if number % 2000 == 1999:
            progress(f"{number * _BATCH:,} documents are delivered")
    account.close()


def _manifests(batches: int, people: int, sent: Sequence[Wanted]) -> Iterator[bytes]:
    dice = random.Random("deliveries")
    key = NeedleKey(KEY)
    ids = [dice.getrandbits(63) for _ in range(people)]
    mails = [dice.getrandbits(63) for _ in range(people)]
    known = [key.fingerprint("secret.token", each.value) for each in sent]
    items = {"event": Items(_BATCH, _BATCH * 6000)}
    for number in range(batches):
        secret = known[number % len(known)] if number < 3 * len(known) or not number % 7 else None
        lines = [
            Line("event", "pii.user_id", "clear", "key", 300, 300, dice.choices(ids, k=300)),
            Line("event", "pii.email", "removed", "email", 100, 100, dice.choices(mails, k=100)),
            Line("event", "secret.session", "removed", "key", 50, 50,
                 [dice.getrandbits(63) for _ in range(50)]),
        ]  # fmt: skip
        if secret is not None:
            lines.append(Line("event", "secret.token", "clear", "key", 1, 1, [secret]))
        service = ("shop", "cart", "billing")[number % 3]
        yield msgspec.msgpack.encode(Manifest(service, "production", items, lines))


def _words(
    folder: Path, documents: int, wanted: Sequence[Wanted], there: set[Wanted]
) -> dict[str, float]:
    """20 words a document, and a secret in each batch; for ten days, to two destinations."""
    # Without the record beside it nobody knows of gaps, and of no value that it was not sent.
    journal = Journal(folder / "journal")
    journal.append("start", {})
    journal.close()
    AccountStore.to_write(folder / "ledger.db").close()
    needles = Needles(folder / FILE, KEY, NeedleOptions(), lambda *_: None, has_words=True)
    needles.write(_START)
    reader, dice = WordReader(KEY), random.Random("words")
    secret = [reader.read(each.value.encode(), binary=False)[0] for each in wanted if each in there]
    batches = max(documents // _BATCH, len(secret))
    now = float(_START)
    for number in range(batches):
        now = _START + number * 10 * 24 * HOUR / batches
        for destination in ("sentry", "otlp"):
            body = secret[number % len(secret)] + dice.randbytes(8 * 20 * _BATCH)
            needles.words.note(destination, body, 0, now)
        needles.write(now)
    needles.close(now)
    amount = 2 * batches * _BATCH
    size = (folder / FILE).stat().st_size
    found, times = _timed(folder, wanted)
    pairs = list(zip(wanted, found.answers, strict=True))
    chance = max(each.by_chance for answer in found.answers for each in answer.sightings)
    return {
        "documents": amount,
        "words": 20 * amount,
        "MB per million documents": size / amount,
        "values": len(wanted),
        "missed": sum(answer.verdict != "maybe" for each, answer in pairs if each in there),
        "false": sum(answer.verdict != "absent" for each, answer in pairs if each not in there),
        "by chance": 2 * chance * (len(wanted) - len(there)),
        **times,
    }


def _timed(folder: Path, wanted: Sequence[Wanted]) -> tuple[Searched, dict[str, float]]:
    clock, start = time.perf_counter(), time.process_time()
    found = search([folder], [KEY], wanted)
    used = time.process_time() - start
    return found, {"CPU seconds": used, "seconds": time.perf_counter() - clock}


def _row(
    documents: int, wanted: Sequence[Wanted], found: Searched, there: set[Wanted]
) -> dict[str, float]:
    verdicts = [answer.verdict for answer in found.answers]
    pairs = list(zip(wanted, verdicts, strict=True))
    return {
        "documents": documents,
        "values": len(wanted),
        "of these sent": sum(each in there for each in wanted),
        "missed": sum(verdict != "sent" for each, verdict in pairs if each in there),
        "false": sum(verdict != "not_found" for each, verdict in pairs if each not in there),
    }


if __name__ == "__main__":
    sys.exit(main())
