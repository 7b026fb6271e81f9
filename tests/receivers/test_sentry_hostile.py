"""Bad requests: the exact status, a counter with its reason, and nothing of the request told."""

import asyncio
import gzip
import json
import os
import threading
import zlib
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sentry_bench import Bench, running

from errlock.pipeline.options import Duration, Secret, Size
from errlock.pipeline.payloads.envelope import Envelope
from errlock.receivers.sentry_auth import ProjectConfig

CANARY = b"hunter2"
MB = 1024 * 1024


def item(payload: bytes, type_: str = "event") -> bytes:
    return b'{"type":"%s","length":%d}\n%s\n' % (type_.encode(), len(payload), payload)


def big(type_: str, size: int) -> bytes:
    return b"{}\n" + item(b'{"a":"%s"}' % (CANARY + b"x" * size), type_)


# name: path, body, headers, status, reason. What takes long to make is made when it is sent.
BAD: dict[str, tuple[str, bytes | Callable[[], bytes], dict[str, str], int, str]] = {
    "nothing": ("envelope", b"", {}, 400, "invalid_envelope"),
    "not an envelope": ("envelope", CANARY, {}, 400, "invalid_envelope"),
    "truncated": ("envelope", b'{}\n{"type":"event","length":99}\n{"a":"hunter2"}', {}, 400,
                  "invalid_envelope"),
    "wrong length": ("envelope", b'{}\n{"type":"event","length":3}\n{"a":"hunter2"}', {}, 400,
                     "invalid_envelope"),
    "broken item header": ("envelope", b'{}\n{"type":hunter2}\n{}', {}, 400, "invalid_envelope"),
    "deep header": ("envelope", b'{"a":' * 200 + b'"hunter2"' + b"}" * 200, {}, 400,
                    "invalid_envelope"),
    "header not UTF-8": ("envelope", b'{"a":"hunter2\xff"}', {}, 400, "invalid_envelope"),
    "two events": ("envelope", b"{}\n" + item(b'{"a":"hunter2"}') * 2, {}, 400, "events"),
    "large event": ("envelope", big("event", MB), {}, 413, "too_large"),
    "large check-in": ("envelope", big("check_in", 100 * 1024), {}, 413, "too_large"),
    "large log": ("envelope", b"{}\n" + item(b'{"items":[{"body":"hunter2%s"}]}'
                  % (b"x" * 2 * MB), "log"), {}, 413, "too_large"),
    "large container": ("envelope", b"{}\n" + item(b'{"items":[%s]}' % b",".join(
        [b'{"body":"hunter2%s"}' % (b"x" * MB)] * 13), "log"), {}, 413, "too_large"),
    "many sessions": ("envelope", b"{}\n" + item(b'{"did":"hunter2"}', "session") * 101, {}, 413,
                      "too_many"),
    "many items": ("envelope", b"{}\n" + item(b"", "hunter2") * 1001, {}, 413, "too_many"),
    "too large": ("envelope", CANARY * 3 * MB, {}, 413, "too_large"),
    "bomb": ("envelope", lambda: gzip.compress(CANARY * 30 * MB, 1), {"Content-Encoding": "gzip"},
             413, "too_large"),
    "not gzip": ("envelope", CANARY, {"Content-Encoding": "gzip"}, 400, "broken_encoding"),
    "cut gzip": ("envelope", gzip.compress(CANARY)[:-3], {"Content-Encoding": "gzip"}, 400,
                 "broken_encoding"),
    "unknown encoding": ("envelope", CANARY, {"Content-Encoding": "hunter2"}, 415, "encoding"),
    "store, not JSON": ("store", CANARY, {}, 400, "broken"),
    "store, a list": ("store", b'["hunter2"]', {}, 400, "broken"),
    "store, deep": ("store", b'{"a":' * 5000 + b"1" + b"}" * 5000, {}, 400, "broken"),
    "store, too large": ("store", b'{"a":"%s"}' % (CANARY * MB), {}, 413, "too_large"),
    "store, packed bomb": ("store", lambda: b64encode(zlib.compress(CANARY * 3 * MB)), {}, 413,
                           "too_large"),
    "store, cut pack": ("store", b64encode(zlib.compress(CANARY)[:-3]), {}, 400, "broken"),
    "security, not JSON": ("security", CANARY, {}, 400, "broken"),
    "security, text": ("security", b'"hunter2"', {}, 400, "broken"),
    "security, nothing": ("security", b"[]", {}, 400, "broken"),
    "security, many": ("nel", b"[%s]" % b",".join([b'{"a":"hunter2"}'] * 101), {}, 413,
                       "too_many"),
    "cron, no status": ("cron/hunter2", b"", {}, 400, "broken"),
    "cron, not JSON": ("cron/hunter2", CANARY, {}, 400, "broken"),
    "cron, a list": ("cron/x", b'["hunter2"]', {}, 400, "broken"),
    "cron, no number": ("cron/x?status=ok&duration=hunter2", b"", {}, 400, "broken"),
    "cron, too large": ("cron/x", CANARY * 100 * 1024, {}, 413, "too_large"),
}  # fmt: skip


def assert_silent(bench: Bench, answer: tuple[int, Any, dict[str, str]], log: str) -> None:
    """Nothing of the request stands in the answer, the counters or the log."""
    labels = [value for _, series, _ in bench.counters for _, value in series]
    told = json.dumps([answer[1], answer[2], labels, log])
    assert CANARY.decode() not in told


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_request_is_refused(name: str, caplog: pytest.LogCaptureFixture) -> None:
    path, body, headers, status, reason = BAD[name]
    async with running() as bench:
        sent = body() if callable(body) else body
        answer = await bench.post(f"/api/7/{path}", sent, **headers)
        assert answer[0] == status
        assert list(answer[1]) == ["detail"]
        assert bench.count("receiver_requests_refused") == {(reason,): 1}
        assert bench.count("receiver_accepted") == {}
        assert bench.sink.envelopes == []
        assert_silent(bench, answer, caplog.text)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
async def test_what_must_arrive_arrives(encoding: str) -> None:
    """Cut emojis, NaN, a byte order mark and control characters are everyday."""
    sloppy = b'{"cut":"\\ud83d","nan":NaN,"raw":"\x01"}'
    body = b"\xef\xbb\xbf{}\n" + item(sloppy)
    async with running() as bench:
        if encoding == "utf-16":  # but this is not JSON that anyone sends
            assert (await bench.post("/api/7/envelope/", body.decode().encode("utf-16")))[0] == 400
            return
        assert (await bench.post("/api/7/envelope/", body))[0] == 200
        tree = bench.sink.only.documents[0].tree
        assert tree == {"cut": "\ufffd", "nan": None, "raw": "\x01"}
        assert bench.count("receiver_repaired") == {(): 4}


async def test_a_broken_item_does_not_keep_the_others_out() -> None:
    body = b"{}\n" + item(b'{"a":"hunter2"') + item(b'{"b":1}', "session")
    async with running() as bench:
        assert (await bench.post("/api/7/envelope/", body))[0] == 200
        assert [each.dropped for each in bench.sink.only.documents] == ["broken", None]


async def test_a_dripping_body_is_given_up() -> None:
    async with running(read_timeout=Duration("50ms")) as bench:
        reader, writer = await asyncio.open_connection("127.0.0.1", bench.receiver.port)
        writer.write(b"POST /api/7/envelope/ HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{}\n")
        assert await reader.readline() == b"HTTP/1.1 408 Request Timeout\r\n"
        assert bench.count("receiver_requests_refused") == {("timeout",): 1}
        writer.close()


async def test_a_dripping_crash_report_is_given_up() -> None:
    async with running(read_timeout=Duration("50ms")) as bench:
        reader, writer = await asyncio.open_connection("127.0.0.1", bench.receiver.port)
        writer.write(b"POST /api/7/minidump/ HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nMD")
        assert await reader.readline() == b"HTTP/1.1 400 Bad Request\r\n"
        writer.close()


async def test_a_sender_who_leaves_is_counted() -> None:
    async with running() as bench:
        _, writer = await asyncio.open_connection("127.0.0.1", bench.receiver.port)
        writer.write(b"POST /api/7/envelope/ HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{}")
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        async with asyncio.timeout(60):
            while not bench.count("receiver_requests_refused"):  # noqa: ASYNC110  counters are mute
                await asyncio.sleep(0.01)
        assert bench.count("receiver_requests_refused") == {("incomplete",): 1}


async def test_what_never_fits_into_the_bytes_in_flight_is_not_told_to_come_again() -> None:
    body = b"{}\n" + item(b'{"a":"hunter2"}')
    async with running(max_bytes_in_flight=Size(20)) as bench:
        answer = await bench.post("/api/7/envelope/", body)
        assert answer[:2] == (413, {"detail": "the body has more than 20 bytes"})
        assert "x-sentry-rate-limits" not in answer[2]
        assert bench.count("receiver_requests_refused") == {("too_large",): 1}


async def test_who_is_not_known_is_refused_before_the_body_is_read() -> None:
    projects = {"shop": ProjectConfig(id=7, keys=[Secret("k")])}
    async with running(projects=projects) as bench:
        reader, writer = await asyncio.open_connection("127.0.0.1", bench.receiver.port)
        writer.write(
            b"POST /api/7/envelope/?sentry_key=x HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n"
        )
        assert await reader.readline() == b"HTTP/1.1 403 Forbidden\r\n"
        writer.close()


async def test_no_byte_of_a_body_is_written_to_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Multipart bodies, which web frameworks like to put into temporary files, included."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    opened: list[str] = []
    original = os.open

    def watched(path: Any, flags: int, *rest: Any, **more: Any) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR):
            opened.append(str(path))
        return original(path, flags, *rest, **more)

    monkeypatch.setattr(os, "open", watched)
    async with running() as bench:
        for path in ("minidump", "unreal/k", "envelope"):
            await bench.post(
                f"/api/7/{path}/", CANARY * MB, Content_Type="multipart/form-data; boundary=x"
            )
    assert opened == []
    assert os.listdir(tmp_path) == []  # noqa: PTH208  a Path would block, says another rule


@pytest.mark.parametrize(("size", "is_on_the_loop"), [(100, True), (100_000, False)])
async def test_a_large_envelope_is_not_read_on_the_event_loop(
    size: int, is_on_the_loop: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []
    decode = Envelope.decode

    def watched(body: bytes, project: str, received: float) -> Envelope:
        threads.append(threading.get_ident())
        return decode(body, project, received)

    monkeypatch.setattr(Envelope, "decode", watched)
    async with running() as bench:
        body = b"{}\n" + item(b'{"a":"%s"}' % (b"x" * size))
        assert (await bench.post("/api/7/envelope/", body))[0] == 200
    assert [each == threading.get_ident() for each in threads] == [is_on_the_loop]
