"""Held events on their way to a real Bugsink: ordered once, the collector killed in the middle.

Bugsink is behind a server that applies Relay's rule about times.
"""

from __future__ import annotations

import http.client
import json
import sqlite3
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from live_bugsink import Bugsink
from live_errlock import Errlock, collector, running_errlock, sentry_at
from live_ports import listening_port
from relay_rule import relay_in_front_of, seconds

HOURS = 3 * 3600  # that the events were held
# Kept by the balanced profile, not by the strict one.
HOST = "db-7.internal.shop.example"
SECRET = "password=hunter2-canary"
_SENDERS = 4


@dataclass(frozen=True, slots=True)
class Course:
    """What came of it."""

    stored: list[dict[str, Any]]  # by Bugsink
    happened: dict[str, float]  # when, by the event's id
    job: dict[str, Any]  # as the control API told it at the end
    shifted: int  # envelopes whose times Relay's rule changed
    envelopes: int  # that were sent
    killed_at: list[int]  # payloads that were done
    seconds: float  # from the order to the end
    journal: list[dict[str, Any]]
    books: dict[tuple[str, str, str], int]  # by destination, kind and reason, from the file
    queued: float  # documents of both destinations at the end

    def wrong(self) -> list[str]:
        """What is not as it must be."""
        times = Counter(event["event_id"].replace("-", "") for event in self.stored)
        text = json.dumps(self.stored)
        checks = {
            "some did not arrive": set(times) == set(self.happened),
            "some arrived twice": all(n == 1 for n in times.values()),
            "not judged by the strict profile": HOST not in text,
            "not judged at all": SECRET not in text and "hunter2" not in text,
            "times were shifted": not self.shifted
            and all(
                abs(seconds(event["timestamp"]) - self.happened[event["event_id"]]) < 0.01
                for event in self.stored
            ),
            "the job says otherwise": (
                self.job["state"] == "done"
                and self.job["done"] == self.job["total"] == len(self.happened)
                and self.job["documents"] == len(self.happened)
            ),
            "the queues say otherwise": self.queued == 0.0
            and self.job["moved"] == len(self.happened),
            "the books say otherwise": self.books
            == {
                ("file", "accepted", ""): len(self.happened),
                ("file", "dropped", "moved"): len(self.happened),
                ("sentry/standby", "accepted", ""): len(self.happened),
                ("sentry/standby", "delivered", ""): len(self.happened),
            },
            "the journal says otherwise": [each["state"] for each in self.journal]
            == ["begins", "done"],
        }
        return [what for what, right in checks.items() if not right]


def replay_course(bugsink: Bugsink, folder: Path, events: int, kills: Sequence[float]) -> Course:
    """Hold so many events and move them to Bugsink; kill the collector at these shares of them."""
    port = listening_port()
    project = bugsink.project("replayed")
    with relay_in_front_of(bugsink.port) as relay:
        exporters = {
            "file": {"path": "out.jsonl"},
            "sentry/standby": {
                "dsn": project.dsn_through(relay.port),
                "backend": "bugsink",
                "standby_for": "file",
                # Small, so that there is a middle to be killed in.
                "sending_queue": {"queue_size": "64KiB", "num_consumers": 2},
            },
        }
        config = collector(sentry_at(port), exporters)
        config["service"]["pipelines"]["errors"]["exporters"] = ["file"]
        config["service"]["storage"] = "data"
        order = {
            "from": "file", "to": "sentry/standby", "policy": "strict", "move": True,
            "why": "breach",
        }  # fmt: skip
        with running_errlock(config, folder, behind=HOURS) as errlock:
            _ask(errlock, folder, "/v1/hold", {"names": ["file"]})
            happened = _send(port, events)
            errlock.wait_for_metric("errlock_exporter_queue_documents", events, exporter="file")
        with running_errlock(config, folder) as errlock:
            begun = time.monotonic()
            job = _ask(errlock, folder, "/v1/replays", order)
            killed_at = [_killed(errlock, folder, job["id"], events * kills[0])]
            errlock.ended(10)
        for share in kills[1:]:
            with running_errlock(config, folder) as errlock:
                killed_at.append(_killed(errlock, folder, job["id"], events * share))
                errlock.ended(10)
        with running_errlock(config, folder) as errlock:
            job = _until(errlock, folder, job["id"], events)
            bugsink.wait_for_events(project, events)
            took = time.monotonic() - begun
            errlock.wait_for_metric("errlock_exporter_queue_documents", 0)
            queued = errlock.metric("errlock_exporter_queue_documents")
            again = _ask(errlock, folder, "/v1/replays", order)
            again = _until(errlock, folder, again["id"], 0)
            assert (again["total"], again["documents"]) == (0, 0)
        lines = (folder / "data" / "journal").read_text().splitlines()
        entries = [json.loads(line) for line in lines]
        return Course(
            stored=bugsink.events(project),
            happened=happened,
            job=job,
            shifted=relay.shifted,
            envelopes=relay.envelopes,
            killed_at=killed_at,
            seconds=took,
            journal=[
                each["body"]
                for each in entries
                if each["kind"] == "replay" and each["body"]["id"] == job["id"]
            ],
            books=_books(folder / "data" / "queue.db"),
            queued=queued,
        )


def _send(port: int, count: int) -> dict[str, float]:
    """Send events to a collector, by clients whose clocks are as late as its own; returns when."""
    happened: dict[str, float] = {}

    def send(numbers: range) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for number in numbers:
            moment = round(time.time() - HOURS + number * 0.001, 3)
            event = {
                "event_id": f"{number:032x}",
                "timestamp": moment,
                "platform": "python",
                "server_name": HOST,
                "exception": {"values": [{"type": "Cart", "value": f"{SECRET} {number % 5}"}]},
                "extra": {"note": "x" * 600},
            }
            body = json.dumps({"event_id": event["event_id"], "sent_at": _iso(moment)})
            body += '\n{"type":"event"}\n' + json.dumps(event)
            connection.request("POST", "/api/1/envelope/?sentry_key=any", body.encode())
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200
            happened[f"{number:032x}"] = moment
        connection.close()

    with ThreadPoolExecutor(_SENDERS) as senders:
        for each in [senders.submit(send, range(n, count, _SENDERS)) for n in range(_SENDERS)]:
            each.result()
    return happened


def _iso(moment: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))


def _books(path: Path) -> dict[tuple[str, str, str], int]:
    with closing(sqlite3.connect(path)) as database:
        rows = database.execute("SELECT destination, kind, reason, amount FROM books").fetchall()
    return {(destination, kind, reason): amount for destination, kind, reason, amount in rows}


def _killed(errlock: Errlock, folder: Path, job: str, done: float) -> int:
    """Kill it once so many payloads are done, before the end; returns how many were."""
    found = _until(errlock, folder, job, done)
    assert found["state"] == "running", "it was over before it could be killed"
    errlock.kill()
    return int(found["done"])


def _until(errlock: Errlock, folder: Path, job: str, done: float) -> dict[str, Any]:
    """The replay when so many payloads are done; all of them: when it has ended."""
    while True:
        found = _ask(errlock, folder, f"/v1/replays/{job}")
        if found["state"] not in ("waiting", "running"):
            return found
        if found["total"] and done <= found["done"] < found["total"]:
            return found
        time.sleep(0.01)


def _ask(errlock: Errlock, folder: Path, path: str, order: object = None) -> dict[str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", errlock.control, timeout=60)
    token = (folder / "data" / "control-token").read_text().strip()
    headers = {"Authorization": f"Bearer {token}"}
    try:
        if order is None:
            connection.request("GET", path, headers=headers)
        else:
            headers["Content-Type"] = "application/json"
            connection.request("POST", path, json.dumps(order), headers)
        answer = connection.getresponse()
        body = json.loads(answer.read())
        assert answer.status == 200, body
        assert isinstance(body, dict)
        return body
    finally:
        connection.close()
