"""Log records and Sentry's logs (develop.sentry.dev, logs), both ways. Pure functions on trees."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TypeAlias

from ..payloads.document import Tree
from .conventions import LOG_LEVELS, SEVERITIES, Unused, level
from .to_otlp import IDS, attributes_in, hex_id, nanoseconds, origin_of, scope_of, text
from .to_sentry import origin

Object: TypeAlias = dict[str, Tree]
Seen: TypeAlias = Mapping[str, Tree]


def log_record_to_log(resource: Seen, scope: Seen, record: Seen) -> Object:
    """A log record as an element of Sentry's `log` item (develop.sentry.dev, logs)."""
    about = Unused(resource.get("attributes"))
    known = origin(about)
    severity = record.get("severity_number")
    time = record.get("time_unix_nano") or record.get("observed_time_unix_nano")
    body = record.get("body")
    attributes: Object = {
        "sentry.release": known.get("release"),
        "sentry.environment": known.get("environment"),
        "server.address": known.get("server_name"),
        "logger.name": scope.get("name"),
        "event.name": record.get("event_name"),
        **about.left(),
        **Unused(record.get("attributes")).left(),
    }
    log: Object = {
        "timestamp": time / 1e9 if isinstance(time, int) else 0.0,
        "trace_id": record.get("trace_id") or _without_trace(record),
        "level": level(severity, record.get("severity_text"), LOG_LEVELS, "info"),
        "body": body if isinstance(body, str) else _json(body),
        "attributes": {
            name: _typed(value) for name, value in attributes.items() if value not in (None, "")
        },
    }
    if record.get("span_id"):
        log["span_id"] = record["span_id"]
    if isinstance(severity, int) and 0 < severity <= 24:
        log["severity_number"] = severity
    return log


def _without_trace(record: Seen) -> str:
    """The trace id that the protocol demands, for a record that has none."""
    text = json.dumps(record, default=repr, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _typed(value: Tree) -> Object:
    if isinstance(value, bool):
        return {"value": value, "type": "boolean"}
    if isinstance(value, int):
        return {"value": value, "type": "integer"}
    if isinstance(value, float):
        return {"value": value, "type": "double"}
    return {"value": value if isinstance(value, str) else _json(value), "type": "string"}


def _json(value: Tree) -> str:
    return "" if value is None else json.dumps(value, default=repr, ensure_ascii=False)


def log_to_log_record(log: Seen) -> tuple[Object, Object, Object]:
    """Resource, scope and record of an element of Sentry's `log` item."""
    attributes = attributes_in(log.get("attributes"))
    about = origin_of({"attributes": attributes})
    about["server_name"] = attributes.pop("server.address", None)
    about["logger"] = attributes.pop("logger.name", None)
    word = text(log.get("level"))
    number = log.get("severity_number")
    time = nanoseconds(log.get("timestamp"))
    record: Object = {
        "time_unix_nano": time,
        "observed_time_unix_nano": time,
        "severity_number": number if _is_severity(number) else SEVERITIES.get(word, 0),
        "severity_text": word.upper(),
        "body": text(log.get("body")),
        "attributes": attributes,
    }
    for name, digits in IDS:
        if found := hex_id(log.get(name), digits):
            record[name] = found
    return about, scope_of(about), record


def _is_severity(number: Tree) -> bool:
    return isinstance(number, int) and 0 < number <= 24
