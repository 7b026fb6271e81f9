"""Lines of JSON in a file that rotates, whole or not at all."""

from __future__ import annotations

import json
import logging
import os
import resource
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from sanitised_payloads import EVENT_ID, TRACE_ID, envelope, event, logs, metrics, spans

from errlock.exporters.file import FileExporter, FileExporterConfig, RotatingFile, Rotation
from errlock.pipeline.component import Delivered, Settings
from errlock.pipeline.counters import Counters
from errlock.pipeline.errors import ExportFailed
from errlock.pipeline.options import Duration

Open = Callable[..., Awaitable[FileExporter]]


@pytest.fixture
async def open_file(tmp_path: Path) -> AsyncIterator[Open]:
    """Starts exporters that write to `out/lines.jsonl` in the folder of the test."""
    async with AsyncExitStack() as stack:

        async def opened(path: str = "out/lines.jsonl", **options: Any) -> FileExporter:
            config = FileExporterConfig(path=str(tmp_path / path), **options)
            log = logging.getLogger("errlock.test")
            exporter = config.build(Settings(id="file", counters=Counters(), log=log))
            await exporter.start()
            stack.push_async_callback(exporter.stop)
            return exporter

        yield opened


def lines(tmp_path: Path) -> list[Any]:
    text = (tmp_path / "out" / "lines.jsonl").read_text()
    assert text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


async def test_an_envelope_is_a_line(open_file: Open, tmp_path: Path) -> None:
    exporter = await open_file()
    answer = await exporter.export(envelope(attachment="line one\nline two ü".encode()))
    assert answer == Delivered(2)
    [line] = lines(tmp_path)
    assert line["project"] == "shop"
    assert line["headers"]["event_id"] == EVENT_ID
    assert line["items"][0] == {"headers": {"type": "event"}, "json": event()}
    assert line["items"][1]["text"] == "line one\nline two ü"
    assert line["items"][1]["headers"]["filename"] == "notes.txt"


async def test_an_otlp_request_is_a_line_of_otlp_json(open_file: Open, tmp_path: Path) -> None:
    exporter = await open_file()
    for payload in (logs(), spans(), metrics()):
        assert await exporter.export(payload) == Delivered(1)
    assert [next(iter(line)) for line in lines(tmp_path)] == [
        "resourceLogs",
        "resourceSpans",
        "resourceMetrics",
    ]
    record = lines(tmp_path)[0]["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]
    assert (record["traceId"], record["body"]) == (TRACE_ID, {"stringValue": "payment refused"})


async def test_lost_documents_are_not_written(open_file: Open, tmp_path: Path) -> None:
    exporter = await open_file()
    payload = envelope(event(), event(level="info"))
    payload.documents[0].dropped = "sampled"
    assert await exporter.export(payload) == Delivered(1)
    [line] = lines(tmp_path)
    assert [item["json"]["level"] for item in line["items"]] == ["info"]


async def test_file_and_folder_are_the_owners_alone(open_file: Open, tmp_path: Path) -> None:
    await open_file()
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "out" / "lines.jsonl").stat().st_mode & 0o777 == 0o600


async def test_a_file_that_is_there_is_appended_to(open_file: Open, tmp_path: Path) -> None:
    for _ in range(2):
        exporter = await open_file()
        await exporter.export(logs())
        await exporter.stop()
    assert len(lines(tmp_path)) == 2


async def test_a_full_disk_is_tried_again_later(open_file: Open) -> None:
    exporter = await open_file("/dev/full")  # a device that is always full
    with pytest.raises(ExportFailed) as failure:
        await exporter.export(logs())
    assert (failure.value.kind, failure.value.retryable) == ("enospc", True)


async def test_half_a_line_is_taken_back(open_file: Open, tmp_path: Path) -> None:
    exporter = await open_file()
    await exporter.export(logs("first"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = (tmp_path / "out" / "lines.jsonl").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, hard))
    try:
        with pytest.raises(ExportFailed) as failure:
            await exporter.export(logs("x" * 1000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (failure.value.kind, failure.value.retryable) == ("efbig", True)
    await exporter.export(logs("second"))
    bodies = [
        line["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]["body"] for line in lines(tmp_path)
    ]
    assert bodies == [{"stringValue": "first"}, {"stringValue": "second"}]


async def test_an_export_is_on_the_disk_when_asked_for(
    open_file: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    await (await open_file()).export(logs())
    assert synced == []
    await (await open_file(fsync=True)).export(logs())
    assert len(synced) == 1


def backups(tmp_path: Path) -> list[str]:
    return sorted(file.name for file in tmp_path.iterdir() if file.name != "lines.jsonl")


def test_a_large_file_is_moved_aside(tmp_path: Path) -> None:
    file = RotatingFile(tmp_path / "lines.jsonl", Rotation(max_megabytes=1))
    for _ in range(3):
        file.write(b"x" * 400_000 + b"\n")
    file.close()
    [backup] = backups(tmp_path)
    assert backup.startswith("lines-20")
    assert backup.endswith(".jsonl")
    assert (tmp_path / backup).stat().st_size == 800_002
    assert (tmp_path / "lines.jsonl").stat().st_size == 400_001
    assert (tmp_path / "lines.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_line_larger_than_a_file_gets_a_file_of_its_own(tmp_path: Path) -> None:
    file = RotatingFile(tmp_path / "lines.jsonl", Rotation(max_megabytes=1))
    file.write(b"x" * 2_000_000 + b"\n")
    assert backups(tmp_path) == []
    file.write(b"\n")
    file.close()
    assert len(backups(tmp_path)) == 1


def test_without_a_limit_it_grows(tmp_path: Path) -> None:
    file = RotatingFile(tmp_path / "lines.jsonl", Rotation(max_megabytes=0))
    for _ in range(3):
        file.write(b"x" * 1_000_000)
    file.close()
    assert backups(tmp_path) == []


def test_old_files_that_are_too_many_go(tmp_path: Path) -> None:
    file = RotatingFile(tmp_path / "lines.jsonl", Rotation(max_megabytes=1, max_backups=2))
    for number in range(5):
        file.write(b"%d" % number * 900_000)
    file.close()
    assert [(tmp_path / name).read_bytes()[:1] for name in backups(tmp_path)] == [b"2", b"3"]


def test_old_files_that_are_too_old_go_and_others_stay(tmp_path: Path) -> None:
    old, new, other = (
        tmp_path / "lines-2026-01-01T00-00-00.000000.jsonl",
        tmp_path / "lines-2026-01-02T00-00-00.000000.jsonl",
        tmp_path / "lines-of-somebody-else.jsonl",
    )
    for file in (old, new, other):
        file.touch()
    for file in (old, other):
        os.utime(file, (time.time() - 7200, time.time() - 7200))
    rotating = RotatingFile(tmp_path / "lines.jsonl", Rotation(max_age=Duration("1h")))
    rotating.open()
    rotating.close()
    assert backups(tmp_path) == [new.name, other.name]


def test_what_others_move_or_delete_is_written_no_more(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    file = RotatingFile(path, Rotation(max_megabytes=1))
    file.write(b"first\n")
    path.rename(tmp_path / "lines.jsonl.1")
    file.write(b"second\n")
    assert path.read_bytes() == b"second\n"
    path.unlink()
    file.write(b"third\n" * 150_000)
    assert path.read_bytes()[:6] == b"third\n"
    os.truncate(path, 0)  # as `copytruncate` of logrotate does it
    file.write(b"fourth\n" * 100_000)
    assert path.read_bytes()[:7] == b"fourth\n"
    file.close()
    assert backups(tmp_path) == ["lines.jsonl.1"]


def test_half_a_line_of_a_process_that_was_killed_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_bytes(b'whole\n{"ha')
    for line in (b"next\n", b"last\n"):
        file = RotatingFile(path, Rotation())
        file.write(line)
        file.close()
    assert path.read_bytes() == b'whole\n{"ha\nnext\nlast\n'


def test_a_path_that_names_no_file_is_a_problem() -> None:
    assert [str(problem) for problem in FileExporterConfig(path="out/").problems()] == [
        "path: expected the path of a file"
    ]
    assert list(FileExporterConfig(path="out/x.jsonl").problems()) == []
