"""The strict profile for the time of an incident: for what comes in and for what waits."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import aiohttp
import pytest
from live_ports import listening_port

from errlock.pipeline.collector.collector import Collector
from errlock.pipeline.config import Config, loads
from errlock.pipeline.errors import ConfigError, Problem
from errlock.pipeline.graph.graph import Graph

EVENT = {
    "message": "it broke",
    "modules": {"django": "5.1"},
    "exception": {"values": [{"type": "E", "stacktrace": {"frames": [{"context_line": "a = b"}]}}]},
}


class House:
    """A collector with a file as its destination, which may be started more than once."""

    def __init__(self, folder: Path, make: type[Collector] = Collector) -> None:
        self.folder = folder
        self.make = make
        self.port = listening_port()
        self.collector = self.made()

    def made(self) -> Collector:
        text = f"""
        receivers: {{ sentry: {{ endpoint: "localhost:{self.port}" }} }}
        exporters: {{ file: {{ path: "{self.folder / "out.jsonl"}" }} }}
        service:
          storage: "{self.folder / "data"}"
          health: {{ endpoint: "" }}
          control: {{ endpoint: "" }}
          telemetry: {{ metrics: {{ level: none }} }}
        """
        return self.make(loads(text, {}))

    async def send(self) -> None:
        body = b'{}\n{"type":"event"}\n' + json.dumps(EVENT).encode() + b"\n"
        headers = {"X-Sentry-Auth": "Sentry sentry_key=k"}
        url = f"http://localhost:{self.port}/api/1/envelope/"
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, data=body, headers=headers) as answer,
        ):
            assert answer.status == 200

    async def restarted(self) -> None:
        await self.collector.stop()
        self.collector = self.made()
        await self.collector.start()

    def arrived(self) -> list[bool]:
        """Of each event that arrived, whether it told which versions of packages there are."""
        out = self.folder / "out.jsonl"
        lines = out.read_text().splitlines() if out.exists() else []
        return ["5.1" in line for line in lines]


async def test_what_waits_is_judged_too_and_a_restart_forgets_nothing(tmp_path: Path) -> None:
    house = House(tmp_path)
    await house.collector.start()
    await house.collector.trust.tighten(["file"], "held", "jane", "a breach?")
    await house.send()
    await house.collector.tighten("jane", "a breach")
    await house.send()
    await house.restarted()
    assert house.collector.strict
    assert house.collector.destinations["file"].trust == "held"
    await house.send()
    await house.restarted()
    assert house.arrived() == []
    await house.collector.trust.loosen(["file"], "trusted", "jane", "no")
    await house.restarted()
    assert house.arrived() == [False, False, False]
    await house.collector.relax("jane", "over")
    await house.send()
    await house.restarted()
    assert not house.collector.strict
    await house.collector.stop()
    assert house.arrived() == [False, False, False, True]


class Stubborn(Collector):
    """One that cannot go over to any other graph when it is told not to."""

    stuck = False

    def _build(self, config: Config, before: Graph | None = None) -> Graph:
        if self.stuck:
            raise ConfigError([Problem("processors", "a file of theirs has gone")])
        return super()._build(config, before)


async def test_what_cannot_be_relaxed_stays_strict(tmp_path: Path) -> None:
    house = House(tmp_path, Stubborn)
    collector = house.collector
    assert isinstance(collector, Stubborn)
    await collector.start()
    await collector.tighten("jane", "a breach")
    collector.stuck = True
    with pytest.raises(ConfigError):
        await collector.relax("jane", "over")
    assert collector.strict
    assert await collector.store.recall("profile") == "strict"
    await collector.stop()


async def test_it_is_journaled_beside_the_event_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that hangs would hang it, and with it every door."""
    writing: list[threading.Thread] = []
    write = os.fsync

    def fsync(file: int) -> None:
        writing.append(threading.current_thread())
        write(file)

    collector = House(tmp_path, Stubborn).collector
    assert isinstance(collector, Stubborn)
    await collector.start()
    monkeypatch.setattr(os, "fsync", fsync)
    await collector.tighten("jane", "a breach")
    collector.stuck = True
    with pytest.raises(ConfigError):
        await collector.relax("jane", "over")
    await collector.stop()
    assert len(writing) > 3
    assert threading.current_thread() not in writing
