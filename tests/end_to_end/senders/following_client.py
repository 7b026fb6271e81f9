"""An application under load whose SDK follows a control document.

Run as a program with `sentry` or `otel` as its argument. Sends numbered events, `event 7 `, until
its standard input ends; then flushes and prints how many there were.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import Any

from errlock.pipeline import Pipeline
from errlock.pipeline.embed import Control, OtelSpanExporter, sentry_transport


def control() -> Control:
    return Control(
        url=os.environ["CONTROL_URL"],
        audience=os.environ["CONTROL_AUDIENCE"],
        keys=os.environ["CONTROL_KEYS"].split(),
        max_age=float(os.environ["CONTROL_MAX_AGE"]),
        name=os.environ["CONTROL_NAME"],
    )


def with_sentry(primary: str, standby: str) -> tuple[Callable[[int], object], Callable[[], object]]:
    import sentry_sdk

    transport = sentry_transport(
        Pipeline.default(),
        control=control(),
        standbys={"sentry/standby": f"http://key@127.0.0.1:{standby}/1"},
    )
    sentry_sdk.init(
        dsn=f"http://key@127.0.0.1:{primary}/1",
        transport=transport,
        _experiments={"transport_compression_level": 0},
    )
    return lambda n: sentry_sdk.capture_message(f"event {n} "), lambda: sentry_sdk.flush(20)


def with_otel(primary: str, standby: str) -> tuple[Callable[[int], object], Callable[[], object]]:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    def to(port: str) -> Callable[..., OTLPSpanExporter]:
        def make(session: Any) -> OTLPSpanExporter:
            return OTLPSpanExporter(f"http://127.0.0.1:{port}/v1/traces", session=session)

        return make

    exporter = OtelSpanExporter(
        to(primary),
        Pipeline.default(),
        control=control(),
        destination="sentry",
        standbys={"sentry/standby": to(standby)},
    )
    provider = TracerProvider()
    # The SDK's own queue drops what it has no room for, on a machine with more to do than this.
    batches = BatchSpanProcessor(exporter, max_queue_size=1 << 16, schedule_delay_millis=50)
    provider.add_span_processor(batches)
    tracer = provider.get_tracer("shop")
    return lambda n: tracer.start_span(f"event {n} ").end(), provider.shutdown


def main() -> None:
    make = {"sentry": with_sentry, "otel": with_otel}[sys.argv[1]]
    send, flush = make(os.environ["PRIMARY"], os.environ["STANDBY"])
    ended = threading.Event()

    def wait_for_the_end() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    number = 0
    while not ended.wait(0.004):
        send(number)
        number += 1
    flush()
    print(number)


if __name__ == "__main__":
    main()
