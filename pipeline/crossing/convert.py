"""Payloads to payloads of the other protocol, for exporters that take only that one.

OpenTelemetry                   Sentry
log record with exception.*  -> event (error)
exception events of a span   -> events (errors); the span itself is left out
other log record             -> log
span without exceptions      -> left out: Sentry takes spans over OTLP
data point                   -> left out

Sentry                          OpenTelemetry
event                        -> log record, with exception.* where it has an exception
transaction, span            -> spans
log                          -> log record
all else                     -> left out: check-ins, sessions, feedback, attachments, metrics, …
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

from ..errors import BrokenDocument, RefusedPayload
from ..payloads.document import Document, Payload, Protocol, Tree
from . import to_otlp, to_sentry
from .batches import batches
from .logs import log_record_to_log, log_to_log_record
from .portions import MOST_BYTES, portions

if TYPE_CHECKING:
    from ..payloads.envelope import Envelope
    from ..payloads.otlp import OtlpRequest

Object: TypeAlias = dict[str, Tree]

# What OTLP cannot hold, and more spans than a request may have.
_NOT_ONE_REQUEST = (BrokenDocument, RefusedPayload)
_LOGS = "application/vnd.sentry.items.log+json"


@dataclass(frozen=True, slots=True)
class Converted:
    """What became of a payload in the other protocol."""

    payloads: Sequence[Payload]
    carried: Sequence[Sequence[Document]]  # of the source, by payload; each document stands once
    left_out: Sequence[Document]  # the other protocol has no place for them, or they are broken


def may_stay(payload: Payload, to: Protocol) -> bool:
    """Whether a payload goes out as it is: `convert` would not make anything else of it."""
    # What the policy puts into it makes it longer.
    return payload.protocol == to and (to == "sentry" or payload.size <= MOST_BYTES // 2)


def convert(payload: Payload, to: Protocol) -> Converted:
    """Carry over what the other protocol has a place for. The payload is left as it is.

    Lost documents are not looked at. Sentry takes one event an envelope, and OTLP one signal a
    request, and not more than so many bytes, so there may be many payloads. Never raises: what
    cannot be carried is left out.
    """
    if payload.protocol != to:
        return _to_sentry(payload) if to == "sentry" else _to_otlp(payload)
    if may_stay(payload, to):
        return Converted([payload], [payload.alive], [])
    request = cast("OtlpRequest", payload)
    request.encode()  # it may lose a document
    payloads, carried = zip(*portions(request, request.alive), strict=True)
    return Converted(payloads, carried, [])


# To Sentry


@dataclass(slots=True)
class _Error:
    """An error event, and the documents that told of it."""

    event: Object
    documents: list[Document] = field(default_factory=list)


def _to_sentry(payload: Payload) -> Converted:
    told: list[tuple[Document, Object]] = []
    logs: list[tuple[Document, Object]] = []
    left_out: list[Document] = []
    for document in payload.alive:
        try:
            events, log = _read(document)
        except Exception:  # noqa: BLE001  one document must not hold up the others
            events, log = [], None
        told += [(document, event) for event in events]
        if log is not None:
            # A record may have no time of its own; it came in when it came in.
            log["timestamp"] = log["timestamp"] or payload.received
            logs.append((document, log))
        elif not events:
            left_out.append(document)
    payloads: list[Payload] = []
    carried: list[list[Document]] = []
    for error in _once(told):
        envelope = _envelope(payload, {"event_id": error.event["event_id"]})
        try:
            envelope.add("event", error.event)
        except BrokenDocument:
            left_out += error.documents
        else:
            payloads.append(envelope)
            carried.append(error.documents)
    for batch in batches(logs, left_out):
        envelope = _envelope(payload, {})
        envelope.add_container("log", batch.logs, _LOGS)
        payloads.append(envelope)
        carried.append(batch.documents)
    return Converted(payloads, carried, left_out)


def _read(document: Document) -> tuple[list[Object], Object | None]:
    """The errors that a document tells of; a log record that tells of none becomes a log."""
    if document.type not in ("log_record", "otlp_span"):
        return [], None
    scope, resource, tree = (
        _object(document.parents[0]),
        _object(document.parents[1]),
        document.tree,
    )
    assert isinstance(tree, dict)
    if document.type == "otlp_span":
        return to_sentry.span_to_events(resource, scope, tree), None
    event = to_sentry.log_record_to_event(resource, scope, tree)
    if event is not None:
        return [event], None
    return [], log_record_to_log(resource, scope, tree)


def _once(told: Iterable[tuple[Document, Object]]) -> Iterable[_Error]:
    """Each exception once, with all documents that told of it; a document stands once.

    An exception on its way out is recorded by each span that it leaves: the innermost counts.
    """
    found = [(document, event, *_whereabouts(event)) for document, event in told]
    below = {(trace, parent, points) for *_, trace, _, parent, points in found if trace}
    errors: dict[Tree, _Error] = {}
    innermost: dict[tuple[Tree, str], _Error] = {}
    placed: set[int] = set()
    for outer in (False, True):
        for document, event, trace, span, _, points in found:
            if ((trace, span, points) in below) is not outer:
                continue
            known = innermost.get((trace, points)) if outer else None
            error = known or errors.setdefault(event["event_id"], _Error(event))
            if trace:
                innermost.setdefault((trace, points), error)
            if id(document) not in placed:
                placed.add(id(document))
                error.documents.append(document)
    return errors.values()


def _whereabouts(event: Object) -> tuple[Tree, Tree, Tree, str]:
    """Trace, span and parent span of an error event, and where its exceptions were raised."""
    contexts = event["contexts"]
    trace = contexts.get("trace") if isinstance(contexts, dict) else None
    ids = trace if isinstance(trace, dict) else {}
    points = to_sentry.raise_points(event)
    return ids.get("trace_id"), ids.get("span_id"), ids.get("parent_span_id"), points


def _envelope(payload: Payload, headers: Object) -> Envelope:
    from ..payloads.envelope import Envelope

    return Envelope(payload.project, payload.received, headers)


# To OTLP


@dataclass(slots=True)
class _Part:
    """What one document becomes."""

    document: Document
    resource: Object
    scope: Object
    records: list[Tree]


@dataclass(slots=True)
class _Made:
    """Requests that become one, and for each record the document that it was made of."""

    requests: list[OtlpRequest] = field(default_factory=list)
    sources: list[Document] = field(default_factory=list)
    size: int = 0

    def add(self, request: OtlpRequest, sources: Sequence[Document]) -> None:
        """Put one more in."""
        self.requests.append(request)
        self.sources += sources
        self.size += request.size

    def joined(self) -> OtlpRequest:
        """One with all their resources: in protobuf, one after the other is that."""
        first = self.requests[0]
        if len(self.requests) == 1:
            return first
        return first.reader(b"".join(request.encode() for request in self.requests))


def _to_otlp(payload: Payload) -> Converted:
    parts: dict[Literal["logs", "traces"], list[_Part]] = {"logs": [], "traces": []}
    left_out: list[Document] = []
    for document in payload.alive:
        try:
            found = _parts_of(document, payload.project)
        except Exception:  # noqa: BLE001  one document must not hold up the others
            found = None
        if found is None:
            left_out.append(document)
        else:
            parts[found[0]].append(found[1])
    payloads: list[Payload] = []
    carried: list[list[Document]] = []
    for signal, of_signal in parts.items():
        made: list[_Made] = []
        for request, those in _requests(signal, of_signal, payload):
            if request is None:
                left_out += [part.document for part in those]
                continue
            sources = [part.document for part in those for _ in part.records]
            if not made or made[-1].size + request.size > MOST_BYTES:
                made.append(_Made())
            made[-1].add(request, sources)
        for each in made:
            for portion, documents in portions(each.joined(), each.sources):
                payloads.append(portion)
                carried.append(list(dict.fromkeys(documents)))
    return Converted(payloads, carried, left_out)


def _parts_of(document: Document, project: str) -> tuple[Literal["logs", "traces"], _Part] | None:
    tree = document.tree
    if not isinstance(tree, dict):
        return None
    if document.type == "event":
        record = to_otlp.event_to_log_record(tree)
        resource = to_otlp.resource_of(tree, project)
        return "logs", _Part(document, resource, to_otlp.scope_of(tree), [record])
    if document.type == "log" and isinstance(tree.get("body"), str):
        about, scope, record = log_to_log_record(tree)
        return "logs", _Part(document, to_otlp.resource_of(about, project), scope, [record])
    if document.type == "transaction" and (spans := to_otlp.transaction_to_spans(tree)):
        resource = to_otlp.resource_of(tree, project)
        return "traces", _Part(document, resource, to_otlp.scope_of(tree), list(spans))
    if document.type == "span" and (span := to_otlp.span_to_span(tree)):
        about = to_otlp.origin_of(span)
        return "traces", _Part(document, to_otlp.resource_of(about, project), {}, [span])
    return None


def _requests(
    signal: Literal["logs", "traces"], parts: Sequence[_Part], payload: Payload
) -> Iterator[tuple[OtlpRequest | None, Sequence[_Part]]]:
    """Requests with what is in them; None with what OTLP cannot hold."""
    groups: dict[str, list[_Part]] = {}
    for part in parts:
        groups.setdefault(repr((part.resource, part.scope)), []).append(part)
    for group in groups.values():
        try:
            yield _request(signal, group, payload), group
        except _NOT_ONE_REQUEST:
            for part in group:
                try:
                    yield _request(signal, [part], payload), [part]
                except _NOT_ONE_REQUEST:
                    yield None, [part]


def _request(
    signal: Literal["logs", "traces"], parts: Sequence[_Part], payload: Payload
) -> OtlpRequest:
    from ..payloads.otlp import OtlpRequest

    return OtlpRequest.from_trees(
        signal,
        parts[0].resource,
        parts[0].scope,
        list(chain.from_iterable(part.records for part in parts)),
        project=payload.project,
        received=payload.received,
    )


def _object(document: Document) -> Object:
    tree = document.tree
    return tree if isinstance(tree, dict) else {}
