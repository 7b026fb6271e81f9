"""sentry-sdk in an application that follows a control document."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
import sentry_sdk
from live_control import AUDIENCE, KEYS, ControlServer, bundle, online, release
from mask_canaries import masking
from metered_sink import MeteredSink, metered_sink
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import HttpTransport
from waiting import wait_for

from errlock.delivery.trust.operators import operators_of
from errlock.pipeline.embed import Control, sentry_transport
from errlock.pipeline.embed.control import Destination
from errlock.pipeline.embed.sentry_sanitising import SentryTransport

STANDBY = "sentry/standby"


@contextmanager
def client(
    fleet: ControlServer,
    backend: MeteredSink,
    standbys: Mapping[str, MeteredSink] | None = None,
    *,
    options: Mapping[str, Any] | None = None,
    **how: Any,
) -> Iterator[sentry_sdk.Client]:
    """A real client that follows; used by `sentry_sdk.capture_…` inside."""
    control = Control(url=fleet.url, audience=AUDIENCE, keys=[str(key) for key in KEYS], **how)
    made = sentry_sdk.Client(
        dsn=f"http://first@127.0.0.1:{backend.port}/1",
        transport=sentry_transport(
            masking(),
            control=control,
            standbys={
                id_: f"http://second@127.0.0.1:{sink.port}/2"
                for id_, sink in (standbys or {}).items()
            },
        ),
        default_integrations=False,
        auto_enabling_integrations=False,
        _experiments={"transport_compression_level": 0},
        **(options or {}),
    )
    try:
        with sentry_sdk.isolation_scope() as scope, sentry_sdk.new_scope() as current:
            scope.set_client(made)
            current.set_client(made)
            yield made
    finally:
        made.close(timeout=5)
        control.close()


def capture(*numbers: int) -> None:
    for number in numbers:
        sentry_sdk.capture_message(f"event {number}")


def test_a_program_that_ends_at_once_still_sends(
    fleet: ControlServer, backend: MeteredSink
) -> None:
    with client(fleet, backend):
        capture(1)
    assert backend.numbers == [1]


def test_nothing_is_asked_before_something_is_captured(
    fleet: ControlServer, backend: MeteredSink
) -> None:
    before = threading.active_count()
    with client(fleet, backend):
        assert threading.active_count() == before
    assert fleet.requests == []


def test_what_is_captured_while_held_is_kept_and_sent_on_resume(
    fleet: ControlServer, backend: MeteredSink
) -> None:
    fleet.say(held=("sentry",))
    with client(fleet, backend) as made:
        capture(*range(300))  # more than the SDK's own queue has room for
        fleet.wait_until_applied()
        made.flush(5)
        assert backend.received == b""
        fleet.document = bundle(online(), release(1, {"sentry": time.time()}))
        wait_for(lambda: len(backend.numbers) == 300)
    assert sorted(backend.numbers) == list(range(300))


def test_what_waits_leaves_room_in_the_queue_of_the_sdk(fleet: ControlServer) -> None:
    fleet.say(held=("sentry",))
    with metered_sink("answers late") as backend, client(fleet, backend) as made:
        capture(0, 1)
        fleet.wait_until_applied()
        fleet.document = bundle(online(), release(1, {"sentry": time.time()}))
        wait_for(lambda: backend.numbers == [0])
        capture(*range(2, 200))  # behind what waits
        assert isinstance(made.transport, SentryTransport)
        assert not made.transport.inner._worker.full()
        backend.manner = "answers"
        wait_for(lambda: len(backend.numbers) == 200)
    assert sorted(backend.numbers) == list(range(200))


def test_what_is_held_after_it_was_allowed_does_not_go_out_over_a_kept_connection(
    fleet: ControlServer, backend: MeteredSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the process stood while it packed the envelope."""
    pack = HttpTransport._serialize_envelope

    def hold_and_pack(transport: HttpTransport, envelope: Envelope) -> Any:
        fleet.say(held=("sentry",))
        fleet.wait_until_applied()
        return pack(transport, envelope)

    with client(fleet, backend) as sdk:
        capture(1)
        sdk.flush(30)
        with monkeypatch.context() as standing:
            standing.setattr(HttpTransport, "_serialize_envelope", hold_and_pack)
            capture(2)
            sdk.flush(30)
        assert backend.numbers == [1]
        fleet.document = bundle(online(), release(1, {"sentry": time.time()}))
        wait_for(lambda: backend.numbers == [1, 2])


def test_while_distrusted_a_standby_gets_everything_if_the_document_names_it(
    fleet: ControlServer, backend: MeteredSink, other: MeteredSink
) -> None:
    with client(fleet, backend, {STANDBY: other}):
        capture(1)
        wait_for(lambda: backend.numbers == [1])
        fleet.say(distrusted=("sentry",))
        fleet.wait_until_applied()
        capture(2, 3)
        time.sleep(0.3)
        assert other.received == b""
        fleet.say(active={"sentry": STANDBY})
        wait_for(lambda: len(other.numbers) == 2)
        capture(4)
    assert backend.numbers == [1]
    assert sorted(other.numbers) == [2, 3, 4]


def test_a_standby_must_be_ones_own_and_trusted(
    fleet: ControlServer, backend: MeteredSink, other: MeteredSink
) -> None:
    fleet.say(distrusted=("sentry",), active={"sentry": "somebody-elses"})
    with client(fleet, backend, {STANDBY: other}) as made:
        capture(1)
        fleet.wait_until_applied()
        fleet.say(distrusted=("sentry", STANDBY), active={"sentry": STANDBY})
        fleet.wait_until_applied()
        made.flush(1)
    assert backend.received + other.received == b""


def test_no_standby_takes_over_from_a_destination_that_is_trusted(
    fleet: ControlServer, backend: MeteredSink, other: MeteredSink
) -> None:
    fleet.say(active={"sentry": STANDBY})
    with client(fleet, backend, {STANDBY: other}):
        capture(1)
    assert (backend.numbers, other.received) == ([1], b"")


def test_a_word_on_an_operator_concerns_all_its_hosts(fleet: ControlServer) -> None:
    destination = Destination.at("sentry", "O1.ingest.us.sentry.io.")
    assert destination.names == (
        "sentry", "o1.ingest.us.sentry.io", "ingest.us.sentry.io", "us.sentry.io", "sentry.io",
    )  # fmt: skip


@pytest.mark.parametrize("host", ["bugsink", "10.1.2.3", "2001:DB8:0::1", "tracker.bücher.de"])
def test_a_word_on_the_operator_that_a_collector_knows_is_one_on_its_host(host: str) -> None:
    assert operators_of([host]) <= set(Destination.at("sentry", host).names)


def test_what_a_standby_gets_is_addressed_to_it_and_sent_now(
    fleet: ControlServer, backend: MeteredSink, other: MeteredSink
) -> None:
    fleet.say(distrusted=("sentry",))
    with client(fleet, backend, {STANDBY: other}, options={"traces_sample_rate": 1.0}):
        with sentry_sdk.start_transaction(name="event 1"):
            pass
        fleet.wait_until_applied()
        named = datetime.now(UTC)
        fleet.say(active={"sentry": STANDBY})
        wait_for(lambda: 1 in other.numbers)
    assert b"POST /api/2/envelope/" in other.received
    assert b"first" not in other.received
    headers = json.loads(other.received.partition(b"\r\n\r\n")[2].partition(b"\n")[0])
    assert headers["trace"]["public_key"] == "second"
    assert datetime.fromisoformat(headers["sent_at"]) >= named


@pytest.mark.parametrize("manner", ["never answers", "reads slowly"])
def test_what_is_under_way_is_cut_off_and_goes_to_the_standby(
    fleet: ControlServer, other: MeteredSink, manner: Any
) -> None:
    with ExitStack() as sinks:
        backend = sinks.enter_context(metered_sink(manner))
        with client(fleet, backend, {STANDBY: other}):
            sentry_sdk.capture_event(
                {"message": "event 1", "extra": {str(n): "x" * 4000 for n in range(200)}}
            )
            backend.wait_for_bytes()
            fleet.say(distrusted=("sentry",), active={"sentry": STANDBY})
            said = time.monotonic()
            wait_for(lambda: backend.ended == 1)
            assert time.monotonic() - said < 2
            received = len(backend.received)
            wait_for(lambda: 1 in other.numbers)
            assert len(backend.received) == received
            assert manner == "never answers" or received < len(other.received)


def test_who_answers_does_not_choose_who_else_is_sent_to(
    fleet: ControlServer, other: MeteredSink
) -> None:
    with metered_sink("sends elsewhere") as backend:
        backend.elsewhere = f"http://localhost:{other.port}/api/1/envelope/".encode()
        with client(fleet, backend):
            capture(1)
        assert backend.numbers == [1]
    assert other.received == b""


def test_what_there_is_no_room_for_is_counted_the_oldest_first(
    fleet: ControlServer, backend: MeteredSink
) -> None:
    fleet.say(held=("sentry",))
    with client(fleet, backend, queue_size=20_000) as made:
        capture(*range(100))
        fleet.wait_until_applied()
        fleet.document = bundle(online(), release(1, {"sentry": time.time()}))
        wait_for(lambda: 99 in backend.numbers)
        made.flush(5)
    kept = sorted(set(backend.numbers))
    assert kept == list(range(kept[0], 100))
    assert kept[0] > 10
    lost = [
        report["quantity"]
        for line in backend.received.split(b"\n")
        if b"discarded_events" in line
        for report in json.loads(line.partition(b"POST")[0])["discarded_events"]
        if report == {"reason": "queue_overflow", "category": "error", **report}
    ]
    assert sum(lost) == kept[0]


def test_a_control_server_that_is_gone_makes_it_hold_and_nothing_is_lost(
    fleet: ControlServer, backend: MeteredSink
) -> None:
    with client(fleet, backend, max_age=0.5):
        capture(1)
        wait_for(lambda: backend.numbers == [1])
        fleet.manner = "error"
        time.sleep(0.8)
        capture(2)
        time.sleep(0.5)
        assert backend.numbers == [1]
        fleet.manner = "well"
        fleet.say()
        wait_for(lambda: backend.numbers == [1, 2])


def test_tasks_capture_as_threads_do(fleet: ControlServer, backend: MeteredSink) -> None:
    async def capture_one(number: int) -> None:
        capture(number)

    async def run() -> None:
        await asyncio.gather(*map(capture_one, range(20)))

    with client(fleet, backend):
        asyncio.run(run())
    assert sorted(backend.numbers) == list(range(20))


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_child_follows_and_sends_by_itself(
    fleet: ControlServer, backend: MeteredSink
) -> None:
    with client(fleet, backend) as made:
        capture(1)
        made.flush(5)
        fleet.say(held=("sentry",))
        fleet.wait_until_applied()
        capture(2)  # waits in the parent, and must not be sent twice
        child = os.fork()
        if child == 0:
            try:
                capture(3)
                wait_for(lambda: made.transport is not None and not made.transport._waiting)  # type: ignore[attr-defined]  # ours
                made.flush(5)
                os._exit(0)
            finally:
                os._exit(1)
        fleet.document = bundle(online(), release(1, {"sentry": time.time()}))
        assert os.waitpid(child, 0)[1] == 0
        wait_for(lambda: len(backend.numbers) == 3)
    assert sorted(backend.numbers) == [1, 2, 3]


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_child_asks_before_it_sends(fleet: ControlServer, backend: MeteredSink) -> None:
    with client(fleet, backend) as made:
        capture(1)
        made.flush(5)
        fleet.manner = "never"  # what the parent knows is fresh for a long time
        child = os.fork()
        if child == 0:
            try:
                capture(2)
                made.flush(1)
            finally:
                os._exit(len(getattr(made.transport, "_waiting")))  # noqa: B009  a name of ours
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    assert backend.numbers == [1]


def test_standbys_need_a_control_document() -> None:
    with pytest.raises(ValueError, match="pass control"):
        sentry_transport(masking(), standbys={STANDBY: "http://key@localhost/1"})


@pytest.mark.parametrize(
    "wrong",
    [
        {"keys": [str(KEYS[0])]},
        {"url": "http://h/", "file": "f", "keys": [str(KEYS[0])]},
        {"url": "h", "keys": [str(KEYS[0])]},
        {"url": "http://h/", "keys": []},
        {"url": "http://h/", "keys": [str(KEYS[1])]},
        {"url": "http://h/", "keys": ["online:AAAA"]},
        {"url": "http://h/", "keys": [str(KEYS[0])], "max_age": 0},
        {"url": "http://h/", "keys": [str(KEYS[0])], "queue_size": -1},
    ],
)
def test_what_cannot_be_followed_is_refused_at_once(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        Control(audience=AUDIENCE, **wrong)
