"""Kinds of canaries: a class of sensitive data, made-up values of it, and what gives them away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Canary:
    """A made-up value: what is planted, and the parts of it that must not be readable after."""

    value: str
    cores: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Kind:
    """Values of one class and the signals by which they can be known.

    A `shape` is known in any sentence. Otherwise one of the `phrases` must stand around the value
    (`{}`), or one of the `keys` over it. What has neither cannot be found there by anybody.
    """

    name: str
    class_: str
    make: Callable[[Random], Canary]
    shape: bool = False
    keys: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    header: bool = False  # it is the value of an HTTP header, and only there
    lines: bool = False  # it has more than one line
    digits: bool = False  # it can be a JSON number


def plain(make: Callable[[Random], str]) -> Callable[[Random], Canary]:
    """A maker of canaries of which all must go."""

    def canary(random: Random) -> Canary:
        value = make(random)
        return Canary(value, (value,))

    return canary


def characters(random: Random, alphabet: str, length: int) -> str:
    """A text of so many characters."""
    return "".join(random.choice(alphabet) for _ in range(length))


def mixed(random: Random, alphabet: str, length: int) -> str:
    """As `characters`, with at least two digits and two letters: as generators make secrets."""
    while True:
        text = characters(random, alphabet, length)
        digits = sum(c.isdigit() for c in text)
        if digits >= 2 and sum(c.isalpha() for c in text) >= 2 and text[0].isalnum():
            return text
