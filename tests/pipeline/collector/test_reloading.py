"""Configurations are run in the order in which they were written, whoever has them read."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from waiting import until

from errlock.pipeline import options
from errlock.pipeline.collector import reloading
from errlock.pipeline.collector.reloading import Changes, Source
from errlock.pipeline.config import Config, load
from errlock.pipeline.options import Duration, PemFile
from errlock.receivers.tls import TlsConfig


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
    source = Source([str(file)], read)
    first = asyncio.create_task(source.reload(running))
    await asyncio.to_thread(has_read.wait, 20)
    file.write_text("2s")
    second = asyncio.create_task(source.reload(running))
    await asyncio.sleep(0.1)
    go_on.set()
    await asyncio.gather(first, second)
    assert running.config.service.shutdown_timeout == Duration("2s")


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
async def test_who_may_open_no_more_files_sees_no_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    file, certificate = tmp_path / "errlock.yaml", tmp_path / "own.pem"
    file.write_text("service: {}")
    certificate.write_text("as it was")
    config = load()
    reads = 0

    def read() -> Config:
        nonlocal reads
        reads += 1
        tls = TlsConfig(cert_file=PemFile(certificate), key_file=PemFile(certificate))
        sentry = msgspec.structs.replace(config.receivers["sentry"], tls=tls)
        return replace(config, receivers={"sentry": sentry})

    def refused(*_: object, **__: object) -> bytes:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(reloading, "_LOOK_EVERY", 0.01)
    running = Running()
    running.config = read()
    source = Source([str(file)], read)
    keeping_up = asyncio.create_task(source.keep_up(running))
    await asyncio.sleep(0.2)
    for module in (reloading, None, options):
        with monkeypatch.context() as within:
            if module is not None:
                within.setattr(module, "read_file", refused)
            await asyncio.sleep(0.2)
    assert reads == 1
    certificate.write_text("renewed")
    await until(lambda: reads > 1)
    assert reads == 2, "a renewed certificate is still seen"
    keeping_up.cancel()


async def test_what_changes_before_it_is_kept_up_with_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "errlock.yaml"
    file.write_text("as it was read")
    reloaded = asyncio.Event()
    loop = asyncio.get_running_loop()

    def read() -> Config:
        loop.call_soon_threadsafe(reloaded.set)
        return load()

    monkeypatch.setattr(reloading, "_LOOK_EVERY", 0.01)
    source = Source([str(file)], read)
    file.write_text("as it is once all is open")
    keeping_up = asyncio.create_task(source.keep_up(Running()))
    await asyncio.wait_for(reloaded.wait(), 20)
    keeping_up.cancel()


async def test_a_file_that_is_still_being_written_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "errlock.yaml"
    file.write_text("whole")
    parts = iter(["", "half", "half of", "half of it", "all of it"])
    read: list[str] = []
    look, all_looked = Source._looked, asyncio.Event()

    def write_and_look(source: Source) -> object:
        if (part := next(parts, None)) is not None:
            file.write_text(part)
        return look(source)

    def reading() -> Config:
        read.append(file.read_text())
        loop.call_soon_threadsafe(all_looked.set)
        return load()

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(reloading, "_LOOK_EVERY", 0.01)
    source = Source([str(file)], reading)
    keeping_up = asyncio.create_task(source.keep_up(Running()))
    monkeypatch.setattr(Source, "_looked", write_and_look)
    await asyncio.wait_for(all_looked.wait(), 20)
    assert read == ["all of it"]
    keeping_up.cancel()
