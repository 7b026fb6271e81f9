"""What Relay removes under a policy is gone under the imported one, but for differences by name."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from imported import pipeline_of
from relay_pairs import (
    CHECKSUM,
    CLOSED,
    EVERYWHERE,
    INNOCENT,
    KINDS,
    MENTION,
    NOBODY,
    PROFILE,
    ROUTE,
    by_relay,
    kind_of,
    pairs,
    without_meta,
)

from errlock.pipeline.api import Pipeline
from errlock.policy.importers.fragment import Imported, NotAPolicy
from errlock.policy.importers.relay import import_relay

PAIRS, SOAK_PAIRS = 1_000, 10_000
EVENTS = 25


def imported(policy: dict[str, Any]) -> Imported:
    return import_relay(json.dumps(policy))


def by_errlock(policy: dict[str, Any], event: dict[str, Any]) -> str:
    return without_meta(pipeline_of(imported(policy)).scrub_event(event))


def test_every_difference_from_relay_has_a_name(soak: bool) -> None:
    default = Pipeline.default()
    found: Counter[str] = Counter()
    unexplained = []
    for policy, events in pairs(7, (SOAK_PAIRS if soak else PAIRS) // EVENTS, EVENTS):
        result = imported(policy)
        assert result.left_out == ()
        pipeline = pipeline_of(result)
        for event, planted in events:
            relay = by_relay(policy, event)
            ours = without_meta(pipeline.scrub_event(event))
            for each in planted:
                gone = each.needle not in relay
                if gone == (each.needle not in ours):
                    continue
                kind = kind_of(
                    each,
                    policy,
                    relay=gone,
                    default=each.needle not in without_meta(default.scrub_event(event)),
                    still=lambda other, needle=each.needle, event=event: (  # type: ignore[misc]  # mypy infers no defaults
                        needle not in by_relay(other, event)
                    ),
                )
                if kind is None:
                    unexplained.append((each, policy))
                else:
                    found[kind] += 1
    assert unexplained == []
    assert set(found) <= set(KINDS)


# Each kind of difference: a policy, an event, a text that Relay removes or keeps, and errlock not.
PASSWORD = {"applications": {"$string": ["@password:filter"]}}
LOYALTY = {
    "rules": {"loyalty": {"type": "redact_pair", "keyPattern": "loyalty"}},
    "applications": {"$string || $number": ["loyalty"]},
}
EXAMPLES = {
    CHECKSUM: ("@creditcard", {"note": "card 4111111111111112"}, "4111111111111112", True),
    NOBODY: ("@ip", {"note": "peer 127.0.0.1"}, "127.0.0.1", True),
    MENTION: ("@password:filter", {"note": "the password of lina was reset"}, "lina", True),
    ROUTE: ("@userpath", {"note": "GET /api/users/lina/cart"}, "lina", True),
    PROFILE: ("@ip", {"note": "mail lina@example.com"}, "lina", False),
}


@pytest.mark.parametrize(("kind", "example"), EXAMPLES.items(), ids=list(EXAMPLES))
def test_a_deliberate_difference(kind: str, example: tuple[str, Any, str, bool]) -> None:
    rule, extra, text, relay = example
    policy = {"applications": {"$string": [rule]}}
    event = {"extra": extra}
    assert (text not in by_relay(policy, event)) is relay
    assert (text not in by_errlock(policy, event)) is not relay


def test_a_small_number_under_a_named_key_stays() -> None:
    event = {"extra": {"loyalty": 4711}}
    assert "4711" not in by_relay(LOYALTY, event), INNOCENT
    assert "4711" in by_errlock(LOYALTY, event)


def test_a_rule_of_values_looks_everywhere() -> None:
    policy = {
        "rules": {"badge": {"type": "pattern", "pattern": r"B-\d{4}"}},
        "applications": {"extra.note": ["badge"]},
    }
    event = {"logentry": {"formatted": "B-1234 came"}}
    assert "B-1234" in by_relay(policy, event), EVERYWHERE
    assert "B-1234" not in by_errlock(policy, event)
    assert [str(note) for note in imported(policy).differs] == [
        "applications.extra.note: its rules look everywhere, not only where the selector says"
    ]


def test_a_selector_reaches_what_relay_closes() -> None:
    policy = {"applications": {"$frame.context_line": ["@anything:remove"]}}
    event = {"exception": {"values": [{"stacktrace": {"frames": [{"context_line": "x = 1"}]}}]}}
    assert "x = 1" in by_relay(policy, event), CLOSED
    assert "x = 1" not in by_errlock(policy, event)


def test_everything_is_what_relay_means_by_it() -> None:
    """Selectors of everything leave what a document needs to be one."""
    event = {
        "event_id": "a" * 32, "level": "error", "release": "shop@1", "tags": {"plan": "gold"},
        "exception": {"values": [{"type": "ValueError", "value": "bad"}]}, "extra": {"a": [1, "b"]},
        "user": {"id": "u-77"},
    }  # fmt: skip
    policy = {"applications": {"**": ["@anything:remove"]}}
    scrubbed = json.loads(by_errlock(policy, event))
    assert scrubbed == {
        **event,
        "exception": {"values": [{"type": "ValueError", "value": None}]},
        "extra": {"a": [None, None]},
        "user": {"id": None},
    }


def test_methods_become_actions() -> None:
    rules = {
        "masked": {"type": "pattern", "pattern": "M-[a-z]+", "redaction": {"method": "mask"}},
        "hashed": {"type": "pattern", "pattern": "H-[a-z]+", "redaction": {"method": "hash"}},
        "gone": {"type": "pattern", "pattern": "G-[a-z]+"},
        "said": {"type": "pattern", "pattern": "S-[a-z]+", "redaction": {"method": "replace"}},
    }
    policy = {"rules": rules, "applications": {"$string": list(rules)}}
    text = json.loads(by_errlock(policy, {"message": "M-a H-b G-c S-d"}))["message"]
    mask, pseudonym, said = text.split()
    assert (mask, said) == ("*" * 16, "[custom.said]")
    assert pseudonym.startswith("[custom.hashed:e0:0x")


def test_the_stricter_of_two_methods_counts() -> None:
    result = imported({"applications": {"$string": ["@email:hash"], "extra.a": ["@email:remove"]}})
    assert result.processors == {"redact": {"classes": {"pii.email": "remove"}}}
    assert "pii.email has one action everywhere, remove" in [n.message for n in result.differs]


def test_only_the_named_groups_go() -> None:
    rule = {"type": "pattern", "pattern": r"(?:from) (\w+) to (?P<v>\w+)", "replaceGroups": [2]}
    policy = {"rules": {"r": rule}, "applications": {"$string": ["r"]}}
    assert json.loads(by_errlock(policy, {"message": "from here to there"}))["message"] == (
        "from here to "
    )


def test_classes_of_characters_are_unicode() -> None:
    policy = {
        "rules": {"r": {"type": "pattern", "pattern": r"holder \w+", "redaction": {}}},
        "applications": {"$string": ["r"]},
    }
    assert "Jörg" not in by_errlock(policy, {"message": "holder Jörg came"})


def test_settings_of_a_project() -> None:
    settings = {
        "scrubData": True, "scrubDefaults": True, "scrubIpAddresses": True,
        "sensitiveFields": ["Loyalty"], "excludeFields": ["extra.raw", "my field"],
    }  # fmt: skip
    event = {
        "user": {"ip_address": "203.0.113.7"}, "request": {"cookies": {"symfony": "abcdef"}},
        "extra": {
            "loyalty_no": "77-1", "raw": "lina@example.com", "my field": "lina@example.com",
            "author_token_x": "hunter22", "deep": {"raw": {"mail": "max@example.com"}},
        },
    }  # fmt: skip
    scrubbed = json.loads(by_errlock(settings, event))
    assert scrubbed["user"]["ip_address"] is None
    assert scrubbed["request"]["cookies"] == {"symfony": "[session]"}
    assert scrubbed["extra"] == {
        "loyalty_no": "[custom.sensitive_field]", "raw": "lina@example.com",
        "my field": "lina@example.com", "author_token_x": "[password]",
        "deep": {"raw": {"mail": "[email]"}},
    }  # fmt: skip


def test_a_project_of_the_api_has_both() -> None:
    pii = {"applications": {"extra.cart": ["@anything:remove"]}}
    project = {
        "relayPiiConfig": json.dumps(pii),
        "dataScrubber": True,
        "sensitiveFields": ["badge"],
    }
    scrubbed = json.loads(by_errlock(project, {"extra": {"cart": {"n": 1}, "badge": "B-1"}}))
    assert scrubbed["extra"] == {"cart": {"n": None}, "badge": "[custom.sensitive_field]"}


@pytest.mark.parametrize(
    ("settings", "note"),
    [
        ({"scrubData": True, "scrubDefaults": False}, "scrubDefaults: is off"),
        ({"dataScrubber": True, "dataScrubberDefaults": False}, "dataScrubberDefaults: is off"),
        ({"dataScrubber": False, "dataScrubberDefaults": True}, "dataScrubber: is off"),
        ({"dataScrubber": True, "safeFields": ["a"]}, "safeFields: a is not looked into"),
    ],
)
def test_a_note_has_the_name_that_stands_in_the_file(settings: dict[str, Any], note: str) -> None:
    assert any(str(each).startswith(note) for each in imported(settings).differs)


def test_a_policy_that_is_json_in_a_string_is_read() -> None:
    policy = {"applications": {"extra.cart": ["@anything:remove"]}}
    assert import_relay(json.dumps(json.dumps(policy))) == imported(policy)


def test_a_rule_that_nothing_applies_is_told() -> None:
    rules = {"a": {"type": "alias", "rule": "b"}, "b": {"type": "email"}, "c": {"type": "ip"}}
    result = imported({"rules": rules, "applications": {"$string": ["a"]}})
    assert [str(note) for note in result.differs] == ["rules.c: is applied nowhere, as in Relay"]


def one_rule(**rule: Any) -> dict[str, Any]:
    return {"rules": {"a": rule}, "applications": {"$string": ["a"]}}


@pytest.mark.parametrize(
    ("policy", "note"),
    [
        (
            {"applications": {"$string": ["@nope"]}},
            "applications.$string[0]: there is no rule '@nope'",
        ),
        (
            {"applications": {"*": ["@anything"]}},
            "applications.*[0]: * needs a path; for every field write **",
        ),
        (one_rule(type="magic"), "rules.a: there is no rule type 'magic'"),
        (
            one_rule(type="pattern", pattern="(?x) a"),
            "rules.a: RE2 does not take it (look-around and back-references are not)",
        ),
        (
            one_rule(type="pattern", pattern="token (hunter2"),
            "rules.a: RE2 does not take it: missing )",
        ),
        (
            one_rule(type="pattern", pattern="[a[bc]]"),
            "rules.a: RE2 has no classes within classes",
        ),
        (
            one_rule(type="pattern", pattern="a", replaceGroups=[1]),
            "rules.a: the pattern has no group 1",
        ),
        (one_rule(type="alias", rule="a"), "rules.a: is made of itself"),
        (
            {"config": {"piiConfig": {"rules": {}}, "filterSettings": {"releases": {}}}},
            "config.filterSettings: what they drop goes out unless you write a `filter`",
        ),
    ],
)
def test_what_cannot_be_carried_over_is_told(policy: dict[str, Any], note: str) -> None:
    assert [str(each) for each in imported(policy).left_out] == [note]


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"bogus": 1}', '"{"', '"x"', "relay: {mode: managed}"]
)
def test_another_file_is_refused(text: str) -> None:
    with pytest.raises(NotAPolicy):
        import_relay(text)
