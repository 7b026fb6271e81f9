"""What a store on disk keeps, and gives back after it was closed."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import sqlite3
import tracemalloc
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from sanitised_payloads import RECEIVED, envelope, event, logs, metrics, spans
from shipping import (
    NOW,
    balances,
    booked,
    chores_done,
    deliver,
    number_of,
    numbered,
    opened,
    put,
    small,
)  # fmt: skip

from errlock.delivery.disk import chores
from errlock.delivery.disk.operations import Given, Operation
from errlock.delivery.disk.reader import Among, Selection
from errlock.delivery.disk.store import DiskOptions, DiskStore
from errlock.delivery.disk.transactions import Transactions
from errlock.delivery.options import SendingQueue
from errlock.delivery.queue import Queue
from errlock.delivery.store import Booking, Counts, Shipment, StoreFailed
from errlock.pipeline.errors import DropReason
from errlock.pipeline.payloads.document import Payload
from errlock.pipeline.payloads.envelope import Envelope
from errlock.pipeline.payloads.envelope_documents import Content
from errlock.pipeline.payloads.envelope_framing import MAX_COMMAS, MAX_ELEMENTS


async def test_without_its_wal_nothing_is_acknowledged_and_nothing_lost(tmp_path: Path) -> None:
    async with opened(tmp_path / "q") as store:
        records = [(await put(store, numbered(n), "a"))[0] for n in range(3)]
        (tmp_path / "q" / "queue.db-wal").unlink()  # to make room, perhaps
        assert store.is_gone()
        with pytest.raises(StoreFailed, match="io"):
            await put(store, numbered(3), "a")
        await asyncio.wait_for(deliver(store, records[0]), 5)
    async with opened(tmp_path / "q") as store:
        assert not store.is_gone()
        assert [each.number for each in await store.waiting("a")][:2] == [2, 3]
        assert await balances(store, "a")


@pytest.mark.parametrize(
    "payload",
    [
        envelope(event(), attachment=b"notes"),
        logs("one", "two"),
        spans("GET /", "POST /"),
        metrics(),
    ],
    ids=["sentry", "logs", "traces", "metrics"],
)
async def test_a_payload_comes_back_as_it_was(tmp_path: Path, payload: Payload) -> None:
    async with opened(tmp_path / "q") as store:
        await put(store, payload, "a")
    async with opened(tmp_path / "q") as store:
        (record,) = await store.waiting("a")
        back = await store.load(record)
        assert back.encode() == payload.encode()
        assert (back.protocol, back.project, back.received) == (
            payload.protocol, payload.project, payload.received,
        )  # fmt: skip
        assert [each.tree for each in back.documents] == [each.tree for each in payload.documents]
        assert back.types == payload.types == record.counts


@pytest.mark.parametrize(
    ("count", "said"),
    [(1, "," * (MAX_COMMAS + 1)), (MAX_ELEMENTS + 1, "x")],
    ids=["commas", "logs"],
)
async def test_what_became_more_than_anybody_may_send_comes_back(
    tmp_path: Path, count: int, said: str
) -> None:
    elements = [Content.of({"body": said}, "object") for _ in range(count)]
    payload = Envelope("shop", 1.0, {})
    payload.add_container("log", elements, "application/vnd.sentry.items.log+json")
    async with opened(tmp_path / "q") as store:
        await put(store, payload, "a")
    async with opened(tmp_path / "q") as store:
        (record,) = await store.waiting("a")
        back = await store.load(record)
    assert back.types == record.counts == {"log": count}
    assert back.encode() == payload.encode()


async def test_what_is_written_to_a_deleted_file_is_not_acknowledged(tmp_path: Path) -> None:
    async with opened(tmp_path / "q") as store:
        (record,) = await put(store, envelope(event()), "a")
        assert not store.is_gone()
        (tmp_path / "q").rename(tmp_path / "elsewhere")
        assert store.is_gone()
        with pytest.raises(StoreFailed, match="io"):
            await put(store, envelope(event()), "a")
        (tmp_path / "q").mkdir()
        (tmp_path / "q" / "queue.db").touch()  # another one
        with pytest.raises(StoreFailed, match="io"):
            await put(store, envelope(event()), "a")
        await asyncio.wait_for(deliver(store, record), 5)  # this one goes on
        shutil.rmtree(tmp_path / "q")
        (tmp_path / "elsewhere").rename(tmp_path / "q")
        assert not store.is_gone()
        await put(store, envelope(event()), "a")


async def test_a_record_comes_back_as_it_was(tmp_path: Path) -> None:
    async with opened(tmp_path / "q") as store:
        (record,) = await put(store, logs("one", "two"), "a")
        record.counts = Counter({"log_record": 1})
        record.attempts, record.due, record.first_attempt, record.begun = 2, NOW + 9, NOW + 1, True
        record.sent = "perhaps"
        await store.update(record, [Booking("a", "dropped", "log_record", 1, "invalid")])
    async with opened(tmp_path / "q") as store:
        (back,) = await store.waiting("a")
        fields = type(record).__slots__
        assert {f: getattr(back, f) for f in fields} == {f: getattr(record, f) for f in fields}
        assert await balances(store, "a")


async def test_what_records_have_in_common_is_in_memory_once(tmp_path: Path) -> None:
    async with opened(tmp_path / "q") as store:
        for number in range(3):
            await put(store, numbered(number), "a")
        common = [[each.counts for each in await put(store, numbered(9), "a", "b")]]
    async with opened(tmp_path / "q") as store:
        waiting = await store.waiting("a")
        fields = ("counts", "policy", "destination")
        common += [[getattr(each, field) for each in waiting] for field in fields]
    assert [len({id(each) for each in same}) for same in common] == [1, 1, 1, 1]


async def test_what_waits_takes_no_more_memory_than_it_counts_for(tmp_path: Path) -> None:
    async with opened(tmp_path / "q") as store:
        await asyncio.gather(*(put(store, logs("x"), "a") for _ in range(1000)))
    async with opened(tmp_path / "q") as store:
        queue = Queue(SendingQueue(), capacity=1 << 30)
        tracemalloc.start()
        try:
            for record in await store.waiting("a"):
                queue.restore(record)
            del record
            memory, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert len(queue) == 1000
        assert queue.bytes / 2 < memory < queue.bytes


async def test_records_come_back_the_oldest_first(tmp_path: Path) -> None:
    async with opened(tmp_path / "q") as store:
        for number in range(5):
            await put(store, numbered(number), "a", "b")
    async with opened(tmp_path / "q") as store:
        back = [number_of(await store.load(record)) for record in await store.waiting("b")]
        assert back == list(range(5))
        assert await store.queued() == {("a", "event"): 5, ("b", "event"): 5}


async def test_each_destination_may_change_what_it_loads(tmp_path: Path) -> None:
    async with opened(tmp_path / "q") as store:
        one, other = await put(store, numbered(1), "a", "b")
        (await store.load(one)).documents[0].dropped = "invalid"
        assert (await store.load(other)).documents[0].lost is None


async def test_a_payload_goes_with_its_last_delivery(tmp_path: Path) -> None:
    async with opened(tmp_path / "q") as store:
        one, other = await put(store, numbered(1), "a", "b")
        await deliver(store, one)
        await store.load(other)
        await deliver(store, other)
        with pytest.raises(StoreFailed):
            await store.read(one.payload)
        assert await store.books("a") == {("accepted", "event", None): 1,
                                          ("delivered", "event", None): 1}  # fmt: skip


async def test_numbers_are_never_given_twice(tmp_path: Path) -> None:
    async with opened(tmp_path / "q") as store:
        (first,) = await put(store, numbered(1), "a")
        await deliver(store, first)
    async with opened(tmp_path / "q") as store:
        (second,) = await put(store, numbered(2), "a")
        assert second.number > first.number
        assert second.payload > first.payload


async def test_what_is_settled_twice_is_booked_once(tmp_path: Path) -> None:
    async with opened(tmp_path / "q") as store:
        (record,) = await put(store, numbered(1), "a")
        await asyncio.gather(deliver(store, record), deliver(store, record))
        await deliver(store, record)
        assert (await store.books("a"))["delivered", "event", None] == 1
        assert await balances(store, "a")


async def test_drops_are_booked_by_reason(tmp_path: Path) -> None:
    async with opened(tmp_path / "q") as store:
        for reason in ("invalid", "expired", "expired"):
            (record,) = await put(store, numbered(1), "a")
            await store.settle(record, booked("dropped", record.counts, "a", reason=reason))
        assert await store.books("a") == {
            ("accepted", "event", None): 3,
            ("dropped", "event", "expired"): 2,
            ("dropped", "event", "invalid"): 1,
        }


async def test_many_at_once_go_in_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commits = 0
    run = Transactions.run

    def counted(self: Transactions, batch: Sequence[Operation]) -> None:
        nonlocal commits
        run(self, batch)
        commits += 1

    monkeypatch.setattr(Transactions, "run", counted)
    async with opened(tmp_path / "q") as store:
        records = await asyncio.gather(*(put(store, numbered(n), "a", "b") for n in range(300)))
        numbers = [record.number for pair in records for record in pair]
        assert sorted(numbers) == list(range(1, 601))
        assert await store.queued() == {("a", "event"): 300, ("b", "event"): 300}
        await asyncio.gather(*(deliver(store, record) for pair in records for record in pair))
        assert await store.queued() == {}
        assert await balances(store, "a", "b")
    assert commits < 30  # of 900 operations


async def test_a_shipment_for_nobody_is_not_stored(tmp_path: Path) -> None:
    async with opened(tmp_path / "q") as store:
        counts = numbered(1).types
        bookings = [
            *booked("accepted", counts, "a", "b"),
            *booked("dropped", counts, "a", reason="unsupported"),
        ]
        shipments = [Shipment(numbered(1), "p1", {}), Shipment(numbered(2), "p1", {"b": counts})]
        (record,) = await store.put(shipments, bookings, NOW)
        assert number_of(await store.load(record)) == 2
        assert await balances(store, "a", "b")


async def test_one_payload_that_cannot_be_written_stops_no_other(tmp_path: Path) -> None:
    class Unwritable(Envelope):
        def encode(self, **_: object) -> bytes:
            raise RuntimeError("quotes a secret")

    bad = Unwritable("shop", RECEIVED, {})
    async with opened(tmp_path / "q") as store:
        shipment = Shipment(bad, "p1", {"a": {"event": 1}})
        good = [put(store, numbered(n), "a") for n in range(3)]
        failed, *done = await asyncio.gather(
            store.put([shipment], [], NOW), *good, return_exceptions=True
        )
        assert isinstance(failed, StoreFailed)
        assert not any(isinstance(each, BaseException) for each in done)
        assert await store.queued() == {("a", "event"): 3}


async def test_delivered_payloads_are_kept_as_long_as_wanted(tmp_path: Path) -> None:
    async with opened(tmp_path / "q", small(retain=60)) as store:
        for number in range(3):
            one, other = await put(store, numbered(number), "a", "b")
            await deliver(store, one)
            await store.settle(other, booked("dropped", other.counts, "b", reason="invalid"))
        kept = [each async for each in store.select("delivered", Selection())]
        assert [each.deliveries for each in kept] == [{"a": {"event": 1}}] * 3
        assert [number_of(await store.read(each.payload)) for each in kept] == [0, 1, 2]
    async with opened(tmp_path / "q") as store:
        await chores_done(store)
        assert [each async for each in store.select("delivered", Selection())] == []
        with pytest.raises(StoreFailed):
            await store.read(kept[0].payload)


async def test_stored_payloads_are_found_by_destination_and_time(tmp_path: Path) -> None:
    async with opened(tmp_path / "q") as store:
        payloads = [numbered(number) for number in range(250)]
        for number, payload in enumerate(payloads):
            payload.received = 1000.0 + number
        both = [["a", "b"] if number % 2 else ["a"] for number in range(250)]
        await asyncio.gather(*(put(store, p, *to) for p, to in zip(payloads, both, strict=True)))
        window = Selection("b", since=1100.0, until=1200.0)
        found = [each async for each in store.select("waiting", window)]
        assert [each.received for each in found] == [1101.0 + 2 * n for n in range(50)]
        assert [each.deliveries for each in found] == [{"b": {"event": 1}}] * 50
        everything = [each async for each in store.select("waiting", Selection())]
        assert len(everything) == 250
        rest = [each async for each in store.select("waiting", window, after=found[30].payload)]
        assert rest == found[31:]


async def test_what_is_remembered_is_there_again(tmp_path: Path) -> None:
    async with opened(tmp_path / "q") as store:
        assert await store.recall("cursor") is None
        await store.remember({"cursor": "1", "other": "x"})
        await store.put([], [], NOW, remember={"cursor": "2"})
    async with opened(tmp_path / "q") as store:
        assert await store.recall("cursor") == "2"
        assert await store.recall("other") == "x"


async def test_a_closed_store_says_so(tmp_path: Path) -> None:
    async with opened(tmp_path / "q") as store:
        await put(store, numbered(1), "a")
    with pytest.raises(StoreFailed):
        await put(store, numbered(2), "a")
    with pytest.raises(StoreFailed):
        await store.waiting("a")
    await store.close()


async def test_what_was_given_to_a_destination_is_not_counted_for_it_again(tmp_path: Path) -> None:
    async def left(among: Among) -> list[Counts]:
        selected = store.select(among, Selection("a"), without="b")
        return [each.deliveries["a"] async for each in selected]

    async with opened(tmp_path / "q", small(retain=60.0)) as store:
        payloads = [envelope(event(), attachment=b"notes") for _ in range(4)]
        first, _, delivered, _ = [
            (await put(store, payload, *to))[0]
            for payload, to in zip(payloads, ["a", "ab", "a", "a"], strict=True)
        ]
        everything = first.counts
        assert await left("waiting") == [everything, {}, everything, everything]
        marks: list[Given] = [(first.payload, "b", "event")]
        await store.put([], [], NOW, given=marks)
        await store.put([], [], NOW, given=marks)
        assert await left("waiting") == [{"attachment": 1}, {}, everything, everything]
        await deliver(store, delivered)
        assert await left("waiting") == [{"attachment": 1}, {}, everything]
        await store.put([], [], NOW, given=[(delivered.payload, "b", "event")])
        assert await left("delivered") == [{"attachment": 1}]
    async with opened(tmp_path / "q", small(retain=60.0)) as store:
        assert await left("waiting") == [{"attachment": 1}, {}, everything]


async def test_what_somebody_has_or_may_have_while_it_waits_elsewhere_is_not_counted_for_them(
    tmp_path: Path,
) -> None:
    reasons: Sequence[DropReason] = ("unclear", "invalid")
    async with opened(tmp_path / "q") as store:
        payloads = [envelope(event(), attachment=b"notes"), numbered(1), numbered(2)]
        at = [await put(store, payload, *"ab") for payload in payloads]
        await deliver(store, at[0][1])
        for (_, record), reason in zip(at[1:], reasons, strict=True):
            gone = booked("dropped", record.counts, "b", reason=reason)
            await store.settle(record, gone)
        selected = store.select("waiting", Selection("a"), without="b")
        left = [each.deliveries["a"] async for each in selected]
        assert left == [{}, {}, {"event": 1}]
        for at_a, _ in at:
            await deliver(store, at_a)
    with closing(sqlite3.connect(tmp_path / "q" / "queue.db")) as file:
        assert file.execute("SELECT count(*) FROM given").fetchone() == (0,)


async def test_what_somebody_has_of_a_request_in_another_payload_is_not_counted_for_them(
    tmp_path: Path,
) -> None:
    async def left(source: str, without: str) -> list[Counts]:
        selected = store.select("waiting", Selection(source), without=without)
        return [each.deliveries[source] async for each in selected]

    async with opened(tmp_path / "q") as store:
        counts = numbered(1).types
        of_one_request = [Shipment(numbered(1), f"p{each}", {each: counts}) for each in "ab"]
        of_a, of_b = await store.put(of_one_request, booked("accepted", counts, *"ab"), NOW)
        assert of_a.payload != of_b.payload
        await put(store, numbered(2), "a")
        assert await left("a", without="b") == [{}, counts]
        await deliver(store, of_b)  # its payload is gone
        assert await left("a", without="b") == [{}, counts]
        copy = Shipment(numbered(1), "pc", {"c": counts}, origin=of_a.payload)
        (of_c,) = await store.put([copy], booked("accepted", counts, "c"), NOW)
        assert [await left("c", without=each) for each in "ab"] == [[{}], [{}]]
        await deliver(store, of_a)
        assert [await left("c", without=each) for each in "abd"] == [[{}], [{}], [counts]]
        await deliver(store, of_c)
    with closing(sqlite3.connect(tmp_path / "q" / "queue.db")) as file:
        assert file.execute("SELECT count(*) FROM given").fetchone() == (0,)


async def test_what_somebody_had_is_known_after_it_was_kept_long_enough(tmp_path: Path) -> None:
    async with opened(tmp_path / "q", small(retain=60.0)) as store:
        (of_a,) = await put(store, numbered(1), "a")
        await deliver(store, of_a)
        copy = Shipment(numbered(1), "pb", {"b": of_a.counts}, origin=of_a.payload)
        await store.put([copy], booked("accepted", of_a.counts, "b"), NOW)
    with closing(sqlite3.connect(tmp_path / "q" / "queue.db")) as file:
        file.execute("UPDATE retained SET delivered = 0")
        file.commit()
    async with opened(tmp_path / "q", small(retain=60.0)) as store:
        while [each async for each in store.select("delivered", Selection("a"))]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)  # what is due is forgotten soon after the start
        selected = store.select("waiting", Selection("b"), without="a")
        assert [each.deliveries["b"] async for each in selected] == [{}]


async def test_a_record_ends_with_what_takes_its_place(tmp_path: Path) -> None:
    async with opened(tmp_path / "q") as store:
        (record,) = await put(store, numbered(1), "a")
        counts = record.counts
        new = Shipment(numbered(1), "p1", {"b": counts})
        moved = booked("dropped", counts, "a", reason="moved")
        accepted = booked("accepted", counts, "b")
        marks: list[Given] = [(record.payload, "b", "event")]
        await store.put([new], accepted, NOW, given=marks, ended=[(record, moved)])
        assert await balances(store, "a", "b")
        assert (await store.books("a"))["dropped", "event", "moved"] == 1
        assert await store.waiting("a") == []
        assert [each.destination for each in await store.waiting("b")] == ["b"]


async def test_what_takes_the_place_of_a_record_is_of_its_request_its_age_and_its_marks(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path / "q") as store:
        (record,) = await put(store, logs("one", "two", "three"), "a")
        given: Given = (record.payload, "b", "log_record")
        await store.put([], [], NOW, given=[given])
        record.sent, record.passed = "perhaps", "p2"
        portions = [logs("one"), logs("two")]
        shipments = [Shipment(each, "p2", {"a": each.types}, sent="perhaps") for each in portions]
        dropped = [Booking("a", "dropped", "log_record", 1, "filtered")]
        new = await store.replace(record, shipments, dropped)
    async with opened(tmp_path / "q") as store:
        waiting = await store.waiting("a")
        assert [each.number for each in waiting] == [each.number for each in new]
        assert [each.sent for each in waiting] == ["perhaps", "perhaps"]
        assert [each.enqueued for each in waiting] == [record.enqueued] * 2
        assert {each.policy for each in waiting} == {"p2"}
        found = [stored async for stored in store.select("waiting", Selection("a"), without="b")]
        assert [stored.deliveries for stored in found] == [{"a": {}}, {"a": {}}]
        assert await balances(store, "a")


async def all_chores_done(store: DiskStore) -> None:
    """Return when no more copies go."""
    before = -1
    while before != store.copies.lost:
        before = store.copies.lost
        await chores_done(store)


async def test_copies_give_way_where_the_file_becomes_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(chores, "_LATER", 0.0)
    most = 1 << 20
    options = DiskOptions(reserve=64 * 1024, retain_delivered=60, retain_delivered_size=most)
    async with opened(tmp_path / "q", options) as store:
        payloads = [numbered(n, secrets.token_hex(16 * 1024)) for n in range(120)]
        records = [(await put(store, each, "a", "b"))[0] for each in payloads]
        for record in records:
            await deliver(store, record)
        await all_chores_done(store)
        assert store.copies.lost == 120  # what waits for b alone is more
        for record in await store.waiting("b"):
            await deliver(store, record)
        await all_chores_done(store)
        kept = [each.payload async for each in store.select("delivered", Selection("b"))]
        assert kept == [record.payload for record in records[-len(kept) :]]
        assert 40 < len(kept) < 64  # of some 16 KiB each
        assert store.copies.lost == 240 - len(kept)
        assert await balances(store, "a", "b")
    told = "copies of what was delivered go before their time: service.retain_delivered_size"
    assert caplog.messages.count(told) == 1
