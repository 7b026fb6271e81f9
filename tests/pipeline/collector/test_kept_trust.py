"""What people say about trust, put in force."""

import pytest

from errlock.exporters.debug import DebugExporter
from errlock.pipeline.collector.collector import Collector
from errlock.pipeline.collector.kept_trust import KeptTrust
from errlock.pipeline.config import loads


async def test_an_exporter_that_fails_to_abort_keeps_none_of_another_graph_from_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    aborted: list[DebugExporter] = []

    def jammed(exporter: DebugExporter) -> None:
        aborted.append(exporter)
        raise RuntimeError("quotes a secret")

    monkeypatch.setattr(DebugExporter, "abort", jammed)
    config = loads("""
        receivers: { sentry: }
        processors: { redact: }
        exporters: { debug: }
        service:
          storage: memory
          pipelines: { errors: { receivers: [sentry], processors: [redact], exporters: [debug] } }
    """)
    old, new = Collector(config), Collector(config)
    trust = KeptTrust(config.service, old.graph, old.store, None)
    trust.rule(old.graph, new.graph)
    trust._abort("debug")
    assert aborted == [each.destinations["debug"].exporter for each in (old, new)]
    assert caplog.messages == ["debug: its exporter did not abort: RuntimeError"] * 2
