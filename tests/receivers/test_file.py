"""Documents from a file or a pipe, one a line; what is broken is counted and never shown."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from recording_sink import RecordingSink
from sanitised_payloads import EVENT_ID, envelope, event, logs, metrics, spans

from errlock.exporters.file import FileExporterConfig
from errlock.pipeline.component import Receipt, Settings
from errlock.pipeline.counters import Counters
from errlock.pipeline.errors import RefusedPayload
from errlock.pipeline.options import Size
from errlock.pipeline.payloads.document import Payload
from errlock.pipeline.payloads.otlp import OtlpRequest
from errlock.receivers.file import FileReceiver, FileReceiverConfig
from errlock.receivers.json_lines import Lines


class Arrivals(RecordingSink):
    """A sink that tells how much has come."""

    def __init__(self) -> None:
        super().__init__()
        self._came = asyncio.Condition()

    async def accept(self, payload: Payload) -> Receipt:
        receipt = await super().accept(payload)
        async with self._came:
            self._came.notify_all()
        return receipt

    async def arrived(self, count: int) -> None:
        """Return when so many payloads have come."""
        async with asyncio.timeout(30), self._came:
            await self._came.wait_for(lambda: len(self.payloads) >= count)


class Bench:
    """A receiver on a file, and what it brought."""

    def __init__(self, path: Path, stack: AsyncExitStack) -> None:
        self.path = path
        self.counters = Counters()
        self.sink = Arrivals()
        self._stack = stack

    def made(
        self, path: str | None = None, storage: Path | None = None, **options: Any
    ) -> FileReceiver:
        config = FileReceiverConfig(path=path or str(self.path), **options)
        log = logging.getLogger("errlock.test")
        settings = Settings(id="file/app", counters=self.counters, log=log, storage=storage)
        receiver = config.build(settings)
        self._stack.push_async_callback(receiver.stop)
        return receiver

    async def read(self, *lines: bytes | str, **options: Any) -> list[Payload]:
        """Read a file of these lines to its end."""
        data = [line.encode() if isinstance(line, str) else line for line in lines]
        self.path.write_bytes(b"\n".join(data))
        receiver = self.made(**options)
        await receiver.start(self.sink)
        await asyncio.wait_for(receiver.finished(), timeout=30)
        return self.sink.payloads

    async def following(self) -> FileReceiver:
        """Follow a file of one line, which has been read."""
        self.path.write_text(EVENT + "\n")
        receiver = self.made(follow=True)
        await receiver.start(self.sink)
        await self.sink.arrived(1)
        return receiver

    def refused(self, reason: str) -> int:
        return self.counters.total("receiver_requests_refused", receiver="file/app", reason=reason)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with AsyncExitStack() as stack:
        yield Bench(tmp_path / "lines.jsonl", stack)


EVENT = json.dumps(event())
ENVELOPE = base64.b64encode(envelope(attachment=b"hello").encode()).decode()


def types(payloads: list[Payload]) -> list[list[str]]:
    return [[document.type for document in payload.documents] for payload in payloads]


async def test_every_form_of_a_line_is_told_apart(bench: Bench) -> None:
    otlp = [logs().encode_json(), spans().encode_json(), metrics().encode_json()]
    payloads = await bench.read(EVENT, ENVELOPE, *otlp)
    assert types(payloads) == [
        ["event"],
        ["event", "attachment"],
        ["log_record"],
        ["otlp_span"],
        ["data_point"],
    ]
    assert payloads[0].documents[0].event_id == EVENT_ID
    assert [payload.project for payload in payloads[:3]] == ["default", "default", "shop"]
    assert bench.counters.total("receiver_accepted", receiver="file/app", transport="file") == 6
    assert bench.counters.total("receiver_accepted", type="event") == 2


@pytest.mark.parametrize(
    ("format_", "line", "type_"),
    [
        ("event", EVENT, "event"),
        ("event", '{"items": [], "headers": {}}', "event"),
        ("envelope", ENVELOPE, "event"),
        ("otlp-logs", logs().encode_json(), "log_record"),
        ("otlp-traces", spans().encode_json(), "otlp_span"),
        ("otlp-metrics", metrics().encode_json(), "data_point"),
    ],
)
async def test_a_format_can_be_named(
    bench: Bench, format_: str, line: str | bytes, type_: str
) -> None:
    [payload] = await bench.read(line, format=format_)
    assert payload.documents[0].type == type_


async def test_events_get_the_project_that_is_configured(bench: Bench) -> None:
    [payload] = await bench.read(EVENT, project="legacy")
    assert payload.project == "legacy"


async def test_a_request_of_several_services_is_split(bench: Bench) -> None:
    both = json.loads(logs(service="a").encode_json())
    both["resourceLogs"] += json.loads(logs(service="b").encode_json())["resourceLogs"]
    payloads = await bench.read(json.dumps(both))
    assert [payload.project for payload in payloads] == ["a", "b"]


async def test_what_the_file_exporter_wrote_is_read_back(bench: Bench) -> None:
    log = logging.getLogger("errlock.test")
    settings = Settings(id="file", counters=Counters(), log=log)
    exporter = FileExporterConfig(path=str(bench.path)).build(settings)
    await exporter.start()
    sent = [
        envelope(event(extra={"a": "zeile\r\n\tü\u2028"}), attachment=b"line one\r\nline two\n\n"),
        logs("one", "two"),
        spans(),
        metrics(),
    ]
    for payload in sent:
        await exporter.export(payload)
    await exporter.stop()
    receiver = bench.made()
    await receiver.start(bench.sink)
    await asyncio.wait_for(receiver.finished(), timeout=30)
    assert [payload.project for payload in bench.sink.payloads] == [p.project for p in sent]
    assert [payload.encode() for payload in bench.sink.payloads] == [p.encode() for p in sent]


@pytest.mark.parametrize("format_", ["auto", "event", "envelope", "otlp-logs"])
@pytest.mark.parametrize(
    "line",
    [b'{"password": "hunter2"', b"hunter2 is no base64!", b'"hunter2"', b"[1]", b"\xff\xfehunter2"],
)
async def test_a_broken_line_is_counted_and_never_shown(
    bench: Bench, caplog: pytest.LogCaptureFixture, format_: str, line: bytes
) -> None:
    assert await bench.read(line, format=format_) == []
    total = bench.counters.total("receiver_requests_refused", receiver="file/app", transport="file")
    assert total == 1
    assert bench.refused("internal") == 0
    assert "hunter2" not in caplog.text
    assert not any("hunter2" in str(series) for series in bench.counters)


@pytest.mark.parametrize(
    "line",
    [
        '{"headers": {}, "items": [{"headers": {"type": "event"}, "base64": "?"}]}',
        '{"headers": {}, "items": [{"headers": 1}]}',
        '{"headers": {}, "items": 1}',
        '{"headers": 1, "items": []}',
    ],
)
async def test_a_broken_line_of_the_file_exporter_is_refused(bench: Bench, line: str) -> None:
    assert await bench.read(line) == []
    assert bench.counters.total("receiver_requests_refused", receiver="file/app") == 1
    assert bench.refused("internal") == 0


async def test_a_broken_line_does_not_hold_up_the_next(bench: Bench) -> None:
    assert len(await bench.read("{", EVENT, "", "  ", "?", EVENT + "\r")) == 2


async def test_a_long_line_is_read_beside_the_event_loop(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading: list[threading.Thread] = []
    decode = OtlpRequest.decode_json

    def decoded(*args: Any, **options: Any) -> OtlpRequest:
        reading.append(threading.current_thread())
        return decode(*args, **options)

    monkeypatch.setattr(OtlpRequest, "decode_json", decoded)
    request = json.loads(logs("payment refused").encode_json())
    request["resourceLogs"][0]["scopeLogs"][0]["logRecords"] *= 200
    await bench.read(json.dumps(request))
    [thread] = reading
    assert thread is not threading.current_thread()


async def test_a_line_that_is_too_long_is_refused(bench: Bench) -> None:
    payloads = await bench.read(EVENT, "x" * 300_000, EVENT, max_line_size=Size(100_000))
    assert len(payloads) == 2
    assert bench.refused("too_long") == 1


async def test_a_byte_order_mark_is_no_part_of_the_first_line(bench: Bench) -> None:
    assert len(await bench.read(b"\xef\xbb\xbf" + ENVELOPE.encode())) == 1


def test_lines_are_cut_wherever_chunks_end() -> None:
    data = b"one\n\ntwo and more\r\nthree"
    for size in range(1, len(data) + 1):
        lines = Lines(100)
        cut = [
            line for at in range(0, len(data), size) for line in lines.feed(data[at : at + size])
        ]
        assert [*cut, *lines.end()] == [b"one", b"two and more", b"three"]


async def test_refused_documents_are_counted_by_type_and_reason(bench: Bench) -> None:
    class Sink:
        async def accept(self, payload: Payload) -> Receipt:
            return Receipt(1, {(payload.documents[1].type, "limit"): 1})

    bench.path.write_text(ENVELOPE)
    receiver = bench.made()
    await receiver.start(Sink())
    await asyncio.wait_for(receiver.finished(), timeout=30)
    assert bench.counters.total("receiver_accepted", type="event") == 1
    assert bench.counters.total("receiver_accepted", type="attachment") == 0
    assert bench.counters.total("receiver_refused", type="attachment", reason="limit") == 1


@pytest.mark.parametrize(("status", "reason"), [(429, "busy"), (503, "storage_full")])
async def test_a_busy_pipeline_or_a_full_disk_is_waited_for(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, status: int, reason: str
) -> None:
    monkeypatch.setattr("errlock.receivers.file._PAUSE", 0.0)
    refusals = [RefusedPayload(status, reason, "later")] * 3
    sink = bench.sink

    class Sink:
        async def accept(self, payload: Payload) -> Receipt:
            if refusals:
                raise refusals.pop()
            return await sink.accept(payload)

    bench.path.write_text(EVENT)
    receiver = bench.made()
    await receiver.start(Sink())
    await asyncio.wait_for(receiver.finished(), timeout=30)
    assert types(sink.payloads) == [["event"]]


async def test_a_sink_that_fails_does_not_stop_the_reading(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    class Sink:
        async def accept(self, payload: Payload) -> Receipt:
            raise KeyError("hunter2")

    bench.path.write_text(f"{EVENT}\n{EVENT}\n")
    receiver = bench.made()
    await receiver.start(Sink())
    await asyncio.wait_for(receiver.finished(), timeout=30)
    assert bench.refused("internal") == 2
    assert caplog.messages == ["a line failed: KeyError"] * 2


@contextmanager
def stdin(fd: int) -> Any:
    """This process's standard input, for a while."""
    kept = os.dup(0)
    os.dup2(fd, 0)
    try:
        yield
    finally:
        os.dup2(kept, 0)
        os.close(kept)


async def test_standard_input_is_read_to_its_end(bench: Bench) -> None:
    read, write = os.pipe()
    with stdin(read):
        os.close(read)
        receiver = bench.made("-")
        await receiver.start(bench.sink)
        os.write(write, EVENT.encode() + b"\n" + EVENT.encode()[:20])
        await bench.sink.arrived(1)
        os.write(write, EVENT.encode()[20:])
        os.close(write)
        await asyncio.wait_for(receiver.finished(), timeout=30)
    assert len(bench.sink.payloads) == 2


async def test_a_named_pipe_is_read_once_somebody_writes_and_holds_up_nobody_before(
    bench: Bench,
) -> None:
    os.mkfifo(bench.path)
    receiver = bench.made()
    writer = threading.Timer(5, lambda: os.close(os.open(bench.path, os.O_WRONLY)))
    writer.start()
    await receiver.start(bench.sink)
    assert writer.is_alive(), "it waited for somebody to write"
    writer.cancel()
    await asyncio.sleep(0.05)
    assert not bench.sink.payloads
    with bench.path.open("wb") as writing:  # opened and closed before anybody reads
        writing.write(f"{EVENT}\n{EVENT}\n".encode())
    await asyncio.wait_for(receiver.finished(), timeout=30)
    assert len(bench.sink.payloads) == 2


async def test_a_followed_pipe_is_read_whoever_writes_to_it_next(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("errlock.receivers.source.PAUSE", 0.01)
    os.mkfifo(bench.path)
    await bench.made(follow=True).start(bench.sink)
    for count in (1, 2):
        writing = os.open(bench.path, os.O_WRONLY | os.O_NONBLOCK)  # fails when nobody reads it
        os.write(writing, EVENT.encode() + b"\n")
        os.close(writing)
        await bench.sink.arrived(count)
        await asyncio.sleep(0.05)  # the end of what this one wrote is seen


def test_a_process_ends_although_its_standard_input_does_not() -> None:
    code = """
import asyncio, logging
from errlock.pipeline.component import Settings
from errlock.pipeline.counters import Counters
from errlock.receivers.file import FileReceiverConfig

async def main():
    settings = Settings(id="file", counters=Counters(), log=logging.getLogger())
    receiver = FileReceiverConfig(path="-").build(settings)
    await receiver.start(None)
    await receiver.stop()

asyncio.run(main())
"""
    read, write = os.pipe()
    try:
        subprocess.run(
            [sys.executable, "-W", "error", "-c", code], stdin=read, check=True, timeout=60
        )
    finally:
        os.close(read)
        os.close(write)


async def test_a_followed_file_brings_what_is_added(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("errlock.receivers.source.PAUSE", 0.01)
    receiver = await bench.following()
    with bench.path.open("a") as file:
        file.write(EVENT + "\n")
    await bench.sink.arrived(2)
    # Moved aside and made anew, as log rotation does it.
    bench.path.rename(bench.path.with_suffix(".1"))
    bench.path.write_text(EVENT + "\n")
    await bench.sink.arrived(3)
    # Written anew in place, and shorter.
    bench.path.write_text('{"message": "again"}\n')
    await bench.sink.arrived(4)
    await receiver.stop()
    await asyncio.wait_for(receiver.finished(), timeout=30)


async def test_what_is_added_just_before_a_followed_file_is_moved_is_read_too(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("errlock.receivers.source.PAUSE", 0.3)
    await bench.following()
    moved = bench.path.with_suffix(".1")
    with bench.path.open("a") as file:
        file.write(EVENT + "\n")
        file.flush()
        bench.path.rename(moved)
        bench.path.write_text(EVENT + "\n")
        await asyncio.sleep(0.05)
        file.write(EVENT + "\n")  # by who has not heard yet that it was moved
        file.write('{"message": "ha')  # and was killed
    await bench.sink.arrived(4)
    assert bench.counters.total("receiver_requests_refused", receiver="file/app") == 1


async def test_a_new_file_that_may_not_be_read_yet_is_read_later(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("errlock.receivers.source.PAUSE", 0.01)
    await bench.following()
    bench.path.unlink()
    bench.path.symlink_to(bench.path)  # which nobody can open, whoever he is
    await asyncio.sleep(0.1)
    bench.path.unlink()
    bench.path.write_text(EVENT + "\n")
    await bench.sink.arrived(2)


def message(text: str) -> str:
    return json.dumps({"message": text}) + "\n"


def messages(payloads: list[Payload]) -> list[Any]:
    return [payload.documents[0].tree["message"] for payload in payloads]  # type: ignore[index,call-overload]


@pytest.fixture
async def followed(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Awaitable[FileReceiver]]:
    """Starts a receiver that goes on where the last one stopped."""
    monkeypatch.setattr("errlock.receivers.source.PAUSE", 0.01)

    async def started() -> FileReceiver:
        receiver = bench.made(storage=tmp_path / "data", follow=True)
        await receiver.start(bench.sink)
        return receiver

    return started


Followed = Callable[[], Awaitable[FileReceiver]]


async def test_the_next_start_goes_on_in_a_followed_file(
    bench: Bench, followed: Followed, tmp_path: Path
) -> None:
    bench.path.write_text(message("one") + message("two") + '{"message": "th')
    receiver = await followed()
    await bench.sink.arrived(2)
    await receiver.stop()
    [kept] = (tmp_path / "data" / "positions").iterdir()
    assert (kept.name, kept.stat().st_mode & 0o777) == ("file%2Fapp.json", 0o600)
    assert b"one" not in kept.read_bytes()
    with bench.path.open("a") as file:
        file.write('ree"}\n')
    await (await followed()).stop()  # before it reads
    receiver = await followed()
    await bench.sink.arrived(3)
    await receiver.stop()
    assert messages(bench.sink.payloads) == ["one", "two", "three"]
    # Nothing is known of a file that begins in another way, whatever its inode is.
    bench.path.write_text(message("another") + message("file") * 20)
    await followed()
    await bench.sink.arrived(24)
    assert messages(bench.sink.payloads)[3:5] == ["another", "file"]


async def test_a_thread_that_ends_behind_its_receiver_notes_nothing_of_what_the_file_is_by_then(
    bench: Bench, followed: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.path.write_text(message("one"))
    receiver = await followed()
    await bench.sink.arrived(1)
    source, begun, changed = receiver._source, threading.Event(), threading.Event()
    read = source.read

    def slow_read() -> bytes | None:
        begun.set()
        found = read()
        changed.wait(30)
        return found

    monkeypatch.setattr(source, "read", slow_read)
    assert await asyncio.to_thread(begun.wait, 30)
    await receiver.stop()
    bench.path.write_text(message("another") * 2)
    changed.set()
    assert await asyncio.to_thread(receiver._ended.wait, 30)
    await followed()
    await bench.sink.arrived(3)
    assert messages(bench.sink.payloads) == ["one", "another", "another"]


async def test_what_was_moved_while_nobody_followed_it_is_read_to_its_end(
    bench: Bench, followed: Followed
) -> None:
    bench.path.write_text(message("one"))
    receiver = await followed()
    await bench.sink.arrived(1)
    await receiver.stop()
    with bench.path.open("a") as file:
        file.write(message("two"))
    bench.path.rename(bench.path.with_suffix(".1"))
    bench.path.write_text(message("three"))
    await followed()
    await bench.sink.arrived(3)
    assert messages(bench.sink.payloads) == ["one", "two", "three"]


async def test_what_there_was_no_room_for_at_a_stop_is_read_at_the_next_start(
    bench: Bench, followed: Followed, tmp_path: Path
) -> None:
    asked = asyncio.Event()

    class Full:
        async def accept(self, payload: Payload) -> Receipt:
            asked.set()
            raise RefusedPayload(429, "busy", "later")

    bench.path.write_text(message("one"))
    receiver = bench.made(storage=tmp_path / "data", follow=True)
    await receiver.start(Full())
    await asked.wait()
    await receiver.stop()
    assert bench.counters.total("receiver_requests_refused", receiver="file/app") == 0
    await followed()
    await bench.sink.arrived(1)


async def test_a_receiver_that_replaces_another_reads_nothing_again(
    bench: Bench, followed: Followed, tmp_path: Path
) -> None:
    bench.path.write_text(message("one"))
    old = await followed()
    await bench.sink.arrived(1)

    async def replacing() -> FileReceiver:
        new = bench.made(storage=tmp_path / "data", follow=True)
        new.take_over(old)
        await new.start(bench.sink)
        await asyncio.sleep(0.05)
        return new

    await (await replacing()).stop()  # as in a reload that fails
    with bench.path.open("a") as file:
        file.write(message("two"))
    await bench.sink.arrived(2)
    await replacing()
    await old.stop()
    with bench.path.open("a") as file:
        file.write(message("three"))
    await bench.sink.arrived(3)
    assert messages(bench.sink.payloads) == ["one", "two", "three"]


async def test_a_stop_ends_the_reading_between_two_lines(bench: Bench) -> None:
    stopped = asyncio.Event()
    seen: list[Payload] = []

    class Sink:
        async def accept(self, payload: Payload) -> Receipt:
            seen.append(payload)
            stopped.set()
            await asyncio.sleep(0)
            return Receipt(len(payload.documents))

    bench.path.write_text(f"{EVENT}\n" * 200)  # less than one read
    receiver = bench.made()
    await receiver.start(Sink())
    await stopped.wait()
    await receiver.stop()
    await receiver.stop()
    assert 1 <= len(seen) < 200
    await asyncio.wait_for(receiver.finished(), timeout=30)


async def test_a_file_that_is_not_there_is_an_os_error(bench: Bench) -> None:
    with pytest.raises(FileNotFoundError):
        await bench.made().start(bench.sink)


async def test_a_folder_is_an_os_error(bench: Bench) -> None:
    with pytest.raises(IsADirectoryError):
        await bench.made(str(bench.path.parent)).start(bench.sink)


def test_every_problem_is_named_with_its_path() -> None:
    assert [str(problem) for problem in FileReceiverConfig(path="", follow=True).problems()] == [
        "path: expected the path of a file, or - for standard input"
    ]
    assert [str(problem) for problem in FileReceiverConfig(path="-", follow=True).problems()] == [
        "follow: standard input is read until it ends, it cannot be followed"
    ]
