"""A WSGI application with opentelemetry-python: spans of HTTP server and database, and its logs.

Writes `clean.traces.pb` and `clean.logs.pb` of visits through a proxy on the same machine that say
nothing about the visitor, and `dirty.…` of visits that do: one OTLP request each.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl

# Before the instrumentations are imported: the names that are stable now.
os.environ["OTEL_SEMCONV_STABILITY_OPT_IN"] = "http,database"

import requests
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.instrumentation.dbapi import wrap_connect
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from benchmarks.senders.database import opened
from benchmarks.senders.payment import payment_service
from benchmarks.senders.shop import Charge, Query, Shop
from benchmarks.senders.visits import Visit, answer, call_wsgi, visits

_RESOURCE = Resource.create({
    "service.name": "shop", "service.version": "4.2.0", "service.namespace": "retail",
    "deployment.environment.name": "production", "k8s.pod.name": "shop-7c9d4b5f6-x2x9q",
    "cloud.region": "eu-west-1",
})  # fmt: skip


def application(shop: Shop, visit: Visit) -> Callable[..., Iterable[bytes]]:
    """The application for one visit; it names the route, as frameworks do."""

    def serve(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        route = "/orders/{number}" if path.startswith("/orders/") else path
        span = trace.get_current_span()
        span.set_attribute("http.route", route)
        span.update_name(f"{visit.method} {route}")
        body = environ["wsgi.input"].read()
        text = environ["QUERY_STRING"] if visit.method == "GET" else body.decode()
        try:
            answer(shop, path, dict(parse_qsl(text)), body, visit.number % 39 + 1)
        except Exception:
            logging.getLogger("shop.http").exception("%s %s failed", visit.method, path)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"done"]

    return serve


def personal(visit: Visit) -> Visit:
    """The same visit without a proxy, with an access token in its address."""
    query = f"{visit.query}&access_token={visit.number * 7919:032x}&email={visit.customer['email']}"
    return replace(visit, query=query, client=visit.customer["ip_address"])


class _Connection(sqlite3.Connection):
    """Tells the instrumentation what a connection of psycopg would tell it."""

    database, host, port, user = "shop", "orders-db.internal", 5432, "shop"


def database() -> Query:
    """The shop's database behind the instrumentation that those of all DB-API drivers are."""
    driver: Any = sqlite3
    wrap_connect(
        "opentelemetry.instrumentation.psycopg2", driver, "connect", "postgresql",
        {"database": "database", "host": "host", "port": "port", "user": "user"},
    )  # fmt: skip
    return opened(partial(sqlite3.connect, factory=_Connection))


def by_requests(address: str) -> Charge:
    """Ask with the library that is instrumented most."""

    def charge(body: bytes) -> dict[str, Any]:
        answer = requests.post(f"{address}/v1/charges", data=body, timeout=5)
        answer.raise_for_status()
        return dict(answer.json())

    return charge


def telling(query: Query, visit: Visit) -> Query:
    """Statements that carry values, as those of careless code do."""

    def told(statement: str, values: Sequence[Any]) -> list[Sequence[Any]]:
        note = f" /* for {visit.customer['email']} */"
        return query(statement + note, values)

    return told


def record(name: str, folder: Path, served: Iterable[Visit], query: Query, charge: Charge) -> None:
    """Serve visits and write what they leave."""
    spans, make_logs = InMemorySpanExporter(), cast("Callable[[], Any]", InMemoryLogRecordExporter)
    logs = make_logs()
    tracing.add_span_processor(SimpleSpanProcessor(spans))
    logging_.add_log_record_processor(SimpleLogRecordProcessor(logs))
    for visit in served:
        dirty = name == "dirty"
        shop = Shop(telling(query, visit) if dirty else query, charge)
        call_wsgi(OpenTelemetryMiddleware(application(shop, visit)), visit)
        if dirty:
            logging.getLogger("shop.http").warning(
                "slow visit of %s from %s", visit.customer["email"], visit.client
            )
    (folder / f"{name}.traces.pb").write_bytes(
        encode_spans(spans.get_finished_spans()).SerializeToString()
    )
    (folder / f"{name}.logs.pb").write_bytes(
        encode_logs(logs.get_finished_logs()).SerializeToString()
    )
    spans.shutdown()
    logs.shutdown()


tracing = TracerProvider(resource=_RESOURCE)
logging_ = LoggerProvider(resource=_RESOURCE)


def main() -> None:
    """Record both."""
    folder = Path(sys.argv[1])
    trace.set_tracer_provider(tracing)
    shop_log = logging.getLogger("shop")
    shop_log.setLevel(logging.DEBUG)
    shop_log.addHandler(LoggingHandler(logger_provider=logging_))
    RequestsInstrumentor().instrument()
    query = database()
    with payment_service() as payment:
        clean = [v for v in visits(120, personal=False) if v.path != "/login"]
        charge = by_requests(payment)
        record("clean", folder, clean, query, charge)
        dirty = (personal(visit) for visit in visits(120))
        record("dirty", folder, dirty, query, charge)


if __name__ == "__main__":
    main()
