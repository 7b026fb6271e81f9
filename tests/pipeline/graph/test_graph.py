"""How a configuration becomes running parts."""

import asyncio
import gc
import json
import tracemalloc
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from weakref import ref

import pytest

from errlock.delivery.clock import Clock
from errlock.delivery.store import Booking, MemoryStore, Record, Shipment
from errlock.pipeline.config import loads
from errlock.pipeline.counters import Counters
from errlock.pipeline.errors import ConfigError
from errlock.pipeline.graph.graph import Graph, Surroundings, build
from errlock.pipeline.graph.routes import RouteSink
from errlock.pipeline.payloads.document import Payload
from errlock.pipeline.payloads.envelope import Envelope
from errlock.pipeline.payloads.otlp import OtlpRequest
from errlock.policy.keyring.pseudonyms import new_key

CONFIG = """
receivers: {{ sentry: }}
processors: {{ {processors} }}
exporters:
{exporters}
service:
  storage: memory
  pipelines:
    errors: {{ receivers: [sentry], processors: [{chain}], exporters: [{names}] }}
"""


def graph(
    processors: str, exporters: str, chain: str = "redact", before: Graph | None = None
) -> Graph:
    names = ", ".join(line.partition(":")[0].strip() for line in exporters.splitlines() if line)
    written = CONFIG.format(processors=processors, exporters=exporters, chain=chain, names=names)
    with ThreadPoolExecutor(1) as executor:
        config, store = loads(written, {}), MemoryStore()
        return build(config, Surroundings(Counters(), executor, store, Clock()), before)


def branches(built: Graph) -> list[list[str]]:
    sink = built.sinks["sentry"]
    assert isinstance(sink, RouteSink)
    [route] = sink._routes
    return [[destination.id for destination in each.destinations] for each in route._branches]


def test_destinations_under_one_policy_share_one_rendering() -> None:
    assert branches(graph("redact: {}", "  debug:\n  debug/b:")) == [["debug", "debug/b"]]


def test_pseudonyms_of_their_own_make_destinations_differ() -> None:
    key = new_key()
    hashing = f'redact: {{}}, hash: {{ key: "{key}" }}'
    assert branches(graph(hashing, "  debug:\n  debug/b:", "hash, redact")) == [
        ["debug"],
        ["debug/b"],
    ]
    shared = f'redact: {{}}, hash: {{ key: "{key}", scope: shared }}'
    assert branches(graph(shared, "  debug:\n  debug/b:", "hash, redact")) == [["debug", "debug/b"]]


def test_a_destination_may_have_a_stricter_policy() -> None:
    processors = "redact: {}, redact/strict: { profile: strict }"
    built = graph(processors, "  debug:\n  debug/b: { processors: [redact/strict] }")
    assert branches(built) == [["debug"], ["debug/b"]]


def test_a_destination_may_not_have_a_looser_policy() -> None:
    processors = f'redact: {{}}, hash: {{ classes: [pii.email], key: "{new_key()}" }}'
    with pytest.raises(ConfigError) as error:
        graph(processors, "  debug: { processors: [hash] }")
    assert str(error.value) == (
        "exporters.debug.processors: would make pii.email pseudonym, which pipeline 'errors' "
        "leaves removed; an exporter's own processors may only be stricter"
    )


def test_a_graph_that_was_replaced_is_let_go() -> None:
    first = graph("redact: {}", "  debug:")
    gate = ref(first.gate)
    second = graph("redact: { profile: strict }", "  debug:", before=first)
    first.put_in_force()
    second.put_in_force()
    assert second.destinations == first.destinations, "it lives through the change"
    del first
    gc.collect()
    assert gate() is None, "each reload would take memory for good"


def test_what_only_shows_when_a_component_is_built_is_told_with_its_path(tmp_path: Path) -> None:
    missing = tmp_path / "nowhere.json"
    hashing = f'hash: {{ key: "{new_key()}", keyring: "{missing}" }}'
    with pytest.raises(ConfigError) as error:
        graph(hashing, "  debug:", "hash")
    assert str(error.value).startswith("processors.hash.keyring: ")


def test_a_processor_is_built_once_a_pipeline(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    command = f'[sh, -c, "echo run >> {ran}; echo a-long-known-value"]'
    graph(f"redact: {{ known_values: {{ command: {command} }} }}", "  debug:\n  debug/b:")
    assert ran.read_text().splitlines() == ["run"]


class SlowStore(MemoryStore):
    """One whose commits take as long as a test wants."""

    def __init__(self) -> None:
        super().__init__()
        self.putting, self.done = asyncio.Event(), asyncio.Event()

    async def put(
        self, shipments: Sequence[Shipment], bookings: Sequence[Booking], now: float
    ) -> list[Record]:
        self.putting.set()
        await self.done.wait()
        return await super().put(shipments, bookings, now)


async def test_what_is_being_stored_is_on_its_way_though_its_sender_has_gone() -> None:
    store = SlowStore()
    written = CONFIG.format(
        processors="redact: {}", exporters="  debug:", chain="redact", names="debug"
    )
    with ThreadPoolExecutor(1) as executor:
        built = build(loads(written, {}), Surroundings(Counters(), executor, store, Clock()))
        event = Envelope.from_event({"message": "hello"})
        accepting = asyncio.create_task(built.sinks["sentry"].accept(event))
        await store.putting.wait()
        accepting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await accepting
        empty = asyncio.create_task(built.gate.empty())
        await asyncio.sleep(0)
        assert not empty.done(), "a reload would end what still gets a record"
        store.done.set()
        await empty
        assert built.destinations["debug"].status().queued_documents == 1


def event_of(number: int) -> Envelope:
    extra = {str(number): f"a line of text {number}" for number in range(1000)}
    event = {"message": f"mail to jane{number}@corp.example", "extra": extra}
    return Envelope.from_event(json.dumps(event).encode())


def logs_of(number: int) -> OtlpRequest:
    texts = [{"key": f"a{each}", "value": {"stringValue": "a line of text"}} for each in range(50)]
    mails = [f"mail to jane{number}.{each}@corp.example" for each in range(10)]
    records = [{"body": {"stringValue": mail}, "attributes": texts} for mail in mails]
    request = {"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}
    return OtlpRequest.decode_json(json.dumps(request).encode(), "logs")


@pytest.mark.parametrize("made", [event_of, logs_of])
async def test_what_waits_in_memory_takes_what_it_counts_for_though_it_was_read_and_changed(
    made: Callable[[int], Payload],
) -> None:
    store = MemoryStore()
    written = CONFIG.format(
        processors="redact: {}", exporters="  debug:", chain="redact", names="debug"
    )
    with ThreadPoolExecutor(1) as executor:
        built = build(loads(written, {}), Surroundings(Counters(), executor, store, Clock()))
        await built.sinks["sentry"].accept(made(0))  # what is loaded and remembered only once
        before = built.destinations["debug"].status().queued_bytes
        size = 0
        tracemalloc.start()
        try:
            for number in range(1, 21):
                payload = made(number)
                await built.sinks["sentry"].accept(payload)
                size += payload.size
            del payload
            gc.collect()
            taken, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    counted = built.destinations["debug"].status().queued_bytes - before
    assert counted > 0.9 * size
    assert taken < 1.5 * counted
