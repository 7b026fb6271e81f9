"""Sanitised documents in a terminal, and nothing that a terminal would act upon."""

from __future__ import annotations

import io
import logging
import os
from typing import IO

import pytest
from sanitised_payloads import EVENT_ID, TRACE_ID, envelope, event, logs

from errlock.exporters.debug import DebugExporter, DebugExporterConfig
from errlock.pipeline.component import Delivered, Settings
from errlock.pipeline.counters import Counters
from errlock.pipeline.errors import ExportFailed
from errlock.pipeline.payloads.document import Payload


async def shown(payload: Payload, config: DebugExporterConfig, stream: IO[str]) -> Delivered:
    exporter = DebugExporter(config, stream)
    await exporter.start()
    try:
        return await exporter.export(payload)
    finally:
        await exporter.stop()


async def text(payload: Payload, config: DebugExporterConfig | None = None) -> str:
    stream = io.StringIO()
    await shown(payload, config or DebugExporterConfig(), stream)
    return stream.getvalue()


async def test_each_document_is_a_line() -> None:
    assert await text(logs("payment refused", "two\nlines")) == (
        f"22:13:20  shop  log_record   payment refused  trace={TRACE_ID}\n"
        f"22:13:20  shop  log_record   two lines  trace={TRACE_ID}\n"
    )


async def test_basic_shows_each_request_as_a_line() -> None:
    config = DebugExporterConfig(verbosity="basic")
    assert await text(envelope(attachment=b"x"), config) == (
        "22:13:20  shop  1 event, 1 attachment\n"
    )


async def test_detailed_shows_the_content() -> None:
    config = DebugExporterConfig(verbosity="detailed")
    lines = (await text(envelope(event(extra={"cart": 3})), config)).splitlines()
    assert lines[0] == (
        "22:13:20  shop  event        PaymentError: card [card] refused  "
        f"trace={TRACE_ID} event={EVENT_ID}"
    )
    assert '      "extra": {' in lines
    assert '        "cart": 3' in lines


async def test_lost_documents_are_not_shown() -> None:
    payload = logs("one", "two")
    payload.documents[0].dropped = "sampled"
    assert (await text(payload)).count("\n") == 1


@pytest.mark.parametrize("verbosity", ["basic", "normal", "detailed"])
async def test_no_control_character_of_a_document_reaches_the_terminal(verbosity: str) -> None:
    hostile = "\x1b]52;c;cm0gLXJmIH4=\x07 \x9b31m \u202e \x7f \r"
    payload = envelope(
        event(exception={"values": [{"type": hostile, "value": hostile}]}, extra={hostile: hostile})
    )
    payload.project = hostile
    config = DebugExporterConfig(verbosity=verbosity)  # type: ignore[arg-type]  # a Literal
    shown_text = await text(payload, config)
    assert not set("\x1b\x07\x9b\u202e\x7f\r") & set(shown_text)
    assert "\\x1b]52" in shown_text


async def test_there_are_colours_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    leader, follower = os.openpty()
    with os.fdopen(follower, "w", encoding="utf-8") as terminal, os.fdopen(leader, "rb") as screen:
        await shown(envelope(), DebugExporterConfig(), terminal)
        assert b"\x1b[31mevent" in screen.read1()
    assert "\x1b" not in await text(envelope())


async def test_it_writes_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    log = logging.getLogger("errlock.test")
    exporter = DebugExporterConfig().build(Settings(id="debug", counters=Counters(), log=log))
    await exporter.start()
    assert await exporter.export(logs()) == Delivered(1)
    await exporter.stop()
    assert "payment refused" in capsys.readouterr().out


async def test_a_reader_that_went_away_is_a_permanent_failure() -> None:
    read, write = os.pipe()
    os.close(read)
    stream = os.fdopen(write, "w", encoding="utf-8")
    with pytest.raises(ExportFailed) as failure:
        await shown(logs(), DebugExporterConfig(), stream)
    assert (failure.value.kind, failure.value.retryable) == ("closed", False)
    with pytest.raises(BrokenPipeError):
        stream.close()
