"""One answer of several collectors: the report, the search and the code of a fleet."""

from __future__ import annotations

import io
import json
import shlex
import shutil
import sys
from collections.abc import Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sentry_sdk
from http_sink import http_sink
from live_errlock import collector, running_errlock, sentry_at
from live_ports import listening_port
from toy_ledger import NOON, ToyLedger, found
from waiting import wait_for

from errlock.ledger.account.store import DAY, HOUR, MINUTE
from errlock.ledger.needles.keys import NeedleKey
from errlock.ledger.needles.needles import FILE
from errlock.ledger.needles.store import NeedleStore
from errlock.ledger.report.counted import Count
from errlock.ledger.report.model import Report
from errlock.pipeline.cli import main
from errlock.policy.keyring.pseudonyms import new_key


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(NOON + seconds, UTC)


def fleet(folder: Path, number: int = 2) -> list[ToyLedger]:
    return [ToyLedger(folder / f"errlock-{each}") for each in range(1, number + 1)]


def asked(*ledgers: ToyLedger) -> list[str]:
    storages = [word for each in ledgers for word in ("--storage", str(each.folder))]
    window = ["--since", moment(-HOUR).isoformat(), "--until", moment(DAY).isoformat()]
    return ["exposure", "report", "--destination", "sentry", *storages, *window]


def report_of(*ledgers: ToyLedger, options: Sequence[str] = (), code: int = 0) -> Report:
    output = ledgers[0].folder / "report.json"
    assert main([*asked(*ledgers), *options, "-o", str(output)]) == code
    return msgspec.json.decode(output.read_bytes(), type=Report)


def exactly(number: int) -> Count:
    return Count(at_least=number, at_most=number)


def test_what_they_delivered_is_added_up_and_a_person_counts_once(tmp_path: Path) -> None:
    one, other = fleet(tmp_path)
    one.deliver(3, found("pii.email", "clear", 4, [1, 2]), people=[1, 2])
    other.wait(5 * MINUTE)
    other.deliver(2, found("pii.email", "clear", 2, [2, 3]), people=[2, 3], service="billing")
    for each in (one, other):
        each.wait(MINUTE)
        each.close()
    report = report_of(one, other)
    assert report.volume.documents == exactly(5)
    (row,) = report.classes
    assert (row.occurrences, row.documents) == (exactly(6), exactly(6))
    assert row.distinct is not None
    assert row.distinct.estimate == 3
    assert report.subjects.about is not None
    assert report.subjects.about.estimate == 3
    assert {tuple(each.names) for each in report.volume.by_origin} == {
        ("shop", "prod"),
        ("billing", "prod"),
    }
    assert report.clock.first_delivery == moment(0)
    assert report.clock.last_delivery == moment(5 * MINUTE)
    assert [each.journal for each in report.evidence] == [
        str(each.folder / "journal") for each in (one, other)
    ]
    assert [task.title for task in report.outputs.tasks if task.title.startswith("Check")] == [
        f"Check {each.folder / 'journal'} against a head kept elsewhere" for each in (one, other)
    ]
    assert report.identity.heads == [str(one.head), str(other.head)]
    assert report.identity.entries == sum(each.head.count for each in (one, other))


def test_the_report_says_how_it_is_made_again(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    ledgers, key, inventory = fleet(tmp_path), tmp_path / "ledger.key", tmp_path / "secrets"
    key.write_text(new_key())
    inventory.write_text("TOKEN=" + SECRET)
    for each in ledgers:
        each.deliver(2)
        each.wait(MINUTE)
        each.close()
        with closing(NeedleStore.to_write(each.folder / FILE)) as needles:
            needles.begin(NeedleKey(key.read_text()), (), NOON, words=False)
    options = ["--head", str(ledgers[1].head), "--key-file", str(key)]
    options += ["--inventory", str(inventory), "--inventory-format", "lines"]
    report = report_of(*ledgers, options=options)
    assert main([*shlex.split(report.identity.query)[1:], "--format", "json"]) == 0
    again = msgspec.json.decode(capsysbinary.readouterr().out, type=Report)
    assert (again.volume, again.evidence) == (report.volume, report.evidence)
    assert again.inventory == report.inventory
    for proof in report.evidence:
        assert main(shlex.split(proof.command)[1:]) == 0


def test_a_folder_whose_name_begins_with_a_dash_is_named_as_an_option_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.chdir(tmp_path)
    names = ["-new\nline", "other"]
    for name in names:
        ledger = ToyLedger(Path(name))
        ledger.deliver()
        ledger.wait(MINUTE)
        ledger.close()
    storages = [f"--storage={name}" for name in names]
    words = ["exposure", "report", "--destination", "sentry", "--format", "json"]
    assert main([*words, *storages]) == 0
    report = msgspec.json.decode(capsysbinary.readouterr().out, type=Report)
    assert main(shlex.split(report.identity.query)[1:]) == 0
    for proof in report.evidence:
        assert main(shlex.split(proof.command)[1:]) == 0


def test_values_that_one_of_them_did_not_tell_apart_are_told(tmp_path: Path) -> None:
    one, other = fleet(tmp_path)
    one.deliver(2, found("pii.email", "clear", 2, [1, 2]), people=[1, 2])
    other.deliver(5, found("pii.email", "clear", 5))  # it has no key
    for each in (one, other):
        each.wait(MINUTE)
        each.close()
    (told,) = [each.text for each in report_of(one, other).uncertainty if each.kind == "no key"]
    assert told.startswith("At least 5 values are in no number of different values or people")


@pytest.mark.parametrize("same", [True, False])
def test_another_key_is_told_because_people_count_once_for_each(tmp_path: Path, same: bool) -> None:
    ledgers, key = fleet(tmp_path), NeedleKey(new_key())
    for each in ledgers:
        with closing(NeedleStore.to_write(each.folder / FILE)) as needles:
            needles.begin(key if same else NeedleKey(new_key()), (), NOON, words=False)
        each.close()
    told = [each.text for each in report_of(*ledgers).uncertainty if each.kind == "keys"]
    assert [text.partition(":")[0] for text in told] == (
        [] if same else ["Values and people were told apart under 2 keys (service.ledger.key)"]
    )


def test_it_is_contained_when_the_last_of_them_has_shut_it(tmp_path: Path) -> None:
    one, other = fleet(tmp_path)
    one.trust("sentry", "distrusted")
    other.wait(10 * MINUTE)
    assert report_of(one, other).clock.contained_at is None
    other.trust("sentry@fleet", "distrusted")
    other.wait(MINUTE)
    other.deliver(7)
    other.wait(MINUTE)
    for each in (one, other):
        each.close()
    clock = report_of(one, other).clock
    assert (clock.contained_at, clock.contained_record) == (moment(10 * MINUTE), 2)
    assert clock.after_containment == exactly(7)


@pytest.mark.parametrize(("leads_to", "is_contained"), [("archive", True), ("sentry", False)])
def test_one_that_sends_nothing_there_need_not_shut_it(
    tmp_path: Path, leads_to: str, is_contained: bool
) -> None:
    one, other = fleet(tmp_path)
    way = {"destination": leads_to, "pipeline": "errors", "on": ["redaction"]}
    other.tell("policy", sha256="1" * 64, content={}, ways=[way])
    one.trust("sentry", "distrusted")
    for each in (one, other):
        each.close()
    assert (report_of(one, other).clock.contained_at is not None) == is_contained


def test_one_that_was_told_to_send_there_no_more_has_shut_it_then(tmp_path: Path) -> None:
    one, other = fleet(tmp_path)
    ways: list[dict[str, Any]] = [
        {"destination": each, "pipeline": "errors", "on": []} for each in ("sentry", "archive")
    ]
    other.tell("policy", sha256="1" * 64, content={}, ways=ways)
    one.trust("sentry", "distrusted")
    other.wait(HOUR)
    other.deliver(7)
    other.wait(HOUR)
    other.tell("policy", sha256="2" * 64, content={}, ways=ways[1:])
    other.deliver(2)
    other.wait(MINUTE)
    for each in (one, other):
        each.close()
    clock = report_of(one, other).clock
    assert (clock.contained_at, clock.contained_record) == (moment(2 * HOUR), 2)
    assert clock.contained_by == "a configuration without it"
    assert clock.after_containment == exactly(2)


def test_a_key_is_destroyed_when_the_last_copy_of_the_keyring_has_lost_it(tmp_path: Path) -> None:
    one, other = fleet(tmp_path)
    key = {"epoch": "e1", "keyring": "k", "by": "jane", "why": "breach"}
    destroyed = {**key, "did": "destroyed", "destination": "sentry"}
    for each in (one, other):
        each.deliver(1, found("pii.user_id", "pseudonym:e1", 1, [1]))
        each.tell("key", did="made", destination=None, **key)
        each.wait(MINUTE)
    one.tell("key", **destroyed)
    report = report_of(one, other)
    [_, told] = report.withheld.pseudonym_keys
    assert (told.destroyed_at, told.left_in, told.record) == (None, [2], 1)
    kept = next(answer for answer in report.summary if "kept" in answer.ask)
    assert "destroyed, but record 2 does not tell so" in kept.say[1]
    other.wait(HOUR)
    other.tell("key", **destroyed)
    for each in (one, other):
        each.close()
    report = report_of(one, other)
    [_, told] = report.withheld.pseudonym_keys
    assert (told.destroyed_at, told.left_in) == (moment(MINUTE + HOUR), [])
    assert (told.record, told.by) == (2, "jane")


def test_a_destinations_key_is_destroyed_with_its_whole_epoch(tmp_path: Path) -> None:
    one, other = fleet(tmp_path)
    key = {"epoch": "e1", "keyring": "k", "by": "jane", "why": "breach"}
    one.tell("key", did="made", destination="sentry", **key)
    one.wait(MINUTE)
    one.tell("key", did="destroyed", destination=None, **key)
    for each in (one, other):
        each.close()
    keys = report_of(one, other).withheld.pseudonym_keys
    assert {each.destination: each.destroyed_at for each in keys} == {
        "sentry": moment(MINUTE),
        None: moment(MINUTE),
    }


def test_what_was_done_names_the_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = fleet(tmp_path)
    for each in (one, other):
        each.deliver(2)
        each.wait(HOUR)
    other.control("off", "class pii.email")
    for each, documents in ((one, 50), (other, 3)):
        each.deliver(documents)
        each.wait(HOUR)
    other.control("on", "class pii.email")
    other.trust("sentry", "held", "leak")
    for _ in range(2):
        other.tell("gap", what="needles")
    for each in (one, other):
        each.close()
    report = report_of(one, other)
    (off,) = report.withheld.controls_off
    assert (off.record, off.documents) == (2, exactly(3))
    assert [each.record for each in report.withheld.policies] == [1, 2]
    held = next(each for each in report.measures if each.kind == "trust")
    assert (held.record, held.why) == (2, "leak")
    assert [each.time for each in report.measures] == sorted(e.time for e in report.measures)
    stopped = [each.record for each in report.uncertainty if each.kind == "no collector"]
    assert stopped == [1, 2]
    capsys.readouterr()
    assert main(asked(one, other)) == 0
    text = capsys.readouterr().out
    first = text.partition("## A.")[0]
    # What both tell is told once, what one of them tells names it.
    assert first.count("No collector ran here; it was stopped") == 1
    assert "(from 2026-09-21 14:00 UTC, for 22 h 0 min)." in first
    assert "Missing from the record: needles (record 2)." in first
    assert "This is one answer of 2 collectors" in text
    assert f"| sentry held | jane | leak | 2/{held.entry} |" in text


def test_heads_vouch_for_the_record_that_has_them(tmp_path: Path) -> None:
    ledgers = fleet(tmp_path)
    for number, each in enumerate(ledgers):
        each.deliver(1 + number)
        each.wait(MINUTE)
        each.close()
    heads = [word for each in ledgers for word in ("--head", str(each.head))]
    report = report_of(*ledgers, options=heads)
    assert [proof.vouched_to for proof in report.evidence] == [each.head.count for each in ledgers]
    for proof, each in zip(report.evidence, ledgers, strict=True):
        assert proof.command.count("--head") == 1
        assert f"--head {each.head}" in proof.command


def test_a_file_of_heads_is_no_long_command(tmp_path: Path) -> None:
    ledgers, kept = fleet(tmp_path), tmp_path / "heads"
    with kept.open("w") as file:
        for each in ledgers:
            for _ in range(20):
                each.deliver()
                each.wait(MINUTE)
                file.write(f"{each.head}\n")
            each.close()
    for proof, each in zip(
        report_of(*ledgers, options=["--head-file", str(kept)]).evidence, ledgers, strict=True
    ):
        assert proof.vouched_to == each.head.count - 1  # it stopped after that
        assert proof.command.count("--head") == 1
        assert f"--head {proof.vouched_to}:" in proof.command


def test_one_record_that_was_changed_makes_the_answer_doubtful(tmp_path: Path) -> None:
    one, other = fleet(tmp_path)
    for each in (one, other):
        each.deliver()
        each.wait(MINUTE)
        each.close()
    journal = other.folder / "journal"
    journal.write_bytes(journal.read_bytes().replace(b'"kind":"policy"', b'"kind":"purge"'))
    report = report_of(one, other, code=1)
    assert [proof.intact for proof in report.evidence] == [True, False]
    task = report.outputs.tasks[0]
    assert task.title == f"Find out who changed or damaged {journal}"
    # The head of a record that was rewritten is in none: nobody can say whose it was.
    report = report_of(one, other, options=["--head", "2:" + "0" * 64], code=1)
    assert [proof.intact for proof in report.evidence] == [False, False]


def test_a_head_that_none_has_accuses_those_that_it_may_be_of(tmp_path: Path) -> None:
    ledgers = fleet(tmp_path, 3)
    heads = []
    for each in ledgers:
        each.deliver()
        each.wait(MINUTE)
        heads += ["--head", str(each.head)]
        each.close()
        heads += ["--head", str(each.head)]
    written_anew = ToyLedger(tmp_path / "anew")
    written_anew.deliver(5)
    written_anew.wait(MINUTE)
    written_anew.close()
    for name in ("journal", "ledger.db"):
        shutil.copy(written_anew.folder / name, ledgers[1].folder / name)
    report = report_of(*ledgers, options=heads, code=1)
    assert [proof.intact for proof in report.evidence] == [True, False, True]
    # It is of neither: perhaps one is missing here.
    report = report_of(*ledgers[::2], options=heads, code=1)
    assert [proof.intact for proof in report.evidence] == [False, False]


def test_an_account_that_cannot_be_read_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledgers = fleet(tmp_path)
    for each in ledgers:
        each.close()
    account = ledgers[1].folder / "ledger.db"
    account.write_bytes(account.read_bytes()[:4096] + b"\xaa" * 4096)
    assert main(asked(*ledgers)) == 2
    problem = f"errlock: {account}: cannot be read as an account: it is damaged\n"
    assert capsys.readouterr().err == problem


def test_storages_go_without_a_journal_or_an_account(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = fleet(tmp_path)
    for each in (one, other):
        each.close()
    assert main([*asked(one, other), "--journal", str(one.folder / "journal")]) == 2
    assert capsys.readouterr().err.startswith("--storage: goes without --journal and --account")


def test_a_copy_of_a_record_does_not_count_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = fleet(tmp_path)
    one.deliver(2)
    one.wait(MINUTE)
    copy = tmp_path / "copy"
    shutil.copytree(one.folder, copy)
    for each in (one, other):  # it went on after it was copied
        each.deliver(3)
        each.wait(MINUTE)
        each.close()
    for command in ("report", "code"):
        words = asked(one, other)
        words[1] = command
        assert main([*words, "--storage", str(copy)]) == 2
        assert capsys.readouterr().err == (
            f"{copy}: is the same record as {one.folder}, or a copy of it: it would count twice\n"
        )


MAIL, SECRET = "ann.miller@customer-example.org", "tok_" + "9f3b6c02d41a77e15c0b"


class Fleet:
    """What people ask of the storage folders of collectors that run."""

    def __init__(self, folders: Sequence[Path], key: Path, inventory: Path) -> None:
        self._storages = [word for each in folders for word in ("--storage", str(each))]
        self._key = ("--key-file", str(key))
        self._inventory = ("--inventory", str(inventory))

    def ask(self, *words: str, secrets: bool = False) -> Any:
        given = (*self._key, *self._inventory) if secrets else ()
        with pytest.MonkeyPatch.context() as patch:
            out = io.TextIOWrapper(io.BytesIO())
            patch.setattr(sys, "stdout", out)
            main(["exposure", *words, *self._storages, *given])
            out.seek(0)
            return json.loads(out.read())


def test_two_real_collectors_with_one_key_are_one_answer(tmp_path: Path) -> None:
    key, inventory = tmp_path / "ledger.key", tmp_path / ".env"
    key.write_text(new_key())
    inventory.write_text(f"CONTACT={MAIL}\nTOKEN={SECRET}\nUNUSED={SECRET[::-1]}\n")
    with ExitStack() as stack:
        sink = listening_port()
        stack.enter_context(http_sink(sink))
        folders = []
        for number in range(2):
            port = listening_port()
            folders.append(tmp_path / f"store-{number}")
            written = collector(
                sentry_at(port), {"sentry": {"dsn": f"http://key@127.0.0.1:{sink}/1"}}
            )
            written["processors"] = {"redact": {"classes": {"pii.email": "keep"}}}
            written["service"] |= {
                "storage": str(folders[-1]),
                "ledger": {"key": f"${{file:{key}}}"},
            }
            errlock = stack.enter_context(running_errlock(written, tmp_path / f"run-{number}"))
            client = sentry_sdk.Client(f"http://key@127.0.0.1:{port}/7", default_integrations=False)
            extra: dict[str, object] = {"api_token": SECRET} if number else {}
            client.capture_event({"message": f"mail to {MAIL}", "extra": extra})
            client.close(10)
            errlock.wait_for_metric("errlock_exporter_sent_total", 1, exporter="sentry")
        of = Fleet(folders, key, inventory)

        def rows() -> dict[str, dict[str, Any]]:
            found = of.ask("rotate-list", "--format", "json", secrets=True)
            return {row["name"]: row for row in found["rows"]}

        wait_for(lambda: rows()["CONTACT"]["requests"] == 2, 60)
        assert {name: row["verdict"] for name, row in rows().items()} == {
            "CONTACT": "sent",
            "TOKEN": "removed",
            "UNUSED": "not_found",
        }
        searched = of.ask("search", "--json", secrets=True)
        assert [each["storage"] for each in searched["coverage"]] == list(map(str, folders))
        report = of.ask("report", "--destination", "sentry", "--format", "json", "--since", "1h")
        assert report["volume"]["documents"] == {"at_least": 2, "at_most": 2}
        (mail,) = [row for row in report["classes"] if row["class"] == "pii.email"]
        assert (mail["occurrences"]["at_least"], mail["distinct"]["estimate"]) == (2, 1)
        (sdk,) = [row for row in of.ask("code", "--json") if row["name"] == "sentry.python"]
        assert sdk["documents"] == 2
