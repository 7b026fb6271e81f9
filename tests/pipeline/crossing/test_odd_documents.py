"""Documents whose fields have other types than the protocols say."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from errlock.pipeline.crossing import convert, to_otlp, to_sentry
from errlock.pipeline.crossing.logs import log_record_to_log, log_to_log_record
from errlock.pipeline.payloads.envelope import Envelope

_KEYS = [
    "exception", "values", "type", "value", "module", "mechanism", "stacktrace", "frames",
    "contexts", "trace", "trace_id", "span_id", "parent_span_id", "otel", "resource", "sdk",
    "name", "version", "release", "environment", "server_name", "platform", "tags", "extra",
    "user", "id", "ip_address", "request", "headers", "url", "logentry", "message", "formatted",
    "timestamp", "start_timestamp", "spans", "data", "attributes", "level", "body", "status",
    "op", "severity_number", "severity_text", "time_unix_nano", "events", "kind", "runtime",
    "exception.type", "exception.message", "exception.stacktrace", "service.name",
    "service.version", "telemetry.sdk.language", "client.address", "url.path", "http.method",
    "http.request.header.accept", "sentry.event_id", "sentry.release", "logger", "logger.name",
]  # fmt: skip
_SCALARS = st.sampled_from(
    [None, True, False, 0, 7, -1, 2**70, 10**400, 1.5, float("nan"), float("inf"), "", "x", "1.2.3",
     "python", "java", "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331",
     "2026-11-23T18:00:00Z", "Traceback (most recent call last):\n  File \"a\", line 1, in f\nE: x"]
)  # fmt: skip
_TREES = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=8)
    ),
    max_leaves=40,
)
_OBJECTS = st.dictionaries(st.sampled_from(_KEYS), _TREES, max_size=12)


@settings(deadline=None, max_examples=200)
@given(_OBJECTS)
def test_sentrys_become_records_that_opentelemetry_holds(tree: Any) -> None:
    to_otlp.event_to_log_record(tree)
    to_otlp.resource_of(tree, "project")
    to_otlp.transaction_to_spans(tree)
    to_otlp.span_to_span(tree)
    log_to_log_record(tree)
    envelope = Envelope("project", 1.0, {})
    envelope.add("event", tree)
    [made] = convert(envelope, "otlp").payloads
    assert len(made.documents) == 1


@settings(deadline=None, max_examples=100)
@given(_OBJECTS, _OBJECTS, _OBJECTS)
def test_opentelemetrys_become_events(resource: Any, scope: Any, record: Any) -> None:
    to_sentry.log_record_to_event(resource, scope, record)
    to_sentry.span_to_events(resource, scope, record)
    log_record_to_log(resource, scope, record)
