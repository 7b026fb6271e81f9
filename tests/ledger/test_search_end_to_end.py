"""What a real SDK sent through a real collector is found again, and no value is kept on the way."""

from __future__ import annotations

import base64
import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
import sentry_sdk
from http_sink import http_sink
from live_errlock import ERRLOCK, collector, running_errlock, sentry_at
from live_ports import listening_port
from waiting import wait_for

from errlock.ledger.inventory.wanted import Wanted
from errlock.ledger.journal.journal import read
from errlock.ledger.search.searching import search
from errlock.pipeline.cli import main
from errlock.policy.keyring.pseudonyms import new_key

MAIL, OTHER = "Ann.Miller@customer-example.org", "bob@customer-example.org"
PASSWORD, TOKEN = "p4ss/word-7731x", "tok_" + "9f3b6c02d41a77e15c0b"
DATABASE = "postgres://app:p4ss%2Fword-7731x@db.corp.example/shop"
UNSENT = "tok_" + "000b6c02d41a77e15c0b"


class Sent:
    """A storage folder after a collector has run, and what looks into it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "run" / "errlock.yaml"
        self.shown = ""

    def ask(self, action: str, text: str, *options: str, code: int) -> str:
        out, err = io.StringIO(), io.StringIO()
        given = io.TextIOWrapper(io.BytesIO(text.encode()))
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.setattr(sys, "stdin", given)
            ended = main(["exposure", action, "-c", str(self.config), *options])
        self.shown += out.getvalue() + err.getvalue()
        assert ended == code, self.shown
        return out.getvalue()

    def answers(self, text: str, *options: str, code: int = 1) -> dict[str, Any]:
        found = json.loads(self.ask("search", text, "--json", *options, code=code))
        return {each["name"]: each for each in found["answers"]}


def requests(folder: Path) -> set[int]:
    """How many requests are booked with the address that came last, at each destination."""
    key = (folder / "ledger.key").read_text()
    (answer,) = search([folder / "store"], [key], [Wanted("", OTHER)]).answers
    return {each.requests for each in answer.sightings} if len(answer.sightings) == 2 else set()


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sent]:
    """E-mails are sent in clear to `sentry`, as pseudonyms to `file`; the collector still runs."""
    folder = tmp_path_factory.mktemp("needles")
    port, sink = listening_port(), listening_port()
    (folder / "ledger.key").write_text(new_key())
    written = collector(
        sentry_at(port),
        {
            "sentry": {"dsn": f"http://key@127.0.0.1:{sink}/1"},
            "file": {"path": str(folder / "out.jsonl"), "processors": ["hash"]},
        },
    )
    written["processors"] = {
        "redact": {"classes": {"pii.email": "keep"}},
        "hash": {"key": new_key(), "classes": ["pii.email"]},
    }
    written["service"] |= {
        "storage": str(folder / "store"),
        "ledger": {"key": f"${{file:{folder / 'ledger.key'}}}"},
    }
    with http_sink(sink), running_errlock(written, folder / "run") as errlock:
        client = sentry_sdk.Client(f"http://key@127.0.0.1:{port}/7", default_integrations=False)
        for number in range(3):
            client.capture_event(
                {
                    "message": f"mail {MAIL.upper()} to {OTHER if number else 'nobody'}",
                    "extra": {"database": DATABASE, "api_token": TOKEN},
                }
            )
        client.close(10)
        for name in ("sentry", "file"):
            errlock.wait_for_metric("errlock_exporter_sent_total", 3, exporter=name)
        sent = Sent(folder)
        wait_for(lambda: requests(folder) == {2}, 60)
        yield sent
        stored = [path.read_bytes() for path in (folder / "store").rglob("*") if path.is_file()]
        told = [*errlock.told(), *stored, sent.shown.encode()]
        for value in (MAIL, OTHER, PASSWORD, TOKEN, UNSENT, "p4ss%2Fword"):
            assert not any(value.lower().encode() in each.lower() for each in told)


def test_an_email_is_found_in_any_case_with_form_and_destination(sent: Sent) -> None:
    answer = sent.answers(f"{MAIL}\n")["line 1"]
    assert answer["verdict"] == "sent"
    forms = {each["destination"]: each["form"] for each in answer["sightings"]}
    assert forms == {"sentry": "clear", "file": "pseudonym:e0"}
    assert {each["requests"] for each in answer["sightings"]} == {3}
    assert answer["sightings"][0]["services"] == ["7"]


def test_what_was_sent_as_a_pseudonym_only_was_not_sent(sent: Sent) -> None:
    answers = sent.answers(MAIL, "--destination", "file", code=0)
    assert answers["line 1"]["verdict"] == "disguised"


@pytest.mark.parametrize(
    "given",
    [
        PASSWORD,
        f'"{PASSWORD}"',
        "p4ss%2Fword-7731x",
        DATABASE,
        DATABASE.replace("shop", "other"),
        f"Server=db;Password={PASSWORD};Database=shop",
        base64.b64encode(PASSWORD.encode()).decode(),
    ],
)
def test_a_password_is_found_alone_and_in_what_it_is_a_part_of(sent: Sent, given: str) -> None:
    assert sent.answers(given, code=0)["line 1"]["verdict"] == "removed"


def test_what_was_not_sent_is_not_found(sent: Sent) -> None:
    answers = sent.answers(f"{UNSENT}\n\n10.0.0.1\n+44 20 7946 0958", code=0)
    assert {name: each["verdict"] for name, each in answers.items()} == {
        "line 1": "not_found",
        "line 3": "not_kept",
        "line 4": "not_kept",
    }


def test_the_fields_for_scripts_are_those_of_the_docs(sent: Sent) -> None:
    found = json.loads(sent.ask("search", f"{MAIL}\n", "--json", code=1))
    (answer,), (coverage,) = found["answers"], found["coverage"]
    docs = (Path(__file__).parents[2] / "docs/exposure.md").read_text()
    for of, told in (
        ("an answer", answer),
        ("a sighting", answer["sightings"][0]),
        ("coverage, of a folder", coverage),
    ):
        (row,) = [line for line in docs.splitlines() if line.startswith(f"| {of} | ")]
        fields = re.findall(r"`(\w+)`", re.sub(r"\([^()]*\)", "", row))
        assert fields == list(told)


def test_what_stands_for_a_value_in_an_inventory_is_not_said_to_be_unsent(sent: Sent) -> None:
    answers = sent.answers(f"op://Prod/db/password\n${{DB_PASSWORD}}\n{PASSWORD}\n********", code=0)
    verdicts = [each["verdict"] for each in answers.values()]
    assert verdicts == ["no_value", "no_value", "removed", "no_value"]
    (untold,) = sent.ask("rotate-list", "********\n", code=0).split("## Not known")[1:]
    assert "line 1 | no\\_value" in untold


@pytest.mark.parametrize(
    ("action", "code"), [("search", 1), ("rotate-list", 1), ("code", 0), ("verify", 0)]
)
def test_it_takes_no_environment_of_the_collector(
    sent: Sent, tmp_path: Path, action: str, code: int
) -> None:
    more = tmp_path / "more.yaml"
    more.write_text("exporters: { sentry: { dsn: '${env:NOT_SET_AT_NIGHT}' } }\n")
    given = MAIL if code else ""
    assert sent.ask(action, given, "-c", str(more), code=code)


@pytest.mark.parametrize("action", ["search", "rotate-list", "code"])
def test_a_mistyped_destination_is_refused_not_cleared(sent: Sent, action: str) -> None:
    given = MAIL if action != "code" else ""
    assert not sent.ask(action, given, "--destination", "sentri", code=2)
    told = "--destination: the record knows no destination or operator 'sentri'; did you mean "
    assert f"{told}'sentry'? Known: 127.0.0.1, file, sentry\n" in sent.shown


def test_an_operator_means_its_destinations(sent: Sent) -> None:
    for_operator = ("--destination", "127.0.0.1")
    (sighting,) = sent.answers(MAIL, *for_operator)["line 1"]["sightings"]
    assert sighting["destination"] == "sentry"
    listed = sent.ask("rotate-list", MAIL, *for_operator, "--format", "json", code=1)
    assert [each["destinations"] for each in json.loads(listed)["rows"]] == [["sentry"]]
    shown = json.loads(sent.ask("code", "", *for_operator, "--json", code=0))
    assert {each["destination"] for each in shown} == {"sentry"}


def test_a_window_before_or_after_has_nothing(sent: Sent) -> None:
    for window in (("--until", "2020-01-01"), ("--since", "2099-01-01")):
        assert sent.answers(MAIL, *window, code=0)["line 1"]["verdict"] == "not_found"


@pytest.mark.parametrize("action", ["search", "rotate-list", "code", "report"])
def test_a_window_in_which_nothing_can_be_is_refused(sent: Sent, action: str) -> None:
    for_report = ["--destination", "sentry"] if action == "report" else []
    window = ["--since", "2026-02-01", "--until", "2026-01-01"]
    given = MAIL if action in ("search", "rotate-list") else ""
    assert not sent.ask(action, given, *for_report, *window, code=2)
    assert sent.shown.endswith("--since: is not before --until\n")


def test_a_window_may_be_all_of_time(sent: Sent, tmp_path: Path) -> None:
    for since, until in (
        ("0001-01-01T00:00+05:00", "9999-12-31T23:59:59-05:00"),
        ("99999999d", "9999-12-31"),
    ):
        window = ("--since", since, "--until", until)
        assert sent.answers(MAIL, *window)["line 1"]["verdict"] == "sent"
        assert json.loads(sent.ask("code", "", *window, "--json", code=0))
        report = tmp_path / "report.html"
        asked = ("--destination", "sentry", *window, "-o", str(report))
        sent.ask("report", "", *asked, code=0)
        assert "1970-01-01 00:00 UTC to 9999-01-01 00:00 UTC" in report.read_text()


def test_people_read_who_when_and_how_far_back(sent: Sent) -> None:
    shown = sent.ask("search", f"{MAIL}\n{UNSENT}\n", code=1)
    assert "line 1: SENT in clear\n" in shown
    assert "    sentry: pii.email clear, in the hour 20" in shown
    assert "line 2: not found\n" in shown
    assert "2 values: 1 sent in clear, 0 maybe\n" in shown
    assert "\nkept: needles from 20" in shown


def test_an_inventory_becomes_a_list_of_what_to_rotate(sent: Sent) -> None:
    inventory = sent.folder / "vault.json"
    inventory.write_text(
        json.dumps({"data": {"db": {"url": DATABASE}, "contact": MAIL, "unused": UNSENT}})
    )
    given = ("--inventory", str(inventory))
    found = json.loads(sent.ask("rotate-list", "", *given, "--format", "json", code=1))
    assert [(row["priority"], row["group"], row["name"]) for row in found["rows"]] == [
        (1, "rotate", "data.contact"),
        (0, "not_needed", "data.db.url"),
        (0, "not_seen", "data.unused"),
    ]
    assert found["rows"][0]["destinations"] == ["sentry"]
    shown = sent.ask("rotate-list", "", *given, code=1)
    assert "| 1 | rotate | data.contact | sent | pii.email |" in shown
    _, _, unseen = shown.partition("## Not known: no detector claimed it, so it may have been sent")
    assert "| data.unused |" in unseen
    assert "\n1,rotate,data.contact,sent,pii.email," in sent.ask(
        "rotate-list", "", *given, "--format", "csv", code=1
    )


def test_nothing_to_look_for_is_no_answer(sent: Sent) -> None:
    for action in ("search", "rotate-list"):
        sent.ask(action, "\n \n", code=2)
        assert sent.shown.endswith("standard input: holds no value to look for\n")


def test_a_copy_can_be_searched_with_the_key_alone(sent: Sent, tmp_path: Path) -> None:
    for path in (sent.folder / "store").glob("needles.db*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    options = ("exposure", "search", "--storage", tmp_path, "--key-file")
    for key, code in ((sent.folder / "ledger.key", 1), (tmp_path / "other", 2)):
        (tmp_path / "other").write_text(new_key())
        done = subprocess.run(
            [ERRLOCK, *options, key], input=MAIL.encode(), capture_output=True, check=False
        )
        assert done.returncode == code
    assert done.stdout.startswith(b"line 1: not known: ")  # and not: not found
    assert b"no needles were kept under the keys that were given" in done.stdout
    assert b"kept under a key that was not given" in done.stdout
    told = "nothing was looked for: needles were kept under other keys\n"
    assert done.stderr.decode() == f"errlock exposure search: {told}"
    done = subprocess.run(
        [ERRLOCK, "exposure", "rotate-list", *options[2:], tmp_path / "other"],
        input=MAIL.encode(), capture_output=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr.decode().endswith(told)) == (2, True)


def test_searches_are_journaled_with_counts(sent: Sent) -> None:
    sent.answers(f"{MAIL}\n{UNSENT}\nx\ny\nz", "--destination", "sentry")

    def entries() -> list[dict[str, Any]]:
        journal = read(sent.folder / "store" / "journal")
        return [dict(entry.body) for entry in journal if entry.kind == "search"]

    def mine() -> list[dict[str, Any]]:
        return [each for each in entries() if (each["values"], each["sent"]) == (5, 1)]

    wait_for(lambda: bool(mine()), 60)
    (entry,) = mine()
    assert entry["by"]
    assert (entry["what"], entry["destination"]) == ("search", "sentry")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b'{"password": "hunter22",\n "x" hunter22}', "not JSON: line 2, column 6"),
        (b"fine\n\xff\xfehunter22", "line 2 is not UTF-8"),
        (b"fine\n\0hunter22", "line 2 holds a NUL byte: it is no text"),
        (b"[" * 100_000 + b"hunter22", "not JSON: nested too deeply"),
    ],
    ids=["broken JSON", "not UTF-8", "binary", "deep"],
)
@pytest.mark.parametrize("action", ["search", "rotate-list"])
def test_what_is_wrong_with_an_inventory_is_told_and_not_quoted(
    sent: Sent, action: str, data: bytes, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    inventory = sent.folder / "wrong"
    inventory.write_bytes(data)
    command = ["exposure", action, "-c", str(sent.config), "--inventory", str(inventory)]
    assert main(command) == 2
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"{inventory}: {told}\n")


def test_without_needles_or_a_key_it_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"hunter22")))
    command = ["exposure", "search", "--storage", str(tmp_path)]
    assert main(command) == 2
    assert "service.ledger.key: is not set" in capsys.readouterr().err
    (tmp_path / "key").write_text(new_key())
    assert main([*command, "--key-file", str(tmp_path / "key")]) == 2
    assert (
        capsys.readouterr().err
        == f"errlock: {tmp_path / 'needles.db'}: No such file or directory\n"
    )
    (tmp_path / "needles.db").write_bytes(b"x" * 5000)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"hunter22")))
    assert main([*command, "--key-file", str(tmp_path / "key")]) == 2
    assert "cannot be read as needles" in capsys.readouterr().err


def test_cells_are_no_formulas(sent: Sent) -> None:
    inventory = sent.folder / "formulas.json"
    inventory.write_text(json.dumps({"=cmd": MAIL, "-1": MAIL, "+x": MAIL, "@y": MAIL}))
    shown = sent.ask("rotate-list", "", "--inventory", str(inventory), "--format", "csv", code=1)
    cells = [cell for line in shown.splitlines() for cell in line.split(",")]
    assert not [cell for cell in cells if cell[:1] in tuple("=+-@")]
