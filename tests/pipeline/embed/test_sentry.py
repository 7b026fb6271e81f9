"""The transport for sentry-sdk: the real SDK, a real server, every byte in between."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sentry_sdk
from canaries import CANARIES, FRAGMENTS, found_in
from http_sink import http_sink
from mask_canaries import MASK, failing, masking
from sentry_sdk import logger as sentry_logger
from sentry_sdk.attachments import Attachment
from sentry_sdk.crons import capture_checkin
from sentry_sdk.envelope import Envelope, Item, PayloadRef
from sentry_sdk.scrubber import EventScrubber
from wire import Wire

from errlock.pipeline.api import Pipeline
from errlock.pipeline.embed import sentry_transport

MakeWire = Callable[[int], Wire]
Item_ = tuple[dict[str, Any], bytes]


@pytest.fixture
def relay(wire: MakeWire) -> Iterator[Wire]:
    with http_sink() as port:
        yield wire(port)


@contextmanager
def sdk(relay: Wire, pipeline: Pipeline, **options: Any) -> Iterator[sentry_sdk.Client]:
    """A client with the transport, used by `sentry_sdk.capture_…` inside."""
    client = sentry_sdk.Client(
        dsn=f"http://key@127.0.0.1:{relay.port}/1",
        **{
            "transport": sentry_transport(pipeline),
            "default_integrations": False,
            "auto_enabling_integrations": False,
            "event_scrubber": EventScrubber(denylist=[], pii_denylist=[]),
            **options,
        },
    )
    try:
        with sentry_sdk.isolation_scope() as scope, sentry_sdk.new_scope() as current:
            scope.set_client(client)
            current.set_client(client)
            yield client
    finally:
        client.close(timeout=10)


def items(relay: Wire) -> list[Item_]:
    """Headers and content of every item that was sent."""
    found = []
    for request in relay.requests:
        rest = request.body.partition(b"\n")[2]
        while rest.strip():
            line, _, rest = rest.partition(b"\n")
            headers = json.loads(line)
            found.append((headers, rest[: headers["length"]]))
            rest = rest[headers["length"] + 1 :]
    return found


def of_type(relay: Wire, type_: str) -> list[dict[str, Any]]:
    return [json.loads(content) for headers, content in items(relay) if headers["type"] == type_]


def fail() -> None:
    password = CANARIES["password"]
    raise ValueError(f"wrong password {password}")


def test_an_exception_arrives_without_its_secrets(relay: Wire) -> None:
    with sdk(relay, masking()):
        sentry_sdk.set_user({"email": CANARIES["email"]})
        sentry_sdk.add_breadcrumb(message=FRAGMENTS["stripe_key"])
        try:
            fail()
        except ValueError:
            sentry_sdk.capture_exception()
    assert found_in(relay.views()) == []
    (event,) = of_type(relay, "event")
    exception = event["exception"]["values"][0]
    assert exception["value"] == f"wrong password {MASK}"
    assert exception["stacktrace"]["frames"][-1]["vars"]["password"] == f"'{MASK}'"
    assert event["user"]["email"] == MASK


@pytest.mark.filterwarnings("ignore:Function transports are deprecated:DeprecationWarning")
def test_a_transport_that_was_not_made_is_told_as_such() -> None:
    options: dict[str, Any] = {"transport": sentry_transport}
    with sentry_sdk.new_scope() as scope:
        scope.set_client(sentry_sdk.Client(dsn="http://key@localhost:9/1", **options))
        with pytest.raises(TypeError, match=r"^expected transport=sentry_transport\(Pipeline"):
            scope.capture_message("hello")


def test_what_hooks_add_is_sanitised_too(relay: Wire) -> None:
    def before_send(event: Any, _hint: Any) -> Any:
        event["extra"] = {"late": CANARIES["iban"]}
        return event

    with sdk(relay, masking(), before_send=before_send):
        sentry_sdk.capture_message("hello")
    assert of_type(relay, "event")[0]["extra"] == {"late": MASK}


def test_every_item_type_is_sanitised(relay: Wire) -> None:
    fragment = FRAGMENTS["email"]
    with sdk(
        relay, masking(), traces_sample_rate=1.0, enable_logs=True, auto_session_tracking=True
    ) as client:
        with sentry_sdk.start_transaction(name=fragment) as root:
            root.start_child(op="db", name=fragment).finish()
        sentry_logger.error(fragment)
        capture_checkin(monitor_slug=fragment, status="ok")
        sentry_sdk.get_isolation_scope().start_session()
        sentry_sdk.set_user({"id": CANARIES["email"]})
        sentry_sdk.get_isolation_scope().end_session()
        sentry_sdk.capture_event(
            {"message": fragment},
            {"attachments": [Attachment(bytes=fragment.encode(), filename="notes.txt")]},
        )
        client.flush(10)
    assert found_in(relay.views()) == []
    sent = {headers["type"] for headers, _ in items(relay)}
    assert sent >= {"transaction", "log", "check_in", "event", "attachment"}


def test_the_trace_header_names_the_key_of_the_dsn(relay: Wire) -> None:
    with sdk(relay, masking(), traces_sample_rate=1.0), sentry_sdk.start_transaction(name="/"):
        pass
    headers = json.loads(relay.requests[0].body.partition(b"\n")[0])
    assert headers["trace"]["public_key"] == "key"


def test_what_cannot_be_judged_does_not_go_out_and_is_reported_as_lost(
    relay: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    with sdk(relay, failing()) as client:
        sentry_sdk.capture_message(FRAGMENTS["jwt"])
        client.flush(10)
    assert [headers["type"] for headers, _ in items(relay)] == ["client_report"]
    (report,) = of_type(relay, "client_report")
    assert report["discarded_events"] == [
        {"reason": "event_processor", "category": "error", "quantity": 1}
    ]
    assert found_in([caplog.text.encode(), *relay.views()]) == []


def test_what_no_backend_takes_for_its_size_is_not_judged(relay: Wire) -> None:
    pipeline = Pipeline.default()
    with sdk(relay, pipeline) as client:
        sentry_sdk.capture_message("x jane.roe@example.com " * 50_000)
        sentry_sdk.capture_message("of jane.roe@example.com")
        client.flush(10)
    assert [event["message"] for event in of_type(relay, "event")] == ["of [email]"]
    (report,) = of_type(relay, "client_report")
    assert report["discarded_events"] == [
        {"reason": "event_processor", "category": "error", "quantity": 1}
    ]
    assert pipeline.counters.total("processor_dropped", type="event", reason="limit") == 1
    assert pipeline.counters.total("findings") == 1  # nobody looked into the first one


def test_an_envelope_that_cannot_even_be_read_does_not_go_out(relay: Wire) -> None:
    with sdk(relay, masking()) as client:
        assert client.transport is not None
        broken = Item(PayloadRef(json={"message": object}), type="event")
        broken.payload.get_bytes = lambda: 1 / 0  # type: ignore[method-assign, assignment, return-value]  # as broken as can be
        client.transport.capture_envelope(Envelope(items=[broken]))
        client.flush(10)
    (report,) = of_type(relay, "client_report")
    assert report["discarded_events"] == [
        {"reason": "internal_sdk_error", "category": "error", "quantity": 1}
    ]


def test_an_error_while_judging_is_not_reported_in_circles(relay: Wire) -> None:
    pipeline = masking()
    original = pipeline.scrub_payload

    def reporting(payload: Any) -> Any:
        sentry_sdk.capture_message("from inside")
        return original(payload)

    pipeline.scrub_payload = reporting  # type: ignore[method-assign]  # an SDK hook would do this
    with sdk(relay, pipeline):
        sentry_sdk.capture_message("from outside")
    assert [event["message"] for event in of_type(relay, "event")] == ["from outside"]


def test_threads_and_tasks_send_at_once(relay: Wire) -> None:
    with sdk(relay, masking()):
        client = sentry_sdk.get_client()

        def work(number: int) -> None:
            client.capture_event({"message": f"thread {number} {CANARIES['card']}"})

        async def task(number: int) -> None:
            client.capture_event({"message": f"task {number} {CANARIES['card']}"})

        async def tasks() -> None:
            await asyncio.gather(*(task(number) for number in range(10)))

        threads = [threading.Thread(target=work, args=[number]) for number in range(10)]
        for thread in threads:
            thread.start()
        asyncio.run(tasks())
        for thread in threads:
            thread.join()
    expected = [f"{kind} {number} {MASK}" for kind in ("task", "thread") for number in range(10)]
    assert sorted(event["message"] for event in of_type(relay, "event")) == expected


def test_capturing_does_not_wait_for_a_server_that_does_not_answer(wire: MakeWire) -> None:
    import socket
    import time

    silent = socket.create_server(("127.0.0.1", 0))
    relay = wire(silent.getsockname()[1])
    with silent, sdk(relay, masking()) as client:
        start = time.monotonic()
        sentry_sdk.capture_message("hello")
        assert time.monotonic() - start < 2
        assert client.transport is not None
        assert client.transport.is_healthy()
        client.transport.kill()
        relay.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_child_sends_its_own_and_not_what_its_parent_had_queued(relay: Wire) -> None:
    with sdk(relay, masking()) as client:
        sentry_sdk.capture_message("before the fork")
        client.flush(10)
        for number in range(20):
            sentry_sdk.capture_message(f"queued {number}")
        child = os.fork()
        if child == 0:
            try:
                sentry_sdk.capture_message(f"in the child {CANARIES['phone']}")
                client.flush(10)
            finally:
                os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        sentry_sdk.capture_message("in the parent")
        client.flush(10)
    assert sorted(event["message"] for event in of_type(relay, "event")) == sorted([
        "before the fork",
        *(f"queued {number}" for number in range(20)),
        f"in the child {MASK}",
        "in the parent",
    ])  # fmt: skip


@pytest.mark.parametrize("how", ["option", "environment"])
def test_spotlight_gets_no_unsanitised_copy(
    relay: Wire,
    wire: MakeWire,
    how: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with http_sink() as port:
        spotlight = wire(port)
        url = f"http://127.0.0.1:{spotlight.port}/stream"
        options: dict[str, Any] = {"spotlight": url} if how == "option" else {}
        if how == "environment":
            monkeypatch.setenv("SENTRY_SPOTLIGHT", url)
        with sdk(relay, masking(), **options):
            sentry_sdk.capture_message(FRAGMENTS["password"])
        assert len(of_type(relay, "event")) == 1
        assert spotlight.requests == []
    assert [record.getMessage() for record in caplog.records if record.name == "errlock.embed"] == [
        "Spotlight is switched off: it would get a copy of everything that nobody sanitised"
    ]


def test_spotlight_on_this_machine_can_be_allowed(relay: Wire, wire: MakeWire) -> None:
    with http_sink() as port:
        spotlight = wire(port)
        transport = sentry_transport(masking(), allow_local_spotlight=True)
        url = f"http://localhost:{spotlight.port}/stream"
        with sdk(relay, masking(), transport=transport, spotlight=url):
            sentry_sdk.capture_message("hello")
        assert len(spotlight.requests) == 1


def test_spotlight_elsewhere_cannot_be_allowed(relay: Wire) -> None:
    transport = sentry_transport(masking(), allow_local_spotlight=True)
    with sdk(relay, masking(), transport=transport, spotlight="http://192.0.2.1/stream") as client:
        assert client.spotlight is None


def test_the_printer_of_envelopes_prints_nothing(
    relay: Wire, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SENTRY_PRINT_ENVELOPES", "1")
    try:
        with sdk(relay, masking()):
            sentry_sdk.capture_message(FRAGMENTS["password"])
    finally:
        logging.getLogger("sentry_sdk.envelopes").disabled = False
    assert found_in([capfd.readouterr().err.encode()]) == []
    assert found_in(relay.views()) == []
