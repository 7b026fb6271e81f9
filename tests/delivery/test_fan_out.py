"""One payload on its way to several real destinations."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path

from sanitised_payloads import envelope, event, logs
from scripted_exporter import ScriptedExporter, unreachable

from errlock.delivery.clock import Clock
from errlock.delivery.destination import Destination
from errlock.delivery.offering import Offer, offer
from errlock.delivery.options import DeliveryOptions
from errlock.delivery.store import MemoryStore
from errlock.exporters.file import FileExporter, FileExporterConfig
from errlock.exporters.local import LocalExporter, LocalExporterConfig, LocalStore
from errlock.pipeline.component import Exporter
from errlock.pipeline.counters import Counters
from errlock.pipeline.payloads.document import Payload
from errlock.pipeline.payloads.envelope import Envelope

CLOCK = Clock()


def destination(
    id_: str, exporter: Exporter, counters: Counters, store: MemoryStore
) -> Destination:
    log = logging.getLogger("errlock.test")
    return Destination(id_, exporter, DeliveryOptions(), counters, log, store, clock=CLOCK)


async def offered(store: MemoryStore, payload: Payload, *destinations: Destination) -> None:
    await offer(store, [Offer(payload, "p:1", destinations)], CLOCK)


async def test_each_destination_has_everything_once_although_one_is_dead(tmp_path: Path) -> None:
    counters, store = Counters(), MemoryStore()
    destinations = [
        destination(
            "file", FileExporter(FileExporterConfig(path=str(tmp_path / "f"))), counters, store
        ),
        destination("dead", ScriptedExporter(rest=unreachable()), counters, store),
        destination(
            "local", LocalExporter(LocalExporterConfig(), tmp_path / "local"), counters, store
        ),
    ]
    for one in destinations:
        await one.start()
    for number in range(50):
        payload = envelope(event(extra={"number": number}))
        await offered(store, payload, *destinations)
        assert all(one.balance().holds for one in destinations)
        await asyncio.sleep(0)
    for one in destinations:
        await one.stop(CLOCK.now() + 30)
        assert one.balance().holds
    lines = [json.loads(line) for line in (tmp_path / "f").read_text().splitlines()]
    numbers = {line["items"][0]["json"]["extra"]["number"] for line in lines}
    assert len(lines) == len(numbers) == 50
    assert LocalStore(tmp_path / "local").count(type="event") == 50
    assert counters.total("exporter_sent", exporter="file") == 50
    assert counters.total("exporter_dropped", exporter="dead", reason="shutdown") == 50


async def test_documents_that_cannot_be_encoded_are_marked_and_the_others_arrive(
    tmp_path: Path,
) -> None:
    body = b'{}\n{"type":"event"}\n{"a": 1}\n{"type":"event"}\n{"a": hunter2}\n'
    for one in (
        FileExporter(FileExporterConfig(path=str(tmp_path / "f"))),
        LocalExporter(LocalExporterConfig(), tmp_path),
    ):
        payload = Envelope.decode(body, "shop", 0.0)
        await one.start()
        await one.export(payload)
        await one.stop()
        assert [each.lost for each in payload.documents] == [None, "broken"]
    assert len((tmp_path / "f").read_text().splitlines()) == 1
    assert "hunter2" not in (tmp_path / "f").read_text()
    assert LocalStore(tmp_path).count(type="event") == 1


async def test_a_long_queue_reaches_the_store_whole(tmp_path: Path) -> None:
    counters, store = Counters(), MemoryStore()
    local = destination("local", LocalExporter(LocalExporterConfig(), tmp_path), counters, store)
    for number in range(200):
        await offered(store, logs(f"record {number}"), local)
    await local.start()
    await local.stop(CLOCK.now() + 30)
    assert LocalStore(tmp_path).count() == 200
    assert local.balance().delivered == {"log_record": 200}
