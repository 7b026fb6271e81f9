"""Words that every match must hold: believed only when the pattern says so."""

from __future__ import annotations

import pytest

from errlock.policy.importers.required import always_captures, requires


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("acme_[a-z]+", ["acme_"]),
        (r"(?i)\bacme_([a-z]{3})\b", ["acme"]),
        (r"\b((?:AKIA|ASIA)[A-Z2-7]{16})\b", ["akia", "asia"]),
        ("gh[pousr]_[0-9]{4}", ["ghp_", "gho_", "ghu_", "ghs_", "ghr_"]),
        (r"[\w.-]{0,50}?(?:adafruit)(?:[ \t\w.-]{0,20})=([a-z]{3})", ["adafruit"]),
        (r"hooks\.example\.com/[a-z]", ["hooks.example"]),
        ("(?:ab)+c", ["ab"]),
        ("(?P<v>ab|abc)d", ["ab"]),
        ("x{2}ab", ["ab"]),
    ],
)
def test_it_does(pattern: str, words: list[str]) -> None:
    assert requires(pattern, words)


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("acme_?[a-z]+", ["acme_"]),
        ("(?:acme)?x", ["acme"]),
        ("(?:acme){0,3}x", ["acme"]),
        ("acme|other", ["acme"]),
        ("a(?:b|)c", ["abc"]),
        (r"\x61cme", ["61cme"]),
        (r"\101b", ["101b"]),
        ("[acme]", ["acme"]),
        ("[^a]b", ["ab"]),
        ("a.b", ["a.b"]),
        ("ab*", ["ab"]),
        (r"\Qab\E", ["qab"]),
        ("(?i)x", ["i"]),
        ("[[:alpha:]]b", ["alpha"]),
    ],
)
def test_it_does_not(pattern: str, words: list[str]) -> None:
    assert not requires(pattern, words)


@pytest.mark.parametrize("pattern", ["a(b)", "(a)|(b)", "x(?:(a|b)c)+", "((a)?b)"])
def test_a_group_takes_part_in_every_match(pattern: str) -> None:
    assert always_captures(pattern)


@pytest.mark.parametrize("pattern", ["a(b)?", "(a)|b", "x(?:(a|b)c)*", "(a){0,2}", "[(]a"])
def test_a_match_may_go_past_the_groups(pattern: str) -> None:
    assert not always_captures(pattern)
