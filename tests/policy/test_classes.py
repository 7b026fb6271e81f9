from __future__ import annotations

import pytest

from errlock.policy.classes import CLASSES, is_class, label, matches, severity


@pytest.mark.parametrize("name", ["secret.password", "secret.api_key.stripe", "custom.badge"])
def test_built_in_classes_and_those_under_an_open_one_are_classes(name: str) -> None:
    assert is_class(name)


@pytest.mark.parametrize("name", ["secret", "secret.pasword", "pii.email.work", "custom", ""])
def test_anything_else_is_no_class(name: str) -> None:
    assert not is_class(name)


def test_a_label_has_no_root_unless_it_is_the_users() -> None:
    assert label("secret.api_key.stripe") == "api_key.stripe"
    assert label("custom.email") == "custom.email"


def test_no_two_built_in_classes_share_a_label() -> None:
    assert len({label(name) for name in CLASSES}) == len(CLASSES)


def test_a_credential_is_more_sensitive_than_an_address() -> None:
    assert severity("secret.url_credentials") < severity("financial.card") < severity("pii.email")


def test_under_one_root_the_more_specific_class_is_more_sensitive() -> None:
    assert severity("secret.token.jwt") < severity("secret.token")


@pytest.mark.parametrize("selector", ["*", "secret.*", "secret", "secret.token", "secret.token.*"])
def test_a_class_falls_under_itself_and_its_ancestors(selector: str) -> None:
    assert matches("secret.token", selector)
    assert matches("secret.token.jwt", selector)


@pytest.mark.parametrize("selector", ["secret.tok", "pii.*", "secret.token.jwt"])
def test_a_class_falls_under_nothing_else(selector: str) -> None:
    assert not matches("secret.token", selector)
