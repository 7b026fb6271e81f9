"""An incident plan is rehearsed with a real backend, and nothing is other than before."""

from __future__ import annotations

import gzip
import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from http_sink import read_body
from live_bugsink import Bugsink, Project
from live_errlock import Errlock, collector, running_errlock, sentry_at
from live_operators import Controlled
from live_ports import listening_port
from metered_sink import metered_sink
from waiting import wait_for

from errlock.ledger.journal.journal import read


def configuration(port: int, standby: dict[str, Any]) -> dict[str, Any]:
    exporters = {
        "file": {"path": "out.jsonl"},
        "sentry/standby": {**standby, "standby_for": "file"},
    }
    config = collector(sentry_at(port), exporters)
    config["service"]["storage"] = "data"
    config["service"]["pipelines"]["errors"]["exporters"] = ["file"]
    config["incident"] = {
        "plans": {"breach": {"distrust": ["file"]}},
        "drill": {"duration": "20s", "share": 1},
    }
    return config


def drill(errlock: Errlock, folder: Path, port: int) -> tuple[int, list[dict[str, Any]]]:
    controlled = Controlled(errlock, folder, port)
    done = controlled.command("incident", "run", "breach", "--drill", "--json")
    status = controlled.ask("/v1/status").json
    assert {each["trust"]["state"] for each in status["destinations"]} == {"trusted"}
    assert status["routes"][0]["stand_ins"] == []
    return done.returncode, json.loads(done.stdout)["steps"]


def stored_at(bugsink: Bugsink, project: Project, token: str) -> dict[str, str]:
    api = f"http://127.0.0.1:{bugsink.port}/api/canonical/0/issues/"
    return {"url": f"{api}?project={project.id}&sort=last_seen&order=desc", "token": token}


def test_what_was_stored_is_found(bugsink: Bugsink, tmp_path: Path) -> None:
    port, project = listening_port(), bugsink.project("drill")
    there = stored_at(bugsink, project, bugsink.token())
    config = configuration(port, {"dsn": project.dsn, "stored_at": there})
    with running_errlock(config, tmp_path) as errlock:
        code, steps = drill(errlock, tmp_path, port)
        controlled = Controlled(errlock, tmp_path, port)
        controlled.wait_until_stored("out.jsonl", controlled.send())
    assert [(each["what"], each["trouble"]) for each in steps] == [
        ("sentry/standby took a document", None),
        ("sentry/standby has stored it", None),
    ]
    assert code == 0
    assert 0 < steps[0]["seconds"] <= steps[1]["seconds"] < 20
    assert len(bugsink.events(project)) == 1


class Pieces(BaseHTTPRequestHandler):
    """Shows every event that was posted, in packets of its own each."""

    server: Board

    def do_POST(self) -> None:
        self.server.stored.append(gzip.decompress(read_body(self)))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        for page in (b"[", *self.server.stored):
            self.wfile.write(page)
            time.sleep(0.05)

    def log_message(self, *_: object) -> None:
        pass


class Board(ThreadingHTTPServer):
    stored: list[bytes]


def test_what_was_stored_is_found_in_an_answer_that_comes_in_pieces(tmp_path: Path) -> None:
    port = listening_port()
    with Board(("127.0.0.1", 0), Pieces) as board:
        board.stored = []
        threading.Thread(target=board.serve_forever).start()
        there = f"127.0.0.1:{board.server_port}"
        standby = {"dsn": f"http://key@{there}/1", "stored_at": {"url": f"http://{there}/"}}
        with running_errlock(configuration(port, standby), tmp_path) as errlock:
            code, steps = drill(errlock, tmp_path, port)
        board.shutdown()
    assert (code, steps[-1]["trouble"]) == (0, None)


def test_what_was_answered_but_cannot_be_found_is_a_failure(
    bugsink: Bugsink, tmp_path: Path
) -> None:
    port, project = listening_port(), bugsink.project("drill elsewhere")
    there = stored_at(bugsink, project, "0" * 40)
    config = configuration(port, {"dsn": project.dsn, "stored_at": there})
    config["incident"]["drill"]["duration"] = "5s"
    with running_errlock(config, tmp_path) as errlock:
        code, steps = drill(errlock, tmp_path, port)
    assert [(each["what"], each["trouble"]) for each in steps] == [
        ("sentry/standby took a document", None),
        ("sentry/standby has stored it", "not within 5 s"),
    ]
    assert code == 1


def test_a_standby_that_is_distrusted_meanwhile_is_asked_nothing_more(tmp_path: Path) -> None:
    port = listening_port()
    with metered_sink() as sink:
        there = f"http://127.0.0.1:{sink.port}/issues"
        standby = {"dsn": f"http://key@127.0.0.1:{sink.port}/1", "stored_at": {"url": there}}
        with running_errlock(configuration(port, standby), tmp_path) as errlock:
            controlled = Controlled(errlock, tmp_path, port)
            drilling = controlled.begin("incident", "run", "breach", "--drill", "--json")
            wait_for(lambda: sink.received.count(b"GET /issues") > 1)
            order = {"names": ["sentry/standby"], "why": "them, too"}
            assert controlled.ask("/v1/distrust", order).status == 200
            said = time.monotonic()
            told, _ = drilling.communicate(timeout=60)
            assert time.monotonic() - said < 2
            time.sleep(2)
    assert sink.bytes_after(said + 0.5) == 0
    assert [each["trouble"] for each in json.loads(told)["steps"]] == [None, "it is distrusted"]


def test_it_says_so_when_nobody_can_be_asked(bugsink: Bugsink, tmp_path: Path) -> None:
    port, project = listening_port(), bugsink.project("drill unasked")
    with running_errlock(configuration(port, {"dsn": project.dsn}), tmp_path) as errlock:
        code, steps = drill(errlock, tmp_path, port)
    assert (code, steps[-1]["what"], steps[-1]["trouble"]) == (
        0,
        "sentry/standby answered; whether it stored it nobody was asked",
        None,
    )


def test_its_event_is_no_gap_of_the_account(tmp_path: Path) -> None:
    port = listening_port()
    config = configuration(port, {})
    del config["exporters"]["sentry/standby"]
    config["exporters"]["file/standby"] = {"path": "standby.jsonl", "standby_for": "file"}
    with running_errlock(config, tmp_path) as errlock:
        code, _ = drill(errlock, tmp_path, port)
    assert code == 0
    assert " error " not in errlock.log
    kinds = [entry.kind for entry in read(tmp_path / "data" / "journal")]
    assert kinds[-1] == "stop"
    assert "minute" in kinds
    assert "gap" not in kinds


@contextmanager
def drilling(folder: Path) -> Iterator[tuple[Controlled, dict[str, Any], subprocess.Popen[str]]]:
    """A drill whose standby has taken its document and is still asked for it in this block."""
    port = listening_port()
    nowhere = {"url": f"http://127.0.0.1:{listening_port()}/", "token": "0" * 40}
    config = configuration(port, {})
    del config["exporters"]["sentry/standby"]
    standby = {"path": "standby.jsonl", "standby_for": "file", "stored_at": nowhere}
    config["exporters"]["file/standby"] = standby
    config["service"]["watch_config"] = False
    config["incident"]["drill"]["duration"] = "10s"
    with running_errlock(config, folder) as errlock:
        controlled = Controlled(errlock, folder, port)
        with controlled.begin("incident", "run", "breach", "--drill", "--json") as drill:
            wait_for(lambda: "errlock drill" in written(folder / "standby.jsonl"))
            # It stands there before it is on the disk, and only then it counts as taken.
            errlock.wait_for_metric("errlock_exporter_sent_total", 1, exporter="file/standby")
            yield controlled, config, drill


def written(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def steps_of(drill: subprocess.Popen[str]) -> list[tuple[str, str | None]]:
    told, _ = drill.communicate(timeout=60)
    return [(each["what"], each["trouble"]) for each in json.loads(told)["steps"]]


def test_a_drill_keeps_its_share_through_a_reload_and_gives_it_back(tmp_path: Path) -> None:
    with drilling(tmp_path) as (controlled, config, drill):
        for profile in ("strict", "minimal"):
            config["processors"]["redact"] = {"profile": profile}
            controlled.errlock.write(config)
            assert controlled.command("reload").stdout == "processors changed: redact\n"
        controlled.wait_until_stored("standby.jsonl", number := controlled.send())
        assert drill.poll() is None, "it ended before the event was sent"
        assert steps_of(drill) == [
            ("file/standby took a document", None),
            ("file/standby has stored it", "not within 10 s"),
        ]
        controlled.wait_until_stored("out.jsonl", number, after := controlled.send())
        controlled.errlock.wait_for_metric("errlock_exporter_queue_documents", 0)
        assert after not in controlled.stored("standby.jsonl")


def test_a_drill_ends_when_a_reload_takes_its_standby_away(tmp_path: Path) -> None:
    with drilling(tmp_path) as (controlled, config, drill):
        del config["exporters"]["file/standby"]
        controlled.errlock.write(config)
        assert controlled.command("reload").stdout == "exporters removed: file/standby\n"
        assert steps_of(drill) == [
            ("file/standby took a document", None),
            ("file/standby has stored it", "a reload took it away"),
        ]
        controlled.wait_until_stored("out.jsonl", controlled.send())
