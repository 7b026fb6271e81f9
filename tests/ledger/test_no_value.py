"""No value of a document is in the ledger: not in its account, its journal or a manifest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from canaries import CANARIES, FRAGMENTS, found_in

from errlock.ledger.account import Account, Delivered
from errlock.ledger.journal import Journal
from errlock.ledger.manifest import write_manifest
from errlock.ledger.options import AccountOptions
from errlock.ledger.traces import Tracer
from errlock.pipeline.chain import Chain, Step
from errlock.pipeline.counters import Counters
from errlock.pipeline.payloads.document import Payload, Tree
from errlock.pipeline.payloads.envelope import Envelope
from errlock.pipeline.payloads.otlp import OtlpRequest
from errlock.policy.parts import RedactPart
from errlock.policy.pseudonyms import new_key


def envelope(text: str) -> Envelope:
    """With a canary wherever a sender can write."""
    event: dict[str, Any] = {
        "message": text, "environment": text, "release": text, "server_name": text,
        "exception": {"values": [{"type": text, "value": text, "module": text}]},
        "tags": {text: text}, "extra": {text: {text: text}}, "user": {"id": text, "email": text},
    }  # fmt: skip
    headers = {"trace": {"environment": text, "release": text, "user_segment": text}}
    items = [
        ({"type": "event", "x": text}, json.dumps(event)),
        ({"type": text}, text),
        ({"type": "attachment", "filename": text, "content_type": "text/plain"}, text),
    ]
    lines = [json.dumps(headers)]
    for header, body in items:
        lines += [json.dumps({**header, "length": len(body.encode())}), body]
    return Envelope.decode("\n".join(lines).encode() + b"\n", "shop", 1.0)


def request(text: str) -> OtlpRequest:
    names: dict[str, Tree] = {
        "service.name": text, "deployment.environment.name": text, "host.name": text, text: text,
    }  # fmt: skip
    record: Tree = {"body": text, "attributes": {text: text, "exception.type": text}}
    scope: dict[str, Tree] = {"name": text, "attributes": {text: text}}
    return OtlpRequest.from_trees(
        "logs", {"attributes": names}, scope, [record], project=text, received=1.0
    )


@pytest.mark.parametrize("key", [None, new_key()], ids=["without a key", "with a key"])
def test_no_canary_is_in_what_the_ledger_writes(tmp_path: Path, key: str | None) -> None:
    chain = Chain([Step("redact", RedactPart())], Counters(), "errors", trace=Tracer(key).traces)
    journal = Journal(tmp_path / "journal")
    account = Account(tmp_path / "ledger.db", AccountOptions(), journal.append)
    manifests = []
    classes = set()
    for text in (*FRAGMENTS.values(), *CANARIES.values()):
        payloads: list[Payload] = [envelope(text), request(text)]
        for payload in payloads:
            out = chain.run(payload)
            classes |= {trace.class_ for each in out.made for trace in each.traces}
            manifests.append(write_manifest(out))
            account.book(Delivered("sentry", "errors:1", manifests[-1], out.types))
    account.close()
    journal.close()
    assert {"secret.password", "pii.email", "financial.card", "pii.ip"} <= classes
    written = [path.read_bytes() for path in tmp_path.iterdir()]
    assert sum(map(len, written)) > 10_000
    assert found_in([*written, *manifests]) == []
