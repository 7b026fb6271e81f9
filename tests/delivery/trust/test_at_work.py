"""What a destination does when people hold, distrust and trust it, and what a restart finds."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from hand_clock import HandClock, all_act
from line_payload import Line, Lines, events
from scripted_exporter import ScriptedExporter, unreachable

from errlock.delivery.destination import Destination
from errlock.delivery.loading import Policy
from errlock.delivery.offering import Offer, offer
from errlock.delivery.options import DeliveryOptions, RetryOnFailure, SendingQueue
from errlock.delivery.retry import Backoff
from errlock.delivery.store import MemoryStore
from errlock.pipeline.component import Delivered
from errlock.pipeline.counters import Counters
from errlock.pipeline.errors import ExportFailed
from errlock.pipeline.options import Duration
from errlock.pipeline.payloads.document import Payload


class Kept(MemoryStore):
    """One that outlives its destinations, as a disk does."""

    durable = True


class Bench:
    def __init__(self) -> None:
        self.clock = HandClock()
        self.store = Kept()
        self.all: list[Destination] = []

    async def started(
        self, exporter: ScriptedExporter, policies: Sequence[Policy] = (), **retry: Any
    ) -> Destination:
        made = self.made(exporter, policies, **retry)
        await made.start()
        return made

    def made(
        self, exporter: ScriptedExporter, policies: Sequence[Policy] = (), **retry: Any
    ) -> Destination:
        options = DeliveryOptions(
            sending_queue=SendingQueue(num_consumers=1, max_age=Duration("1h")),
            retry_on_failure=RetryOnFailure(**retry),
        )
        made = Destination(
            "one", exporter, options, Counters(), logging.getLogger("errlock.test"), self.store,
            clock=self.clock, backoff=Backoff(options.retry_on_failure, lambda: 0.5),
        )  # fmt: skip
        made.policies = policies
        self.all.append(made)
        return made

    async def offer(self, payload: Payload, destination: Destination, policy: str = "p:1") -> None:
        await offer(self.store, [Offer(payload, policy, [destination])], self.clock)
        await all_act()

    async def end(self, destination: Destination) -> None:
        await destination.retire(self.clock.now())


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    bench = Bench()
    yield bench
    for destination in bench.all:
        assert destination.balance().holds
        await destination.stop(bench.clock.now())
        assert destination.balance().holds


async def test_what_is_held_waits_until_it_is_trusted_again(bench: Bench) -> None:
    exporter = ScriptedExporter()
    destination = await bench.started(exporter)
    destination.set_trust("held")
    await bench.offer(events(2), destination)
    await bench.clock.advance(60)
    assert exporter.attempts == []
    assert destination.status().queued_documents == 2
    assert destination.status().trust == "held"
    destination.set_trust("trusted")
    await all_act()
    assert destination.balance().delivered == {"event": 2}


async def test_each_word_is_in_the_log_once(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    destination = await bench.started(ScriptedExporter())
    for state in ("trusted", "held", "held", "distrusted", "trusted"):
        destination.set_trust(state)
    assert [(each.levelname, each.message) for each in caplog.records] == [
        ("WARNING", "one is held: what is for it waits"),
        ("WARNING", "one is distrusted: not a byte more, what is for it waits"),
        ("INFO", "one is trusted again"),
    ]


async def test_a_hold_lets_what_is_under_way_end(bench: Bench) -> None:
    exporter = ScriptedExporter()
    exporter.open.clear()
    destination = await bench.started(exporter)
    await bench.offer(events(), destination)
    destination.set_trust("held")
    exporter.open.set()
    await all_act()
    assert destination.balance().delivered == {"event": 1}


async def test_distrust_aborts_what_is_under_way_and_shuts_the_doors(bench: Bench) -> None:
    exporter = ScriptedExporter()
    exporter.open.clear()
    destination = await bench.started(exporter)
    await bench.offer(events(), destination)
    destination.set_trust("distrusted")
    await all_act()
    assert exporter.cancelled == 1
    assert exporter.aborted == 1
    exporter.open.set()
    await bench.clock.advance(600)
    assert len(exporter.attempts) == 1
    assert destination.status().queued_documents == 1
    assert destination.status().health == "up", "people shut it, it did not fail"
    exporter.started = False
    destination.set_trust("trusted")
    await all_act()
    assert exporter.started
    assert destination.balance().delivered == {"event": 1}


async def test_an_exporter_whose_doors_do_not_shut_is_cut_off_all_the_same(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    class Jammed(ScriptedExporter):
        def abort(self) -> None:
            super().abort()
            raise RuntimeError("quotes a secret")

    exporter = Jammed()
    exporter.open.clear()
    destination = await bench.started(exporter)
    await bench.offer(events(), destination)
    destination.set_trust("distrusted")
    await all_act()
    assert exporter.cancelled == exporter.aborted == 1
    assert "one: its exporter did not abort: RuntimeError" in caplog.messages
    assert destination.status().queued_documents == 1


async def test_time_in_custody_makes_nothing_expire(bench: Bench) -> None:
    exporter = ScriptedExporter()
    destination = await bench.started(exporter)
    destination.set_trust("held")
    await bench.offer(events(), destination)
    await bench.clock.advance(10 * 3600)
    exporter.open.clear()
    destination.set_trust("trusted")
    await all_act()
    assert len(exporter.attempts) == 1
    exporter.open.set()


async def test_a_successor_knows_of_the_time_in_custody(bench: Bench) -> None:
    first = await bench.started(ScriptedExporter(rest=unreachable()))
    first.set_trust("held")
    await bench.offer(events(), first)
    await bench.clock.advance(10 * 3600)
    first.set_trust("trusted")
    await all_act()
    exporter = ScriptedExporter()
    successor = bench.made(exporter)
    await successor.open()
    await successor.take_over(first, bench.clock.now())
    await bench.clock.advance(60)
    assert successor.balance().delivered == {"event": 1}


async def test_a_restart_takes_up_what_waits(bench: Bench) -> None:
    destination = await bench.started(ScriptedExporter(rest=unreachable()))
    await bench.offer(events(3), destination)
    await bench.end(destination)
    exporter = ScriptedExporter()
    again = await bench.started(exporter)
    await bench.clock.advance(10)
    assert again.balance().accepted == {"event": 3}
    assert again.balance().delivered == {"event": 3}


async def test_a_stop_keeps_what_it_could_not_deliver(bench: Bench) -> None:
    destination = await bench.started(ScriptedExporter(rest=unreachable()))
    await bench.offer(events(3), destination)
    await destination.stop(bench.clock.now() + 60)
    assert destination.balance().queued == {"event": 3}
    exporter = ScriptedExporter()
    await bench.started(exporter)
    await bench.clock.advance(10)
    assert len(exporter.taken) == 1


def unclear(_payload: Payload) -> Delivered:
    raise ExportFailed("timeout", retryable=True, unclear=True)


async def test_what_has_no_id_is_not_sent_twice(bench: Bench) -> None:
    exporter = ScriptedExporter([unclear])
    destination = await bench.started(exporter)
    await bench.offer(Lines(Line("event"), Line("session"), Line("log")), destination)
    await bench.clock.advance(10)
    assert [document.type for document in exporter.taken[-1].alive] == ["event"]
    assert destination.balance().dropped == {("session", "unclear"): 1, ("log", "unclear"): 1}
    assert destination.balance().delivered == {"event": 1}


async def test_a_clear_failure_loses_nothing(bench: Bench) -> None:
    destination = await bench.started(ScriptedExporter([unreachable()]))
    await bench.offer(Lines(Line("session")), destination)
    await bench.clock.advance(10)
    assert destination.balance().delivered == {"session": 1}


async def test_who_wants_duplicates_gets_them(bench: Bench) -> None:
    destination = await bench.started(ScriptedExporter([unclear]), unclear="retry")
    await bench.offer(Lines(Line("log")), destination)
    await bench.clock.advance(10)
    assert destination.balance().delivered == {"log": 1}


async def test_what_was_under_way_at_a_crash_is_not_sent_twice_without_an_id(bench: Bench) -> None:
    exporter = ScriptedExporter()
    exporter.open.clear()
    destination = await bench.started(exporter)
    await bench.offer(Lines(Line("event"), Line("log")), destination)
    await bench.end(destination)  # cancelled in the middle
    last = ScriptedExporter()
    again = await bench.started(last)
    await all_act()
    assert [document.type for document in last.taken[0].alive] == ["event"]
    assert again.balance().dropped == {("log", "unclear"): 1}


async def test_what_was_stored_under_another_policy_passes_the_one_in_force(bench: Bench) -> None:
    passed: list[Payload] = []

    async def stricter(payload: Payload) -> Payload:
        passed.append(payload)
        payload = payload.copy()
        payload.documents[0].dropped = "filtered"
        return payload

    exporter = ScriptedExporter()
    destination = await bench.started(exporter, [Policy("p:2", stricter)])
    await bench.offer(events(2), destination, policy="p:2")
    assert passed == []
    await bench.offer(events(2), destination, policy="p:1")
    await bench.offer(events(1), destination, policy="p:1")
    assert [len(payload.alive) for payload in exporter.taken] == [2, 1]
    assert destination.balance().dropped == {("event", "filtered"): 2}


async def test_every_attempt_passes_the_policy_in_force(bench: Bench) -> None:
    async def stricter(payload: Payload) -> Payload:
        payload = payload.copy()
        payload.documents[0].dropped = "filtered"
        payload.documents[1].tree = "clean"
        return payload

    exporter = ScriptedExporter([unreachable(), unreachable()])
    destination = await bench.started(exporter, [Policy("p:2", stricter)])
    await bench.offer(events(3), destination, policy="p:1")
    await bench.clock.advance(100)
    await bench.clock.advance(100)
    assert len(exporter.attempts) == 3
    for payload in exporter.attempts:
        assert len(payload.alive) == 2
        assert payload.alive[0].tree == "clean"
    assert destination.balance().dropped == {("event", "filtered"): 1}
    assert destination.balance().delivered == {"event": 2}


async def test_a_successor_that_is_trusted_before_it_begins_sends(bench: Bench) -> None:
    exporter = ScriptedExporter()
    first = await bench.started(ScriptedExporter())
    first.set_trust("distrusted")
    await bench.offer(events(), first)
    successor = bench.made(exporter)
    successor.set_trust("distrusted")
    await successor.open()
    successor.set_trust("trusted")
    await successor.take_over(first, bench.clock.now())
    await bench.clock.advance(10)
    assert successor.balance().delivered == {"event": 1}


async def test_a_door_that_is_shut_while_it_opens_stays_shut(bench: Bench) -> None:
    exporter = ScriptedExporter()
    destination = await bench.started(exporter)
    destination.set_trust("distrusted")
    destination.set_trust("trusted")
    destination.set_trust("distrusted")
    await all_act()
    assert not exporter.started
    destination.set_trust("trusted")
    await bench.offer(events(), destination)
    assert destination.balance().delivered == {"event": 1}


async def test_a_door_that_does_not_open_is_tried_again_and_nothing_is_lost(bench: Bench) -> None:
    exporter = ScriptedExporter()
    destination = await bench.started(exporter)
    destination.set_trust("distrusted")
    exporter.troubles = [OSError("its text may quote")]
    destination.set_trust("trusted")
    await bench.offer(events(), destination)
    assert destination.status().queued_documents == 1
    await bench.clock.advance(2)
    assert destination.balance().delivered == {"event": 1}
