"""A replay beside a destination that delivers meanwhile."""

import asyncio
import time
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import waiting
from live_ports import listening_port

from errlock.delivery.disk.store import DiskStore
from errlock.pipeline.collector.collector import Collector
from errlock.pipeline.collector.replaying import Replay
from errlock.pipeline.config import loads

until = partial(waiting.until, seconds=60)
ENVELOPE = b'{}\n{"type":"event"}\n{"message":"hello"}\n'


async def test_what_is_delivered_before_it_is_read_was_sent_and_is_not_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = listening_port()
    config = loads(f"""
        receivers: {{ sentry: {{ endpoint: "localhost:{port}" }} }}
        processors: {{ redact: }}
        exporters:
          file: {{ path: "{tmp_path}/out.jsonl" }}
          file/standby: {{ path: "{tmp_path}/standby.jsonl", standby_for: file }}
        service:
          storage: "{tmp_path}/data"
          control: {{ endpoint: "" }}
          telemetry: {{ metrics: {{ level: none }} }}
          health: {{ endpoint: "" }}
          pipelines:
            errors: {{ receivers: [sentry], processors: [redact], exporters: [file] }}
    """)
    collector = Collector(config)
    await collector.start()
    try:
        source = collector.destinations["file"]
        source.set_trust("held")
        async with aiohttp.ClientSession() as session:
            url = f"http://localhost:{port}/api/1/envelope/?sentry_key=any"
            async with session.post(url, data=ENVELOPE) as answer:
                assert answer.status == 200
        read = DiskStore.read

        async def read_late(store: DiskStore, number: int) -> Any:
            if asyncio.current_task() is collector.replays._worker:
                source.set_trust("trusted")
                for _ in range(600):  # until it is on the disk no more
                    await read(store, number)
                    await asyncio.sleep(0.1)
            return await read(store, number)

        monkeypatch.setattr(DiskStore, "read", read_late)
        order = Replay(
            id="1", source="file", target="file/standby", move=True, by="me", why="",
            ordered=time.time(),
        )  # fmt: skip
        progress = await collector.replays.start(order)
        await until(lambda: progress.state not in ("waiting", "running"))
        told = (progress.state, progress.done, progress.documents, progress.sent, progress.damaged)
        assert told == ("done", 1, 0, 1, 0)
    finally:
        await collector.stop()
    assert (tmp_path / "standby.jsonl").read_text() == ""
