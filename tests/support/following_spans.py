"""An application whose spans go where a control document lets them: a real provider of the SDK."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from live_control import AUDIENCE, KEYS, ControlServer, bundle, online, release
from mask_canaries import masking
from metered_sink import MeteredSink
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from errlock.pipeline.api import Pipeline
from errlock.pipeline.embed import Control, OtelSpanExporter


@contextmanager
def follow(fleet: ControlServer, **how: Any) -> Iterator[Control]:
    """What several exporters may share."""
    control = Control(url=fleet.url, audience=AUDIENCE, keys=[str(key) for key in KEYS], **how)
    yield control
    control.close()


def spans_to(sink: MeteredSink, **more: Any) -> Callable[..., OTLPSpanExporter]:
    """What makes the SDK's exporter to a sink."""

    def make(session: Any) -> OTLPSpanExporter:
        endpoint = f"http://127.0.0.1:{sink.port}/v1/traces"
        return OTLPSpanExporter(endpoint=endpoint, session=session, **more)

    return make


@contextmanager
def tracing(
    fleet: ControlServer,
    make: Callable[..., Any],
    standbys: Mapping[str, Callable[..., Any]] | None = None,
    pipeline: Pipeline | None = None,
    **how: Any,
) -> Iterator[TracerProvider]:
    """A real provider whose spans go where the control document lets them."""
    with follow(fleet, **how) as control:
        provider = TracerProvider(shutdown_on_exit=False)
        exporter = OtelSpanExporter(
            make, pipeline or masking(), control=control, standbys=standbys, operators=["o.example"]
        )
        provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=20))
        try:
            yield provider
        finally:
            provider.shutdown()


def trace(provider: TracerProvider, *numbers: int) -> None:
    """Make a span of each number."""
    for number in numbers:
        provider.get_tracer("shop").start_span(f"event {number} ").end()


def lift(fleet: ControlServer, name: str = "otlp") -> None:
    """Release a destination: it is trusted again."""
    fleet.document = bundle(online(), release(1, {name: time.time()}))
