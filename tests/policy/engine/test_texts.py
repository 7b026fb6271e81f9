"""What the gate says of many texts at once is what it says of each; and it is asked once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import pytest

from errlock.policy.detection import Detection
from errlock.policy.engine import texts
from errlock.policy.engine.gate import Gate
from errlock.policy.engine.texts import Texts
from errlock.policy.parts import RedactPart

_TEXTS = (
    "nothing",
    "",
    "password=hunter22correct",
    "größer als token: süß",
    "ask bob@mail.example",
    "Bearer abcdefgh12345678",
    "a\0b",
    "lone \ud800 surrogate, secret: x",
    "4242 4242 4242 4242",
    "api_key",
)


@cache
def gate() -> Gate:
    detection = Detection([RedactPart("balanced")])
    return Gate(*detection.rules, detection.known)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What the gate is asked about."""
    found: list[bytes] = []
    hits: Callable[[Gate, bytes], Sequence[tuple[int, int]]] = Gate.text_hits

    def counted(self: Gate, data: bytes) -> Sequence[tuple[int, int]]:
        found.append(data)
        return hits(self, data)

    monkeypatch.setattr(Gate, "text_hits", counted)
    return found


def test_together_nothing_is_missed_that_is_seen_alone() -> None:
    together = Texts(gate()).wanted(_TEXTS)
    for wanted, text in zip(together, _TEXTS, strict=True):
        alone = Texts(gate()).of(text)
        assert wanted & alone == alone
    assert together[0] == 0
    assert together[2] != 0


def test_what_stands_in_other_texts_tells_nothing_of_a_name() -> None:
    together = (
        *("X-Forwarded-For", *(f"203.0.113.{number}" for number in range(9))),
        *("b'set-cookie'", "<a href='?page=1' -x>", "X-Api-User", "'quoted'", "email", "= 7"),
    )
    assert Texts(gate()).wanted(together) == [Texts(gate()).of(text) for text in together]


def test_a_word_before_a_value_is_nothing_where_no_value_is() -> None:
    looked = Texts(gate())
    assert looked.of("make the call at 0x7efeafb43240, or not") == 0
    assert looked.of("make the call at 020 7946 0958, or not") != 0


def test_several_lists_are_looked_at_in_one_go(asked: list[bytes]) -> None:
    looked = Texts(gate()).of_each([_TEXTS[:3], (), _TEXTS[3:]])
    assert len(asked) == 1
    assert looked == [
        Texts(gate()).wanted(_TEXTS[:3]), [], Texts(gate()).wanted(_TEXTS[3:]),
    ]  # fmt: skip


def test_no_text_is_looked_at_twice(asked: list[bytes]) -> None:
    seen = Texts(gate())
    first = seen.wanted([*_TEXTS, *_TEXTS])
    assert seen.wanted(_TEXTS) == first[: len(_TEXTS)] == first[len(_TEXTS) :]
    assert seen.wanted(["something new"]) == [0]
    assert len(asked) == 2
    assert asked[1].startswith(b"something new")


@pytest.mark.parametrize("size", [3, 1000])
def test_only_so_many_are_remembered(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(texts, "_REMEMBERED", 16)
    seen = Texts(gate())
    for first in range(0, 3000, size):
        many = [f"note {number}" for number in range(first, first + size)]
        assert seen.wanted([*many, "password=hunter22correct"])[-1] != 0
        assert len(seen._bits) < 16 + 4


def test_under_a_key_that_others_may_know_nothing_is_remembered(
    monkeypatch: pytest.MonkeyPatch, asked: list[bytes]
) -> None:
    monkeypatch.setattr(texts, "IS_KEYED", False)
    seen = Texts(gate())
    assert seen.wanted(_TEXTS) == seen.wanted(_TEXTS)
    assert len(asked) == 2
