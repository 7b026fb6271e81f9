"""A destination delivers, retries, gives up, and accounts for every document."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest
from hand_clock import HandClock, all_act
from line_payload import Line, Lines, events
from scripted_exporter import ScriptedExporter, unreachable
from waiting import until

from errlock.delivery.destination import Destination
from errlock.delivery.loading import Policy
from errlock.delivery.offering import Offer, offer
from errlock.delivery.options import DeliveryOptions, RetryOnFailure, SendingQueue
from errlock.delivery.resting import AtRest
from errlock.delivery.retry import Backoff
from errlock.delivery.shelf import Shelf
from errlock.delivery.store import Counts, MemoryStore, Record, StoreFailed
from errlock.pipeline.component import Delivered
from errlock.pipeline.counters import Counters
from errlock.pipeline.errors import ExportFailed
from errlock.pipeline.options import Duration, Size
from errlock.pipeline.payloads.document import Document, Payload

LOG = logging.getLogger("errlock.test")


class Bench:
    """Destinations on one hand-moved clock, all of them stopped at the end."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.counters = Counters()
        self.store = MemoryStore()
        self.destinations: list[Destination] = []

    def destination(
        self,
        exporter: ScriptedExporter,
        *,
        id_: str = "one",
        retry: RetryOnFailure | None = None,
        **queue: Any,
    ) -> Destination:
        retry = retry or RetryOnFailure()
        options = DeliveryOptions(sending_queue=SendingQueue(**queue), retry_on_failure=retry)
        made = Destination(
            id_,
            exporter,
            options,
            self.counters,
            LOG,
            self.store,
            clock=self.clock,
            backoff=Backoff(retry, lambda: 0.5),
        )
        self.destinations.append(made)
        return made

    async def started(self, exporter: ScriptedExporter, **options: Any) -> Destination:
        made = self.destination(exporter, **options)
        await made.start()
        return made

    async def offer(
        self, payload: Payload, *destinations: Destination, left_out: Sequence[Document] = ()
    ) -> None:
        await offer(
            self.store, [Offer(payload, "p:1", destinations, left_out=left_out)], self.clock
        )

    async def end(self, destination: Destination, now: float) -> None:
        """Its process ends; when the next one starts, the clock says `now`."""
        await destination.retire(self.clock.now())
        self.destinations.remove(destination)
        self.clock.set(now)

    def dropped(self, **labels: str) -> int:
        return self.counters.total("exporter_dropped", **labels)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    bench = Bench()
    yield bench
    for destination in bench.destinations:
        assert destination.balance().holds
        await destination.stop(bench.clock.now())
        assert destination.balance().holds


async def test_a_payload_is_delivered_and_counted_by_type(bench: Bench) -> None:
    exporter = ScriptedExporter()
    destination = await bench.started(exporter)
    await bench.offer(Lines(Line("event"), Line("log"), Line("log")), destination)
    await all_act()
    assert [len(payload.alive) for payload in exporter.taken] == [3]
    assert destination.balance().delivered == {"event": 1, "log": 2}
    assert bench.counters.total("exporter_enqueued", exporter="one", type="log") == 2
    assert bench.counters.total("exporter_sent", exporter="one", type="log") == 2


async def test_what_was_offered_before_the_start_is_delivered_after_it(bench: Bench) -> None:
    exporter = ScriptedExporter()
    destination = bench.destination(exporter)
    await bench.offer(events(2), destination)
    assert destination.status().queued_documents == 2
    await destination.start()
    await all_act()
    assert destination.balance().delivered == {"event": 2}


async def test_documents_that_the_chain_dropped_are_none_of_its_business(bench: Bench) -> None:
    destination = await bench.started(ScriptedExporter())
    payload = events(2)
    payload.documents[0].dropped = "sampled"
    await bench.offer(payload, destination)
    await all_act()
    assert destination.balance().accepted == {"event": 1}


async def test_a_payload_without_documents_is_not_sent(bench: Bench) -> None:
    exporter = ScriptedExporter()
    destination = await bench.started(exporter)
    await bench.offer(Lines(), destination)
    await all_act()
    assert exporter.attempts == []


async def test_a_transient_failure_is_tried_again_after_the_backoff(bench: Bench) -> None:
    exporter = ScriptedExporter([unreachable(), unreachable()])
    destination = await bench.started(exporter)
    await bench.offer(events(), destination)
    await all_act()
    assert destination.status().health == "failing"
    await bench.clock.advance(4.9)
    assert len(exporter.attempts) == 1
    await bench.clock.advance(0.1)
    assert len(exporter.attempts) == 2
    await bench.clock.advance(7.5)
    assert len(exporter.taken) == 1
    assert destination.status().health == "up"
    assert bench.counters.total("exporter_send_failed", exporter="one", kind="refused") == 2


async def test_a_retry_after_is_kept(bench: Bench) -> None:
    exporter = ScriptedExporter([unreachable(retry_after=60)])
    destination = await bench.started(exporter)
    await bench.offer(events(), destination)
    await bench.clock.advance(59)
    assert len(exporter.attempts) == 1
    await bench.clock.advance(1)
    assert len(exporter.taken) == 1


@pytest.mark.parametrize("hours", [1, 24 * 365])
async def test_what_waits_is_sent_and_expires_though_the_clock_was_ahead_when_it_came(
    bench: Bench, hours: float
) -> None:
    now = bench.clock.now()
    bench.clock.set(now + hours * 3600)
    before = await bench.started(ScriptedExporter(rest=unreachable()))
    await bench.offer(events(), before)
    await all_act()

    await bench.end(before, now)
    exporter = ScriptedExporter(rest=unreachable())
    after = await bench.started(exporter, max_age=Duration("2h"))
    assert after.status().oldest_age == 0
    await all_act()
    assert len(exporter.attempts) == 1, "it is due"
    await bench.clock.advance(3600)
    assert after.status().oldest_age == 3600
    await bench.clock.advance(3600)
    assert after.balance().dropped == {("event", "expired"): 1}


@pytest.mark.parametrize("up", [True, False])
async def test_what_waits_is_tried_for_an_hour_though_the_clock_is_ahead_when_it_starts(
    bench: Bench, up: bool
) -> None:
    before = await bench.started(ScriptedExporter(rest=unreachable()))
    await bench.offer(events(), before)
    await all_act()

    await bench.end(before, bench.clock.now() + 30 * 24 * 3600)
    exporter = ScriptedExporter([unreachable()] * 3) if up else ScriptedExporter(rest=unreachable())
    after = await bench.started(exporter)
    for _ in range(3599 // 20):
        await bench.clock.advance(20)
    assert after.balance().dropped == {}
    assert len(exporter.taken) == up
    await bench.clock.advance(40)
    assert after.balance().dropped == ({} if up else {("event", "expired"): 1})
    assert after.status().queued_documents == 0


async def test_a_retry_is_given_up_in_time_though_the_clock_was_ahead_at_the_first_one(
    bench: Bench,
) -> None:
    now = bench.clock.now()
    bench.clock.set(now + 24 * 3600)
    before = await bench.started(ScriptedExporter(rest=unreachable()))
    await bench.offer(events(), before)
    await all_act()

    await bench.end(before, now)
    retry = RetryOnFailure(max_elapsed_time=Duration("1m"))
    after = await bench.started(ScriptedExporter(rest=unreachable()), retry=retry)
    for _ in range(20):
        await bench.clock.advance(5)
    assert after.balance().dropped == {("event", "retries_exhausted"): 1}


async def test_a_retry_after_is_kept_over_a_restart_but_a_day_is_the_longest(bench: Bench) -> None:
    before = await bench.started(ScriptedExporter([unreachable(retry_after=24 * 3600)]))
    await bench.offer(events(), before)
    await all_act()
    await bench.end(before, bench.clock.now())
    exporter = ScriptedExporter()
    after = await bench.started(exporter, max_age=Duration(0))
    await bench.clock.advance(23 * 3600)
    assert exporter.attempts == []

    await bench.end(after, bench.clock.now() - 3 * 24 * 3600)
    last = ScriptedExporter()
    await bench.started(last, max_age=Duration(0))
    await all_act()
    assert len(last.attempts) == 1


async def test_a_retry_is_not_missed_by_consumers_that_had_nothing_to_do(bench: Bench) -> None:
    exporter = ScriptedExporter([unreachable()])
    destination = await bench.started(exporter, num_consumers=2)
    await bench.offer(events(), destination)
    await bench.offer(events(), destination)
    await all_act()
    exporter.open.clear()  # the one that failed gets busy with something slow
    await bench.offer(events(), destination)
    await bench.clock.advance(5)
    assert len(exporter.attempts) == 4


async def test_a_permanent_failure_is_not_tried_again(bench: Bench) -> None:
    exporter = ScriptedExporter([ExportFailed("http_403", retryable=False, reason="unroutable")])
    destination = await bench.started(exporter)
    await bench.offer(events(2), destination)
    await bench.clock.advance(3600)
    assert len(exporter.attempts) == 1
    assert bench.dropped(exporter="one", type="event", reason="unroutable") == 2


async def test_retries_end_after_max_elapsed_time(bench: Bench) -> None:
    exporter = ScriptedExporter(rest=unreachable())
    retry = RetryOnFailure(max_elapsed_time=Duration("20s"))
    destination = await bench.started(exporter, retry=retry)
    await bench.offer(events(), destination)
    for _ in range(10):
        await bench.clock.advance(5)
    # At 0, 5 and 12.5 seconds; the next one would come at 23.75.
    assert len(exporter.attempts) == 3
    assert bench.dropped(reason="retries_exhausted") == 1


async def test_without_retries_a_failure_is_final(bench: Bench) -> None:
    exporter = ScriptedExporter([unreachable()])
    destination = await bench.started(exporter, retry=RetryOnFailure(enabled=False))
    await bench.offer(events(), destination)
    await all_act()
    assert bench.dropped(reason="retries_exhausted") == 1


async def test_what_waited_too_long_is_dropped_without_anybody_asking(bench: Bench) -> None:
    exporter = ScriptedExporter(rest=unreachable())
    destination = await bench.started(exporter, max_age=Duration("1h"))
    await bench.offer(events(), destination)
    for _ in range(3700 // 20):
        await bench.clock.advance(20)
    assert destination.status().queued_documents == 0
    assert bench.dropped(reason="expired") == 1


def counted(payload: Payload) -> int:
    """How much it takes of a queue in memory."""
    return AtRest.of(payload).memory


async def test_a_full_queue_drops_the_oldest_and_counts_it(bench: Bench) -> None:
    exporter = ScriptedExporter()
    small, newest = events(size=8), events(size=18)
    destination = bench.destination(exporter, queue_size=Size(3 * counted(small)))
    for _ in range(3):
        await bench.offer(small, destination)
    await bench.offer(newest, destination)
    assert bench.dropped(exporter="one", reason="queue_full") == 2
    assert destination.status().queued_bytes == counted(small) + counted(newest)
    await destination.start()
    await all_act()
    assert [payload.size for payload in exporter.taken] == [10, 20]


async def test_a_foreign_exception_drops_the_payload_and_shows_its_name_only(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    exporter = ScriptedExporter([ValueError("password=hunter2")])
    destination = await bench.started(exporter)
    await bench.offer(events(), destination)
    await bench.clock.advance(3600)
    assert len(exporter.attempts) == 1
    assert bench.dropped(reason="invalid") == 1
    assert destination.status().last_error == "exception"
    assert "one failed with ValueError" in caplog.messages
    assert "hunter2" not in caplog.text


@pytest.mark.parametrize("answer", [None, Delivered(1, {"invalid": None})])  # type: ignore[dict-item]  # as said
async def test_an_exporter_that_answers_nonsense_holds_up_nothing_else(
    bench: Bench, caplog: pytest.LogCaptureFixture, answer: Any
) -> None:
    exporter = ScriptedExporter([lambda _: answer])
    destination = await bench.started(exporter, num_consumers=1)
    await bench.offer(events(), destination)
    await bench.offer(events(), destination)
    await bench.clock.advance(3600)
    assert len(exporter.attempts) == 2
    assert bench.dropped(reason="invalid") == 1
    assert destination.balance().delivered == {"event": 1}
    assert any(message.startswith("one failed with ") for message in caplog.messages)


async def test_what_cannot_be_prepared_waits_and_holds_up_nothing_else(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    exporter = ScriptedExporter([])
    destination = await bench.started(exporter, num_consumers=1)
    broken = [True]

    async def plant(payload: Payload) -> Payload:
        if payload.size == 10 and broken[0]:
            raise ValueError("password=hunter2")
        return payload

    async def resanitise(payload: Payload) -> Payload:
        return payload

    destination.policies = [Policy("p:1", resanitise, plant)]
    await bench.offer(events(size=8), destination)
    await bench.offer(events(size=18), destination)
    await all_act()
    assert [payload.size for payload in exporter.taken] == [20]
    assert destination.status().last_error == "exception"
    assert "one cannot prepare what waits: ValueError" in caplog.messages
    assert "hunter2" not in caplog.text
    broken[0] = False
    await bench.clock.advance(3600)
    assert [payload.size for payload in exporter.taken] == [20, 10]


async def test_a_cancellation_from_inside_the_exporter_is_a_failure_like_others(
    bench: Bench,
) -> None:
    def torn(_payload: Payload) -> Delivered:
        raise asyncio.CancelledError

    exporter = ScriptedExporter([torn])
    destination = await bench.started(exporter, num_consumers=1)
    await bench.offer(events(), destination)
    await bench.clock.advance(5)
    assert destination.balance().delivered == {"event": 1}


async def test_a_payload_that_always_fails_does_not_hold_up_the_others(bench: Bench) -> None:
    def poisoned(payload: Payload) -> Delivered:
        if payload.alive[0].tree == "poison":
            raise ExportFailed("http_500", retryable=True)
        return Delivered(len(payload.alive))

    exporter = ScriptedExporter(rest=poisoned)
    destination = await bench.started(exporter, num_consumers=1)
    await bench.offer(Lines(Line("event", "poison")), destination)
    await all_act()
    for _ in range(20):
        await bench.offer(events(), destination)
        await bench.clock.advance(5)
    assert destination.balance().delivered == {"event": 20}
    assert destination.status().queued_documents == 1


async def test_a_dead_destination_is_not_hailed_with_its_queue(bench: Bench) -> None:
    exporter = ScriptedExporter(rest=unreachable())
    destination = await bench.started(exporter, num_consumers=4)
    for _ in range(1000):
        await bench.offer(events(), destination)
    for _ in range(60):
        await bench.clock.advance(1)
    # Four attempts, a pause of 5 s, four, a pause of 7.5 s, …: five pauses in a minute. Before the
    # first of them three consumers had begun another attempt.
    assert 20 <= len(exporter.attempts) < 24
    assert destination.status().health == "down"
    exporter.rest = None
    for _ in range(60):
        await bench.clock.advance(1)
    assert destination.balance().delivered == {"event": 1000}
    assert destination.status().health == "up"


async def test_a_limit_on_one_kind_does_not_hold_up_the_others(bench: Bench) -> None:
    limit = ExportFailed("limit", retryable=True, retry_after=86400.0, payload_only=True)
    destination = await bench.started(ScriptedExporter([limit] * 4), num_consumers=4)
    for _ in range(5):
        await bench.offer(events(), destination)
    await all_act()
    assert destination.balance().delivered == {"event": 1}
    assert destination.status().queued_documents == 4


async def test_the_first_success_ends_a_pause_for_everyone(bench: Bench) -> None:
    doors = {"slow": asyncio.Event(), "late": asyncio.Event()}

    class OneByOne(ScriptedExporter):
        async def export(self, payload: Payload) -> Delivered:
            word = str(payload.alive[0].tree)
            self.attempts.append(payload)
            if word == "fails":
                raise unreachable()
            await doors[word].wait()
            return Delivered(1)

    exporter = OneByOne()
    destination = await bench.started(exporter, num_consumers=2)
    for word in ("slow", "fails", "fails"):
        await bench.offer(Lines(Line("event", word)), destination)
        await all_act()
    await bench.offer(Lines(Line("event", "late")), destination)
    await bench.offer(Lines(Line("event", "late")), destination)
    await all_act()
    assert len(exporter.attempts) == 3, "two failures in a row with two consumers: a pause"
    doors["slow"].set()
    await all_act()
    assert len(exporter.attempts) == 5, "both consumers are at work again"


async def test_a_slow_destination_and_a_dead_one_delay_nobody(bench: Bench) -> None:
    slow, dead, well = ScriptedExporter(), ScriptedExporter(rest=unreachable()), ScriptedExporter()
    slow.open.clear()
    destinations = [
        await bench.started(exporter, id_=id_)
        for id_, exporter in (("slow", slow), ("dead", dead), ("well", well))
    ]
    for _ in range(10):
        payload = events()
        await bench.offer(payload, *destinations)
    await all_act()
    assert [d.balance().delivered for d in destinations] == [{}, {}, {"event": 10}]
    assert len(well.attempts) == 10
    slow.open.set()
    await all_act()
    assert destinations[0].balance().delivered == {"event": 10}
    assert len(slow.attempts) == 10


async def test_unsupported_documents_are_left_out_with_what_belongs_to_them(bench: Bench) -> None:
    class LogsOnly(ScriptedExporter):
        supported = frozenset({"log", "attachment"})

    exporter = LogsOnly()
    destination = await bench.started(exporter)
    event = Line("event")
    payload = Lines(event, Line("attachment", parents=(event,)), Line("log"))
    await bench.offer(payload, destination)
    await all_act()
    assert [d.type for d in exporter.taken[0].alive] == ["log"]
    assert destination.balance().dropped == {
        ("event", "unsupported"): 1,
        ("attachment", "parent"): 1,
    }
    assert len(payload.alive) == 3, "other destinations still have them"


async def test_documents_that_the_exporter_marks_are_counted_by_their_own_type(
    bench: Bench,
) -> None:
    def limited(payload: Payload) -> Delivered:
        payload.documents[1].dropped = "rate_limited"
        return Delivered(1, {"rate_limited": 1})

    destination = await bench.started(ScriptedExporter([limited]))
    await bench.offer(Lines(Line("event"), Line("transaction")), destination)
    await all_act()
    assert destination.balance().delivered == {"event": 1}
    assert destination.balance().dropped == {("transaction", "rate_limited"): 1}


async def test_an_attachment_that_went_with_its_event_is_counted_once(bench: Bench) -> None:
    def limited(payload: Payload) -> Delivered:
        payload.documents[0].dropped = "rate_limited"
        return Delivered(1, {"rate_limited": 2})

    destination = await bench.started(ScriptedExporter([limited]))
    event = Line("event")
    await bench.offer(Lines(event, Line("attachment", parents=(event,)), Line("log")), destination)
    await all_act()
    assert {k: v for k, v in destination.balance().delivered.items() if v} == {"log": 1}
    assert destination.balance().dropped == {
        ("event", "rate_limited"): 1,
        ("attachment", "parent"): 1,
    }


@pytest.mark.parametrize(
    ("answer", "delivered", "dropped"),
    [
        (Delivered(3, {"invalid": 2}), {"log_record": 3}, {("log_record", "invalid"): 2}),
        (Delivered(0, {"unroutable": 5}), {}, {("log_record", "unroutable"): 5}),
        (Delivered(4), {"log_record": 4}, {("log_record", "invalid"): 1}),
        (Delivered(5, {"invalid": 9}), {}, {("log_record", "invalid"): 5}),
        (Delivered(9), {"log_record": 5}, {}),
    ],
)
async def test_whatever_the_exporter_answers_each_document_is_counted_once(
    bench: Bench, answer: Delivered, delivered: dict[str, int], dropped: dict[Any, int]
) -> None:
    destination = await bench.started(ScriptedExporter([answer]))
    await bench.offer(Lines(*(Line("log_record") for _ in range(5))), destination)
    await all_act()
    balance = destination.balance()
    assert {k: v for k, v in balance.delivered.items() if v} == delivered
    assert balance.dropped == dropped
    assert balance.holds


async def test_a_payload_of_a_protocol_that_the_exporter_does_not_take_is_unsupported(
    bench: Bench,
) -> None:
    exporter = ScriptedExporter()
    destination = await bench.started(exporter)
    await bench.offer(Lines(Line("log_record"), protocol="otlp"), destination)
    await all_act()
    assert exporter.attempts == []
    assert destination.balance().dropped == {("log_record", "unsupported"): 1}


async def test_what_has_no_place_in_its_protocol_is_counted(bench: Bench) -> None:
    destination = await bench.started(ScriptedExporter())
    await bench.offer(Lines(), destination, left_out=[Line("data_point"), Line("data_point")])
    assert bench.dropped(exporter="one", type="data_point", reason="unsupported") == 2


async def test_a_stop_delivers_what_waits(bench: Bench) -> None:
    exporter = ScriptedExporter()
    destination = await bench.started(exporter, num_consumers=1)
    for _ in range(50):
        await bench.offer(events(), destination)
    await destination.stop(bench.clock.now() + 60)
    assert destination.balance().delivered == {"event": 50}
    assert not exporter.started


async def test_a_stop_tries_each_waiting_payload_once_whatever_it_waits_for(bench: Bench) -> None:
    exporter = ScriptedExporter([unreachable(), unreachable(3600)])
    destination = await bench.started(exporter, num_consumers=2)
    await bench.offer(events(), destination)
    await bench.offer(events(), destination)
    await all_act()
    exporter.script = [unreachable()]
    await destination.stop(bench.clock.now() + 60)
    assert len(exporter.attempts) == 4
    assert destination.balance().delivered == {"event": 1}
    assert bench.dropped(reason="shutdown") == 1


async def test_a_stop_aborts_what_is_not_done_by_the_deadline(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    exporter = ScriptedExporter()
    exporter.open.clear()
    destination = await bench.started(exporter, num_consumers=1)
    await bench.offer(events(), destination)
    await bench.offer(events(), destination)
    await all_act()
    await destination.stop(bench.clock.now() + 0.01)
    assert exporter.cancelled == 1
    assert bench.dropped(reason="shutdown") == 2
    assert "2 documents of one are lost: they were in memory" in caplog.messages


async def test_what_comes_after_the_stop_is_counted(bench: Bench) -> None:
    destination = await bench.started(ScriptedExporter())
    await destination.stop(bench.clock.now())
    await bench.offer(events(3), destination)
    assert bench.dropped(reason="shutdown") == 3


async def test_a_stop_without_a_start_counts_what_waits(bench: Bench) -> None:
    destination = bench.destination(ScriptedExporter())
    await bench.offer(events(), destination)
    await destination.stop(bench.clock.now())
    assert bench.dropped(reason="shutdown") == 1


async def test_the_status_tells_depth_age_and_the_last_error(bench: Bench) -> None:
    destination = await bench.started(ScriptedExporter(rest=unreachable()), queue_size=Size("8KiB"))
    two = events(2, size=98)
    await bench.offer(two, destination)
    await bench.clock.advance(7)
    assert destination.status().as_dict() == {
        "health": "failing",
        "trust": "trusted",
        "queued_documents": 2,
        "queued_bytes": counted(two),
        "capacity_bytes": 8192,
        "oldest_age": 7.0,
        "last_error": "refused",
    }


async def test_changes_of_health_are_logged_once(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    exporter = ScriptedExporter([unreachable()] * 6)
    destination = await bench.started(exporter)
    await bench.offer(events(), destination)
    for _ in range(40):
        await bench.clock.advance(5)
    assert caplog.messages == ["one is failing: refused", "one is down: refused", "one is up again"]


async def test_the_account_balances_between_any_two_steps(bench: Bench) -> None:
    acts: list[Callable[[Payload], Delivered] | Exception | None]
    acts = [None, unreachable(), ExportFailed("http_400", retryable=False), KeyError(), None]
    exporter = ScriptedExporter(acts * 40)
    destination = await bench.started(exporter, queue_size=Size("10KiB"), max_age=Duration("40s"))
    for number in range(200):
        await bench.offer(Lines(Line("event", "x" * (number % 70)), Line("log")), destination)
        assert destination.balance().holds
        for _ in range(number % 4):
            await asyncio.sleep(0)
            assert destination.balance().holds
        if number % 5 == 0:
            await bench.clock.advance(1)
    reasons = {reason for _, reason in destination.balance().dropped}
    assert reasons >= {"invalid", "queue_full"}
    assert destination.balance().delivered["event"] > 20


class Told:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.could_be_read: list[tuple[Payload, Counts]] = []

    def left(self, *_: object) -> None: ...

    def exposed(self, payload: Payload, documents: Counts) -> None:
        self.could_be_read.append((payload, documents))

    def withheld(self, *_: object) -> None: ...


def answered(*, retryable: bool = True) -> ExportFailed:
    return ExportFailed("http_503", retryable=retryable, answered=True)


@pytest.mark.parametrize(
    ("script", "first"),
    [
        ([], 0),
        ([unreachable(), unreachable()], 2),
        ([answered(), answered()], 0),
        ([unreachable(), answered()], 1),
        ([ExportFailed("timeout", retryable=True, unclear=True)], 0),
        ([answered(retryable=False)], 0),
    ],
)
async def test_what_a_destination_could_read_is_told_once(
    bench: Bench, script: list[ExportFailed], first: int
) -> None:
    exporter, told = ScriptedExporter(script), Told()
    destination = await bench.started(exporter)
    destination.tell(told)
    await bench.offer(Lines(Line("event"), Line("transaction")), destination)
    for _ in range(10):
        await bench.clock.advance(10)
    assert told.could_be_read == [(exporter.attempts[first], {"event": 1, "transaction": 1})]


async def test_what_fails_between_two_attempts_ends_no_consumer(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing(Told):
        def exposed(self, payload: Payload, documents: Counts) -> None:
            super().exposed(payload, documents)
            if len(self.could_be_read) == 1:
                raise MemoryError

    exporter = ScriptedExporter()
    destination = await bench.started(exporter, num_consumers=1)
    destination.tell(Failing())
    await bench.offer(events(), destination)
    await bench.offer(events(), destination)
    await until(lambda: len(exporter.taken) == 2)
    assert "one consumer 0: failed with MemoryError" in caplog.messages


@pytest.mark.parametrize("type_", ["event", "log"])
async def test_what_fails_of_something_unexpected_is_tried_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, type_: Any
) -> None:
    begin, failing = Shelf.begin, [MemoryError()]

    async def failing_once(shelf: Shelf, record: Record) -> None:
        if failing:
            raise failing.pop()
        await begin(shelf, record)

    monkeypatch.setattr(Shelf, "begin", failing_once)
    exporter = ScriptedExporter()
    destination = await bench.started(exporter, num_consumers=1)
    await bench.offer(Lines(Line(type_)), destination)
    await until(lambda: not failing)
    for _ in range(10):
        await bench.clock.advance(10)
    await until(lambda: len(exporter.taken) == 1)
    assert not len(destination.waiting())


async def test_of_what_never_left_nothing_is_told(bench: Bench) -> None:
    told = Told()
    retry = RetryOnFailure(max_elapsed_time=Duration("20s"))
    destination = await bench.started(ScriptedExporter(rest=unreachable()), retry=retry)
    destination.tell(told)
    await bench.offer(events(), destination)
    for _ in range(10):
        await bench.clock.advance(5)
    assert bench.dropped(reason="retries_exhausted") == 1
    assert told.could_be_read == []


async def test_what_an_earlier_process_may_have_sent_is_told_once_it_is_read_again(
    bench: Bench,
) -> None:
    exporter, told = ScriptedExporter(rest=unreachable()), Told()
    destination = bench.destination(exporter)
    destination.tell(told)
    await bench.offer(events(), destination)
    (record,) = destination._shelf.queue
    record.sent = "perhaps"  # as it is taken up where an attempt had begun
    await destination.start()
    await all_act()
    assert told.could_be_read == [(exporter.attempts[0], {"event": 1})]


async def test_what_is_cut_off_may_have_been_read(bench: Bench) -> None:
    exporter, told = ScriptedExporter(), Told()
    exporter.open.clear()
    destination = await bench.started(exporter)
    destination.tell(told)
    await bench.offer(events(), destination)
    await all_act()
    await destination.retire(bench.clock.now())  # as a reload does
    (records,) = bench.store._records.values()
    (record,) = records.values()
    assert record.sent == "perhaps"
    assert told.could_be_read == [(exporter.attempts[0], {"event": 1})]


async def test_of_decoys_and_of_what_the_exporter_left_out_nothing_is_told(bench: Bench) -> None:
    def leave_one_out(payload: Payload) -> Delivered:
        payload.documents[1].dropped = "unsupported"
        return Delivered(1)

    async def plant(payload: Payload) -> Payload:
        payload.documents[0].tree = {"decoy": "planted"}
        return payload

    async def as_it_is(payload: Payload) -> Payload:
        return payload

    exporter, told = ScriptedExporter([leave_one_out]), Told()
    destination = await bench.started(exporter)
    destination.policies = [Policy("p:1", as_it_is, plant)]
    destination.tell(told)
    await bench.offer(events(2), destination)
    await all_act()
    assert exporter.taken[0].documents[0].tree == {"decoy": "planted"}
    ((payload, _),) = told.could_be_read
    assert payload.documents[0].tree != {"decoy": "planted"}
    assert [each.lost for each in payload.documents] == [None, "unsupported"]


def cutting(version: str) -> Policy:
    """A policy that drops the first document and has the others leave each by itself."""

    async def resanitise(payload: Payload) -> Payload:
        payload.documents[0].dropped = "filtered"
        return payload

    async def cut(payload: Payload) -> Sequence[Payload]:
        return [Lines(document) for document in payload.alive]

    return Policy(version, resanitise, None, cut)


async def test_what_became_too_long_leaves_in_portions(bench: Bench) -> None:
    exporter = ScriptedExporter()
    destination = bench.destination(exporter)
    destination.policies = [cutting("p:2")]
    await bench.offer(events(3), destination)
    await destination.start()
    await all_act()
    assert [len(payload.alive) for payload in exporter.taken] == [1, 1]
    assert destination.balance().delivered == {"event": 2}
    assert destination.balance().dropped == {("event", "filtered"): 1}
    assert await bench.store.waiting("one") == []


async def test_who_takes_over_while_it_is_cut_finds_it_once(bench: Bench) -> None:
    class SlowStore(MemoryStore):
        """Takes a while to put something in the place of something else."""

        async def replace(self, *arguments: Any) -> Any:
            storing.set()
            await go_on.wait()
            return await super().replace(*arguments)

    storing, go_on = asyncio.Event(), asyncio.Event()
    bench.store = SlowStore()
    old = bench.destination(ScriptedExporter())
    old.policies = [cutting("p:2")]
    await bench.offer(events(3), old)
    await old.start()
    await storing.wait()
    exporter = ScriptedExporter()
    new = bench.destination(exporter)
    new.policies = [cutting("p:2")]
    await new.open()
    taking_over = asyncio.create_task(new.take_over(old, bench.clock.now()))
    await all_act()
    go_on.set()
    await taking_over
    bench.destinations.remove(old)
    await all_act()
    assert [len(payload.alive) for payload in exporter.taken] == [1, 1]
    assert new.balance().delivered == {"event": 2}


async def test_what_cannot_be_cut_now_is_cut_later(bench: Bench) -> None:
    class FullStore(MemoryStore):
        """Has no room at first."""

        full = True

        async def replace(self, *arguments: Any) -> Any:
            if self.full:
                raise StoreFailed("full")
            return await super().replace(*arguments)

    bench.store = store = FullStore()
    exporter = ScriptedExporter()
    destination = await bench.started(exporter)
    destination.policies = [cutting("p:2")]
    await bench.offer(events(3), destination)
    await all_act()
    assert destination.status().queued_documents == 3
    store.full = False
    await bench.clock.advance(1)
    assert destination.balance().delivered == {"event": 2}


async def test_a_restart_forgets_no_time_in_custody(bench: Bench) -> None:
    """What waited for days while it was held is not expired an hour after the next start."""
    first = await bench.started(ScriptedExporter(rest=unreachable()), max_age=Duration("5h"))
    first.set_trust("held")
    await bench.offer(events(), first)
    await bench.clock.advance(10 * 3600)
    first.set_trust("trusted")
    said = bench.clock.now()
    await bench.end(first, said)
    second = bench.destination(ScriptedExporter(rest=unreachable()), max_age=Duration("5h"))
    second.set_trust("trusted", said)
    await second.start()
    await bench.clock.advance(5 * 3600 - 60)
    assert second.balance().dropped == {}
    await bench.clock.advance(120)
    assert second.balance().dropped == {("event", "expired"): 1}
