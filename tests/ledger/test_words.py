"""Words that could be tokens are found in what goes out, and by what somebody looks for."""

from __future__ import annotations

import json
import random
import re
from array import array
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sentry_sdk
from hypothesis import given
from hypothesis import strategies as st
from live_errlock import collector, otlp_at, running_errlock, sentry_at
from live_ports import listening_port
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from waiting import wait_for

from errlock.ledger.account.account import Account
from errlock.ledger.exposed import Exposed, Learner
from errlock.ledger.inventory.wanted import Wanted
from errlock.ledger.journal.journal import Journal
from errlock.ledger.needles.keys import NeedleKey
from errlock.ledger.needles.needles import FILE, Needles
from errlock.ledger.needles.store import NeedleStore
from errlock.ledger.needles.words import MOST_WORDS, WordReader, words_of
from errlock.ledger.options import AccountOptions, NeedleOptions
from errlock.ledger.search.searching import Searched, search
from errlock.ledger.search.variants import spellings
from errlock.ledger.search.words import DAY, WordSearch
from errlock.pipeline.cli import main
from errlock.pipeline.payloads.envelope import Envelope
from errlock.policy.keyring.pseudonyms import new_key

TOKEN = "zq7kd93mfh2lw0x8vbt"
KEY = new_key()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"with {TOKEN} it failed", {TOKEN}),
        (f"https://h.example/?a={TOKEN}&b=1", {TOKEN}),
        (f"a%3D{TOKEN}%26b", {TOKEN}),
        (json.dumps(f"line\n{TOKEN}\tx"), {TOKEN}),
        (json.dumps({"x": json.dumps(f"\n{TOKEN}")}), {TOKEN}),
        (f"--{TOKEN}_", {TOKEN}),
        ("AKIAQX7TCANARY5PLM2Z", {"AKIAQX7TCANARY5PLM2Z"}),
        ("q8Wm3cAn/rYt0vZ5rK+2Lp7Ns4H", {"q8Wm3cAn", "rYt0vZ5rK", "2Lp7Ns4H"}),
        (
            "2024-05-06T07:08:09 12345678901 0x7f9d65f68552 PasswordForm some_long_name_in_lower",
            set(),
        ),
        ("abcDEFghiJKLmnoPQR", {"abcDEFghiJKLmnoPQR"}),
        ("a1b2c3", set()),
    ],
)
def test_words_are_what_could_be_tokens(text: str, expected: set[str]) -> None:
    assert {word.decode() for word in words_of(text.encode())} == expected


@given(st.lists(st.sampled_from([*"\\\\\\%%u0025Fnt/ ", '"', "tok3n", TOKEN])).map("".join))
def test_escapes_end_words_in_any_order(text: str) -> None:
    plain = re.sub(r'\\+(?:u[0-9a-fA-F]{4}|[bfnrt"/])?|%[0-9A-Fa-f]{2}', " ", text)
    assert words_of(text.encode()) == words_of(plain.encode())


def test_ids_of_events_and_spans_are_no_words() -> None:
    reader = WordReader(KEY)
    event = {"event_id": "0b975baa1426f8828f7cd3a8168ac700", "trace_id": "94249fb4618c81b30b975baa"}
    assert reader.read(json.dumps(event).encode(), binary=False) == (b"", 0)


def test_what_is_too_much_is_counted() -> None:
    body = " ".join(f"word{number:08}" for number in range(MOST_WORDS + 5)).encode()
    words, left_out = WordReader(KEY).read(body, binary=False)
    assert (len(words), left_out) == (8 * MOST_WORDS, 5)


@pytest.mark.parametrize("lengths", [range(8, 50), range(50, 90), range(90, 128)])
def test_a_text_in_protobuf_is_a_word_whatever_stands_around_it(lengths: range) -> None:
    for length in lengths:
        check_text(length)


def check_text(length: int) -> None:
    text = ("x9" * 65)[:length].encode()
    wanted = set(WordReader(KEY).fingerprints([text]))
    for after in (b"", b"\x12", b"2A\n", b"J0\n", b"Z\x07", b"z\x00", b"8\x01", b"Y" + bytes(8)):
        body = b"\n" + bytes([length]) + text + after
        words, _ = WordReader(KEY).read(body, binary=True)
        assert wanted <= set(array("q", words)), after


def sent(port: int, otlp: int, names: tuple[str, str]) -> None:
    client = sentry_sdk.Client(f"http://key@127.0.0.1:{port}/7", default_integrations=False)
    client.capture_event({"message": f"got {names[0]} from it"})
    client.close(10)
    provider = TracerProvider(resource=Resource({"service.name": "shop"}), shutdown_on_exit=False)
    exporter = OTLPSpanExporter(f"http://127.0.0.1:{otlp}/v1/traces")
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with provider.get_tracer("shop").start_as_current_span("work") as span:
        span.set_attribute("reference", names[1])
    provider.shutdown()


def lines_of(folder: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What the commands tell of one value."""
    (folder / ".env").write_text(f"A={TOKEN}\n")
    where = ("--storage", str(folder / "store"), "--key-file", str(folder / "ledger.key"))
    for action in ("search", "rotate-list"):
        main(["exposure", action, *where, "--inventory", str(folder / ".env")])
    return capsys.readouterr().out.splitlines()


def test_what_no_detector_claims_is_found_by_its_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port, grpc, otlp = listening_port(), listening_port(), listening_port()
    (tmp_path / "ledger.key").write_text(KEY)
    written = collector(
        {**sentry_at(port), **otlp_at(grpc, otlp)}, {"file": {"path": str(tmp_path / "out.jsonl")}}
    )
    written["service"] |= {
        "storage": str(tmp_path / "store"),
        "ledger": {"key": f"${{file:{tmp_path / 'ledger.key'}}}", "depth": "words"},
    }
    other = TOKEN[::-1]
    asked = [
        Wanted("a", TOKEN),
        Wanted("b", f'"{other}"'),
        Wanted("c", "n0t" + TOKEN),
        Wanted("d", "no"),
        # Of a longer one its end was cut off before it left.
        Wanted("e", f"{TOKEN}.n0t{TOKEN}"),
    ]

    def found() -> Searched:
        return search([tmp_path / "store"], [KEY], asked)

    with running_errlock(written, tmp_path / "run") as errlock:
        sent(port, otlp, (TOKEN, other))
        errlock.wait_for_metric("errlock_exporter_sent_total", 2, exporter="file")
        wait_for(lambda: found().count("maybe") == 2, 60)
        first = found()
    out = (tmp_path / "out.jsonl").read_text()
    assert TOKEN in out
    assert other in out
    for each in (first, found()):  # while they wait to be joined, and in a filter
        assert [answer.verdict for answer in each.answers] == [
            "maybe",
            "maybe",
            "absent",
            "not_found",
            "not_found",
        ]
        (sighting,) = each.answers[0].sightings
        assert (sighting.destination, sighting.class_, len(sighting.on)) == ("file", "word", 1)
    assert 0 < found().answers[0].sightings[0].by_chance < 1e-4
    told = lines_of(tmp_path, capsys)
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    assert f"| 1 | rotate | A | maybe | word | clear | file |  | {today} | {today} |  |" in told
    (seen,) = [line for line in told if line.startswith("    file: as a word in clear")]
    odds = "another value would look the same in fewer than 1 of a billion cases"
    assert seen == f"    file: as a word in clear, on 1 day (UTC): {today}; {odds}"
    stored = b"".join(p.read_bytes() for p in (tmp_path / "store").rglob("*") if p.is_file())
    assert TOKEN.encode() not in stored
    journal = Journal(tmp_path / "store" / "journal")
    journal.append("gap", {"what": "the account may lack what was delivered last"})
    journal.close()
    assert found().answers[2].verdict == "not_found"


def test_how_likely_chance_is_counts_all_variants_of_a_value(tmp_path: Path) -> None:
    key = "errlock-key-1-" + "A" * 43  # the same in every run, as what is drawn is
    dice = random.Random("words that went out")
    needles = Needles(tmp_path / FILE, key, NeedleOptions(), lambda *_: None, has_words=True)
    for day in range(60):  # each fills the smallest filter
        needles.words.note("sentry", dice.randbytes(8 * 680), 0, DAY * day)
        needles.write(DAY * day)
    needles.close(DAY * 60)
    spelled = spellings([f"tok_{dice.randbytes(20).hex()}" for _ in range(20_000)])
    store = NeedleStore.to_read(tmp_path / FILE)
    words = WordSearch(spelled)
    found = list(words.find(store, [(key, NeedleKey(key))], None, 0, float("inf")))
    store.close()
    values = len({each.index for each in found})
    likely = max(each.by_chance for each in found)
    assert 0.5 < values / (20_000 * likely) < 1.5


def test_a_day_on_which_nothing_with_a_word_left_is_no_gap(tmp_path: Path) -> None:
    needles = Needles(tmp_path / FILE, KEY, NeedleOptions(), lambda *_: None, has_words=True)
    account = Account(
        tmp_path / "ledger.db", AccountOptions(), lambda *_: None, lambda: DAY * 9.5, needles,
        Learner(None, WordReader(KEY)),
    )  # fmt: skip
    for _ in range(3):
        account.expose(Exposed("sentry", Envelope.from_event({"message": "it failed"}), {}))
        account.write()
    with closing(NeedleStore.to_read(tmp_path / FILE)) as store:
        assert store.words.days() == {("sentry", 9)}
        assert store._db.execute("SELECT words FROM filters").fetchall() == [(0,)]
    account.close()
