"""Sentry's trees to OpenTelemetry's: errors and logs to log records, transactions to spans.

The semantic conventions for exceptions in logs (opentelemetry.io/docs/specs/semconv/exceptions),
for resources, HTTP, users; develop.sentry.dev for events, transactions, spans (of transactions,
and of the second version) and logs. Pure: trees in, trees out, nothing changed in place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TypeAlias

import msgspec

from ..payloads.document import Tree
from . import stacktraces
from .conventions import CONTEXTS, ENVIRONMENT, PLATFORMS, REQUEST_HEADER, SERVER, SEVERITIES, USER
from .raised import from_values

Object: TypeAlias = dict[str, Tree]
Seen: TypeAlias = Mapping[str, Tree]

_KINDS = {"internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}
_OPS = {"http.server": 2, "http.client": 3, "queue.publish": 4, "queue.process": 5, "db": 3}
_FINE = ("ok", "cancelled")  # statuses of Sentry that are not errors


def resource_of(event: Seen, project: str) -> Object:
    """The resource of a document: release, environment, server, platform and contexts."""
    contexts = _object(event.get("contexts"))
    otel = _object(contexts.get("otel"))
    attributes = attributes_in(otel.get("resource"))
    name, _, version = text(event.get("release")).rpartition("@")
    if not attributes.get("service.name"):
        attributes["service.name"] = name or project or "unknown_service"
    _put(attributes, "service.version", version)
    _put(attributes, ENVIRONMENT[0], text(event.get("environment")))
    _put(attributes, SERVER[0], text(event.get("server_name")))
    language = PLATFORMS.get(text(event.get("platform")))
    if language:
        attributes.setdefault("telemetry.sdk.language", language)
    sdk = _object(event.get("sdk"))
    if text(sdk.get("name")) not in ("", "errlock"):
        attributes.setdefault("telemetry.sdk.name", sdk["name"])
        if text(sdk.get("version")):
            attributes.setdefault("telemetry.sdk.version", sdk["version"])
    for context, fields in CONTEXTS.items():
        found = _object(contexts.get(context))
        for field, names in fields.items():
            _put(attributes, names[0], text(found.get(field)))
    return {"attributes": attributes}


def scope_of(event: Seen) -> Object:
    """The scope of a document: the logger that wrote it."""
    name = text(event.get("logger"))
    return {"name": name} if name else {}


def event_to_log_record(event: Seen) -> Object:
    """The log record of an error event, with `exception.*` where it has an exception."""
    time = nanoseconds(event.get("timestamp"))
    severity = text(event.get("level")) or "error"
    record: Object = {
        "time_unix_nano": time,
        "observed_time_unix_nano": time,
        "severity_number": SEVERITIES.get(severity, 17),
        "severity_text": severity.upper(),
        **_trace_ids(event),
    }
    attributes = _attributes_of(event)
    exception = _exception(event)
    attributes.update(exception)
    message = _message(event)
    if exception:
        record["event_name"] = "exception"
    body = message or exception.get("exception.message") or exception.get("exception.type")
    if body:
        record["body"] = body
    record["attributes"] = attributes
    return record


def _exception(event: Seen) -> Object:
    values = _list(_object(event.get("exception")).get("values") or event.get("exception"))
    raised = from_values(values)
    if raised is None:
        return {}
    platform = text(event.get("platform"))
    dotted = raised.module and platform in ("python", "java")
    found: Object = {
        "exception.type": f"{raised.module}.{raised.type}" if dotted else raised.type,
        "exception.message": raised.value,
    }
    outermost = _object(values[-1]).get("mechanism")
    if _object(outermost).get("handled") is False:
        found["exception.escaped"] = True
    kept = _object(event.get("extra")).get("exception.stacktrace")
    stack = stacktraces.render(values, platform) or (kept if isinstance(kept, str) else None)
    if stack:
        found["exception.stacktrace"] = stack
    return found


def _message(event: Seen) -> str:
    entry = event.get("logentry") or event.get("message")
    if isinstance(entry, dict):
        return text(entry.get("formatted")) or text(entry.get("message"))
    return text(entry)


def _attributes_of(event: Seen) -> Object:
    """What events and transactions tell beside exception and spans."""
    attributes: Object = {}
    for name, value in _pairs(event.get("tags")):
        attributes[name] = _plain(value)
    for name, value in _object(event.get("extra")).items():
        if name != "exception.stacktrace":
            attributes.setdefault(name, _plain(value))
    user = _object(event.get("user"))
    for field, names in USER.items():
        value = user.get(field)
        _put(attributes, names[0], str(value) if isinstance(value, int) else text(value))
    _put(attributes, "client.address", text(user.get("ip_address")))
    _put(attributes, "sentry.transaction", text(event.get("transaction")))
    _put(attributes, "sentry.event_id", text(event.get("event_id")))
    _put(attributes, "sentry.dist", text(event.get("dist")))
    attributes.update(_request(_object(event.get("request"))))
    return attributes


def _request(request: Seen) -> Object:
    attributes: Object = {}
    _put(attributes, "http.request.method", text(request.get("method")))
    _put(attributes, "url.full", text(request.get("url")))
    _put(attributes, "url.query", text(request.get("query_string")))
    for name, value in _pairs(request.get("headers")):
        if isinstance(value, str) and name.lower() == "user-agent":
            attributes["user_agent.original"] = value
        elif isinstance(value, str):
            attributes[REQUEST_HEADER + name.lower()] = [value]
    return attributes


def _trace_ids(event: Seen) -> Object:
    trace = _object(_object(event.get("contexts")).get("trace"))
    found = {name: hex_id(trace.get(name), digits) for name, digits in IDS}
    return {name: value for name, value in found.items() if value}


IDS = (("trace_id", 32), ("span_id", 16))


def transaction_to_spans(transaction: Seen) -> list[Object]:
    """The spans of a transaction: its own, then those inside it. None without a trace."""
    trace = _object(_object(transaction.get("contexts")).get("trace"))
    root = span_to_span(
        {
            **trace,
            "description": transaction.get("transaction") or trace.get("description"),
            "start_timestamp": transaction.get("start_timestamp"),
            "timestamp": transaction.get("timestamp"),
        }
    )
    if root is None:
        return []
    own = root["attributes"]
    root["attributes"] = {**_attributes_of(transaction), **(own if isinstance(own, dict) else {})}
    spans = [root]
    for child in _list(transaction.get("spans")):
        if isinstance(child, dict):
            inside = span_to_span({"trace_id": trace.get("trace_id"), **child})
            if inside is not None:
                spans.append(inside)
    return spans


def span_to_span(span: Seen) -> Object | None:
    """A span of a transaction, a standalone one, or one of the second version."""
    trace_id, span_id = hex_id(span.get("trace_id"), 32), hex_id(span.get("span_id"), 16)
    start = nanoseconds(span.get("start_timestamp"))
    end = nanoseconds(span.get("end_timestamp") or span.get("timestamp"))
    if not trace_id or not span_id or not start:
        return None
    attributes: Object = dict(attributes_in(span.get("data")))
    attributes.update(attributes_in(span.get("attributes")))
    for name, value in _pairs(span.get("tags")):
        attributes.setdefault(name, _plain(value))
    op, status = text(span.get("op")), text(span.get("status"))
    _put(attributes, "sentry.op", op)
    _put(attributes, "sentry.origin", text(span.get("origin")))
    kind = _KINDS.get(text(span.get("kind")) or text(attributes.get("sentry.kind")))
    made: Object = {
        "trace_id": trace_id,
        "span_id": span_id,
        "name": text(span.get("name")) or text(span.get("description")) or op or "unknown",
        "kind": kind or _OPS.get(op) or _OPS.get(op.partition(".")[0]) or 1,
        "start_time_unix_nano": start,
        "end_time_unix_nano": max(end, start),
        "attributes": attributes,
    }
    if parent := hex_id(span.get("parent_span_id"), 16):
        made["parent_span_id"] = parent
    if status:
        fine = status in _FINE
        made["status"] = {"code": 1} if fine else {"code": 2, "message": status}
    return made


def origin_of(described: Object) -> Object:
    """What the attributes of a log or span tell of its origin, taken out of them."""
    attributes = _object(described["attributes"])
    return {
        "release": attributes.pop("sentry.release", None),
        "environment": attributes.pop("sentry.environment", None),
        "server_name": None,
        "sdk": {
            "name": attributes.pop("sentry.sdk.name", None),
            "version": attributes.pop("sentry.sdk.version", None),
        },
    }


def nanoseconds(moment: Tree) -> int:
    """A timestamp of Sentry's (seconds, or RFC 3339) in nanoseconds; 0 when it is neither."""
    if isinstance(moment, str):
        try:
            parsed = datetime.fromisoformat(moment)
            moment = parsed.replace(tzinfo=parsed.tzinfo or UTC).timestamp()
        except (ValueError, OverflowError):
            return 0
    if isinstance(moment, bool) or not isinstance(moment, (int, float)):
        return 0
    # Through microseconds: more digits than a float of today's seconds has would be noise.
    return round(moment * 1_000_000) * 1000 if 0 < moment < 2**63 / 1e9 else 0


def attributes_in(data: Tree) -> Object:
    """Sentry's attributes, plain or as `{"value": …, "type": …}`."""
    return {
        name: _plain(value.get("value") if isinstance(value, dict) and "type" in value else value)
        for name, value in _object(data).items()
        if value is not None
    }


def _plain(value: Tree) -> Tree:
    """A value as backends take it in attributes: plain, a list of plain ones, or JSON.

    OTLP has lists and maps of anything; long after it had them, few can search in what is nested.
    """
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return str(value)
    if isinstance(value, list) and not any(isinstance(each, (list, dict)) for each in value):
        return [_plain(each) for each in value]
    return msgspec.json.encode(value).decode() if isinstance(value, (dict, list)) else value


def _pairs(pairs: Tree) -> Iterator[tuple[str, Tree]]:
    """Tags or headers: an object, or a list of pairs."""
    found = pairs.items() if isinstance(pairs, dict) else _list(pairs)
    for pair in found:
        if isinstance(pair, (list, tuple)) and len(pair) == 2:
            name, value = pair
            if isinstance(name, str) and value is not None:
                yield name, value


def hex_id(value: Tree, digits: int) -> str | None:
    """An id of so many hex digits; None for what is none and for all zeros."""
    digits_found = text(value).replace("-", "").lower()
    usable = len(digits_found) == digits and not digits_found.strip("0123456789abcdef")
    return digits_found if usable and digits_found.strip("0") else None


def _put(attributes: Object, name: str, value: str) -> None:
    if value:
        attributes[name] = value


def text(value: Tree) -> str:
    """A text; empty for what is none."""
    return value if isinstance(value, str) else ""


def _object(value: Tree) -> Object:
    return value if isinstance(value, dict) else {}


def _list(value: Tree) -> list[Tree]:
    return value if isinstance(value, list) else []
