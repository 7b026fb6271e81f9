"""Spans and log records of opentelemetry-sdk as OTLP trees (docs/architecture.md), and back.

The way back uses nothing but the tree. What opentelemetry-sdk holds beyond OTLP (a log record's
context with its baggage, its exception object) does not come back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.context import Context
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util import BoundedList
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.trace.span import TraceState

from ..errors import BrokenDocument

if TYPE_CHECKING:
    from ..payloads.document import Document, Payload

T = TypeVar("T")
_Tree = dict[str, Any]

# opentelemetry-proto, trace.proto, SpanFlags: above the eight bits of W3C trace flags.
_HAS_IS_REMOTE, _IS_REMOTE = 0x100, 0x200
_MAX_DEPTH = 32


def resource_tree(resource: Resource) -> _Tree:
    """What the record's process says of itself."""
    return {"attributes": plain(resource.attributes), "schema_url": resource.schema_url}


def scope_tree(scope: InstrumentationScope | None) -> _Tree:
    """What the instrumentation says of itself."""
    if scope is None:
        return {}
    attributes = plain(scope.attributes or {})
    tree = {"name": plain(scope.name), "version": plain(scope.version), "attributes": attributes}
    return {**tree, "schema_url": scope.schema_url}


def span_tree(span: ReadableSpan) -> _Tree:
    """A span. Raises BrokenDocument when it has a value that OTLP has no room for."""
    context = span.get_span_context()
    if context is None:
        raise BrokenDocument("a span has no context")
    return {
        **_ids(context),
        "parent_span_id": f"{span.parent.span_id:016x}" if span.parent else None,
        "flags": _flags(context.trace_flags, span.parent),
        "name": plain(span.name),
        "kind": span.kind.value + 1,
        "start_time_unix_nano": span.start_time,
        "end_time_unix_nano": span.end_time,
        "attributes": plain(span.attributes or {}),
        "dropped_attributes_count": span.dropped_attributes,
        "events": [_event_tree(event) for event in span.events],
        "dropped_events_count": span.dropped_events,
        "links": [_link_tree(link) for link in span.links],
        "dropped_links_count": span.dropped_links,
        "status": {
            "code": span.status.status_code.value,
            "message": plain(span.status.description),
        },
    }


def log_tree(record: ReadableLogRecord) -> _Tree:
    """A log record. Raises BrokenDocument when it has a value that OTLP has no room for."""
    log = record.log_record
    return {
        "time_unix_nano": log.timestamp,
        "observed_time_unix_nano": log.observed_timestamp,
        "severity_number": log.severity_number.value if log.severity_number else None,
        "severity_text": plain(log.severity_text),
        "body": plain(log.body),
        "attributes": plain(log.attributes or {}),
        "dropped_attributes_count": record.dropped_attributes,
        "flags": int(log.trace_flags or 0),
        "trace_id": f"{log.trace_id:032x}" if log.trace_id else None,
        "span_id": f"{log.span_id:016x}" if log.span_id else None,
        "event_name": plain(log.event_name),
    }


def resource_of(tree: _Tree) -> Resource:
    """The resource that a tree describes."""
    return Resource(tree.get("attributes", {}), tree.get("schema_url"))


def scope_of(tree: _Tree) -> InstrumentationScope:
    """The instrumentation scope that a tree describes."""
    return InstrumentationScope(
        tree.get("name", ""), tree.get("version"), tree.get("schema_url"), tree.get("attributes")
    )


def span_of(tree: _Tree, resource: Resource, scope: InstrumentationScope) -> ReadableSpan:
    """The span that a tree describes."""
    context = _context(tree)
    parent, status = tree.get("parent_span_id"), tree.get("status", {})
    return ReadableSpan(
        name=tree.get("name", ""),
        context=context,
        parent=_parent(context, parent, tree.get("flags", 0)) if parent else None,
        resource=resource,
        attributes=_bounded(tree),
        events=_listed(
            [_event(event) for event in tree.get("events", ())],
            tree.get("dropped_events_count", 0),
        ),
        links=_listed(
            [_link(link) for link in tree.get("links", ())], tree.get("dropped_links_count", 0)
        ),
        kind=SpanKind(max(tree.get("kind", 1) - 1, 0)),
        status=_status(status),
        start_time=tree.get("start_time_unix_nano"),
        end_time=tree.get("end_time_unix_nano"),
        instrumentation_scope=scope,
    )


def log_of(tree: _Tree, resource: Resource, scope: InstrumentationScope) -> ReadableLogRecord:
    """The log record that a tree describes."""
    severity = tree.get("severity_number")
    record = LogRecord(
        timestamp=tree.get("time_unix_nano"),
        observed_timestamp=tree.get("observed_time_unix_nano"),
        severity_text=tree.get("severity_text"),
        severity_number=SeverityNumber(severity) if severity is not None else None,
        body=tree.get("body"),
        attributes=_bounded(tree),
        event_name=tree.get("event_name"),
    )
    # The constructor takes these from what happens to be the current span.
    record.context = Context()
    record.trace_id = int(tree.get("trace_id", "0"), 16)
    record.span_id = int(tree.get("span_id", "0"), 16)
    record.trace_flags = TraceFlags(tree.get("flags", 0) & 0xFF)
    return ReadableLogRecord(record, resource, scope)


def records_of(
    payload: Payload, back: Callable[[_Tree, Resource, InstrumentationScope], T]
) -> list[T]:
    """SDK objects of a payload's spans or log records; those of one resource share it, as exporters
    expect.
    """
    resources: dict[int, Resource] = {}
    scopes: dict[int, InstrumentationScope] = {}
    records = []
    for document in payload.alive:
        scope, resource = document.parents
        if id(resource) not in resources:
            resources[id(resource)] = resource_of(_tree(resource))
        if id(scope) not in scopes:
            scopes[id(scope)] = scope_of(_tree(scope))
        records.append(back(_tree(document), resources[id(resource)], scopes[id(scope)]))
    return records


def _tree(document: Document) -> _Tree:
    tree = document.tree
    assert isinstance(tree, dict)
    return tree


def plain(value: Any, depth: int = 0) -> Any:
    """A value as trees have it. Lone surrogates, which no encoding has, become `?`."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if value is None or isinstance(value, (bool, int, float, bytes)):
        return value
    if depth < _MAX_DEPTH:
        if isinstance(value, Mapping):
            return {plain(str(key)): plain(each, depth + 1) for key, each in value.items()}
        if isinstance(value, Sequence):
            return [plain(each, depth + 1) for each in value]
    raise BrokenDocument("an attribute has a value that OTLP has no room for")


def _ids(context: SpanContext) -> _Tree:
    state = context.trace_state.to_header() if context.trace_state else None
    return {
        "trace_id": f"{context.trace_id:032x}",
        "span_id": f"{context.span_id:016x}",
        "trace_state": plain(state),
    }


def _flags(flags: TraceFlags, remote: SpanContext | None) -> int:
    told = _IS_REMOTE if remote is not None and remote.is_remote else 0
    return int(flags) | _HAS_IS_REMOTE | told


def _event_tree(event: Any) -> _Tree:
    return {
        "name": plain(event.name),
        "time_unix_nano": event.timestamp,
        "attributes": plain(event.attributes or {}),
        "dropped_attributes_count": event.dropped_attributes,
    }


def _link_tree(link: Any) -> _Tree:
    return {
        **_ids(link.context),
        "flags": _flags(link.context.trace_flags, link.context),
        "attributes": plain(link.attributes or {}),
        "dropped_attributes_count": link.dropped_attributes,
    }


def _context(tree: _Tree, is_remote: bool = False) -> SpanContext:
    state = tree.get("trace_state")
    return SpanContext(
        int(tree.get("trace_id", "0"), 16),
        int(tree.get("span_id", "0"), 16),
        is_remote=is_remote,
        trace_flags=TraceFlags(tree.get("flags", 0) & 0xFF),
        trace_state=TraceState.from_header([state]) if state else None,
    )


def _parent(context: SpanContext, span_id: str, flags: int) -> SpanContext:
    """The parent is known by its ids; the rest it shares with the span."""
    return SpanContext(
        context.trace_id,
        int(span_id, 16),
        is_remote=bool(flags & _IS_REMOTE),
        trace_flags=context.trace_flags,
        trace_state=context.trace_state,
    )


def _event(tree: _Tree) -> Event:
    return Event(tree.get("name", ""), _bounded(tree), tree.get("time_unix_nano", 0))


def _link(tree: _Tree) -> Link:
    return Link(_context(tree, bool(tree.get("flags", 0) & _IS_REMOTE)), _bounded(tree))


def _status(tree: _Tree) -> Status:
    code = StatusCode(tree.get("code", 0))
    # A description is only allowed on an error; the SDK would warn and quote it.
    return Status(code, tree.get("message") if code is StatusCode.ERROR else None)


def _bounded(tree: _Tree) -> BoundedAttributes:
    attributes = BoundedAttributes(attributes=tree.get("attributes"), immutable=False)
    attributes.dropped = tree.get("dropped_attributes_count", 0)
    return attributes


def _listed(items: list[Any], dropped: int) -> BoundedList[Any]:
    listed: BoundedList[Any] = BoundedList.from_seq(None, items)
    listed.dropped = dropped
    return listed
