"""The collector: its life, its doors, and that one destination does not hold up another."""

import asyncio
import contextlib
import json
import socket
import sqlite3
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import waiting
from hand_clock import all_act
from live_ports import listening_port
from slow_peer import SlowPeer

from errlock.ledger.journal.journal import read
from errlock.pipeline.collector.collector import Collector
from errlock.pipeline.collector.operating.operations import CollectorOperations
from errlock.pipeline.collector.purging import Destroyed
from errlock.pipeline.collector.refusals import RefusedShare
from errlock.pipeline.collector.waiting import first_of
from errlock.pipeline.config import Config, loads
from errlock.pipeline.counters import Counters
from errlock.pipeline.graph.routes import Route

until = partial(waiting.until, seconds=60)
SECRET = "hunter22correct"
EVENT = {"event_id": "9ec79c33ec9942ab8353589fcb2e04dc", "message": f"password={SECRET}"}


def envelope(event: dict[str, Any]) -> bytes:
    return b'{}\n{"type":"event"}\n' + json.dumps(event).encode() + b"\n"


class Running:
    """A collector with a Sentry receiver, on ports of its own."""

    def __init__(
        self, folder: Path, exporters: str, names: str, more: str = "", storage: str = "memory"
    ) -> None:
        self.sentry, self.health, self.metrics = (
            listening_port(),
            listening_port(),
            listening_port(),
        )
        self.out = folder / "out.jsonl"
        self.config = self.configured(exporters, names, more, storage)
        self.collector = Collector(self.config)

    def configured(
        self, exporters: str, names: str, more: str = "", storage: str = "memory"
    ) -> Config:
        """A configuration of the same ports."""
        text = f"""
        receivers: {{ sentry: {{ endpoint: "localhost:{self.sentry}" }} }}
        processors: {{ redact: }}
        exporters:
          file: {{ path: "{self.out}" }}
          {exporters}
        service:
          storage: "{storage}"
          control: {{ endpoint: "" }}
          shutdown_timeout: 2s
          telemetry: {{ metrics: {{ endpoint: "localhost:{self.metrics}" }} }}
          health: {{ endpoint: "localhost:{self.health}" }}
          pipelines:
            errors: {{ receivers: [sentry], processors: [redact], exporters: [{names}] }}
            {more}
        """
        return loads(text, {})

    async def __aenter__(self) -> "Running":
        await self.collector.start()
        self.session = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.session.close()
        await self.collector.stop()

    async def send(self, body: bytes) -> int:
        url = f"http://localhost:{self.sentry}/api/1/envelope/?sentry_key=abc"
        async with self.session.post(url, data=body) as response:
            return response.status

    async def get(self, port: int, path: str) -> tuple[int, str]:
        async with self.session.get(f"http://localhost:{port}{path}") as response:
            return response.status, await response.text()

    async def lines(self, count: int) -> list[str]:
        await until(lambda: self.out.exists() and self.out.read_text().count("\n") >= count)
        return self.out.read_text().splitlines()


async def test_what_comes_in_dirty_goes_out_clean(tmp_path: Path) -> None:
    async with Running(tmp_path, "", "file") as running:
        assert await running.send(envelope(EVENT)) == 200
        [line] = await running.lines(1)
    assert SECRET not in line
    assert "password=[password]" in line


async def test_every_metric_says_what_it_is_and_the_log_where_a_receiver_listens(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "errlock.collector")
    async with Running(tmp_path, "", "file", storage=str(tmp_path / "kept")) as running:
        assert await running.send(envelope(EVENT)) == 200
        await running.lines(1)
        _, text = await running.get(running.metrics, "/metrics")
    helps = [line.split(" ", 3) for line in text.splitlines() if line.startswith("# HELP ")]
    assert len(helps) > 15
    assert [name for _, _, name, sentence in helps if not sentence.endswith(".")] == []
    assert f"receiver sentry is open: localhost:{running.sentry}" in caplog.messages


# As Chromium 156 sent it: a page that reports here names the key of its project.
_CSP_REPORT = (
    '{{"csp-report":{{"document-uri":"http://localhost:35267/account","referrer":"",'
    '"violated-directive":"script-src-elem","effective-directive":"script-src-elem",'
    '"original-policy":"script-src \'self\'; report-uri {}","disposition":"report",'
    '"blocked-uri":"inline","line-number":1,"column-number":133,"status-code":200}}}}'
)


async def test_the_key_of_a_page_does_not_leave_with_its_report(tmp_path: Path) -> None:
    key = "0123456789abcdef" * 2
    async with Running(tmp_path, "", "file") as running:
        url = f"http://127.0.0.1:{running.sentry}/api/1/security/?sentry_key={key}"
        body, headers = _CSP_REPORT.format(url), {"Content-Type": "application/csp-report"}
        async with running.session.post(url, data=body, headers=headers) as response:
            assert response.status == 200
        [line] = await running.lines(1)
    assert key not in line
    assert "script-src-elem" in line


async def test_no_door_opens_before_the_policy_is_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_then = []
    prepare = Route.prepare

    def preparing(route: Route) -> None:
        with socket.socket() as probe:
            open_then.append(probe.connect_ex(("127.0.0.1", running.sentry)) == 0)
        prepare(route)

    monkeypatch.setattr(Route, "prepare", preparing)
    running = Running(tmp_path, "", "file")
    async with running:
        assert await running.send(envelope(EVENT)) == 200
    assert open_then == [False]


async def test_a_dead_destination_holds_up_nobody(tmp_path: Path) -> None:
    dead = f'sentry/dead: {{ dsn: "http://abc@localhost:{listening_port()}/1" }}'
    async with Running(tmp_path, dead, "sentry/dead, file") as running:
        for _ in range(5):
            assert await running.send(envelope(EVENT)) == 200
        assert len(await running.lines(5)) == 5
        destinations = running.collector.graph.destinations
        await until(lambda: destinations["file"].balance().delivered == {"event": 5})
        balance = destinations["sentry/dead"].balance()
        assert (balance.accepted, balance.queued) == ({"event": 5}, {"event": 5})
    assert destinations["sentry/dead"].balance().dropped == {("event", "shutdown"): 5}
    assert destinations["sentry/dead"].balance().holds


async def test_what_was_accepted_is_delivered_before_the_end(tmp_path: Path) -> None:
    async with Running(tmp_path, "", "file") as running:
        for _ in range(20):
            assert await running.send(envelope(EVENT)) == 200
    assert len(running.out.read_text().splitlines()) == 20


async def test_after_the_end_the_door_is_shut_and_stopping_again_does_nothing(
    tmp_path: Path,
) -> None:
    async with Running(tmp_path, "", "file") as running:
        await running.collector.stop()
        with pytest.raises(aiohttp.ClientConnectorError):
            await running.send(envelope(EVENT))
        await running.collector.stop()


async def test_health_names_every_component(tmp_path: Path) -> None:
    async with Running(tmp_path, "", "file") as running:
        status, text = await running.get(running.health, "/")
    assert status == 200
    health = json.loads(text)
    assert health["status"] == "running"
    assert health["exporters"]["file"]["health"] == "up"
    assert health["receivers"] == {"sentry": {"state": "running"}}


async def test_what_came_with_an_event_is_refused_and_not_the_event(tmp_path: Path) -> None:
    image = json.dumps({"type": "attachment", "content_type": "image/png", "length": 6}).encode()
    async with Running(tmp_path, "", "file") as running:
        await running.send(envelope(EVENT) + image + b"\n\x89PNG\x00\x01\n")
        await running.lines(1)
        _, text = await running.get(running.metrics, "/metrics")
    told = 'receiver="sentry",transport="http"'
    assert f'errlock_receiver_accepted_total{{{told},type="event"}} 1.0' in text
    refused = f'errlock_receiver_refused_total{{reason="unsupported",{told},type="unknown"}} 1.0'
    assert refused in text
    assert text.count("errlock_receiver_refused_total{") == 1


async def test_metrics_have_the_collectors_names_and_no_value(tmp_path: Path) -> None:
    async with Running(tmp_path, "", "file") as running:
        await running.send(envelope(EVENT))
        await running.lines(1)
        _, text = await running.get(running.metrics, "/metrics")
    assert 'otelcol_receiver_accepted_log_records_total{receiver="sentry"' in text
    assert 'otelcol_exporter_sent_log_records_total{exporter="file"} 1.0' in text
    assert "# HELP otelcol_exporter_queue_size Bytes that wait for a destination.\n" in text
    assert (
        'errlock_findings_total{class="secret.password",form="removed",pipeline="errors"} 1.0'
        in text
    )
    assert SECRET not in text


async def test_one_receiver_can_feed_two_pipelines(tmp_path: Path) -> None:
    more = "raw: { receivers: [sentry], processors: [], exporters: [file/raw] }"
    raw = tmp_path / "raw.jsonl"
    async with Running(tmp_path, f'file/raw: {{ path: "{raw}" }}', "file", more) as running:
        assert await running.send(envelope(EVENT)) == 200
        [line] = await running.lines(1)
    assert SECRET not in line
    assert SECRET in raw.read_text()


async def test_a_pipeline_of_one_signal_takes_no_other(tmp_path: Path) -> None:
    more = "traces: { receivers: [sentry], processors: [redact], exporters: [file/traces] }"
    traces = tmp_path / "traces.jsonl"
    async with Running(tmp_path, f'file/traces: {{ path: "{traces}" }}', "file", more) as running:
        assert await running.send(envelope(EVENT)) == 200
        await running.lines(1)
    assert traces.read_text() == ""


async def test_an_endpoint_that_is_taken_is_told_and_leaves_nothing_open(tmp_path: Path) -> None:
    async with Running(tmp_path, "", "file") as running:
        second = Collector(running.config)
        # The first door that it opens is that of the metrics.
        with pytest.raises(OSError, match="already in use") as taken:
            await second.start()
        assert taken.value.filename == "service.telemetry.metrics"
        await second.stop()


def test_the_share_of_refusals_is_that_of_the_last_minute() -> None:
    now = 0.0
    counters = Counters()
    share = RefusedShare(counters, lambda: now)
    counters.add("receiver_accepted", 100, receiver="sentry")
    counters.add("processor_dropped", 100, reason="broken")
    now = 30
    assert share.share() == pytest.approx(0.5)
    now = 100
    counters.add("receiver_accepted", 300, receiver="sentry")
    assert share.share() == pytest.approx(0.0)


async def test_only_what_could_not_be_judged_degrades(tmp_path: Path) -> None:
    profile = b'{}\n{"type":"profile"}\n{"platform":"python"}\n'
    broken = b'{}\n{"type":"event"}\n{"message": \n'
    async with Running(tmp_path, "", "file") as running:
        for _ in range(20):
            await running.send(profile)
        assert running.collector.refused_share() == (0.0, False)
        for _ in range(20):
            await running.send(broken)
        assert running.collector.refused_share() == (1.0, True)


@pytest.mark.parametrize("kept", [True, False], ids=["replaced", "removed"])
async def test_a_destination_that_a_reload_ends_obeys_to_its_end(
    tmp_path: Path, kept: bool
) -> None:
    with SlowPeer() as peer:
        dsn = f"http://k@127.0.0.1:{peer.port}/1"
        slow = f'sentry: {{ dsn: "{dsn}", compression: none, timeout: 60s }}'
        big = {**EVENT, "extra": {"text": "the cart was empty " * 45_000}}
        async with Running(tmp_path, slow, "sentry") as running:
            assert await running.send(envelope(big)) == 200
            await asyncio.to_thread(peer.wait_for, 100_000)
            after = Running(tmp_path, slow.replace("60s", "50s"), "sentry" if kept else "file")
            reload = asyncio.create_task(running.collector.reload(after.config))
            await until(lambda: running.collector.config is not running.config)
            await running.collector.trust.tighten(["127.0.0.1"], "distrusted", "alice", "x")
            arrived = peer.arrived
            await asyncio.to_thread(peer.read_on)
            assert (peer.received, peer.ended, peer.connections) == (arrived, "reset", 1)
            await reload
            if kept:
                assert running.collector.destinations["sentry"].trust == "distrusted"


async def test_what_the_store_refuses_a_reload_leaves_everything_as_it_was(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with Running(tmp_path, "", "file", storage=str(data)) as running:
        assert await running.send(envelope(EVENT)) == 200
        await running.lines(1)
        more = running.configured(
            f'file/more: {{ path: "{tmp_path / "more"}" }}', "file, file/more", storage=str(data)
        )
        with contextlib.closing(sqlite3.connect(data / "queue.db")) as somebody:
            somebody.execute("DROP TABLE deliveries")
        with pytest.raises(OSError, match=r"the queues cannot be used \(io\)") as refused:
            await running.collector.reload(more)
        assert refused.value.filename == "service.storage"
        assert list(running.collector.destinations) == ["file"]
        assert running.collector.state == "running"


async def test_nothing_is_purged_while_destinations_are_exchanged(tmp_path: Path) -> None:
    async with Running(tmp_path, "debug:", "file") as running:
        collector = running.collector
        await collector.trust.tighten(["file"], "held", "jane", "a breach?")
        assert await running.send(envelope(EVENT)) == 200
        async with collector.reloading:
            purging = asyncio.create_task(collector.purge("file"))
            await all_act()
            assert await collector.waits("file") != (0, 0)
        assert (await purging).documents == 1
        assert await collector.waits("file") == (0, 0)


async def test_a_purge_that_a_reload_takes_the_exporter_from_has_failed(tmp_path: Path) -> None:
    """It had begun, as the journal said, and never ended."""
    storage = str(tmp_path / "data")

    def said() -> list[Any]:
        entries = [each.body for each in read(Path(storage) / "journal") if each.kind == "purge"]
        return [(each["state"], each.get("trouble")) for each in entries]

    async with Running(tmp_path, "debug:", "debug, file", storage=storage) as running:
        operations = CollectorOperations(running.collector)
        without = running.configured("", "file", storage=storage)
        async with running.collector.reloading:
            reload = asyncio.create_task(running.collector.reload(without))
            await all_act()
            purge = asyncio.create_task(operations.purge("debug", really=True, by="jane", why=""))
            await until(lambda: said() == [("begins", None)])
        await reload
        with pytest.raises(KeyError):
            await purge
        assert said() == [("begins", None), ("failed", "internal")]


async def test_neither_a_reload_nor_a_stop_waits_for_the_count_of_what_nobody_claims(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = str(tmp_path / "data")
    running = Running(tmp_path, "debug:", "debug, file", storage=storage)
    counted = asyncio.Event()

    async def queued() -> dict[tuple[str, str], int]:
        await counted.wait()
        return {}

    monkeypatch.setattr(running.collector.store, "queued", queued)
    async with running:
        without = running.configured("", "file", storage=storage)
        reload = asyncio.create_task(running.collector.reload(without))
        done, _ = await asyncio.wait([reload], timeout=20)
        if not done:
            counted.set()  # else the stop waits, too
    assert done


async def test_what_is_just_being_stored_is_not_purged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Running(tmp_path, "debug:", "file", storage=str(tmp_path / "data")) as running:
        collector = running.collector
        store = collector.store
        put, is_stored, go_on = store.put, asyncio.Event(), asyncio.Event()

        async def waits_after(*args: Any, **more: Any) -> Any:
            records = await put(*args, **more)
            is_stored.set()
            await go_on.wait()
            return records

        monkeypatch.setattr(store, "put", waits_after)
        sending = asyncio.create_task(running.send(envelope(EVENT)))
        await is_stored.wait()
        assert await collector.purge("file") == Destroyed(0, 0, complete=True)
        go_on.set()
        assert await sending == 200
        await running.lines(1)
        await until(lambda: collector.destinations["file"].idle)
        await store.remember({"asked": "yes"})  # written after that it was delivered
        assert await store.books("file") == {
            ("accepted", "event", None): 1, ("delivered", "event", None): 1,
        }  # fmt: skip


async def test_nothing_goes_on_waiting_when_who_waits_for_the_first_is_cancelled() -> None:
    """Python logs an error of a task that nobody holds any more and that has not ended."""
    began, ended = asyncio.Event(), []

    async def wait(name: str) -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(name)

    waiting_task = asyncio.create_task(first_of(wait("one"), wait("other")))
    await began.wait()
    await asyncio.sleep(0)
    waiting_task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await waiting_task
    assert sorted(ended) == ["one", "other"]
