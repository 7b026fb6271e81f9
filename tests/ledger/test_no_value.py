"""No value of a document is in the ledger: not in its account, its journal or a manifest."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from canaries import CANARIES, FRAGMENTS, envelope_full_of, found_in
from code_event import deliver

from errlock.ledger.account.account import Account
from errlock.ledger.account.store import AccountStore
from errlock.ledger.code.disclosed import disclosed
from errlock.ledger.code.names import KINDS
from errlock.ledger.code.reading import CodeReader
from errlock.ledger.code.sections import unpack
from errlock.ledger.exposed import Exposed, Learner
from errlock.ledger.inventory.reading import read_inventory
from errlock.ledger.journal.journal import Journal
from errlock.ledger.needles.keys import GUESSABLE
from errlock.ledger.needles.needles import Needles
from errlock.ledger.needles.words import WordReader
from errlock.ledger.options import AccountOptions, NeedleOptions
from errlock.ledger.record import Record
from errlock.ledger.report.facts import Facts
from errlock.ledger.report.making import Question, make_report
from errlock.ledger.report.model import Backend
from errlock.ledger.report.pages.document import document
from errlock.ledger.report.renderings.annexes import annexes
from errlock.ledger.report.renderings.html import html
from errlock.ledger.report.renderings.markdown import markdown
from errlock.ledger.search.rotating import rotate_list
from errlock.ledger.traces import Tracer
from errlock.pipeline.chain import Chain, Step
from errlock.pipeline.counters import Counters
from errlock.pipeline.payloads.document import Payload, Tree
from errlock.pipeline.payloads.envelope import Envelope
from errlock.pipeline.payloads.otlp import OtlpRequest
from errlock.policy.keyring.pseudonyms import new_key
from errlock.policy.parts import RedactPart


def code(text: str) -> dict[str, Any]:
    """The parts of an event that tell of code, with a canary in each."""
    frame = {"filename": text, "module": text, "lineno": 7, "in_app": True, "context_line": text,
             "pre_context": [text], "function": text}  # fmt: skip
    statement = f"SELECT {text} FROM \"{text}\" WHERE a = '{text}' AND b = {text} -- {text}"
    data = {"url": f"http://{text}.internal/{text}", "db.system": text, "server.address": text,
            "http.route": f"/{text}/x", "db.statement": statement}  # fmt: skip
    named = {"name": text, "version": text, "kernel_version": text}
    return {
        "modules": {text: text, f"x-{text}": "1.0", "x": text}, "transaction": f"GET /{text}",
        "sdk": {**named, "packages": [named]},
        "contexts": {"runtime": named, "os": named, "trace": {"data": data}},
        "request": {"url": f"http://{text}/{text}", "method": text},
        "exception": {"values": [{"type": text, "value": text, "module": text,
                                  "stacktrace": {"frames": [frame]}}]},
        "threads": [{"stacktrace": {"frames": [{**frame, "filename": f"/home/{text}/{text}.py"}]}}],
        "breadcrumbs": [{"category": "query", "message": statement}, {"data": data}],
        "spans": [{"op": "db", "description": statement}, {"data": data}],
    }  # fmt: skip


def envelope(text: str) -> Envelope:
    """With a canary wherever a sender can write."""
    event = {**code(text), "user": {"id": text, "email": text}}
    return Envelope.decode(envelope_full_of(text, event), "shop", 1.0)


def request(text: str) -> OtlpRequest:
    names: dict[str, Tree] = {
        "service.name": text, "deployment.environment.name": text, "host.name": text, text: text,
    }  # fmt: skip
    names |= {
        f"{name}.{of}": text
        for name in ("telemetry.sdk", "process.runtime", "os", "service")
        for of in ("name", "version")
    }  # fmt: skip
    trace = (
        f'Traceback (most recent call last):\n  File "{text}", line 7, in {text}\n{text}: {text}\n'
    )
    attributes: dict[str, Tree] = {
        text: text, "exception.type": text, "exception.stacktrace": trace, "http.route": f"/{text}",
        "server.address": f"{text}.internal", "db.statement": f"SELECT {text} FROM t",
        "url.full": f"http://{text}:80/{text}", "code.filepath": text,
    }  # fmt: skip
    record: Tree = {"body": text, "attributes": attributes}
    scope: dict[str, Tree] = {"name": text, "version": text, "attributes": {text: text}}
    return OtlpRequest.from_trees(
        "logs", {"attributes": names}, scope, [record], project=text, received=1.0
    )


def reports(folder: Path, key: str | None) -> Iterator[bytes]:
    """In every form that holds text as it is."""
    wanted = None
    if key is not None:
        given = "\n".join((*FRAGMENTS.values(), *CANARIES.values())).encode()
        wanted = read_inventory(given, "lines")
    now = datetime.now(UTC)
    report = make_report(
        Question(
            records=[Record(folder / "journal", folder / "ledger.db")],
            backends=[Backend(destination="sentry")], since=now - timedelta(hours=1),
            until=now + timedelta(hours=1), facts=Facts(), inventory=wanted,
            needle_keys=[key] if key is not None else [],
        )
    )  # fmt: skip
    assert report.volume.documents.at_least > 50
    yield html(document(report))
    yield markdown(document(report)).encode()
    yield from annexes(report).values()


@pytest.mark.parametrize("key", [None, new_key()], ids=["without a key", "with a key"])
def test_no_canary_is_in_what_the_ledger_writes(tmp_path: Path, key: str | None) -> None:
    chain = Chain([Step("redact", RedactPart())], Counters(), "errors", trace=Tracer(key).traces)
    journal = Journal(tmp_path / "journal")
    needles = words_in = None
    if key is not None:
        options = NeedleOptions(guessable=GUESSABLE)
        needles = Needles(tmp_path / "needles.db", key, options, journal.append, has_words=True)
        words_in = WordReader(key)
    account = Account(
        tmp_path / "ledger.db", AccountOptions(), journal.append, needles=needles,
        learner=Learner(CodeReader(), words_in),
    )  # fmt: skip
    manifests, classes = [], set()
    for text in (*FRAGMENTS.values(), *CANARIES.values()):
        payloads: list[Payload] = [envelope(text), request(text)]
        for payload in payloads:
            out = chain.run(payload)
            classes |= {trace.class_ for each in out.made for trace in each.traces}
            deliver(account, out)
            manifests.append(out.manifest)
            # Also the words of what had never been sanitised.
            account.expose(Exposed("sentry", Envelope.from_event({"message": text}), {"event": 1}))
    account.close()
    journal.close()
    assert {"secret.password", "pii.email", "financial.card", "pii.ip"} <= classes
    store = AccountStore.to_read(tmp_path / "ledger.db")
    assert {each.kind for each in disclosed(store.code, "sentry", 0, 2**40)} == set(KINDS)
    store.close()
    shown = b""
    if key is not None:
        given = "\n".join((*FRAGMENTS.values(), *CANARIES.values())).encode()
        rows = rotate_list([tmp_path], [key], read_inventory(given, "lines"))
        assert len(rows.of("rotate")) > 5
        assert len(rows.of("not_needed")) > 5
        shown = repr(rows).encode()
    shown += b"".join(reports(tmp_path, key))
    written = [shown, *(path.read_bytes() for path in tmp_path.iterdir())]
    assert sum(map(len, written)) > 10_000
    assert found_in([*written, *manifests]) == []


def test_no_canary_is_a_name_where_no_policy_took_it_out() -> None:
    reader = CodeReader()
    kept = [
        piece
        for text in (*FRAGMENTS.values(), *CANARIES.values())
        for payload in (envelope(text), request(text))
        for _, piece in reader.pieces(payload)
    ]
    assert {each.kind for section in kept for each in unpack(section)} == set(KINDS)
    assert found_in(kept) == []
