"""Replays beside a real collector: what one destination holds goes to another one."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from live_errlock import ERRLOCK
from live_operators import Controlled, running_controlled
from live_ports import listening_port
from metered_sink import metered_sink
from moved_clock import MovedClock


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Controlled]:
    folder = tmp_path_factory.mktemp("replaying")
    with running_controlled(folder, retain_delivered="1h") as found:
        yield found


@pytest.fixture
def fresh(collector: Controlled) -> Controlled:
    collector.as_new()
    return collector


def test_what_is_held_goes_elsewhere_once_and_stays(fresh: Controlled) -> None:
    fresh.command("hold", "file")
    numbers = [fresh.send() for _ in range(60)]
    replay = ("replay", "file", "file/standby", "--policy", "strict", "--why", "breach")
    done = fresh.command(*replay)
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        "file -> file/standby: done, 60 of 60 payloads, 60 documents\n",
        "",
    )
    fresh.wait_until_stored("standby.jsonl", *numbers)
    more = fresh.send()
    again = json.loads(fresh.command(*replay, "--json").stdout)
    assert (again["total"], again["done"], again["documents"]) == (1, 1, 1)
    fresh.wait_until_stored("standby.jsonl", *numbers, more)
    assert not {*numbers} & {*fresh.stored("out.jsonl")}
    fresh.command("resume", "file")
    fresh.wait_until_stored("out.jsonl", *numbers, more)


def test_what_was_moved_waits_no_more(fresh: Controlled) -> None:
    fresh.command("hold", "file")
    before = fresh.errlock.metric("errlock_exporter_dropped_total", reason="moved")
    numbers = [fresh.send() for _ in range(5)]
    done = fresh.command("replay", "file", "file/standby", "--move")
    assert done.stdout == "file -> file/standby: done, 5 of 5 payloads, 5 documents, 5 moved\n"
    fresh.errlock.wait_for_metric("errlock_exporter_queue_documents", 0, exporter="file")
    assert fresh.errlock.metric("errlock_exporter_dropped_total", reason="moved") == before + 5
    fresh.wait_until_stored("standby.jsonl", *numbers)
    fresh.command("resume", "file")
    fresh.wait_until_stored("out.jsonl", last := fresh.send())
    assert not {*numbers} & {*fresh.stored("out.jsonl")}
    assert last not in fresh.stored("standby.jsonl")


def test_what_is_just_being_sent_moves_when_that_failed_and_is_told_when_not(
    tmp_path: Path,
) -> None:
    with metered_sink("never answers") as mute, metered_sink("answers late") as late:
        exporters = {
            f"sentry/{name}": {
                "dsn": f"http://key@127.0.0.1:{sink.port}/1",
                "standby_for": "file",
                "timeout": "2s",
            }
            for name, sink in (("mute", mute), ("late", late))
        }
        with running_controlled(tmp_path, exporters) as collector:
            collector.command("hold", "file")
            for name, sink, moved, sent in (("mute", mute, 1, 0), ("late", late, 0, 1)):
                collector.send()
                collector.ask("/v1/replays", {"from": "file", "to": f"sentry/{name}", "move": True})
                sink.wait_for_bytes()
                order = {"from": f"sentry/{name}", "to": "file/standby", "move": True}
                job = ended(collector, order)
                assert (job["documents"], job["moved"], job["sent"]) == (1, moved, sent)
                collector.errlock.wait_for_metric(
                    "errlock_exporter_queue_documents", 0, exporter=f"sentry/{name}"
                )


def test_what_was_delivered_goes_elsewhere_within_a_window(fresh: Controlled) -> None:
    fresh.wait_until_stored("out.jsonl", before := fresh.send())
    time.sleep(0.01)
    since = time.time()
    numbers = [fresh.send() for _ in range(5)]
    fresh.wait_until_stored("out.jsonl", *numbers)
    fresh.errlock.wait_for_metric("errlock_exporter_queue_documents", 0, exporter="file")
    order = {"from": "file", "to": "file/standby", "delivered": True, "since": since}
    none = ended(fresh, {**order, "types": ["transaction"]})
    assert (none["state"], none["total"]) == ("done", 0)
    job = ended(fresh, order)
    assert (job["state"], job["documents"], job["by"]) == ("done", 5, "local")
    fresh.wait_until_stored("standby.jsonl", *numbers)
    assert before not in fresh.stored("standby.jsonl")
    assert job in fresh.ask("/v1/replays").json["replays"]


@pytest.mark.parametrize(("kept", "first"), [("0", 0), ("1h", 1)])
def test_a_replay_that_finds_nothing_says_what_it_looked_for(
    tmp_path: Path, kept: str, first: int
) -> None:
    with running_controlled(tmp_path, retain_delivered=kept) as collector:
        collector.wait_until_stored("out.jsonl", collector.send())
        collector.errlock.wait_for_metric("errlock_exporter_queue_documents", 0)
        order = {"from": "file", "to": "file/standby", "delivered": True}
        assert ended(collector, order)["documents"] == first
        done = collector.command("replay", "file", "file/standby", "--delivered")
    assert done.stdout == "file -> file/standby: done, 0 of 0 payloads, 0 documents\n"
    told = (
        "of what file got nothing is kept that was asked for and that file/standby has not had: "
        "see service.retain_delivered\n"
    )
    assert (done.returncode, done.stderr) == (0, told)


def test_what_a_target_had_as_a_payload_of_its_own_is_not_given_again(tmp_path: Path) -> None:
    plain = {"receivers": ["sentry"], "processors": ["redact"]}
    pipelines = {"errors": plain, "second": {**plain, "exporters": ["file/second"]}}
    second = {"file/second": {"path": "second.jsonl"}}
    with running_controlled(
        tmp_path, second, retain_delivered="1h", pipelines=pipelines
    ) as collector:
        numbers = [collector.send() for _ in range(3)]
        for file in ("out.jsonl", "second.jsonl"):
            collector.wait_until_stored(file, *numbers)
        collector.errlock.wait_for_metric("errlock_exporter_queue_documents", 0)
        given = [
            ended(collector, {"from": source, "to": target, "delivered": True})["documents"]
            for source, target in (
                ("file", "file/second"), ("file", "file/standby"), ("file/second", "file/standby"),
                ("file/standby", "file"),
            )
        ]  # fmt: skip
        assert given == [0, 3, 0, 0]


@pytest.mark.parametrize("step", [3600, -3600], ids=["forwards", "back"])
def test_a_clock_that_was_set_keeps_nothing_from_a_replay_or_a_purge(
    tmp_path: Path, step: int
) -> None:
    clock = MovedClock(tmp_path / "clock", time.time())
    command = clock.command(ERRLOCK)
    with running_controlled(tmp_path, command=command, retain_delivered="1h") as collector:
        if step < 0:
            clock.set(time.time() - step)
        collector.wait_until_stored("out.jsonl", delivered := collector.send())
        collector.errlock.wait_for_metric("errlock_exporter_queue_documents", 0)
        collector.ask("/v1/hold", {"names": ["file"]})
        before = collector.send()
        clock.set(time.time() + max(step, 0))
        waiting = [before, collector.send()]
        for delivered_too, numbers in ((False, waiting), (True, [delivered])):
            order = {"from": "file", "to": "file/standby", "delivered": delivered_too}
            job = ended(collector, order)
            assert (job["state"], job["documents"]) == ("done", len(numbers))
        purged = collector.ask("/v1/purge", {"destination": "file", "confirm": "file"}).json
        assert purged["documents"] == 2
        with closing(sqlite3.connect(tmp_path / "data" / "queue.db")) as queues:
            left = queues.execute("SELECT 1 FROM retained WHERE destination = 'file'").fetchall()
        assert left == []


def ended(collector: Controlled, order: dict[str, object]) -> dict[str, object]:
    """A replay, ordered and waited for."""
    job: dict[str, object] = collector.ask("/v1/replays", order).json
    deadline = time.monotonic() + 60
    while job["state"] in ("waiting", "running"):
        assert time.monotonic() < deadline, job
        time.sleep(0.05)
        job = collector.ask(f"/v1/replays/{job['id']}").json
    return job


@pytest.mark.parametrize(
    ("order", "status", "kind"),
    [
        ({"from": "file", "to": "nowhere"}, 404, "destination"),
        ({"from": "nowhere", "to": "file"}, 404, "destination"),
        ({"from": "file", "to": "file"}, 409, "same"),
        ({"from": "file", "to": "file/standby", "types": ["canary"]}, 400, "invalid"),
    ],
)
def test_what_cannot_be_replayed(
    fresh: Controlled, order: dict[str, object], status: int, kind: str
) -> None:
    said = fresh.ask("/v1/replays", order)
    assert (said.status, said.kind) == (status, kind)
    assert "canary" not in said.body.decode()


def test_a_replay_that_is_not_there_is_not_found(fresh: Controlled) -> None:
    said = fresh.ask("/v1/replays/canary")
    assert (said.status, said.kind) == (404, "replay")
    assert "canary" not in said.body.decode()
    assert fresh.command("replay", "file", "file/standby", "--stop").returncode == 1


def test_a_replay_ends_when_somebody_stops_it_and_the_same_is_not_begun_twice(
    tmp_path: Path,
) -> None:
    # Nobody listens there, and its queue is soon half full.
    dsn = f"http://key@127.0.0.1:{listening_port()}/1"
    down = {"dsn": dsn, "standby_for": "file", "sending_queue": {"queue_size": "2KiB"}}
    with running_controlled(tmp_path, {"sentry/down": down}) as collector:
        collector.command("hold", "file")
        for _ in range(30):
            collector.send()
        collector.command("replay", "file", "sentry/down", "--detach")
        stopped = collector.command("replay", "file", "sentry/down", "--stop")
        assert stopped.returncode == 0, stopped.stderr
        assert ": stopped, " in stopped.stdout
        again = collector.ask("/v1/replays", {"from": "file", "to": "sentry/down"}).json
        same = collector.ask("/v1/replays", {"from": "file", "to": "sentry/down"}).json
        assert same["id"] == again["id"]
        first, second = collector.ask("/v1/replays").json["replays"]
        assert (first["state"], second["id"]) == ("stopped", again["id"])
        stopped = collector.command("replay", "file", "sentry/down", "--stop", "--json")
        assert json.loads(stopped.stdout)["id"] == again["id"]
        turned = collector.command("replay", "file", "sentry/down", "--since=1h", "--until=2h")
        assert (turned.returncode, turned.stdout) == (2, "")
        assert turned.stderr == "--since: is not before --until\n"


@pytest.mark.parametrize("word", ["hold", "distrust"])
def test_nothing_is_replayed_to_what_is_not_trusted(fresh: Controlled, word: str) -> None:
    fresh.command(word, "file/standby")
    state = {"hold": "held", "distrust": "distrusted"}[word]
    done = fresh.command("replay", "file", "file/standby")
    assert (done.returncode, done.stderr) == (1, f"errlock replay: file/standby is {state}\n")


def test_what_is_purged_is_on_the_disk_no_more(fresh: Controlled) -> None:
    def stored() -> int:
        with closing(sqlite3.connect(fresh.folder / "data" / "queue.db")) as database:
            counts = database.execute(
                "SELECT (SELECT count(*) FROM deliveries WHERE destination = 'file')"
                " + (SELECT count(*) FROM retained WHERE destination = 'file')"
            )
            found: int = counts.fetchone()[0]
            return found

    fresh.wait_until_stored("out.jsonl", fresh.send())
    fresh.command("hold", "file")
    fresh.send()
    assert stored() >= 2
    assert fresh.command("purge", "file", "--yes").returncode == 0
    assert stored() == 0


def test_copies_that_went_before_their_time_are_told(tmp_path: Path) -> None:
    with running_controlled(
        tmp_path, retain_delivered="1h", retain_delivered_size="1KiB"
    ) as collector:
        assert collector.ask("/v1/status").json["copies"]["lost"] == 0
        collector.wait_until_stored("out.jsonl", collector.send())
        collector.errlock.wait_for_metric("errlock_copies_lost", 1)
        assert collector.ask("/v1/status").json["copies"]["lost"] == 1
        assert "only: 1 copies went before their time" in collector.command("status").stdout
        assert "go before their time: service.retain_delivered_size" in collector.errlock.log
