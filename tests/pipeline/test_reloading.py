"""Configurations are run in the order in which they were written, whoever has them read."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from pathlib import Path

import msgspec

from errlock.pipeline.config import Config, load
from errlock.pipeline.options import Duration
from errlock.pipeline.reloading import Changes, Source


class Running:
    """Takes over every configuration."""

    def __init__(self) -> None:
        self.config = load()

    async def reload(self, config: Config) -> Changes:
        changes = Changes.between(self.config, config)
        self.config = config
        return changes


async def test_what_was_read_before_a_file_changed_is_not_run_after_what_it_says_now(
    tmp_path: Path,
) -> None:
    file = tmp_path / "errlock.yaml"
    file.write_text("1s")
    config = load()
    has_read, go_on = threading.Event(), threading.Event()

    def read() -> Config:
        seconds = file.read_text()
        if not has_read.is_set():
            has_read.set()
            assert go_on.wait(20)
        service = msgspec.structs.replace(config.service, shutdown_timeout=Duration(seconds))
        return replace(config, service=service)

    running = Running()
    source = Source([str(file)], read, watch=False)
    first = asyncio.create_task(source.reload(running))
    await asyncio.to_thread(has_read.wait, 20)
    file.write_text("2s")
    second = asyncio.create_task(source.reload(running))
    await asyncio.sleep(0.1)
    go_on.set()
    await asyncio.gather(first, second)
    assert running.config.service.shutdown_timeout == Duration("2s")
