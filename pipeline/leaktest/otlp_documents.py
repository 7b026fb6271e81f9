"""OTLP export requests as SDKs and collectors send them, in OTLP's JSON, and their slots.

Source: https://opentelemetry.io/docs/specs/otlp/ and opentelemetry-proto.
"""

from __future__ import annotations

import json
from typing import Any

from ..formats import FORMATS
from ..payloads.document import Payload
from .slots import Slot

_TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
_SPAN = "00f067aa0ba902b7"
_TIME = "1763900000250000000"


def _attributes(**pairs: str) -> list[dict[str, Any]]:
    return [
        {"key": key.replace("__", "."), "value": {"stringValue": value}}
        for key, value in pairs.items()
    ]


def _around(record: str, within: str, records: list[Any], outer: str) -> dict[str, Any]:
    resource = {"attributes": _attributes(service__name="shop", service__version="7.15.8")}
    scope = {"name": "shop.checkout", "version": "1.4.0", "attributes": _attributes(team="cart")}
    return {outer: [{"resource": resource, within: [{"scope": scope, record: records}]}]}


def _log(body: Any) -> dict[str, Any]:
    return {
        "timeUnixNano": _TIME, "severityNumber": 17, "severityText": "ERROR", "body": body,
        "attributes": _attributes(region="north", code__function__name="charge_order"),
        "traceId": _TRACE, "spanId": _SPAN,
    }  # fmt: skip


def _span() -> dict[str, Any]:
    return {
        "traceId": _TRACE, "spanId": _SPAN, "name": "POST /checkout", "kind": 2,
        "startTimeUnixNano": _TIME, "endTimeUnixNano": _TIME, "traceState": "shop=3",
        "attributes": _attributes(http__request__method="POST", db__query__text="SELECT 1"),
        "status": {"code": 2, "message": "refused"},
        "events": [
            {"timeUnixNano": _TIME, "name": "retry", "attributes": _attributes(queue="orders")},
            {"timeUnixNano": _TIME, "name": "exception", "attributes": _attributes(
                exception__type="PaymentRefused", exception__message="refused",
                exception__stacktrace="Traceback (most recent call last):")},
        ],
        "links": [{"traceId": _TRACE, "spanId": _SPAN, "attributes": _attributes(queue="orders")}],
    }  # fmt: skip


def _metric() -> dict[str, Any]:
    point = {
        "attributes": _attributes(region="north"), "timeUnixNano": _TIME, "asInt": "3",
        "exemplars": [{"timeUnixNano": _TIME, "asInt": "3", "traceId": _TRACE, "spanId": _SPAN,
                       "filteredAttributes": _attributes(queue="orders")}],
    }  # fmt: skip
    return {
        "name": "shop.cart.size", "description": "articles in a cart", "unit": "{article}",
        "metadata": _attributes(source="sdk"), "gauge": {"dataPoints": [point]},
    }  # fmt: skip


def documents() -> dict[str, Any]:
    """A document of each kind, by name."""
    bodies = [
        {"stringValue": "refused"},
        {"kvlistValue": {"values": _attributes(queue="orders")}},
        {"arrayValue": {"values": [{"intValue": "2"}, {"stringValue": "x"}]}},
        {"kvlistValue": {"values": [
            {"key": "cart", "value": {"kvlistValue": {"values": _attributes(size="3")}}}]}},
        {"bytesValue": "eA=="},
    ]  # fmt: skip
    return {
        "otlp-logs": _around("logRecords", "scopeLogs", [_log(b) for b in bodies], "resourceLogs"),
        "otlp-traces": _around("spans", "scopeSpans", [_span()], "resourceSpans"),
        "otlp-metrics": _around("metrics", "scopeMetrics", [_metric()], "resourceMetrics"),
    }


def _slot(document: str, name: str, prefix: str, path: str, **options: Any) -> Slot:
    steps = f"{prefix}.{path}".split(".")
    return Slot(document, name, tuple(int(s) if s.isdigit() else s for s in steps), **options)


def slots() -> list[Slot]:
    """Every place."""
    found: list[Slot] = []
    for document, outer, within in (
        ("otlp-logs", "resourceLogs", "scopeLogs"),
        ("otlp-traces", "resourceSpans", "scopeSpans"),
        ("otlp-metrics", "resourceMetrics", "scopeMetrics"),
    ):
        scope = f"{outer}.0.{within}.0.scope"
        found += [
            _slot(document, "resource.attributes", f"{outer}.0", "resource.attributes",
                  shape="attributes"),
            _slot(document, "scope.name", scope, "name", reads="names"),
            _slot(document, "scope.version", scope, "version", reads="names"),
            _slot(document, "scope.attributes", scope, "attributes", shape="attributes"),
        ]  # fmt: skip
    return [*found, *_log_slots(), *_span_slots(), *_metric_slots()]


def _log_slots() -> list[Slot]:
    records = "resourceLogs.0.scopeLogs.0.logRecords"
    place = "otlp-logs"
    return [
        _slot(place, "body", records, "0.body.stringValue"),
        _slot(place, "body (kvlist)", records, "1.body.kvlistValue.values", shape="attributes"),
        _slot(place, "body (array)", records, "2.body.arrayValue.values.1.stringValue"),
        _slot(place, "body (nested)", records,
              "3.body.kvlistValue.values.0.value.kvlistValue.values", shape="attributes"),
        _slot(place, "body (bytes)", records, "4.body.bytesValue", shape="bytes"),
        _slot(place, "attributes", records, "0.attributes", shape="attributes"),
        _slot(place, "event_name", records, "1.eventName", reads="names"),
        _slot(place, "severity_text", records, "1.severityText", reads="names"),
    ]  # fmt: skip


def _span_slots() -> list[Slot]:
    span = "resourceSpans.0.scopeSpans.0.spans.0"
    place = "otlp-traces"
    event = "events.1.attributes"
    return [
        _slot(place, "name", span, "name"),
        _slot(place, "attributes", span, "attributes", shape="attributes"),
        _slot(place, "db.query.text", span, "attributes.1.value.stringValue"),
        _slot(place, "trace_state", span, "traceState"),
        _slot(place, "status.message", span, "status.message"),
        _slot(place, "events.name", span, "events.0.name", reads="names"),
        _slot(place, "events.attributes", span, "events.0.attributes", shape="attributes"),
        _slot(place, "exception.message", span, f"{event}.1.value.stringValue"),
        _slot(place, "exception.stacktrace", span, f"{event}.2.value.stringValue"),
        _slot(place, "links.attributes", span, "links.0.attributes", shape="attributes"),
    ]


def _metric_slots() -> list[Slot]:
    metric = "resourceMetrics.0.scopeMetrics.0.metrics.0"
    place = "otlp-metrics"
    return [
        _slot(place, "name", metric, "name", reads="names"),
        _slot(place, "description", metric, "description"),
        _slot(place, "unit", metric, "unit", reads="names"),
        _slot(place, "metadata", metric, "metadata", shape="attributes"),
        _slot(place, "data_point.attributes", metric, "gauge.dataPoints.0.attributes",
              shape="attributes"),
        _slot(place, "exemplars", metric, "gauge.dataPoints.0.exemplars.0.filteredAttributes",
              shape="attributes"),
    ]  # fmt: skip


def to_payload(name: str, document: Any) -> Payload:
    """A request, read as a receiver reads it."""
    return FORMATS[name].decode(json.dumps(document).encode())
