"""Scrubbing processors of a collector: what they remove is gone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from imported import pipeline_of

from errlock.policy.importers.fragment import Imported, NotAPolicy
from errlock.policy.importers.otel import import_otel


def request(span: dict[str, Any], resource: dict[str, Any]) -> bytes:
    made = {
        "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331",
        "name": "GET /", "startTimeUnixNano": "1", "endTimeUnixNano": "2",
        "attributes": attributes(span),
    }  # fmt: skip
    scope = {"scope": {"name": "shop"}, "spans": [made]}
    spans = {"resource": {"attributes": attributes(resource)}, "scopeSpans": [scope]}
    return json.dumps({"resourceSpans": [spans]}).encode()


def attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"key": k, "value": {"intValue": str(v)} if isinstance(v, int) else {"stringValue": v}}
        for k, v in values.items()
    ]


def read(listed: list[dict[str, Any]]) -> dict[str, Any]:
    return {each["key"]: next(iter(each.get("value", {}).values()), None) for each in listed}


def scrubbed(
    imported: Imported, span: dict[str, Any], resource: dict[str, Any] | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The attributes of a span and its resource under a policy."""
    out = pipeline_of(imported).scrub(request(span, resource or {}), "otlp-traces")
    assert out is not None
    spans = json.loads(out)["resourceSpans"][0]
    made = spans["scopeSpans"][0]["spans"][0]
    assert made["name"] == "GET /"
    return read(made.get("attributes", [])), read(spans.get("resource", {}).get("attributes", []))


def test_only_allowed_keys_stay() -> None:
    policy = import_otel("allowed_keys: [cart, http.url]\nallow_all_keys: false")
    span, resource = scrubbed(policy, {"cart": "c-1", "other": "x", "count": 7}, {"region": "eu"})
    assert (span, resource) == ({"cart": "c-1"}, {})


def test_without_allowed_keys_no_attribute_stays() -> None:
    span, resource = scrubbed(import_otel("allow_all_keys: false"), {"a": "x"}, {"b": "y"})
    assert (span, resource) == ({}, {})


def test_an_allow_list_leaves_sentry_events_alone() -> None:
    event = {"level": "error", "extra": {"a": {"b": "c"}}, "tags": {"plan": "gold"}}
    assert pipeline_of(import_otel("allow_all_keys: false")).scrub_event(event) == event


BLOCKING = r"""
processors:
  redaction/shop:
    allow_all_keys: true
    ignored_keys: [raw]
    blocked_key_patterns: [".*host.*", "^user\\..*", "shop_.*"]
    blocked_values: ["ref-[0-9]{4}$$", "badge [A-Z]+"]
"""


def test_blocked_keys_and_values_go() -> None:
    policy = import_otel(BLOCKING)
    assert policy.left_out == ()
    span, resource = scrubbed(
        policy,
        {"shop_id": "s-1", "user.id": "u-77", "note": "badge ABC seen ref-1234",
         "raw": "ref-1234", "plain": "ref-9999 kept"},
        {"host.name": "web-1"},
    )  # fmt: skip
    assert span == {
        "shop_id": "[custom.blocked_key]", "user.id": "[user_id]",
        "note": "[custom.blocked_value] seen [custom.blocked_value]",
        "raw": "ref-1234", "plain": "ref-9999 kept",
    }  # fmt: skip
    assert resource == {"host.name": "[custom.blocked_key]"}


def test_a_hash_becomes_a_keyed_pseudonym() -> None:
    policy = import_otel(
        "allow_all_keys: true\nblocked_values: ['ref-[0-9]{4}']\nhash_function: hmac-sha256\n"
        "hmac_key: 0123456789"
    )
    span, _ = scrubbed(policy, {"a": "ref-1234", "b": "x ref-1234", "c": "ref-9999"})
    assert span["a"].startswith("[custom.blocked_value:e0:0x")
    assert span["b"] == f"x {span['a']}"
    assert span["c"] not in ("ref-9999", span["a"])
    assert "0123456789" not in repr(policy)


def test_sanitisers_make_values_coarser() -> None:
    policy = import_otel(
        "allow_all_keys: true\nurl_sanitizer: {enabled: true}\ndb_sanitizer: {sql: {enabled: true}}"
    )
    span, _ = scrubbed(policy, {"u": "https://shop/users/42", "q": "SELECT a FROM b WHERE id = 42"})
    assert span == {"u": "https://shop/users/{id}", "q": "SELECT a FROM b WHERE id = ?"}


ACTIONS = """
processors:
  attributes:
    actions:
      - {key: db.statement, action: delete}
      - {key: cart, action: hash}
      - {key: plan, action: update, value: x}
      - {pattern: "^secret_", action: delete}
  resource:
    attributes: [{key: region, action: delete}]
  batch: {}
"""


def test_actions_on_attributes() -> None:
    policy = import_otel(ACTIONS)
    assert policy.left_out == ()
    span, resource = scrubbed(
        policy,
        {"db.statement": "SELECT 1", "cart": "c-1", "plan": "gold", "secret_x": "abc",
         "region": "eu"},
        {"region": "eu"},
    )  # fmt: skip
    assert span.pop("cart").startswith("[custom.hashed_cart:e0:0x")
    assert span == {
        "db.statement": None, "plan": "[custom.field_replace]", "secret_x": None, "region": "eu",
    }  # fmt: skip
    assert resource == {"region": None}


STATEMENTS = r"""
processors:
  transform:
    trace_statements:
      - context: resource
        statements: ['delete_key(attributes, "region")']
      - replace_pattern(span.attributes["note"], "ref-\\d+", "ref")
      - replace_all_patterns(attributes, "value", "badge [A-Z]+$$", "badge")
      - delete_matching_keys(attributes, "(?i)shop_.*")
      - set(attributes["plan"], "x") where name == "y"
      - keep_keys(attributes, ["a"])
"""


def test_statements_of_a_transform_processor() -> None:
    policy = import_otel(STATEMENTS)
    assert [note.path for note in policy.left_out] == ["processors.transform.trace_statements[5]"]
    span, resource = scrubbed(
        policy,
        {"note": "see ref-12", "b": "badge XYZ", "Shop_id": "s-1", "plan": "gold"},
        {"region": "eu"},
    )
    assert span == {
        "note": "see [custom.replaced]", "b": "[custom.replaced]", "Shop_id": None,
        "plan": "[custom.field_replace]",
    }  # fmt: skip
    assert resource == {"region": None}


def transform(*statements: str, **more: Any) -> Imported:
    spans = [{"context": "span", "statements": list(statements), **more}]
    return import_otel(json.dumps({"processors": {"transform": {"trace_statements": spans}}}))


@pytest.mark.parametrize(
    ("statement", "span", "out"),
    [
        (
            'delete_key(attributes, "a") where IsString(attributes["a"])',
            {"a": "x"},
            {"a": None},
        ),
        (
            'set(attributes["a"], "") where IsMatch(attributes["b"], ".*, ()")',
            {"a": "x"},
            {"a": "[custom.field_replace]"},
        ),
        (
            'replace_pattern(attributes["a"], "no-(\\\\d+)", "no") where IsString(attributes["a"])',
            {"a": "x no-12"},
            {"a": "x [custom.replaced]"},
        ),
        # What would find evidence everywhere takes its attribute, and leaves all others.
        (
            'replace_pattern(attributes["a"], "\\\\?.*$$", "")',
            {"a": "/x?b=1", "b": "/y?c=2"},
            {"a": "[custom.field_replace]", "b": "/y?c=2"},
        ),
        (
            'replace_pattern(attributes["a"], ".*", "***")',
            {"a": "x", "b": "y"},
            {"a": "[custom.field_replace]", "b": "y"},
        ),
        # What its replacement keeps stays.
        (
            'replace_pattern(attributes["a"], "([?&](ref|zid)=)[^&]*", "$$1***")',
            {"a": "/x?b=1&ref=abc&c=2"},
            {"a": "/x?b=1&ref=[custom.replaced]&c=2"},
        ),
        (
            'replace_pattern(attributes["a"], "(?i)(ref|zid)=([^&]+)", "$${1}=***")',
            {"a": "/x?b=1&Ref=abc&c=2"},
            {"a": "/x?b=1&Ref=[custom.replaced]&c=2"},
        ),
        (
            'replace_pattern(attributes["a"], "(ref|zid)=([^&]+)|x=(q)", "$$1=***")',
            {"a": "/x?b=1&ref=abc&c=2"},
            {"a": "/x?b=1&[custom.replaced]&c=2"},
        ),
    ],
)
def test_a_statement_does_what_it_says(
    statement: str, span: dict[str, Any], out: dict[str, Any]
) -> None:
    policy = transform(statement)
    assert policy.left_out == ()
    assert scrubbed(policy, span)[0] == out


def test_keys_within_an_attribute_or_a_body_are_reached() -> None:
    policy = transform('delete_key(log.body, "tan")', 'set(attributes["a"]["b"], "***")')
    assert policy.left_out == ()
    assert list(policy.processors["redact"]["selectors"]) == [
        "body.'tan' || body.'tan'.**",
        "attributes.'a'.'b' || attributes.'a'.'b'.**",
    ]


def test_conditions_are_told() -> None:
    policy = transform(
        'delete_key(attributes, "a") where IsString(attributes["a"])', conditions=["true"]
    )
    where = "processors.transform.trace_statements[0]"
    assert [str(note) for note in policy.differs] == [
        f"{where}.conditions: are not carried over: every document is meant",
        f"{where}.statements[0]: its `where` is not carried over: every document is meant",
    ]


@pytest.mark.parametrize(
    "statement",
    ["", "set(", "set()", 'delete_key(attributes, "a") or', "set(name, 1)", 'replace_pattern("x")',
     'set(attributes["a"], SHA256("b"))', 'delete_key(attributes, ("a")', "keep_keys(attributes)"],
)  # fmt: skip
def test_a_statement_that_cannot_be_read_is_told(statement: str) -> None:
    assert len(transform(statement).left_out) == 1


def test_only_processors_in_use_are_imported() -> None:
    policy = import_otel(
        "processors:\n  redaction/a: {allow_all_keys: true, blocked_values: [aa]}\n"
        "  redaction/b: {allow_all_keys: true, blocked_values: [bb]}\n"
        "service: {pipelines: {traces: {processors: [redaction/b]}}}\n"
    )
    assert [each["pattern"] for each in policy.processors["redact"]["detectors"]] == ["bb"]


@pytest.mark.parametrize(
    ("text", "left_out"),
    [
        ("blocked_values: ['(?=a)']",
         "blocked_values[0]: RE2 does not take it (look-around and back-references are not)"),
        (
            "allowed_values: [a]",
            "allowed_values: errlock's own detectors would leave it, too: write yours in redact",
        ),
        ("ignored_key_patterns: [a]",
         "ignored_key_patterns: fields are left alone by name only: safe_fields"),
        ("redact_all_types: true",
         "redact_all_types: numbers of fewer than nine digits are not matched"),
        ("summary: debug", "summary: errlock counts in its metrics, not in attributes"),
        ("db_sanitizer: {redis: {enabled: true}}",
         "db_sanitizer.redis: only SQL is made coarser"),
        ("blocked_key_values: {a: [b]}", "blocked_key_values: is an option that is not known here"),
        ("blocked_values: ['${env:PATTERN}']",
         "blocked_values[0]: refers to something outside of the file"),
    ],
)  # fmt: skip
def test_what_cannot_be_carried_over_is_told(text: str, left_out: str) -> None:
    result = import_otel(f"allow_all_keys: true\n{text}")
    assert [str(note) for note in result.left_out] == [left_out]


def test_processors_that_are_not_read_are_told_but_for_those_that_nobody_needs() -> None:
    text = """
processors: { batch: , memory_limiter: , redaction: , filter/health: , k8sattributes: , span: }
service:
  pipelines:
    traces: { processors: [memory_limiter, redaction, filter/health, k8sattributes, batch] }
"""
    assert [str(note) for note in import_otel(text).left_out] == [
        "processors.filter/health: what it drops goes out unless you write a `filter`",
        "processors.k8sattributes: adds to documents, and takes nothing out",
    ]


@pytest.mark.parametrize("text", ["a: [", "3", "a: 1", "receivers: {}"])
def test_another_file_is_refused(text: str) -> None:
    with pytest.raises(NotAPolicy):
        import_otel(text)
