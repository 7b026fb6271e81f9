import pytest

from errlock.policy.classes import CLASSES
from errlock.policy.generalisation import Generaliser
from errlock.policy.keyring.pseudonyms import SingleKey, new_key
from errlock.policy.parts import (
    GeneralizePart,
    HashPart,
    Method,
    RedactPart,
    default_parts,
    masked,
    raised_classes,
)


def hashing(*classes: str) -> HashPart:
    return HashPart(classes=classes, keyring=SingleKey(new_key()))


@pytest.mark.parametrize(
    ("value", "mask"),
    [
        ("4111 1111 1111 1234", "************1234"),
        ("************1234", "************1234"),
        ("hunter2", "****************"),
        ("12345678", "****************"),
        ("****************", "****************"),
    ],
)
def test_a_mask_keeps_the_end_of_long_numbers_only(value: str, mask: str) -> None:
    assert masked(value) == mask


@pytest.mark.parametrize(
    ("class_", "method"),
    [
        ("pii.email", "keep"),
        ("pii.phone", "mask"),
        ("secret.api_key.stripe", "remove"),
        ("secret.api_key", "replace"),
        ("code.path", "keep"),
    ],
)
def test_the_most_specific_rule_decides(class_: str, method: Method) -> None:
    rules: tuple[tuple[str, Method], ...] = (
        ("pii.*", "mask"), ("pii.email", "keep"), ("secret.api_key.stripe", "remove"),
    )  # fmt: skip
    assert RedactPart(classes=rules).method(class_) == method


def test_an_own_rule_for_a_branch_outdoes_the_profile_in_all_of_it() -> None:
    part = RedactPart(classes=(("pii", "replace"),))
    assert part.method("pii.user_id") == "replace"
    assert RedactPart().method("pii.user_id") == "keep"


def test_balanced_leaves_user_ids_and_code_clear_and_strict_nothing() -> None:
    clear = {class_ for class_ in CLASSES if default_parts()[0].form(class_) is None}
    assert clear == {"pii.user_id", *(c for c in CLASSES if c.startswith("code."))}
    assert all(RedactPart(profile="strict").form(class_) == "removed" for class_ in CLASSES)


def test_a_stricter_chain_raises_nothing() -> None:
    assert raised_classes([RedactPart(profile="strict")], default_parts()) == []
    assert raised_classes([RedactPart()], [hashing("pii"), RedactPart()]) == []


def test_a_chain_that_would_raise_a_class_is_told() -> None:
    assert raised_classes([hashing("pii.email")], default_parts()) == [
        ("pii.email", "removed", "pseudonym")
    ]
    assert raised_classes([GeneralizePart(Generaliser(emails=False))], default_parts()) == [
        ("pii.ip", "removed", "generalised")
    ]
