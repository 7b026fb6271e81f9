from typing import Any

from scrubbing import rendered

from errlock.policy.detectors import Detector
from errlock.policy.keyring.pseudonyms import SingleKey, new_key
from errlock.policy.parts import HashPart, RedactPart


def meta(tree: Any, *parts: Any) -> Any:
    new: Any = rendered(tree, parts=list(parts) or None).tree
    return new.get("_meta")


def test_a_remark_names_class_kind_and_place_in_the_new_text() -> None:
    tree = {"extra": {"x": ["é jane@example.com and 4111 1111 1111 1111"]}}
    assert meta(tree) == {
        "extra": {
            "x": {
                "0": {
                    "": {
                        "rem": [["pii.email", "s", 2, 9], ["financial.card", "m", 14, 30]],
                    }
                }
            }
        }
    }


def test_a_value_that_went_as_a_whole_is_remarked_as_removed() -> None:
    assert meta({"user": {"ip_address": "203.0.113.7"}}) == {
        "user": {"ip_address": {"": {"rem": [["pii.ip", "x"]]}}}
    }


def test_a_pseudonym_is_remarked_as_one() -> None:
    part = HashPart(classes=("pii",), keyring=SingleKey(new_key()))
    assert meta({"message": "jane@example.com"}, part) == {
        "message": {"": {"rem": [["pii.email", "p", 0, 25]]}}
    }


def test_the_name_of_an_own_class_is_not_told() -> None:
    own = Detector(
        id="badge",
        class_="custom.project_x",
        source="test",
        pattern="badge-[0-9]+",
        needs=("badge",),
    )
    new = rendered({"message": "badge-77"}, parts=[RedactPart(detectors=(own,))]).tree
    assert new == {
        "message": "[custom.project_x]",
        "_meta": {"message": {"": {"rem": [["custom", "s", 0, 18]]}}},
    }


def test_inbound_meta_is_stripped_of_everything_that_could_hold_a_value() -> None:
    note = {
        "val": "jane@example.com",
        "rem": [["@ip:replace", "s", 0, 4], ["jane@example.com", "s"], ["@x", "q"], "x"],
        "len": 12,
        "err": ["invalid_data", ["missing_attribute", {"val": "hunter2"}], "jane doe"],
        "chunks": [{"text": "hunter2"}],
    }
    tree = {
        "extra": {"x": "[ip]", "l": ["a"]},
        "_meta": {
            "extra": {"x": {"": note}, "gone": {"": {"len": 3}}, "l": {"0": {"": {"len": 1}}}}
        },
    }
    assert meta(tree) == {
        "extra": {
            "x": {
                "": {
                    "rem": [["@ip:replace", "s", 0, 4]],
                    "len": 12,
                    "err": ["invalid_data", "missing_attribute"],
                }
            },
            "l": {"0": {"": {"len": 1}}},
        }
    }


def test_inbound_remarks_on_a_text_that_changed_are_dropped() -> None:
    tree = {
        "message": "[ip] jane@example.com",
        "_meta": {"message": {"": {"rem": [["@ip", "s", 0, 4]], "len": 30}}},
    }
    assert meta(tree) == {"message": {"": {"rem": [["pii.email", "s", 5, 12]]}}}


def test_meta_that_is_no_object_goes() -> None:
    assert rendered({"message": "x", "_meta": "hunter2"}).tree == {"message": "x"}


def test_meta_of_other_documents_is_a_field_like_any_other() -> None:
    tree = {"body": "x", "_meta": {"": {"val": "jane@example.com"}}}
    assert rendered(tree, type_="log").tree == {"body": "x", "_meta": {"": {"val": "[email]"}}}


def test_documents_of_otlp_get_no_meta() -> None:
    tree = {"body": "jane@example.com"}
    assert rendered(tree, type_="log_record").tree == {"body": "[email]"}
