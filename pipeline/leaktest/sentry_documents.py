"""Documents of the Sentry protocol as SDKs send them, and their slots.

Each is `{"header", "item", "payload"}`: an envelope's header, one item's, and its content; `beside`
is another item. Sources: https://develop.sentry.dev/sdk/foundations/envelopes/ and
https://develop.sentry.dev/sdk/data-model/event-payloads/
"""

from __future__ import annotations

import json
from time import time
from typing import Any

from ..payloads.document import Payload
from ..payloads.envelope import Envelope
from .slots import Shape, Slot

_TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
_SPAN = "00f067aa0ba902b7"
_EVENT_ID = "9ec79c33ec9942ab8353589fcb2e04dc"
_STARTED = 1763900000.25


def _frame() -> dict[str, Any]:
    return {
        "filename": "shop/checkout.py", "abs_path": "/srv/app/shop/checkout.py",
        "module": "shop.checkout", "function": "charge_order", "lineno": 214, "in_app": True,
        "pre_context": ["def charge_order(order):", "    total = order.total()"],
        "context_line": "    return gateway.charge(total)", "post_context": [""],
        "vars": {"order": "<Order 8812>", "token_count": 312, "attempts": [1, 2]},
    }  # fmt: skip


def _base(kind: str) -> dict[str, Any]:
    return {
        "event_id": _EVENT_ID, "timestamp": _STARTED + 1, "platform": "python", "level": "error",
        "release": "shop@7.15.8", "environment": "production", "server_name": "web-3",
        "dist": "4411", "logger": "shop.checkout", "transaction": "/checkout/{cart}",
        "message": "charge was refused", "fingerprint": ["charge-refused"],
        "logentry": {"message": "order %s failed", "formatted": "order failed", "params": ["x", 2]},
        "tags": {"region": "north", "cart_size": "3"},
        "extra": {"retries": 2, "queue": "orders"},
        "user": {"id": "8812", "data": {"plan": "gold"}},
        "request": {
            "method": "POST", "url": "https://shop.example/checkout", "query_string": "page=2",
            "headers": {"Accept": "text/html", "Host": "shop.example"},
            "cookies": {"theme": "dark"}, "data": {"step": "review"}, "env": {"SERVER_PORT": "443"},
        },
        "contexts": {
            "runtime": {"name": "CPython", "version": "3.11.9"},
            "trace": {"trace_id": _TRACE, "span_id": _SPAN, "op": "http.server", "data": {}},
            "cart": {"size": 3}, "response": {"status_code": 402, "headers": {}, "data": ""},
        },
        "breadcrumbs": {"values": [
            {"timestamp": _STARTED, "category": "query", "message": "SELECT 1", "data": {}},
            {"timestamp": _STARTED, "category": "http", "data": {"status_code": 200}},
        ]},
        "modules": {"sqlalchemy": "2.0.36"},
        "sdk": {"name": "sentry.python", "version": "2.40.0"}, "type": kind,
    }  # fmt: skip


def _event() -> dict[str, Any]:
    event = _base("error")
    event["exception"] = {"values": [{
        "type": "PaymentRefused", "value": "refused", "module": "shop.errors",
        "mechanism": {"type": "generic", "handled": True, "description": "", "data": {}},
        "stacktrace": {"frames": [_frame(), _frame()]},
    }]}  # fmt: skip
    event["threads"] = {"values": [{"id": 1, "name": "MainThread"}]}
    return event


def _span() -> dict[str, Any]:
    return {
        "trace_id": _TRACE, "span_id": _SPAN, "op": "db.query", "description": "SELECT 1",
        "start_timestamp": _STARTED, "timestamp": _STARTED + 1, "status": "ok",
        "data": {"db.system": "postgresql"}, "tags": {"shard": "4"},
    }  # fmt: skip


def _transaction() -> dict[str, Any]:
    tree = _base("transaction")
    tree |= {"start_timestamp": _STARTED, "spans": [_span()], "measurements": {}}
    return tree


def _typed(**extra: Any) -> dict[str, Any]:
    return {
        "timestamp": _STARTED, "trace_id": _TRACE, "span_id": _SPAN,
        "attributes": {"sentry.release": {"value": "shop@7.15.8", "type": "string"}}, **extra,
    }  # fmt: skip


def _document(type_: str, payload: Any, **item: Any) -> dict[str, Any]:
    header = {
        "event_id": _EVENT_ID, "sent_at": "2026-11-23T12:00:00Z",
        "sdk": {"name": "sentry.python", "version": "2.40.0"},
        "trace": {"trace_id": _TRACE, "release": "shop@7.15.8", "environment": "production",
                  "transaction": "/checkout/{cart}"},
    }  # fmt: skip
    return {"header": header, "item": {"type": type_, **item}, "payload": payload}


def _container(type_: str, element: Any) -> dict[str, Any]:
    kind = type_.replace("_", "-")
    content_type = f"application/vnd.sentry.items.{kind}+json"
    return _document(type_, {"items": [element]}, item_count=1, content_type=content_type)


def _session() -> dict[str, Any]:
    return {
        "sid": "7c7b6585-f901-4351-bf8d-02711b721929", "init": True, "status": "ok", "errors": 1,
        "started": "2026-11-23T12:00:00Z", "timestamp": "2026-11-23T12:01:00Z", "seq": 2,
        "attrs": {"release": "shop@7.15.8", "environment": "production"},
    }  # fmt: skip


def documents() -> dict[str, Any]:
    """A document of each kind, by name."""
    return {
        "event": _document("event", _event()),
        "event (pairs)": _document("event", _event() | {
            "tags": [["region", "north"]], "extra": {}, "request": {
                "url": "https://shop.example/checkout", "query_string": [["page", "2"]],
                "headers": [["Accept", "text/html"]], "cookies": [["theme", "dark"]],
                "data": "step=review"},
        }),
        "transaction": _document("transaction", _transaction()),
        "span": _container("span", {
            **_typed(name="SELECT 1", status="ok", is_segment=False, start_timestamp=_STARTED,
                     end_timestamp=_STARTED + 1), "links": []}),
        "log": _container("log", _typed(level="error", body="refused", severity_number=17)),
        "metric": _container("trace_metric", _typed(name="cart.size", type="gauge", value=3)),
        "statsd": _document("statsd", "cart.size:3|g|#region:north|T1763900000"),
        "check_in": _document("check_in", {
            "check_in_id": _EVENT_ID, "monitor_slug": "nightly-sync", "status": "error",
            "environment": "production", "contexts": {"trace": {"trace_id": _TRACE}}}),
        "feedback": _document("feedback", _base("feedback") | {"contexts": {"feedback": {
            "message": "it broke", "source": "widget", "url": ""}}}),
        "user_report": _document("user_report", {"event_id": _EVENT_ID, "comments": ""}),
        "security": _document("raw_security", {"csp-report": {
            "document-uri": "https://shop.example/", "violated-directive": "script-src",
            "referrer": "", "blocked-uri": "inline", "original-policy": "default-src 'self'",
            "script-sample": "", "source-file": ""}}),
        "session": _document("session", _session()),
        "sessions": _document("sessions", {
            "aggregates": [{"started": "2026-11-23T12:00:00Z", "exited": 4}],
            "attrs": {"release": "shop@7.15.8", "environment": "production"}}),
        "client_report": _document("client_report", {"timestamp": _STARTED, "discarded_events": [
            {"reason": "queue_overflow", "category": "error", "quantity": 2}]}),
        "attachment": _document("attachment", "", filename="app.log", content_type="text/plain")
        | {"beside": _event()},
        "attachment (JSON)": _document(
            "attachment", "", filename="state.json", content_type="application/json"),
    }  # fmt: skip


def _slots(document: str, shape: Shape, *paths: str, reads: Any = "all") -> list[Slot]:
    return [
        Slot(document, path.removeprefix("payload."), _path(path), shape, reads) for path in paths
    ]


def _path(text: str) -> tuple[str | int, ...]:
    return tuple(int(step) if step.isdigit() else step for step in text.split("."))


_TEXTS = (
    "message", "logentry.message", "logentry.formatted", "logentry.params.0", "transaction",
    "request.url", "breadcrumbs.values.0.message", "contexts.response.data",
)  # fmt: skip
_OBJECTS = (
    "tags", "extra", "user", "user.data", "request.query_string", "request.headers",
    "request.cookies", "request.data", "request.env", "contexts.cart", "contexts.response.headers",
    "contexts.trace.data", "breadcrumbs.values.1.data",
)  # fmt: skip
# Names of code, hosts and versions: only what has a shape of its own can be told from them.
_NAMES = (
    "server_name", "logger", "release", "dist", "environment", "fingerprint.0", "level", "platform",
    "sdk.name", "contexts.trace.op", "contexts.trace.status", "contexts.runtime.name",
    "contexts.runtime.version", "request.method", "breadcrumbs.values.1.category",
    "breadcrumbs.values.1.type", "breadcrumbs.values.1.level", "modules.sqlalchemy",
)  # fmt: skip
_FRAME = "payload.exception.values.0.stacktrace.frames"


def _under(prefix: str, paths: tuple[str, ...]) -> list[str]:
    return [f"{prefix}.{path}" for path in paths]


def slots() -> list[Slot]:
    """Every place."""
    found: list[Slot] = []
    for document in ("event", "transaction"):
        found += _slots(document, "text", *_under("payload", _TEXTS))
        found += _slots(document, "object", *(p for p in _under("payload", _OBJECTS)
                                              if not p.endswith("query_string")))  # fmt: skip
        found += _slots(document, "text", *_under("payload", _NAMES), reads="names")
    return [*found, *_event_slots(), *_record_slots(), *_other_slots()]


def _event_slots() -> list[Slot]:
    value = "payload.exception.values.0"
    return [
        *_slots("event", "text", f"{value}.value", f"{value}.mechanism.description",
                "payload.request.query_string"),
        *_slots("event", "object", f"{value}.mechanism.data", f"{_FRAME}.0.vars"),
        *_slots("event", "text", f"{_FRAME}.1.vars.order", f"{_FRAME}.1.vars.attempts.0"),
        *_slots("event", "text", f"{_FRAME}.0.context_line", f"{_FRAME}.0.pre_context.1",
                reads="shapes"),
        *_slots("event", "text", f"{value}.type", f"{_FRAME}.1.function", f"{_FRAME}.1.filename",
                f"{_FRAME}.1.abs_path", "payload.threads.values.0.name", reads="names"),
        *_slots("event (pairs)", "pairs", "payload.tags", "payload.request.query_string",
                "payload.request.headers", "payload.request.cookies"),
        *_slots("event (pairs)", "text", "payload.request.data"),
        *_slots("transaction", "text", "payload.spans.0.description"),
        *_slots("transaction", "object", "payload.spans.0.data", "payload.spans.0.tags"),
    ]  # fmt: skip


def _record_slots() -> list[Slot]:
    element = "payload.items.0"
    return [
        *_slots("span", "text", f"{element}.name"),
        *_slots("span", "typed", f"{element}.attributes"),
        *_slots("log", "text", f"{element}.body"),
        *_slots("log", "typed", f"{element}.attributes"),
        *_slots("metric", "text", f"{element}.name", reads="names"),
        *_slots("metric", "typed", f"{element}.attributes"),
        *_slots("statsd", "statsd", "payload"),
    ]


def _other_slots() -> list[Slot]:
    report = "payload.csp-report"
    return [
        *_slots("event", "text", "header.trace.transaction"),
        *_slots("event", "object", "header.trace", "header"),
        *_slots("check_in", "text", "payload.monitor_slug", reads="names"),
        *_slots("check_in", "object", "payload.contexts"),
        *_slots("feedback", "text", "payload.contexts.feedback.message",
                "payload.contexts.feedback.url"),
        *_slots("feedback", "object", "payload.contexts.feedback"),
        *_slots("user_report", "text", "payload.comments"),
        *_slots("user_report", "object", "payload"),
        *_slots("security", "text", f"{report}.document-uri", f"{report}.referrer",
                f"{report}.blocked-uri", f"{report}.script-sample", f"{report}.source-file"),
        *_slots("security", "object", report),
        *_slots("session", "object", "payload.attrs"),
        *_slots("session", "text", "payload.status", reads="names"),
        *_slots("check_in", "text", "payload.status", reads="names"),
        *_slots("client_report", "text", "payload.discarded_events.0.reason", reads="names"),
        *_slots("sessions", "object", "payload.attrs"),
        *_slots("attachment", "text", "payload", "item.filename"),
        *_slots("attachment (JSON)", "text", "payload"),
        *_slots("attachment (JSON)", "object", "item"),
    ]  # fmt: skip


def to_bytes(document: Any) -> bytes:
    """The envelope that an SDK would send."""
    items = [(document["item"], document["payload"])]
    if "beside" in document:
        items.append(({"type": "event"}, document["beside"]))
    lines = [json.dumps(document["header"]).encode()]
    for header, payload in items:
        body = payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False)
        lines += [json.dumps({**header, "length": len(body.encode())}).encode(), body.encode()]
    return b"\n".join(lines) + b"\n"


def to_payload(document: Any) -> Payload:
    """The same, read as a receiver reads it."""
    return Envelope.decode(to_bytes(document), "", time())
