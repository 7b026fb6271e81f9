"""Numbers whose last digit is a weighted sum of what stands before it."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import cycle

from ..linear import compile_linear
from .candidates import Candidate

_DOCUMENT = compile_linear(r"[0-9A-Z]{1,20}[0-9]")
_KVNR = compile_linear(r"[A-Z][0-9]{9}")
_RVNR = compile_linear(r"[0-9]{8}[A-Z][0-9]{3}")


def icao_9303(candidate: Candidate) -> Candidate | None:
    """A travel document's number with its check digit (ICAO 9303-3): letters count from ten."""
    value = candidate.value
    if not _DOCUMENT.fullmatch(value):
        return None
    total = sum(_weighted((int(sign, 36) for sign in value[:-1]), (7, 3, 1)))
    return candidate if total % 10 == int(value[-1]) else None


def kvnr(candidate: Candidate) -> Candidate | None:
    """A German health insurance number (SGB V § 290): sums of digits, a letter is two."""
    right = _KVNR.fullmatch(candidate.value) and _is_insured(candidate.value, (1, 2))
    return candidate if right else None


def rvnr(candidate: Candidate) -> Candidate | None:
    """A German pension insurance number (VKVV § 2): an area, a birth date, a letter, a serial."""
    weights = (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1)
    right = _RVNR.fullmatch(candidate.value) and _is_insured(candidate.value, weights)
    return candidate if right else None


def _is_insured(value: str, weights: tuple[int, ...]) -> bool:
    digits = "".join(sign if sign.isdigit() else f"{ord(sign) - 64:02d}" for sign in value)
    products = _weighted(map(int, digits[:-1]), weights)
    return sum(sum(divmod(product, 10)) for product in products) % 10 == int(digits[-1])


_VIN_VALUES = {
    letter: value
    for letters, first in (("ABCDEFGH", 1), ("JKLMN", 1), ("P", 7), ("R", 9), ("STUVWXYZ", 2))
    for value, letter in enumerate(letters, first)
}
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)


def vin(candidate: Candidate) -> Candidate | None:
    """A vehicle's number: letters and digits; in North America the ninth sign checks the others."""
    value = candidate.value
    if value.isalpha() or value.isdigit() or len(set(value)) < 8 or not candidate.stands_alone():
        return None
    if value[0] not in "12345":
        return candidate
    numbers = (int(sign) if sign.isdigit() else _VIN_VALUES[sign] for sign in value)
    total = sum(_weighted(numbers, _VIN_WEIGHTS)) % 11
    return candidate if value[8] == "0123456789X"[total] else None


def clabe(candidate: Candidate) -> Candidate | None:
    """A Mexican bank account: of weighted digits the last one counts, and ten divides all."""
    digits = candidate.digits
    total = sum(number % 10 for number in _weighted(map(int, digits), (3, 7, 1)))
    return candidate if len(digits) == 18 and total % 10 == 0 else None


def _weighted(numbers: Iterable[int], weights: tuple[int, ...]) -> list[int]:
    return [number * weight for number, weight in zip(numbers, cycle(weights), strict=False)]
