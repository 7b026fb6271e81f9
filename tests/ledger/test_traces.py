"""What was found in documents is noted without a value, through every chain that acts on them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sanitised_payloads import logs

from errlock.ledger import origins
from errlock.ledger.manifest import manifest_of_portion, read_manifest, renewed, write_manifest
from errlock.ledger.origins import label
from errlock.ledger.traces import Tracer
from errlock.pipeline.chain import Chain, Step
from errlock.pipeline.counters import Counters
from errlock.pipeline.crossing import convert
from errlock.pipeline.payloads.document import Payload
from errlock.pipeline.payloads.envelope import Envelope
from errlock.pipeline.payloads.otlp import OtlpRequest
from errlock.policy.findings import Found
from errlock.policy.keyring.pseudonyms import SingleKey, new_key
from errlock.policy.parts import HashPart, Part, RedactPart

KEY = new_key()
TRACER = Tracer(KEY)
JANE, JOE = "jane@example.com", "joe@example.com"


def chain(*parts: Part, tracer: Tracer = TRACER) -> Chain:
    steps = [Step(type(part).__name__, part) for part in parts]
    return Chain(steps, Counters(), "errors", trace=tracer.traces)


def envelope(*events: dict[str, Any], headers: bytes = b"{}") -> Envelope:
    items = b"".join(b'{"type":"event"}\n' + json.dumps(event).encode() + b"\n" for event in events)
    return Envelope.decode(headers + b"\n" + items, "shop", 1.0)


def lines(payload: Payload) -> dict[tuple[str, str, str], tuple[int, int, int]]:
    """Class, form, detector: documents, occurrences, distinct values."""
    return {
        (line.class_, line.form, line.detector): (
            line.documents,
            line.occurrences,
            len(line.values),
        )
        for line in read_manifest(payload.manifest or write_manifest(payload)).lines
    }


def test_each_class_and_form_is_counted_with_its_distinct_values() -> None:
    out = chain(RedactPart()).run(
        envelope(
            {"message": f"mail {JANE} {JOE} {JANE}", "user": {"id": "4711"}},
            {"message": f"mail {JANE}"},
            {"message": "nothing"},
        )
    )
    assert lines(out) == {
        ("pii.email", "removed", "email"): (2, 4, 2),
        ("pii.user_id", "clear", "key"): (1, 1, 1),
    }
    manifest = read_manifest(write_manifest(out))
    assert {type_: items.count for type_, items in manifest.items.items()} == {"event": 3}
    assert manifest.items["event"].size == sum(document.size for document in out.documents)
    # The first is about user 4711, the second about Jane.
    assert len(manifest.items["event"].subjects) == 2


def test_a_pseudonym_is_noted_with_its_epoch() -> None:
    part = HashPart(classes=("pii.email",), keyring=SingleKey(KEY))
    out = chain(part).run(envelope({"message": JANE}))
    assert lines(out) == {("pii.email", "pseudonym:e0", "email"): (1, 1, 1)}


def test_a_fingerprint_is_of_the_normalised_value_and_of_the_key() -> None:
    def fingerprint(tracer: Tracer, mail: str) -> int:
        (trace,) = tracer.traces([Found("pii.email", "removed", "email", mail)], (), False)
        (made,) = trace.values
        return made

    one = fingerprint(TRACER, " Jane@Example.com")
    assert one == fingerprint(TRACER, JANE) == fingerprint(Tracer(KEY), JANE)
    assert one != fingerprint(Tracer(new_key()), JANE)
    assert -(2**63) <= one < 2**63


def test_without_a_key_nothing_is_told_apart() -> None:
    out = chain(RedactPart(), tracer=Tracer(None)).run(envelope({"message": f"{JANE} {JOE}"}))
    assert lines(out) == {("pii.email", "removed", "email"): (1, 2, 0)}


def test_a_stricter_chain_counts_nothing_twice() -> None:
    base = RedactPart(classes=(("pii.email", "keep"),))
    first = chain(base).run(
        envelope({"message": f"{JANE} password=hunter22correct", "user": {"id": 1}})
    )
    assert lines(first)["pii.email", "clear", "email"] == (1, 1, 1)
    second = chain(RedactPart()).run(first)
    assert {line[:2]: numbers for line, numbers in lines(second).items()} == {
        ("pii.email", "removed"): (1, 1, 1),
        ("pii.user_id", "clear"): (1, 1, 1),
        ("secret.password", "removed"): (1, 1, 1),
    }


def test_a_form_that_gets_stricter_is_noted_as_it_leaves() -> None:
    hashed = HashPart(classes=("pii.email",), keyring=SingleKey(KEY))
    first = chain(hashed).run(envelope({"message": JANE}))
    second = chain(RedactPart()).run(first)
    assert "[email]" in str(second.alive[0].tree)
    assert lines(second) == {("pii.email", "removed", "email"): (1, 1, 1)}


def test_what_was_stored_and_is_sanitised_again_keeps_what_was_noted() -> None:
    base = RedactPart(classes=(("pii.email", "keep"),))
    first = chain(base).run(envelope({"message": f"{JANE} password=hunter22correct"}))
    stored = Envelope.decode(first.encode(), "shop", 1.0)
    stored.manifest = write_manifest(first)
    second = chain(RedactPart()).run(stored)
    second.manifest = renewed(second.manifest, second)
    assert {line[:2]: numbers for line, numbers in lines(second).items()} == {
        ("pii.email", "removed"): (1, 1, 1),
        ("secret.password", "removed"): (1, 1, 1),
    }


def test_documents_that_do_not_go_out_leave_no_trace() -> None:
    out = chain(RedactPart()).run(envelope({"message": JANE}, {"message": "x"}))
    out.documents[0].dropped = "filtered"
    manifest = read_manifest(write_manifest(out))
    assert manifest.lines == []
    assert manifest.items["event"].count == 1


@pytest.mark.parametrize(
    ("headers", "event", "environment"),
    [
        (b'{"trace":{"environment":"prod"}}', {"message": "x", "environment": "other-one"}, "prod"),
        (b"{}", {"message": "x", "environment": "staging"}, "staging"),
        (b"{}", {"message": JANE, "environment": "staging"}, "staging"),
        (b"{}", {"message": "x", "environment": f"of {JANE}"}, "other"),
        (b"{}", {"message": "x", "environment": "\u001b[31m"}, "other"),
        (b"{}", {"message": "x"}, "unknown"),
    ],
)
def test_service_and_environment_are_those_of_the_sanitised_documents(
    headers: bytes, event: dict[str, Any], environment: str
) -> None:
    manifest = read_manifest(
        write_manifest(chain(RedactPart()).run(envelope(event, headers=headers)))
    )
    assert (manifest.service, manifest.environment) == ("shop", environment)


def test_otlp_says_it_in_the_resource() -> None:
    resource: dict[str, Any] = {
        "attributes": {"service.name": "cart", "deployment.environment.name": "prod", "mail": JANE}
    }
    request = OtlpRequest.from_trees(
        "logs", resource, {}, [{"body": f"mail {JOE}"}, {"body": "x"}], project="raw", received=1.0
    )
    out = chain(RedactPart()).run(request)
    manifest = read_manifest(write_manifest(out))
    assert (manifest.service, manifest.environment) == ("cart", "prod")
    assert {type_: items.count for type_, items in manifest.items.items()} == {"log_record": 2}
    assert {(line.type, line.class_, line.occurrences) for line in manifest.lines} == {
        ("resource", "pii.email", 1),
        ("log_record", "pii.email", 1),
    }


def test_each_resource_says_it_for_itself_however_often_it_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(origins, "_REMEMBERED", 2)
    said: list[tuple[dict[str, Any], tuple[str, str]]] = [
        ({"service.name": "cart", "deployment.environment.name": "prod"}, ("cart", "prod")),
        ({"service.name": "cart", "deployment.environment": "dev"}, ("cart", "dev")),
        ({"service.name": 7, "deployment.environment": "a" * 70}, ("other", "other")),
        ({"service.name": "shop"}, ("shop", "unknown")),
        ({}, ("unknown", "unknown")),
    ]
    for attributes, origin in said * 3:
        request = OtlpRequest.from_trees(
            "logs", {"attributes": attributes}, {}, [{"body": "x"}], project="raw", received=1.0
        )
        manifest = read_manifest(write_manifest(chain(RedactPart()).run(request)))
        assert (manifest.service, manifest.environment) == origin


def test_what_is_converted_takes_its_traces_along() -> None:
    out = chain(RedactPart()).run(envelope({"message": f"mail {JANE}", "environment": "prod"}))
    converted = convert(out, "otlp")
    manifest = read_manifest(write_manifest(converted.payloads[0], converted.carried[0]))
    assert {type_: items.count for type_, items in manifest.items.items()} == {"log_record": 1}
    assert [(line.type, line.class_) for line in manifest.lines] == [("log_record", "pii.email")]
    assert manifest.environment == "prod"


def test_no_value_is_in_a_manifest() -> None:
    event = {
        "message": f"{JANE} password=hunter22correct",
        "environment": "AKIAIOSFODNN7EXAMPLE",
        "tags": {JOE: "x"},
    }
    headers = json.dumps({"trace": {"environment": f"x {JOE}"}}).encode()
    manifest = write_manifest(chain(RedactPart()).run(envelope(event, headers=headers)))
    assert [v for v in (JANE, JOE, "hunter22correct", "AKIA") if v.encode() in manifest] == []


@pytest.mark.parametrize(
    "name",
    [
        "prod", "Production EU", "shop-eu2", "k8s.prod", "eu-west-1", "checkout_v2", "a/b", "2026",
        "v1.2.3", "shop@1.2.3", "ip-10-0-3-17",
    ],
)  # fmt: skip
def test_a_name_is_a_label(name: str) -> None:
    assert label(name) == name


@pytest.mark.parametrize(
    "text",
    [
        "6841 2636 7875 9354",
        "x" * 65,
        "=cmd()",
        "<b>",
        "Tr0ub4dor-91x",
        "4539578763621486",
        "9f3b6c02d41a",
        "jane.doe@example.com",
        "81.2.69.16",
        "host 10.0.3.17",
        "a--b",
        "ü",
        7,
    ],
)
def test_what_could_be_a_value_or_markup_is_no_label(text: object) -> None:
    assert label(text) == "other"  # type: ignore[arg-type]  # whatever a document says


def test_nothing_is_unknown() -> None:
    assert (label(None), label("")) == ("unknown", "unknown")


def test_portions_hold_in_all_what_the_whole_held() -> None:
    request = logs(*(f"{n} of jane{n}@example.com" for n in range(5)), *"abcdef")
    whole = chain(RedactPart()).run(request)
    whole.manifest = write_manifest(whole)
    parts, there_is = [logs(*"12345678"), logs(*"123")], list(whole.alive)
    made, before = [], 0
    for part in parts:
        carried = there_is[before : before + part.count_alive]
        made.append(read_manifest(manifest_of_portion(whole, before, carried, part)))
        before += len(carried)
    there = read_manifest(whole.manifest)
    assert [each.items["log_record"].count for each in made] == [8, 3]
    for name in ("count", "size"):
        shares = [getattr(each.items["log_record"], name) for each in made]
        assert sum(shares) == getattr(there.items["log_record"], name)
    for at, line in enumerate(there.lines):
        assert sum(each.lines[at].documents for each in made) == line.documents
        assert sum(each.lines[at].occurrences for each in made) == line.occurrences
        assert {tuple(each.lines[at].values) for each in made} == {tuple(line.values)}
