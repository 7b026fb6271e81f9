import asyncio
import json
import logging
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import pytest
from recording_backend import RecordingBackend, recording_backend

from errlock.exporters.sentry import STORED, SentryExporter, SentryExporterConfig
from errlock.pipeline.component import Delivered, Settings
from errlock.pipeline.counters import Counters
from errlock.pipeline.errors import DropReason, ExportFailed
from errlock.pipeline.options import Duration, Secret
from errlock.pipeline.payloads.document import DOCUMENT_TYPES
from errlock.pipeline.payloads.envelope import Envelope

ID = "9ec79c33ec9942ab8353589fcb2e04dc"
SETTINGS = Settings(id="sentry", counters=Counters(), log=logging.getLogger("test"))


def envelope(*types: str, project: str = "shop") -> Envelope:
    made = Envelope(project, 1.0, {"event_id": ID})
    for type_ in types:
        made.add(type_, "text" if type_ in ("attachment", "statsd") else {"a": 1})
    return made


@asynccontextmanager
async def exporter(there: RecordingBackend, **options: Any) -> AsyncIterator[SentryExporter]:
    options = options if "projects" in options else {"dsn": Secret(there.dsn()), **options}
    config = SentryExporterConfig(**options)
    assert list(config.problems()) == []
    made = config.build(SETTINGS)
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
async def test_an_envelope_is_posted_to_the_dsn(compression: str) -> None:
    async with recording_backend() as there, exporter(there, compression=compression) as here:
        assert await here.export(envelope("event")) == Delivered(1, {})
    (request,) = there.requests
    assert request.line == "POST /api/1/envelope/ HTTP/1.1"
    assert request.headers["content-type"] == "application/x-sentry-envelope"
    assert request.headers.get("content-encoding", "none") == compression
    assert request.headers["user-agent"].startswith("errlock/")
    assert request.headers["x-sentry-auth"] == (
        f"Sentry sentry_version=7, sentry_client={request.headers['user-agent']}, "
        "sentry_key=theirkey"
    )
    head, item, content = request.body.splitlines()
    assert json.loads(head)["event_id"] == ID
    assert (json.loads(item), json.loads(content)) == ({"type": "event", "length": 7}, {"a": 1})


async def test_sent_at_is_the_time_of_each_attempt() -> None:
    payload = Envelope.decode(b'{"sent_at":"2020-01-01T00:00:00Z"}\n{"type":"event"}\n{}', "", 1.0)
    async with recording_backend() as there, exporter(there) as here:
        moments = []
        for _ in range(2):
            await here.export(payload)
            text = json.loads(there.requests[-1].body.splitlines()[0])["sent_at"]
            moments.append(datetime.fromisoformat(text).timestamp())
    assert abs(moments[0] - time.time()) < 10
    assert moments[1] >= moments[0]


async def test_the_senders_dsn_and_key_never_leave() -> None:
    payload = Envelope.decode(
        b'{"dsn":"http://inboundkey@h/1","trace":{"trace_id":"%s","public_key":"inboundkey"}}\n'
        b'{"type":"event"}\n{}' % ID.encode(),
        "",
        1.0,
    )
    async with recording_backend() as there, exporter(there, compression="none") as here:
        await here.export(payload)
    assert b"inboundkey" not in there.wire
    head = json.loads(there.requests[0].body.splitlines()[0])
    assert head["trace"] == {"trace_id": ID, "public_key": "theirkey"}
    assert "dsn" not in head


async def test_each_project_goes_to_its_own_dsn() -> None:
    async with recording_backend() as there:
        homes = {
            "shop": Secret(there.dsn("1", "shopkey")),
            "*": Secret(there.dsn("2", "otherkey", "/sub")),
        }
        async with exporter(there, projects=homes) as here:
            await here.export(envelope("event", project="shop"))
            await here.export(envelope("event", project="blog"))
    assert [request.line for request in there.requests] == [
        "POST /api/1/envelope/ HTTP/1.1",
        "POST /sub/api/2/envelope/ HTTP/1.1",
    ]
    assert "sentry_key=otherkey" in there.requests[1].headers["x-sentry-auth"]


async def test_a_project_without_a_home_is_unroutable() -> None:
    async with recording_backend() as there:
        async with exporter(there, projects={"shop": Secret(there.dsn())}) as here:
            payload = envelope("event", project="blog")
            assert await here.export(payload) == Delivered(0, {"unroutable": 1})
        assert there.wire == b""
    assert payload.documents[0].dropped == "unroutable"


@pytest.mark.parametrize(
    ("backend", "sent", "left_out"),
    [("sentry", 4, 0), ("bugsink", 1, 3), ("glitchtip", 2, 2)],
)
async def test_what_a_backend_does_not_store_is_left_out(
    backend: str, sent: int, left_out: int
) -> None:
    payload = envelope("event", "transaction", "session", "attachment")
    async with recording_backend() as there, exporter(there, backend=backend) as here:
        dropped: dict[DropReason, int] = {"unsupported": left_out} if left_out else {}
        assert await here.export(payload) == Delivered(sent, dropped)
    (request,) = there.requests
    assert request.body.count(b'"type"') == sent
    assert sum(each.lost == "unsupported" for each in payload.documents) == left_out


async def test_the_kinds_to_send_can_be_named() -> None:
    async with recording_backend() as there, exporter(there, types=["session"]) as here:
        assert await here.export(envelope("event", "session")) == Delivered(1, {"unsupported": 1})


async def test_nothing_is_posted_when_nothing_is_left() -> None:
    async with recording_backend() as there, exporter(there, backend="bugsink") as here:
        assert await here.export(envelope("session")) == Delivered(0, {"unsupported": 1})
        assert await here.export(envelope()) == Delivered(0, {})
    assert there.wire == b""


def test_every_known_kind_is_one_that_sentry_stores() -> None:
    contexts = {"envelope", "resource", "scope", "otlp_metric"}
    otlp = {"otlp_span", "log_record", "data_point"}
    assert STORED["sentry"] == set(DOCUMENT_TYPES) - contexts - otlp - {"unknown"}


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 302])
async def test_an_answer_that_may_change_is_retryable(status: int) -> None:
    payload = envelope("event")
    async with recording_backend() as there, exporter(there) as here:
        there.status, there.headers = status, {"Retry-After": "7", "Location": "http://x/"}
        with pytest.raises(ExportFailed) as caught:
            await here.export(payload)
    assert (caught.value.kind, caught.value.retryable) == (f"http_{status}", True)
    assert caught.value.retry_after == 7.0
    assert payload.alive == payload.documents


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_wrong_dsn_is_for_a_person_to_mend_and_loses_nothing_meanwhile(status: int) -> None:
    async with recording_backend() as there, exporter(there) as here:
        there.status = status
        with pytest.raises(ExportFailed, match=f"^http_{status}$") as caught:
            await here.export(envelope("event"))
        assert caught.value.retryable
        there.status = 200
        assert (await here.export(envelope("event"))).accepted == 1


@pytest.mark.parametrize("status", [400, 413])
async def test_an_answer_that_stays_is_permanent(status: int) -> None:
    async with recording_backend() as there, exporter(there) as here:
        there.status = status
        with pytest.raises(ExportFailed) as caught:
            await here.export(envelope("event"))
    failure = caught.value
    assert (failure.kind, failure.retryable, failure.reason) == (f"http_{status}", False, "invalid")


async def test_no_answer_is_a_retryable_timeout() -> None:
    async with recording_backend() as there, exporter(there, timeout=Duration("50ms")) as here:
        there.silent = True
        with pytest.raises(ExportFailed, match=r"^timeout$") as caught:
            await here.export(envelope("event"))
    assert caught.value.retryable


async def test_cancelling_aborts_the_attempt() -> None:
    async with recording_backend() as there, exporter(there) as here:
        there.silent = True
        attempt = asyncio.create_task(here.export(envelope("event")))
        await there.arrived.wait()
        attempt.cancel()
        with pytest.raises(asyncio.CancelledError):
            await attempt


async def test_a_bare_429_holds_everything_for_as_long_as_it_says() -> None:
    async with recording_backend() as there, exporter(there) as here:
        there.status, there.headers = 429, {"Retry-After": "100"}
        with pytest.raises(ExportFailed, match=r"^http_429$") as caught:
            await here.export(envelope("event"))
        assert caught.value.retryable
        assert 99 < (caught.value.retry_after or 0) <= 100
        there.status = 200
        with pytest.raises(ExportFailed, match=r"^rate_limited$") as caught:
            await here.export(envelope("session"))
        assert (caught.value.retryable, caught.value.reason) == (True, "rate_limited")
        assert 99 < (caught.value.retry_after or 0) <= 100
    assert len(there.requests) == 1


async def test_a_limited_category_is_held_and_the_others_go() -> None:
    async with recording_backend() as there, exporter(there) as here:
        there.status = 429
        there.headers = {"X-Sentry-Rate-Limits": "50:transaction;span:key, 9:session:project:x"}
        with pytest.raises(ExportFailed) as caught:
            await here.export(envelope("transaction"))
        assert 49 < (caught.value.retry_after or 0) <= 50
        assert caught.value.payload_only
        there.status, there.headers = 200, {}
        assert await here.export(envelope("event")) == Delivered(1, {})
        with pytest.raises(ExportFailed, match=r"^rate_limited$") as caught:
            await here.export(envelope("span"))
        assert caught.value.payload_only


async def test_a_429_that_names_no_limit_is_for_every_payload() -> None:
    async with recording_backend() as there, exporter(there) as here:
        there.status, there.headers = 429, {"X-Sentry-Rate-Limits": "soon"}
        with pytest.raises(ExportFailed, match=r"^http_429$") as caught:
            await here.export(envelope("event"))
        assert (caught.value.retry_after, caught.value.payload_only) == (None, False)


async def test_a_payload_that_can_go_in_part_goes_in_part() -> None:
    """It is sent once, so what is limited does not wait for a time of its own."""
    payload = envelope("event", "session")
    async with recording_backend() as there, exporter(there) as here:
        there.headers = {"X-Sentry-Rate-Limits": "50:session:key"}
        assert await here.export(envelope("event")) == Delivered(1, {})
        assert await here.export(payload) == Delivered(1, {"rate_limited": 1})
    assert b'"session"' not in there.requests[1].body
    assert [each.dropped for each in payload.documents] == [None, "rate_limited"]


async def test_limits_are_kept_for_each_dsn() -> None:
    async with recording_backend() as there:
        homes = {"a": Secret(there.dsn("1")), "b": Secret(there.dsn("2"))}
        async with exporter(there, projects=homes) as here:
            there.status, there.headers = 429, {"X-Sentry-Rate-Limits": "50::organization"}
            with pytest.raises(ExportFailed):
                await here.export(envelope("event", project="a"))
            there.status, there.headers = 200, {}
            assert await here.export(envelope("event", project="b")) == Delivered(1, {})


async def test_further_headers_are_sent() -> None:
    headers = {"X-Proxy": Secret("pass")}
    async with recording_backend() as there, exporter(there, headers=headers) as here:
        await here.export(envelope("event"))
    assert there.requests[0].headers["x-proxy"] == "pass"


async def test_a_document_that_cannot_be_read_is_left_out() -> None:
    payload = Envelope.decode(b'{}\n{"type":"event"}\n{}\n{"type":"session"}\n{"a":', "", 1.0)
    async with recording_backend() as there, exporter(there) as here:
        assert await here.export(payload) == Delivered(1, {"broken": 1})


ONE_LINE = "expected one line; a variable that was filled from a file may end in a line end"


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({}, "expected dsn, or projects with a DSN each"),
        ({"dsn": "hunter2"}, "dsn: expected a DSN such as https://key@sentry.example/1"),
        ({"projects": {"shop": "hunter2"}},
         "projects.shop: expected a DSN such as https://key@sentry.example/1"),
        ({"dsn": "http://k@h/1", "projects": {"a": "http://k@h/1"}},
         "dsn: with projects, write it there as '*'"),
        ({"dsn": "http://k@h/1", "timeout": "0"}, "timeout: expected more than 0"),
        ({"dsn": "http://k@h/1", "headers": {"X-Sentry-Auth": "x"}},
         "headers.X-Sentry-Auth: is written by this exporter itself"),
        ({"dsn": "http://k@h/1", "headers": {"X Key": "x"}},
         "headers: expected names that HTTP allows"),
        ({"dsn": "http://k@h/1", "headers": {"X-Key": "x\n"}},
         f"headers.X-Key: {ONE_LINE}"),
    ],
)  # fmt: skip
def test_a_bad_configuration_is_told(options: dict[str, Any], problem: str) -> None:
    made = dict(options)
    if "dsn" in made:
        made["dsn"] = Secret(made["dsn"])
    for name in ("projects", "headers"):
        if name in made:
            made[name] = {key: Secret(value) for key, value in made[name].items()}
    if "timeout" in made:
        made["timeout"] = Duration(made["timeout"])
    assert [str(each) for each in SentryExporterConfig(**made).problems()] == [problem]


async def test_bodies_are_not_made_on_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []
    encode = Envelope.encode

    def watched(self: Envelope, **more: Any) -> bytes:
        threads.append(threading.get_ident())
        return encode(self, **more)

    monkeypatch.setattr(Envelope, "encode", watched)
    async with recording_backend() as there, exporter(there) as sentry:
        await sentry.export(envelope("event"))
    assert len(threads) == 1
    assert threading.get_ident() not in threads
