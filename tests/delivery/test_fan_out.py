"""One payload on its way to several real destinations."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from pathlib import Path

from sanitised_payloads import envelope, event, logs
from scripted_exporter import ScriptedExporter, unreachable

from errlock.delivery.destination import Destination
from errlock.delivery.options import DeliveryOptions
from errlock.exporters.file import FileExporter, FileExporterConfig
from errlock.exporters.local import LocalExporter, LocalExporterConfig, LocalStore
from errlock.pipeline.component import Exporter
from errlock.pipeline.counters import Counters
from errlock.pipeline.payloads.envelope import Envelope


def destination(id_: str, exporter: Exporter, counters: Counters) -> Destination:
    log = logging.getLogger("errlock.test")
    return Destination(id_, exporter, DeliveryOptions(), counters, log)


async def test_each_destination_has_everything_once_although_one_is_dead(tmp_path: Path) -> None:
    counters = Counters()
    destinations = [
        destination("file", FileExporter(FileExporterConfig(path=str(tmp_path / "f"))), counters),
        destination("dead", ScriptedExporter(rest=unreachable()), counters),
        destination("local", LocalExporter(LocalExporterConfig(), tmp_path / "local"), counters),
    ]
    for one in destinations:
        await one.start()
    for number in range(50):
        payload = envelope(event(extra={"number": number}))
        for one in destinations:
            one.offer(payload)
            assert one.balance().holds
        await asyncio.sleep(0)
    for one in destinations:
        await one.stop(time.monotonic() + 30)
        assert one.balance().holds
    lines = [json.loads(line) for line in (tmp_path / "f").read_text().splitlines()]
    numbers = {line["items"][0]["json"]["extra"]["number"] for line in lines}
    assert len(lines) == len(numbers) == 50
    assert LocalStore(tmp_path / "local").count(type="event") == 50
    assert counters.total("exporter_sent", exporter="file") == 50
    assert counters.total("exporter_dropped", exporter="dead", reason="shutdown") == 50


async def test_documents_that_cannot_be_encoded_are_counted_and_the_others_arrive(
    tmp_path: Path,
) -> None:
    body = b'{}\n{"type":"event"}\n{"a": 1}\n{"type":"event"}\n{"a": hunter2}\n'
    payload = Envelope.decode(body, "shop", 0.0)
    counters = Counters()
    file = destination("file", FileExporter(FileExporterConfig(path=str(tmp_path / "f"))), counters)
    local = destination("local", LocalExporter(LocalExporterConfig(), tmp_path), counters)
    for one in (file, local):
        await one.start()
        one.offer(payload)
        await one.stop(time.monotonic() + 30)
        assert one.balance().delivered == {"event": 1}
        assert one.balance().dropped == {("event", "broken"): 1}
    assert "hunter2" not in (tmp_path / "f").read_text()


async def test_a_long_queue_reaches_the_store_whole(tmp_path: Path) -> None:
    counters = Counters()
    local = destination("local", LocalExporter(LocalExporterConfig(), tmp_path), counters)
    for number in range(200):
        local.offer(logs(f"record {number}"))
    await local.start()
    await local.stop(time.monotonic() + 30)
    assert LocalStore(tmp_path).count() == 200
    assert local.balance().delivered == {"log_record": 200}
