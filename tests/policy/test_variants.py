"""Characters that stand for others: spaces that do not break, dashes, wide letters, wrong UTF-8."""

from __future__ import annotations

import pytest
from rows import Row, hold, seen_otherwise

FOUND: list[Row] = [
    ("card 4111\u20111111\u20111111\u20111111 of bob", ["1111\u20111111"], ["card ", " of bob"]),
    ("card 4111\u20131111\u20131111\u20131111", ["1111\u20131111"], ["card "]),
    ("card \uff14111 1111 1111 1111 no", ["1111 1111 1111 "], ["card ", " no"]),
    (
        "card \u0664\u0661\u0661\u0661 " + "\u0661\u0661\u0661\u0661 " * 3,
        ["\u0661 \u0661"],
        ["card"],
    ),
    ("pay DE89\u00a03704\u00a00044\u00a00532\u00a00130\u00a000 now", ["0532"], ["pay ", " now"]),
    ("Appel au +33\u202f6\u202f12\u202f34\u202f56\u202f78 hier", ["12\u202f34"], ["Appel", "hier"]),
    ("jane.roe\uff20shop\uff0eexample wrote", ["jane.roe"], [" wrote"]),
    ('Password:\u00a0"wintertime" x', ["wintertime"], [" x"]),
    ("contrase\u00c3\u00b1a: Wint3rfell9", ["Wint3rfell9"], ["contrase\u00c3\u00b1a: "]),
    ("pr\u00c3\u00a9nom: 'Am\u00c3\u00a9lie'", ["lie"], ["nom: '"]),
    ("Stra\u00c3\u0178e: Rosenweg 12, 80331 M\u00c3\u00bcnchen", ["Rosenweg"], ["Stra"]),
    ("has\u00c5\u201ao: Wint3rfell9", ["Wint3rfell9"], ["o: "]),
]

HARMLESS = [
    "caf\u00c3\u00a9 not found in M\u00c3\u00bcnchen",
    "\u00abtrois\u00a0fois\u00bb\u00a0: 1\u202f234\u00a0567 requ\u00eates",
    "2020\u20132024, pages 12\u201318 \u2014 done",
    "\u7248\u672c\uff12\uff0e\uff10\uff0e\uff11\uff08\uff21\uff09",
    "\u0664\u0661 \u0637\u0644\u0628\u0627\u062a",
    "\u00c4\u201c and \u00c3 alone",
]


@pytest.mark.parametrize(("text", "gone", "stay"), FOUND)
def test_what_stands_in_other_characters_is_found(
    text: str, gone: list[str], stay: list[str]
) -> None:
    hold(text, gone, stay)


@pytest.mark.parametrize("text", HARMLESS)
def test_other_characters_alone_are_nothing_to_hide(text: str) -> None:
    hold(text, [], [text])


def test_the_engine_sees_it_as_the_walk_does() -> None:
    assert seen_otherwise([*FOUND, *((text, [], []) for text in HARMLESS)]) == []
