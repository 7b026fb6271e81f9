import logging
from pathlib import Path
from typing import Any

import msgspec
import pytest
from scrubbing import scrubbed, scrubbed_text

from errlock.pipeline.component import Settings
from errlock.pipeline.counters import Counters
from errlock.pipeline.errors import ConfigError
from errlock.pipeline.options import decode_option
from errlock.policy.parts import RedactPart
from errlock.processors.redact import Redact

NEAR = "unknown class 'pii.emial'; did you mean 'pii.email'?"
NO_PATTERN = "RE2 does not take it (look-around and back-references are not)"
SETTINGS = Settings("redact", Counters(), logging.getLogger("test"))


def redact(**options: Any) -> Redact:
    return msgspec.convert(options, Redact, dec_hook=decode_option)


def part(**options: Any) -> RedactPart:
    config = redact(**options)
    assert list(config.problems()) == []
    return config.build(SETTINGS)


def test_the_default_is_the_balanced_profile() -> None:
    assert scrubbed_text("password=Tr0ub4dor-9 jane@example.com", [part()]) == (
        "password=[password] [email]"
    )


def test_minimal_leaves_personal_data() -> None:
    assert scrubbed_text("password=Tr0ub4dor-9 jane@example.com", [part(profile="minimal")]) == (
        "password=[password] jane@example.com"
    )


def test_strict_takes_what_describes_code_and_hosts() -> None:
    tree = {
        "server_name": "web-1",
        "modules": {"django": "4.2"},
        "user": {"id": "4711"},
        "stacktrace": {"frames": [{"abs_path": "/srv/a.py", "context_line": "x = 1", "lineno": 3}]},
    }
    assert scrubbed(tree, parts=[part(profile="strict")]) == {
        "server_name": "[host]",
        "modules": {"django": "[modules]"},
        "user": {"id": "[user_id]"},
        "stacktrace": {
            "frames": [{"abs_path": "[path]", "context_line": "[source_line]", "lineno": 3}]
        },
    }


def test_classes_are_kept_masked_or_removed_as_told() -> None:
    tree = {"extra": {"a": "jane@example.com", "password": "Tr0ub4dor-9", "c": "x 203.0.113.7"}}
    options = {"pii.email": "keep", "secret": "mask", "pii.ip": "remove"}
    assert scrubbed(tree, parts=[part(classes=options)]) == {
        "extra": {"a": "jane@example.com", "password": "*" * 16, "c": "x "}
    }


def test_a_value_that_is_removed_as_a_whole_is_null() -> None:
    tree = {"extra": {"password": "Tr0ub4dor-9"}}
    assert scrubbed(tree, parts=[part(classes={"secret": "remove"})]) == {
        "extra": {"password": None}
    }


def test_own_detectors_keys_and_selectors_are_used() -> None:
    own = part(
        detectors=[{"id": "badge", "class": "custom.badge", "pattern": "badge-(?P<v>[0-9]+)"}],
        keys={"(?i)^internal_": "custom.internal"},
        selectors={"extra.cart.**": "replace", "tags.shop": "pii.name", "extra.gone": "remove"},
    )
    tree = {
        "message": "badge-4711 was here",
        "extra": {"Internal_note": "a b", "cart": {"x": "y", "n": 5}, "gone": "x", "other": "z"},
        "tags": [["shop", "Ulm"]],
    }
    assert scrubbed(tree, parts=[own]) == {
        "message": "badge-[custom.badge] was here",
        "extra": {
            "Internal_note": "[custom.internal]",
            "cart": {"x": "[custom.field_replace]", "n": "[custom.field_replace]"},
            "gone": None,
            "other": "z",
        },
        "tags": [["shop", "[name]"]],
    }


@pytest.mark.parametrize(
    ("selectors", "user"),
    [
        ({"$user.id": "remove"}, {"id": None, "email": "[email]"}),
        ({"$user.id": "custom.member"}, {"id": "[custom.member]", "email": "[email]"}),
        ({"$user.email": "remove"}, {"id": "4711", "email": None}),
        ({"$user.email": "mask"}, {"id": "4711", "email": "*" * 16}),
        ({"$user.email": "custom.contact"}, {"id": "4711", "email": "[email]"}),
    ],
)
def test_a_selector_outdoes_what_its_field_means(selectors: Any, user: Any) -> None:
    tree = {"user": {"id": "4711", "email": "jane@example.com"}}
    assert scrubbed(tree, parts=[part(selectors=selectors)]) == {"user": user}


@pytest.mark.parametrize("told", ["mask", "pii.user_id", "custom.x"])
def test_a_selector_that_shows_something_does_not_show_a_secret(told: str) -> None:
    selected = part(selectors={"extra.password": told}, classes={"custom.x": "keep"})
    tree = {"extra": {"password": "90417355"}}
    assert scrubbed(tree, parts=[selected]) == {"extra": {"password": "[password]"}}


def test_safe_fields_are_left_alone() -> None:
    tree = {"extra": {"note": "jane@example.com", "x": "jane@example.com"}}
    assert scrubbed(tree, parts=[part(safe_fields=["extra.note"])]) == {
        "extra": {"note": "jane@example.com", "x": "[email]"}
    }


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("ask help@shop.example or jane@shop.example", "ask help@shop.example or [email]"),
        ("see aGVscEBzaG9wLmV4YW1wbGU=", "see aGVscEBzaG9wLmV4YW1wbGU="),
        ('{"email": "help@shop.example"}', '{"email": "help@shop.example"}'),
        ("password=help@shop.example", "password=help@shop.example"),
        ("my.help@shop.example", "[email]"),
        ("x@test.example, x@test.example.org", "x@test.example, [email]"),
        ("card 4111 1111 1111 1111", "card 4111 1111 1111 1111"),
        ("zebra blau 77", "[known_value]"),
    ],
)
def test_allowed_values_are_left_where_one_is_all_of_what_was_found(
    text: str, left: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "zebra blau 77")
    allowing = part(
        allowed_values=[r"help@shop\.example", r"[^@]+@test\.example", "4111[0-9 ]+", "zebra.*"],
        known_values={"env": ["*_TOKEN"]},
    )
    assert scrubbed_text(text, [allowing]) == left


def test_a_field_that_a_selector_names_goes_although_its_value_is_allowed() -> None:
    tree = {"extra": {"note": "help@shop.example"}}
    allowing = part(allowed_values=[r"help@shop\.example"], selectors={"extra.note": "remove"})
    assert scrubbed(tree, parts=[allowing]) == {"extra": {"note": None}}


def test_what_a_disabled_detector_finds_is_left_and_what_others_find_is_not() -> None:
    tree = {"message": "203.0.113.7, jane@x.example", "user": {"ip_address": "203.0.113.9"}}
    assert scrubbed(tree, parts=[part(disabled_detectors=["ipv4"])]) == {
        "message": "203.0.113.7, [email]", "user": {"ip_address": None}
    }  # fmt: skip


def test_what_a_disabled_detector_finds_in_a_field_does_not_stand_for_the_whole_of_it() -> None:
    tree = {"extra": {"username": "bob 203.0.113.7"}}
    assert scrubbed(tree, parts=[part()]) == {"extra": {"username": "bob [ip]"}}
    left = scrubbed(tree, parts=[part(disabled_detectors=["ipv4"])])
    assert left == {"extra": {"username": "[username]"}}


def test_all_of_several_have_to_leave_a_value() -> None:
    allowing, other = part(allowed_values=[r"help@shop\.example"]), part(allowed_values=["x@y.z"])
    assert scrubbed_text("help@shop.example", [allowing, allowing]) == "help@shop.example"
    assert scrubbed_text("help@shop.example", [allowing, other]) == "[email]"
    assert scrubbed_text("help@shop.example", [allowing, part(profile="strict")]) == "[email]"


def test_known_values_are_found_and_useless_ones_are_told_of_without_showing_them(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "zebra blau 77")
    monkeypatch.setenv("DEBUG_TOKEN", "1")
    (tmp_path / "values").write_text("NAME=kudu gelb 88\n")
    known = {"env": ["*_TOKEN"], "files": [str(tmp_path / "values")]}
    assert scrubbed_text("zebra blau 77, kudu gelb 88", [part(known_values=known)]) == (
        "[known_value], [known_value]"
    )
    assert [record.getMessage() for record in caplog.records] == [
        "redact: 1 known values are not looked for: too short or a common word"
    ]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"classes": {"pii.emial": "mask"}}, f"classes.pii.emial: {NEAR}"),
        ({"keys": {"(?=x)": "pii.name"}}, f"keys.(?=x): {NO_PATTERN}"),
        ({"keys": {"x": "nope"}}, "keys.x: unknown class 'nope'"),
        ({"selectors": {"*": "remove"}}, "selectors.*: * needs a path; for every field write **"),
        ({"safe_fields": ["a..b"]}, "safe_fields[0]: unexpected '.' at character 3 of a selector"),
        ({"allowed_values": ["(?=x)"]}, f"allowed_values[0]: {NO_PATTERN}"),
        ({"allowed_values": ["a", ".*"]}, "allowed_values[1]: would leave every value"),
        ({"disabled_detectors": ["gihub"]},
         "disabled_detectors[0]: unknown detector 'gihub'; did you mean 'github'?"),
        ({"known_values": {"files": ["/no/file"]}}, "known_values.files[0]: there is no such file"),
    ],
)  # fmt: skip
def test_a_wrong_option_is_told(options: dict[str, Any], problem: str) -> None:
    assert [str(found) for found in redact(**options).problems()] == [problem]


def test_a_wrong_detector_is_told_with_its_place() -> None:
    wrong = redact(detectors=[{"id": "x", "class": "custom.x", "pattern": "(?=x)"}])
    assert [found.path for found in wrong.problems()] == ["detectors[0].pattern"]


def test_a_command_that_fails_stops_the_start() -> None:
    config = redact(known_values={"command": ["/no/such/program"]})
    with pytest.raises(ConfigError, match=r"^known_values\.command: cannot be run$"):
        config.build(SETTINGS)
