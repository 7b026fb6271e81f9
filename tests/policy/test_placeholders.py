import pytest

from errlock.policy.placeholders import find, labels, placeholder

KNOWN = labels(["custom.badge"])


def test_both_forms_are_found() -> None:
    text = "[email] and [email:e1:0x9f3b6c02d41a] and [custom.badge]"
    assert [(text[p.start : p.end], p.class_, p.form) for p in find(text, KNOWN)] == [
        ("[email]", "pii.email", "removed"),
        ("[email:e1:0x9f3b6c02d41a]", "pii.email", "pseudonym"),
        ("[custom.badge]", "custom.badge", "removed"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "[secret: hunter2]",
        "[hunter2]",
        "[email:e1:0x9F3B6C02D41A]",
        "[email:e1:0x9f3b6c02d41]",
        "[email:9f3b6c02d41a]",
        "[email:hunter2]",
        "[custom.other]",
        "[api_key.hunter2]",
    ],
)
def test_anything_else_in_brackets_is_text(text: str) -> None:
    assert list(find(text, KNOWN)) == []


def test_a_placeholder_can_be_read_back() -> None:
    for text in (placeholder("secret.token.jwt"), placeholder("pii.ip", "e12:0x0123456789ab")):
        [found] = find(text, KNOWN)
        assert (found.start, found.end) == (0, len(text))
