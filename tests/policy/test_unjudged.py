"""What is nested too deeply to be read is said, in bytes: by the walk and by the fast way alike."""

from __future__ import annotations

import base64
import gzip
import html
import json
from collections.abc import Callable
from functools import cache
from urllib.parse import quote

import pytest

from errlock.policy.findings import Tree
from errlock.policy.parts import RedactPart
from errlock.policy.plan import Findings, Plan, Subject
from errlock.policy.selectors import parse_selector

TOKEN = "ghp_" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hI6"[:36]
ENCODINGS: dict[str, Callable[[str], str]] = {
    "percent": lambda text: quote(text, safe="").replace("_", "%5F"),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "entities": lambda text: html.escape(text).replace("_", "&#95;"),
}


POLICIES = {
    "balanced": RedactPart(),
    "strict": RedactPart(profile="strict"),
    "safe": RedactPart(safe=(parse_selector("**.note"),)),
    "videos": RedactPart(item_types=frozenset({"unknown"})),
}


@cache
def plan(policy: str, *, reference: bool) -> Plan:
    return Plan((POLICIES[policy],), reference=reference)


def unjudged(tree: Tree, policy: str = "balanced", type_: str = "event") -> int:
    """By the walk and by the fast way, which must be the same."""
    both = [
        plan(policy, reference=reference).detect([Subject(type_, tree)])
        for reference in (True, False)
    ]
    [one], [other] = both
    assert isinstance(one, Findings)
    assert isinstance(other, Findings)
    assert one.unjudged == other.unjudged
    return one.unjudged


def test_what_is_packed_too_densely_is_read_at_its_beginning_and_told() -> None:
    for length, is_told in ((200, False), (100_000, True)):
        text = f"password=Wint3rfell9 {'x' * length} password=Wint3rfell9"
        packed = base64.b64encode(gzip.compress(text.encode())).decode()
        assert unjudged({"message": f"got {packed} back"}) == (len(packed) if is_told else 0)


def nested(encode: Callable[[str], str], times: int) -> str:
    text = f"token={TOKEN}"
    for _ in range(times):
        text = encode(text)
    return text


@pytest.mark.parametrize("encode", ENCODINGS.values())
def test_what_is_judged_again_for_a_number_counts_once(encode: Callable[[str], str]) -> None:
    note = f"['12345678', 1] {nested(encode, 5)}"
    alone = unjudged({"extra": {"note": note}})
    assert alone > 0
    assert unjudged({"extra": {"note": note, "password": "12345678"}}) == alone


@pytest.mark.parametrize("policy", ["balanced", "strict"])
@pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS)
def test_text_that_is_encoded_more_than_three_deep_is_counted(
    encode: Callable[[str], str], policy: str
) -> None:
    for times in range(1, 7):
        text = nested(encode, times)
        expected = len(text) if times > 3 else 0
        assert unjudged({"message": text}, policy) == expected
        assert unjudged({"message": f"ä {text} and so on"}, policy) >= expected


def test_data_inside_data_is_counted_from_the_fifth_text_on() -> None:
    text = f"token={TOKEN}"
    for times in range(1, 8):
        text = json.dumps({"a": text})
        assert (unjudged({"message": text}) > 0) == (times > 4)


def test_a_text_is_counted_once_whoever_gave_it_up() -> None:
    text = nested(ENCODINGS["base64"], 5)
    assert unjudged({"message": text, "extra": {"again": text}}) == 2 * len(text)


def test_however_many_values_are_looked_for_again_all_counts_as_judged() -> None:
    values: dict[str, Tree] = {f"password{n}": f"q7Zk{n:03d}xT9wLm2" for n in range(200)}
    for policy in ("balanced", "strict"):
        assert unjudged({"extra": {"values": values, "text": "x" * 1000}}, policy) == 0


def test_fields_that_the_user_lets_alone_are_counted() -> None:
    tree: Tree = {"extra": {"note": "n" * 70, "other": "o" * 30}}
    assert unjudged(tree, "safe") == 70
    assert unjudged(tree) == 0


def test_kinds_that_the_user_lets_pass_are_counted_whole() -> None:
    assert unjudged(b"\0" * 500, "videos", "unknown") == 500
