"""Replays beside a real collector: what one destination holds goes to another one."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from live_operators import Controlled, running_controlled


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
    numbers = [fresh.send() for _ in range(120)]
    replay = ("replay", "--from", "file", "--to", "file/standby", "--policy", "strict")
    done = fresh.command(*replay)
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        "file -> file/standby: done, 120 of 120 payloads, 120 documents\n",
        "",
    )
    fresh.wait_until_stored("standby.jsonl", *numbers)
    more = fresh.send()
    again = fresh.command(*replay, "--json")
    assert (json.loads(again.stdout)["done"], json.loads(again.stdout)["documents"]) == (1, 1)
    fresh.wait_until_stored("standby.jsonl", *numbers, more)
    assert not {*numbers} & {*fresh.stored("out.jsonl")}
    fresh.command("resume", "file")
    fresh.wait_until_stored("out.jsonl", *numbers, more)


def test_what_was_delivered_goes_elsewhere_within_a_window(fresh: Controlled) -> None:
    fresh.wait_until_stored("out.jsonl", before := fresh.send())
    time.sleep(0.01)
    since = time.time()
    numbers = [fresh.send() for _ in range(5)]
    fresh.wait_until_stored("out.jsonl", *numbers)
    fresh.errlock.wait_for_metric("errlock_exporter_queue_documents", 0, exporter="file")
    order = {"from": "file", "to": "file/standby", "delivered": True, "since": since}
    job = fresh.ask("/v1/replay", order).json
    assert job["state"] == "running"
    fresh.wait_until_stored("standby.jsonl", *numbers)
    assert before not in fresh.stored("standby.jsonl")
    other = {**order, "types": ["transaction"]}
    assert fresh.ask("/v1/replay", other).status == 200


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
    said = fresh.ask("/v1/replay", order)
    assert (said.status, said.kind) == (status, kind)
    assert "canary" not in said.body.decode()


def test_nothing_is_replayed_to_what_is_distrusted(fresh: Controlled) -> None:
    fresh.command("distrust", "file/standby")
    done = fresh.command("replay", "--from", "file", "--to", "file/standby")
    assert (done.returncode, done.stderr) == (
        1,
        "errlock replay: file/standby is distrusted\n",
    )


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


def test_a_replay_goes_on_after_a_kill(tmp_path: Path) -> None:
    numbers: list[int] = []
    order = {"from": "file", "to": "file/standby"}
    for _ in range(3):
        with running_controlled(tmp_path) as killed:
            if not numbers:
                killed.command("hold", "file")
                numbers = [killed.send() for _ in range(300)]
            assert killed.ask("/v1/replay", order).status == 200
            time.sleep(0.2)
            killed.errlock.kill()
            killed.errlock.ended(5)
    with running_controlled(tmp_path) as last:
        done = last.command("replay", "--from", "file", "--to", "file/standby")
        assert done.returncode == 0
        last.wait_until_stored_at_least_once("standby.jsonl", *numbers)
