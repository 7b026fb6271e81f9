"""An application that embeds errlock and keeps an account of what it sends.

Run as a program with `sentry` or `otel`. For each line of its standard input it sends that many
events, `mail user7@example.com` and so on, flushes the SDK and prints how many there were so far;
`fork N` has a child process send them. At the end of the input it ends as programs do.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable

from errlock.pipeline import Pipeline
from errlock.pipeline.embed import Ledger, OtelLogExporter, sentry_transport


def with_sentry(
    backend: str, ledger: Ledger
) -> tuple[Callable[[str], object], Callable[[], object]]:
    import sentry_sdk

    sentry_sdk.init(
        dsn=f"http://key@127.0.0.1:{backend}/1",
        transport=sentry_transport(Pipeline.default(), ledger=ledger),
        environment="prod",
    )
    return sentry_sdk.capture_message, lambda: sentry_sdk.flush(20)


def with_otel(backend: str, ledger: Ledger) -> tuple[Callable[[str], object], Callable[[], object]]:
    import logging

    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
    from opentelemetry.sdk.resources import Resource

    exporter = OtelLogExporter(
        OTLPLogExporter(f"http://127.0.0.1:{backend}/v1/logs"), Pipeline.default(), ledger=ledger
    )
    provider = LoggerProvider(Resource({"service.name": "shop", "deployment.environment": "prod"}))
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    log = logging.getLogger("shop")
    log.addHandler(LoggingHandler(logger_provider=provider))
    log.propagate = False
    return log.error, provider.force_flush


def main() -> None:
    ledger = Ledger(**json.loads(os.environ["LEDGER"]))
    make = {"sentry": with_sentry, "otel": with_otel}[sys.argv[1]]
    send, flush = make(os.environ["BACKEND"], ledger)
    sent = 0

    def send_some(amount: int) -> None:
        nonlocal sent
        for _ in range(amount):
            send(f"mail user{sent}@example.com")
            sent += 1
        flush()

    for line in sys.stdin:
        word, _, amount = line.strip().rpartition(" ")
        if word == "fork":
            if os.fork() == 0:
                send_some(int(amount))
                sys.exit()  # as a forked server's worker does: what is registered for it runs
            os.wait()
            sent += int(amount)
        else:
            send_some(int(amount))
        if word == "hand":
            ledger.flush(30)
        print(sent, flush=True)


if __name__ == "__main__":
    main()
