"""What people say about destinations, through commands beside a real collector."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from live_errlock import CONFIG, ERRLOCK
from live_operators import Controlled, running_controlled
from waiting import wait_for

from errlock.delivery.trust.file import TrustFile
from errlock.ledger.journal.entries import read_head
from errlock.ledger.journal.journal import read
from errlock.ledger.journal.verifying import verify

# `errlock`, killed where it would write down that somebody is trusted again.
KILLED = f"""
import os, runpy, signal
from errlock.delivery.trust import book as trust_book

def killed(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)

trust_book._loosened_as_known = killed
runpy.run_path({str(ERRLOCK)!r}, run_name="__main__")
"""


@pytest.fixture
def fresh(controlled: Controlled) -> Controlled:
    controlled.as_new()
    return controlled


def trust_of(controlled: Controlled, id_: str) -> dict[str, object]:
    found = controlled.ask("/v1/status").json["destinations"]
    trust: dict[str, object] = next(each["trust"] for each in found if each["id"] == id_)
    return trust


def test_from_distrust_to_trust(fresh: Controlled) -> None:
    fresh.wait_until_stored("out.jsonl", before := fresh.send())

    done = fresh.command("distrust", "file", "--why", "they were breached")
    assert (done.returncode, done.stdout, done.stderr) == (0, "file: distrusted\n", "")
    fresh.wait_until_stored("standby.jsonl", meanwhile := fresh.send())

    shown = fresh.command("status").stdout
    assert "errors: sentry -> redact -> file/standby instead of file (distrusted)\n" in shown
    assert "file is distrusted by local since 20" in shown
    assert "): they were breached\n" in shown

    let_go = fresh.command("resume", "file")
    assert (let_go.returncode, let_go.stderr) == (
        1,
        "errlock resume: file is distrusted: trust it, if you do\n",
    )
    mistyped = fresh.command("trust", "file", stdin="fil\n")
    assert (mistyped.returncode, mistyped.stdout) == (1, "")
    assert mistyped.stderr == "Type file to trust file again: errlock trust: nothing changed\n"
    assert trust_of(fresh, "file")["state"] == "distrusted"

    trusted = fresh.command("trust", "file", "--why", "mended", stdin="file\n")
    assert (trusted.returncode, trusted.stdout) == (0, "file: trusted\n")
    fresh.wait_until_stored("out.jsonl", before, fresh.send())
    assert meanwhile not in fresh.stored("out.jsonl")


def test_what_another_word_keeps_distrusted_is_told_as_that(tmp_path: Path) -> None:
    """Each word is taken back by itself: an exporter's, and its operator's."""
    tape = {"path": "tape.jsonl", "standby_for": "file", "operator": "acme"}
    with running_controlled(tmp_path, {"file/tape": tape}) as collector:
        done = collector.command("distrust", "file/tape", "acme", "--why", "both")
        assert done.returncode == 0, done.stderr
        half = collector.command("trust", "file/tape", "--yes")
        assert (half.returncode, half.stdout) == (1, "file/tape: distrusted\n")
        told = "file/tape stays distrusted by local, as was said of acme: both\n"
        assert half.stderr == told
        assert trust_of(collector, "file/tape")["about"] == "acme"
        shown = collector.command("status").stdout
        assert "file/tape is distrusted by local, said of acme since 20" in shown
        whole = collector.command("trust", "acme", "--yes")
        assert (whole.returncode, whole.stdout, whole.stderr) == (0, "file/tape: trusted\n", "")


def test_others_that_send_to_the_same_operator_are_told_of(tmp_path: Path) -> None:
    more = {"path": "more.jsonl", "standby_for": "file/standby", "operator": "acme"}
    tape = {"path": "tape.jsonl", "standby_for": "file", "operator": "acme"}
    with running_controlled(tmp_path, {"file/more": more, "file/tape": tape}) as collector:
        done = collector.command("distrust", "file/more")
        assert (done.returncode, done.stdout) == (0, "file/more: distrusted\n")
        assert done.stderr == "file/tape sends to acme as well, and is trusted\n"
        assert collector.command("distrust", "acme").stderr == ""


def test_what_is_held_waits_and_is_sent_when_resumed(fresh: Controlled) -> None:
    held = fresh.command("hold", "file", "--json")
    assert held.returncode == 0
    assert json.loads(held.stdout)["destinations"][0]["trust"]["state"] == "held"
    waiting = fresh.send(), fresh.send()
    assert not {*waiting} & {*fresh.stored("out.jsonl"), *fresh.stored("standby.jsonl")}
    row = next(line for line in fresh.command("status").stdout.splitlines() if "file " in line[:5])
    assert row.split()[2] == "held"
    assert fresh.command("resume", "file").stdout == "file: trusted\n"
    fresh.wait_until_stored("out.jsonl", *waiting)


def test_what_is_held_can_be_destroyed(fresh: Controlled) -> None:
    fresh.command("hold", "file")
    destroyed = fresh.send()
    kept = fresh.command("purge", "file", stdin="no\n")
    assert kept.returncode == 1
    assert kept.stderr.startswith("1 documents (")
    assert kept.stderr.endswith(
        ") wait for file\nType file to destroy them: errlock purge: nothing was destroyed\n"
    )
    assert fresh.command("purge", "file", "--yes").stdout.startswith("file: 1 documents destroyed")
    dropped = fresh.errlock.metric("errlock_exporter_dropped_total", reason="purged")
    assert dropped == 1
    fresh.command("resume", "file")
    fresh.wait_until_stored("out.jsonl", fresh.send())
    assert destroyed not in fresh.stored("out.jsonl")


def test_a_purge_says_when_somebody_keeps_it_from_being_for_good(fresh: Controlled) -> None:
    fresh.command("hold", "file")
    fresh.send()
    with closing(sqlite3.connect(fresh.folder / "data" / "queue.db")) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM payloads").fetchall()
        purged = fresh.command("purge", "file", "--yes", "--why", "no use")
        assert purged.returncode == 1
        assert purged.stdout.startswith("file: 1 documents destroyed (")
        assert purged.stderr == (
            "errlock purge: traces are left on the disk, because somebody reads queue.db: purge "
            "again\n"
        )
        asked = fresh.ask("/v1/purge", {"destination": "file", "confirm": "file"}).json
        assert (asked["documents"], asked["traces"]) == (0, True)
        assert "somebody reads queue.db" in fresh.errlock.log
    assert fresh.command("purge", "file", "--yes").returncode == 0
    assert (fresh.folder / "data" / "queue.db-wal").stat().st_size == 0
    bodies = [each.body for each in read(fresh.folder / "data" / "journal") if each.kind == "purge"]
    assert [(each["state"], each.get("documents")) for each in bodies[-6:]] == [
        ("begins", None), ("traces", 1), ("begins", None), ("traces", 0), ("begins", None),
        ("done", 0),
    ]  # fmt: skip
    window = ("--destination", "file", "--since", "1d")
    assert fresh.command("exposure", "report", *window, "-o", "report.md").returncode == 0
    told = "purge done, with traces left on the disk: what waited for file; 1 documents"
    assert told in (fresh.folder / "report.md").read_text()


def test_a_standby_is_swapped_in_and_out(fresh: Controlled) -> None:
    swapped = fresh.command("swap", "file", "file/standby")
    assert (swapped.returncode, swapped.stdout) == (
        0,
        "errors: file/standby instead of file (swapped)\n",
    )
    fresh.wait_until_stored("standby.jsonl", fresh.send())
    assert fresh.command("swap", "file/standby", "file").stdout == "errors: file\n"
    fresh.wait_until_stored("out.jsonl", fresh.send())
    again = fresh.command("swap", "file/standby", "file")
    assert (again.returncode, again.stderr) == (
        1,
        "errlock swap: file/standby was not swapped for file\n",
    )


def test_the_journal_has_what_people_did_and_status_its_head(fresh: Controlled) -> None:
    fresh.command("swap", "file", "file/standby", "--why", "a try")
    fresh.command("swap", "file/standby", "file")
    fresh.command("hold", "file")
    fresh.send()
    fresh.command("purge", "file", "--yes", "--why", "no use")
    status = fresh.command("status").stdout
    journal = fresh.folder / "data" / "journal"
    entries = list(read(journal))
    route = next(each for each in reversed(entries) if each.body.get("why") == "a try")
    assert (route.kind, dict(route.body)) == (
        "route",
        {"swapped": "file", "for": "file/standby", "by": "local", "why": "a try"},
    )
    purge = next(each for each in reversed(entries) if each.kind == "purge")
    assert (purge.body["destination"], purge.body["documents"]) == ("file", 1)
    assert (purge.body["by"], purge.body["why"]) == ("local", "no use")
    head = next(line for line in status.splitlines() if line.startswith("journal: "))
    verdict = verify(journal, [read_head(head.removeprefix("journal: "))])
    assert verdict.findings == []
    assert verdict.vouched_to >= purge.number


def test_a_plan_is_run_in_one_go(fresh: Controlled) -> None:
    listed = fresh.command("incident", "list").stdout
    assert listed.startswith("breach:\n  distrust  file\n  activate  file/standby\n")
    ran = fresh.command("incident", "run", "breach", "--json")
    assert ran.returncode == 0
    steps = json.loads(ran.stdout)["steps"]
    assert [(each["what"], each["trouble"]) for each in steps] == [
        ("distrust file", None),
        ("activate file/standby for file", None),
    ]
    fresh.wait_until_stored("standby.jsonl", fresh.send())
    unknown = fresh.command("incident", "run", "breech")
    assert unknown.returncode == 2
    assert unknown.stderr == (
        "errlock incident run: there is no plan 'breech'; did you mean 'breach'? "
        "Known: breach, strict\n"
    )


def test_a_step_that_was_not_done_does_not_read_as_done(fresh: Controlled) -> None:
    assert fresh.command("distrust", "file/standby").returncode == 0
    done = fresh.command("incident", "run", "breach", "--drill")
    assert done.returncode == 1
    assert done.stdout.endswith(" s  NOT DONE: file/standby is rehearsed\n")
    assert done.stderr == "            it is distrusted\n"


@pytest.mark.parametrize("command", ["hold", "distrust", "resume", "trust", "purge"])
def test_an_unknown_name_is_told_with_the_nearest(controlled: Controlled, command: str) -> None:
    yes = ["--yes"] if command in ("trust", "purge") else []
    done = controlled.command(command, "file/stanby", *yes)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"errlock {command}: no destination 'file/stanby'; did you mean 'file/standby'? "
        "Known: file, file/standby\n"
    )


def test_what_people_write_cannot_act_on_a_terminal(fresh: Controlled) -> None:
    done = fresh.command("hold", "file", "--why", "\x1b]52;c;aGk=\x07 \u202e")
    assert done.returncode == 0
    shown = fresh.command("status").stdout
    assert "\\x1b]52;c;aGk=\\x07 \\u202e" in shown
    assert "\x1b" not in shown


def test_no_word_is_refused_for_how_its_reason_was_typed(fresh: Controlled) -> None:
    latin = os.fsdecode("Ger\u00e4t".encode("latin-1"))
    done = fresh.command("distrust", "file", "--why", latin)
    assert (done.returncode, done.stdout, done.stderr) == (0, "file: distrusted\n", "")
    assert trust_of(fresh, "file")["why"] == "Ger\ufffdt"
    # No exporter is called so, and that is said.
    for command in (
        ["hold", latin], ["swap", latin, "file"], ["replay", "file", latin], ["purge", latin],
        ["incident", "run", latin],
    ):  # fmt: skip
        refused = fresh.command(*command)
        assert (refused.returncode, refused.stderr.count("\n")) == (2, 1), refused.stderr
        assert "'Ger\ufffdt'" in refused.stderr


def test_with_the_collector_down_it_is_obeyed_at_the_next_start(tmp_path: Path) -> None:
    with running_controlled(tmp_path) as first:
        pass
    done = first.command("distrust", "file", "--why", "3 a.m.")
    assert (done.returncode, done.stdout) == (0, "file: distrusted\n")
    at = f"http://127.0.0.1:{first.errlock.control}"
    assert f"the collector at {at} was not told: nobody listens there\n" in done.stderr
    assert "written into data/trust: none runs there, but one that starts there" in done.stderr
    plan = first.command("incident", "run", "breach")
    assert (plan.returncode, plan.stderr.splitlines()[0]) == (
        1,
        "of this plan, what works without a collector: errlock distrust file -c errlock.yaml",
    )
    told = first.command("hold", "file", "--json")
    assert told.returncode == 0
    (answer,) = json.loads(told.stdout)["destinations"]
    assert (answer["id"], answer["trust"]["state"]) == ("file", "distrusted")  # the stricter word
    wrong = first.command("distrust", "fille")
    assert (wrong.returncode, wrong.stderr) == (
        2,
        "errlock distrust: no exporter 'fille'; did you mean 'file'? Known: file, file/standby\n",
    )
    with running_controlled(tmp_path) as second:
        trust = trust_of(second, "file")
        assert (trust["state"], trust["by"], trust["why"]) == (
            "distrusted",
            "local (offline)",
            "3 a.m.",
        )
        second.wait_until_stored("standby.jsonl", second.send())
        assert second.stored("out.jsonl") == []


def test_a_name_that_stops_nobody_is_no_success_with_the_collector_down(tmp_path: Path) -> None:
    more = {"path": "more.jsonl", "standby_for": "file", "operator": "vendor.example"}
    with running_controlled(tmp_path, {"file/more": more}) as collector:
        assert collector.command("hold", "VENDOR.example.").stdout == "file/more: held\n"
        assert collector.command("trust", "Vendor.example", "--yes").returncode == 0
        assert trust_of(collector, "file/more")["state"] == "trusted"
    for name, code in (("Vendor.example.", 0), ("ingest.vendor.example", 1), ("vendor.exmaple", 1)):
        done = collector.command("distrust", name)
        assert (done.returncode, done.stdout) == (code, f"{name}: distrusted\n")
        told = f"{name!r} stops nobody: no exporter of the collector that ran there last has that "
        assert (f"{told}operator. Known: vendor.example\n" in done.stderr) == bool(code)


def test_a_collector_whose_tokens_are_damaged_starts_lets_nobody_in_and_obeys_the_file(
    tmp_path: Path,
) -> None:
    with running_controlled(tmp_path) as collector:
        pass
    (tmp_path / "data" / "tokens.json").write_bytes(b"\0" * 40)
    with running_controlled(tmp_path) as collector:
        assert "tokens.json is damaged: remove it" in collector.errlock.log
        assert (collector.ask("/v1/status").status, collector.ask("/v1/status").kind) == (
            503,
            "tokens",
        )
        collector.wait_until_stored("out.jsonl", collector.send())
        done = collector.command("distrust", "file", "--why", "3 a.m.")
        assert (done.returncode, done.stdout) == (0, "file: distrusted\n"), done.stderr
        deadline = time.monotonic() + 60
        while not collector.stored("standby.jsonl"):  # it looks at the file by itself
            assert time.monotonic() < deadline
            collector.send()
            time.sleep(0.1)


def test_a_collector_that_does_not_answer_is_told_by_the_file(fresh: Controlled) -> None:
    fresh.errlock.send(signal.SIGSTOP)
    try:
        done = fresh.command("distrust", "file")
        plan = fresh.command("incident", "run", "breach")
    finally:
        fresh.errlock.send(signal.SIGCONT)
    assert "what works without a collector: errlock distrust file -c errlock.yaml" in plan.stderr
    assert f"127.0.0.1:{fresh.errlock.control} does not answer: no answer within 5 s" in plan.stderr
    assert (done.returncode, done.stdout) == (0, "file: distrusted\n")
    assert " was not told: no answer within 1 s\n" in done.stderr
    assert "written into data/trust: the collector that runs there obeys" in done.stderr
    wait_for(lambda: trust_of(fresh, "file")["state"] == "distrusted")


def test_a_disk_that_does_not_answer_delays_no_word(fresh: Controlled) -> None:
    with (fresh.folder / "data" / "trust").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # as long as that, nobody can write into it
        done = fresh.command("distrust", "file", "--json")
        assert trust_of(fresh, "file")["state"] == "distrusted"
        wait_for(lambda: fresh.ask("/v1/status").json["trust_fault"] is not None)
        status = fresh.command("status").stdout
    assert "what was said on trust is not written down: locked" in status
    assert (done.returncode, json.loads(done.stdout)["not_written"]) == (1, "hangs")
    assert "it is in force, and is being written down: the disk has not answered" in done.stderr
    wait_for(lambda: written(fresh) == "distrusted")
    wait_for(lambda: fresh.ask("/v1/status").json["trust_fault"] is None)


def written(collector: Controlled) -> str:
    """What the file says of the destination."""
    return TrustFile(collector.folder / "data" / "trust").read().trusts.of("file").state


def test_a_word_in_the_folder_of_no_collector_is_no_success_while_one_may_run(
    fresh: Controlled, tmp_path: Path
) -> None:
    # Its storage is relative, and somebody ran another one here once.
    (tmp_path / "data").mkdir(mode=0o700)
    done = subprocess.run(
        [str(ERRLOCK), "distrust", "file", "-c", str(fresh.folder / CONFIG)],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "written into data/trust: none runs there, but one that starts there" in done.stderr
    assert trust_of(fresh, "file")["state"] == "trusted"


@pytest.mark.parametrize(
    "where",
    [
        ("--token-file", "broken"),
        ("--set", "service.control.token=first-\xf6"),
    ],
)
def test_a_token_that_is_none_keeps_nobody_from_distrusting(
    fresh: Controlled, where: tuple[str, str]
) -> None:
    broken = fresh.folder / "broken"
    broken.write_text("first\nsecond")
    broken.chmod(0o600)
    done = fresh.command("distrust", "file", *where)
    assert (done.returncode, done.stdout) == (0, "file: distrusted\n")
    name = where[1].partition("=")[0]
    told, written, *_ = done.stderr.splitlines()
    assert f" was not told: {name}: not a token: " in told
    assert written.startswith("written into data/trust: ")
    assert "first" not in done.stderr
    wait_for(lambda: trust_of(fresh, "file")["state"] == "distrusted")


def test_roles(fresh: Controlled) -> None:
    tokens = {
        role: fresh.command("token", "add", f"the-{role}", "--role", role).stdout.strip()
        for role in ("read", "operate", "release")
    }
    order = {"names": ["file"]}
    assert fresh.ask("/v1/status", token=tokens["read"]).status == 200
    for path in ("hold", "distrust", "swap", "purge", "incident/run", "resume", "trust"):
        said = fresh.ask(f"/v1/{path}", order, tokens["read"])
        assert (said.status, said.kind) == (403, "role"), path
    assert fresh.ask("/v1/distrust", order, tokens["operate"]).status == 200
    for path in ("resume", "trust"):
        said = fresh.ask(f"/v1/{path}", order, tokens["operate"])
        assert (said.status, said.kind) == (403, "role"), path
    assert trust_of(fresh, "file")["by"] == "the-operate"
    assert fresh.ask("/v1/trust", order, tokens["release"]).status == 200
    assert trust_of(fresh, "file")["by"] == "the-release"
    for role in tokens:
        assert fresh.command("token", "remove", f"the-{role}").returncode == 0


def test_trusting_again_can_take_two_people(tmp_path: Path) -> None:
    with running_controlled(tmp_path, control={"second_person": True}) as collector:
        for name, role in (("jane", "release"), ("joe", "operate")):
            file = tmp_path / f"{name}.token"
            file.touch(mode=0o600)
            file.write_text(collector.command("token", "add", name, "--role", role).stdout)
        assert collector.command("distrust", "file").returncode == 0
        for second in (None, "data/control-token", "joe.token"):
            options = ["--second-token-file", second] if second else []
            refused = collector.command("trust", "file", "--yes", *options)
            assert (refused.returncode, refused.stderr) == (
                2,
                "errlock trust: this takes a second person's token (role release)\n",
            )
        done = collector.command("trust", "file", "--yes", "--second-token-file", "jane.token")
        assert (done.returncode, done.stdout) == (0, "file: trusted\n")
        assert trust_of(collector, "file")["by"] == "local and jane"


def test_the_journal_says_what_is_in_force_after_a_crash_before_it_was_written_down(
    tmp_path: Path,
) -> None:
    with running_controlled(tmp_path, command=[sys.executable, "-c", KILLED]) as collector:
        assert collector.command("distrust", "file", "--why", "breach").returncode == 0
        assert collector.command("trust", "file", "--yes").returncode != 0
        assert collector.errlock.ended(60) == -signal.SIGKILL
    for _ in range(2):
        with running_controlled(tmp_path) as collector:
            assert trust_of(collector, "file")["state"] == "distrusted"
    bodies = [e.body for e in read(tmp_path / "data" / "journal") if e.kind == "trust"]
    said = [(body["what"], body["words"]["file"]["state"]) for body in bodies]
    assert said == [("tightened", "distrusted"), ("loosened", "trusted"), ("found", "distrusted")]
    assert bodies[0]["words"] == bodies[-1]["words"]


@pytest.mark.parametrize(
    ("path", "order", "where"),
    [
        ("hold", {}, ""),
        ("hold", {"names": []}, ", at $.names"),
        ("hold", {"names": [5]}, ", at $.names[0]"),
        ("hold", {"names": ["file"], "why": "x" * 1001}, ", at $.why"),
        ("hold", {"names": ["file"], "canary-4711": 1}, ""),
        ("swap", {"from": "file"}, ""),
        ("hold", ["canary-4711"], ""),
    ],
)
def test_an_order_that_is_none(
    controlled: Controlled, path: str, order: object, where: str
) -> None:
    said = controlled.ask(f"/v1/{path}", order)
    assert (said.status, said.kind) == (400, "invalid")
    assert said.json["error"] == f"the body is not what /v1/openapi.json describes{where}"


def test_a_body_that_is_none(controlled: Controlled) -> None:
    token = {"Authorization": f"Bearer {controlled.token}"}
    json_ = {**token, "Content-Type": "application/json"}

    def kind(body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        said = controlled.say("POST", "/v1/hold", body, headers)
        return said.status, said.kind

    assert kind(b"{}", token) == (415, "content_type")
    form = {**token, "Content-Type": "application/x-www-form-urlencoded"}
    assert kind(b'{"names":["file"]}', form) == (415, "content_type")
    assert kind(b"\x1f\x8b", {**json_, "Content-Encoding": "gzip"}) == (415, "content_type")
    assert kind(b'{"names":["' + b"a" * 70_000 + b'"]}', json_) == (413, "too_large")
    assert kind(b"", json_) == (400, "invalid")
    assert kind(b'{"names": [' * 3000, json_) == (400, "invalid")
    assert kind(b'{"names": ["\xff"]}', json_) == (400, "invalid")


def test_a_word_that_nobody_could_be_told_says_what_to_do(tmp_path: Path) -> None:
    with running_controlled(tmp_path) as collector:
        pass
    goes_on = "nobody was told: what sends to file goes on\n"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = distrusting(elsewhere, "-c", str(tmp_path / CONFIG))
    assert done.returncode == 1
    assert f"data/trust be written: there is no {elsewhere / 'data'}. Run this in " in done.stderr
    assert done.stderr.endswith(goes_on)

    (tmp_path / "data").chmod(0)
    done = distrusting(tmp_path, "-c", CONFIG)
    (tmp_path / "data").chmod(0o700)
    assert done.returncode == 1
    assert f"data belongs to {(tmp_path / 'data').owner()}: run this as that user" in done.stderr
    assert done.stderr.endswith(goes_on)

    (tmp_path / "broken.yaml").write_text("service: [\n")
    done = distrusting(tmp_path, "-c", "broken.yaml")
    assert done.returncode == 2
    assert done.stderr.endswith(
        "without that file, a collector is named by --set service.storage=FOLDER and, unless it is "
        "localhost:13134, --set service.control.endpoint=HOST:PORT\n"
    )
    port = collector.errlock.control
    named = ("service.storage=data", f"service.control.endpoint=127.0.0.1:{port}")
    done = distrusting(tmp_path, *(word for each in named for word in ("--set", each)))
    assert (done.returncode, done.stdout) == (0, "file: distrusted\n"), done.stderr


def distrusting(folder: Path, *which: str) -> subprocess.CompletedProcess[str]:
    """`errlock distrust file` in this folder, as somebody whom modes of files keep out."""
    as_others = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    return subprocess.run(
        [*as_others, ERRLOCK, "distrust", "file", *which],
        cwd=folder, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_a_collector_without_a_control_api_is_told_by_the_file(tmp_path: Path) -> None:
    with running_controlled(tmp_path) as collector:
        none = ("--set", 'service.control.endpoint=""')
        done = collector.command("distrust", "file", *none)
        assert (done.returncode, done.stdout) == (0, "file: distrusted\n")
        empty = "service.control.endpoint: is empty: nobody answers\n"
        assert done.stderr.startswith(f"errlock distrust: no collector was asked: {empty}")
        wait_for(lambda: trust_of(collector, "file")["state"] == "distrusted")
        (tmp_path / "data" / "control-token").unlink()
        asked = collector.command("status", *none)
        assert (asked.returncode, asked.stderr.splitlines()[0] + "\n") == (2, empty)
