"""What shows nothing between letters: colours of terminals, characters without a width, UTF-16."""

from __future__ import annotations

import pytest
from rows import Row, hold, seen_otherwise

HIDDEN: list[Row] = [
    ("\x1b[36mpassword\x1b[0m=\x1b[33mWint3rfell9\x1b[0m next", ["Wint3rfell9"], ["next"]),
    ("\x1b[1;31mtoken\x1b[0m: \x1b[32m'Wint3rfell9'\x1b[39m,", ["Wint3rfell9"], [","]),
    ("\\u001b[36mpassword\\u001b[0m=\\u001b[33mWint3rfell9\\u001b[0m x", ["Wint3rfell9"], [" x"]),
    ("pass\u200bword=Wint3rfell9", ["Wint3rfell9"], []),
    ("pass\xadword: Wint3rfell9", ["Wint3rfell9"], []),
    ("4111\u200b1111\u200b1111\u200b1111", ["1111\u200b1111\u200b1111"], []),
    ("sent " + repr("password=Wint3rfell9".encode("utf-16-le")), ["W\\x00i\\x00n"], ["sent"]),
    ("sent " + repr("password=Wint3rfell9".encode("utf-16")), ["W\\x00i\\x00n"], ["sent"]),
    ("p\0a\0s\0s\0w\0o\0r\0d\0=\0W\0i\0n\0t\x003\0r\0f\0e\0l\0l\0", ["W\0i\0n"], []),
]

HARMLESS = [
    "\x1b[32m2026-11-27 10:00:00\x1b[0m [\x1b[1minfo\x1b[0m] token_count=\x1b[35m312\x1b[0m",
    "\x1b[1;31mError:\x1b[0m password must have 12 characters",
    "\x1b[2K\x1b[1G\u2714 12 packages, 1.2.3.4-rc1",
    "👩\u200d💻 pushed 3 commits to main",
    "Donau\xaddampf\xadschiff",
    "نمی\u200cخواهم",
    "a\0b\0c\0 is no password",
    repr("no cart for order 84103".encode("utf-16-le")),
]


@pytest.mark.parametrize(("text", "gone", "stay"), HIDDEN)
def test_a_secret_is_found_through_what_nobody_sees(
    text: str, gone: list[str], stay: list[str]
) -> None:
    hold(text, gone, stay)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_nobody_sees_is_nothing_to_hide(text: str) -> None:
    hold(text, [], [text])


def test_the_engine_sees_it_as_the_walk_does() -> None:
    assert seen_otherwise([*HIDDEN, *((text, [], []) for text in HARMLESS)]) == []
