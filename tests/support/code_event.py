"""An event that tells much of the code that sent it, and what is kept of that."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from errlock.ledger.account.account import Account
from errlock.ledger.account.counting import Delivered
from errlock.ledger.account.store import AccountStore
from errlock.ledger.code.disclosed import Disclosed, disclosed
from errlock.ledger.code.reading import CodeReader
from errlock.ledger.code.sections import unpack
from errlock.ledger.exposed import Exposed
from errlock.ledger.manifest import write_manifest
from errlock.pipeline.chain import Chain, Step
from errlock.pipeline.counters import Counters
from errlock.pipeline.payloads.document import DocumentType, Payload
from errlock.pipeline.payloads.envelope import Envelope
from errlock.policy.parts import RedactPart

EVENT: dict[str, Any] = {
    "server_name": "shop-eu2.internal",
    "release": "shop@7.15.3",
    "transaction": "/orders/{id}",
    "modules": {"requests": "2.31.0", "django": "4.2.1"},
    "sdk": {"name": "sentry.python", "version": "2.1.0",
            "packages": [{"name": "pypi:sentry-sdk", "version": "2.1.0"}]},
    "contexts": {"runtime": {"name": "CPython", "version": "3.11.2"},
                 "os": {"name": "Linux", "kernel_version": "6.1.0-13"}},
    "request": {"url": "http://cart.default.svc.cluster.local/orders/7", "method": "GET"},
    "exception": {"values": [{
        "type": "OperationalError", "module": "sqlalchemy.exc", "value": "no such table",
        "stacktrace": {"frames": [
            {"filename": "shop/views.py", "module": "shop.views", "in_app": True, "lineno": 40,
             "pre_context": ["a", "b"], "context_line": "c", "post_context": ["d"]},
            {"filename": "sqlalchemy/engine.py", "in_app": False, "lineno": 7,
             "context_line": "raise"},
        ]},
    }]},
    "breadcrumbs": {"values": [
        {"category": "query", "message": "SELECT id FROM orders WHERE mail = 'ann'"},
        {"category": "httplib", "data": {"url": "http://redis-cache:8080/x"}},
        {"category": "httplib", "data": {"url": "https://api.example.com/x"}},
    ]},
}  # fmt: skip

MENTIONED = [
    ("exception", "sqlalchemy.exc.OperationalError", "shop.views", ()),
    ("file", "shop/views.py", "own", (38, 42)),
    ("file", "sqlalchemy/engine.py", "library", (7, 8)),
    ("host", "cart.default.svc.cluster.local", "url", ()),
    ("host", "redis-cache", "url", ()),
    ("host", "shop-eu2.internal", "server", ()),
    ("package", "django", "4.2.1", ()),
    ("package", "pypi:sentry-sdk", "2.1.0", ()),
    ("package", "requests", "2.31.0", ()),
    ("package", "sentry.python", "2.1.0", ()),
    ("platform", "CPython", "3.11.2", ()),
    ("platform", "Linux", "", ()),
    ("platform", "kernel", "6.1.0-13", ()),
    ("release", "shop", "7.15.3", ()),
    ("route", "/orders/{id}", "GET", ()),
    ("sql", "SELECT id FROM orders WHERE mail = ?", "", ()),
]


def sent(event: dict[str, Any], part: RedactPart | None = None) -> Envelope:
    chain = Chain([Step("redact", part or RedactPart())], Counters(), "errors")
    payload = chain.run(Envelope.from_event(json.dumps(event).encode(), "7"))
    assert isinstance(payload, Envelope)
    return payload


def mentioned(payload: Envelope, reader: CodeReader | None = None) -> list[tuple[Any, ...]]:
    pieces = (reader or CodeReader()).pieces(payload)
    found = [each for _, piece in pieces for each in unpack(piece)]
    return sorted((each.kind, each.name, each.detail, each.lines) for each in found)


def deliver(
    account: Account,
    payload: Payload,
    destination: str = "sentry",
    counts: Mapping[DocumentType, int] | None = None,
) -> None:
    """A destination gets a sanitised payload."""
    payload.manifest = write_manifest(payload)
    counts = payload.types if counts is None else counts
    account.expose(Exposed(destination, payload, counts))
    account.book(Delivered(destination, "errors:1", payload.manifest, counts))


def rows(path: Path, since: float = 0, until: float = 2**40) -> list[Disclosed]:
    store = AccountStore.to_read(path)
    found = list(disclosed(store.code, "sentry", since, until))
    store.close()
    return found
