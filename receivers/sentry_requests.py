"""What the endpoints beside `/envelope/` take, as envelopes.

Events of old SDKs (`/store/`), reports of browsers (`/security/`, `/nel/`), check-ins by URL
(`/cron/`). Sources: https://develop.sentry.dev/sdk/foundations/transport/ ,
https://docs.sentry.io/security-legal-pii/security/security-policy-reporting/ ,
https://docs.sentry.io/product/crons/getting-started/http/ , read in 2026-11.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping
from uuid import uuid4

from ..pipeline.errors import BrokenDocument, RefusedPayload
from ..pipeline.payloads import json
from ..pipeline.payloads.document import Tree
from ..pipeline.payloads.envelope import Envelope
from ..pipeline.payloads.envelope_documents import Content
from .decompression import DECOMPRESSORS, BrokenEncoding

_LATEST_CHECK_IN = "0" * 32


def store(body: bytes, limit: int, received: float) -> Envelope:
    """An event of an SDK that knows no envelopes: JSON, or Base64 of zlib of JSON."""
    if not body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        body = _unpacked(body, limit)
    return Envelope.from_event(body, "", received)


def security(body: bytes, kind: str, query: Mapping[str, str], received: float) -> Envelope:
    """Reports of a browser: one (CSP, Expect-CT, …) or a list of them (Reporting API, NEL)."""
    try:
        tree, repairs = json.decode(body)
    except BrokenDocument as broken:
        raise RefusedPayload(400, "broken", f"the report is {broken}") from None
    reports = tree if isinstance(tree, list) else [tree]
    if not reports or not all(isinstance(report, dict) for report in reports):
        raise RefusedPayload(400, "broken", "the report is not an object")
    if len(reports) > 100:
        raise RefusedPayload(413, "too_many", "more than 100 reports")
    if kind == "nel":
        envelope = Envelope("", received, {})
        envelope.repaired = repairs
        logs = [Content.of(_network_error(report, received), "object") for report in reports]
        envelope.add_container("log", logs, "application/vnd.sentry.items.log+json")
        return envelope
    envelope = Envelope("", received, {"event_id": uuid4().hex})
    envelope.repaired = repairs
    headers: dict[str, Tree] = {
        name: query[name] for name in ("sentry_release", "sentry_environment") if name in query
    }
    headers["content_type"] = "application/json"
    for report in reports:
        envelope.add("raw_security", report, headers)
    return envelope


def cron(body: bytes, slug: str, query: Mapping[str, str], received: float) -> Envelope:
    """A check-in by URL, its values in the query or in a JSON body."""
    check_in: dict[str, Tree] = {}
    repairs = 0
    if body.strip():
        try:
            tree, repairs = json.decode(body)
        except BrokenDocument as broken:
            raise RefusedPayload(400, "broken", f"the check-in is {broken}") from None
        if not isinstance(tree, dict):
            raise RefusedPayload(400, "broken", "the check-in is not an object")
        check_in.update(tree)
    for name in ("status", "check_in_id", "environment"):
        if name in query:
            check_in[name] = query[name]
    if "duration" in query:
        try:
            check_in["duration"] = float(query["duration"])
        except ValueError:
            raise RefusedPayload(400, "broken", "the duration is not a number") from None
    if not isinstance(check_in.get("status"), str):
        raise RefusedPayload(400, "broken", "the check-in has no status")
    check_in["monitor_slug"] = slug
    check_in.setdefault("check_in_id", _LATEST_CHECK_IN)
    envelope = Envelope("", received, {})
    envelope.repaired = repairs
    envelope.add("check_in", check_in)
    return envelope


def _network_error(report: Tree, received: float) -> Tree:
    """A NEL report (https://www.w3.org/TR/network-error-logging/) as a log.

    Sentry makes logs of them as well; envelopes have no item type for them any more.
    """
    assert isinstance(report, dict)
    body = report.get("body")
    told = body if isinstance(body, dict) else {}
    values: dict[str, Tree] = {f"nel.{key}": value for key, value in told.items()}
    values |= {"url.full": report.get("url"), "user_agent.original": report.get("user_agent")}
    age = report.get("age")
    is_age = isinstance(age, (int, float)) and not isinstance(age, bool) and 0 <= age < 1e12
    kind, phase = told.get("type"), told.get("phase")
    where = f" in {phase}" if isinstance(phase, str) else ""
    what = f": {kind}" if isinstance(kind, str) else ""
    return {
        "timestamp": received - (float(str(age)) / 1000 if is_age else 0.0),
        "trace_id": uuid4().hex,
        "level": "info" if kind == "ok" else "warn",
        "body": f"network error{where}{what}",
        "attributes": {
            key: _attribute(value) for key, value in values.items() if value is not None
        },
    }


def _attribute(value: Tree) -> Tree:
    """An attribute of a Sentry log, whatever its value is."""
    if isinstance(value, bool):
        return {"type": "boolean", "value": value}
    if isinstance(value, int):
        return {"type": "integer", "value": value}
    if isinstance(value, float):
        return {"type": "double", "value": value}
    text = value if isinstance(value, str) else json.encode(value).decode()
    return {"type": "string", "value": text}


def _unpacked(body: bytes, limit: int) -> bytes:
    try:
        packed = b64decode(body, validate=True)
        decompressor = DECOMPRESSORS["deflate"]()
        found = bytearray()
        for piece in decompressor.feed(packed):
            found += piece
            if len(found) > limit:
                raise RefusedPayload(413, "too_large", f"the event has more than {limit} bytes")
        decompressor.finish()
    except (Base64Error, BrokenEncoding):
        raise RefusedPayload(400, "broken", "the event is not JSON") from None
    return bytes(found)
