"""Telephone numbers that exist in the plans of their countries.

The plans come from phonenumberslite, which is imported when first used.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from .candidates import Candidate

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber


def phone_international(candidate: Candidate) -> Candidate | None:
    """A number with `+` that exists in its country's plan; what follows it is cut off."""
    if candidate.before(1).isalnum():
        return None
    found = _longest(candidate, lambda text: _possible_phone(text, None))
    return found and _without_counts(found, lambda text: _valid_phone(text, None))


def _longest(candidate: Candidate, exists: Callable[[str], bool]) -> Candidate | None:
    """The longest beginning of a number, cut between groups, that exists."""
    while len(candidate.digits) >= 7:
        if exists(candidate.value) and not candidate.after(1).isalnum():
            return candidate
        shorter = max(candidate.value.rfind(c) for c in " -./(")
        if shorter <= 0:
            return None
        kept = candidate.value[:shorter].rstrip(" -./()")
        candidate = candidate._replace(end=candidate.start + len(kept.encode()))
    return None


_PIECE = 6  # a number that ends with so many digits in one piece does not go on behind a space


def _without_counts(candidate: Candidate, exists: Callable[[str], bool]) -> Candidate:
    """`+49 30 901820` of `+49 30 901820 12 times`.

    A shorter number may exist by chance (`+49 30 9018` of `+49 30 9018 20`), so only what ends
    with a long group counts.
    """
    groups = candidate.value.split(" ")
    for count in range(1, len(groups)):
        kept = " ".join(groups[:count])
        last = groups[count - 1].lstrip("+")
        if last.isdigit() and len(last) >= _PIECE and exists(kept):
            return candidate._replace(end=candidate.start + len(kept.encode()))
    return candidate


_MOMENT = re.compile(r"(?:19|20)[0-9]{2}([-/.])[0-1][0-9]\1[0-3][0-9](?: [0-2][0-9])?\Z")
_REGIONS = "US GB DE FR ES IT NL SE CH AT AU IN BR JP PL TR MX ZA BE DK NO FI PT IE AR KR CN RU"


def phone_national(candidate: Candidate) -> Candidate | None:
    """A national number that is valid in one of the larger plans; what follows it is cut off."""
    if not candidate.stands_alone("-/") or _is_short(candidate.value):
        return None
    if _MOMENT.match(candidate.value) is not None:
        return None

    def exists(text: str) -> bool:
        return any(_valid_phone(text, region) for region in _REGIONS.split())

    found = _longest(candidate, exists)
    return found and _without_counts(found, exists)


def phone_north_america(candidate: Candidate) -> Candidate | None:
    """A number with an area code that is assigned."""
    return candidate if _valid_phone(candidate.value, "US") else None


def _is_short(text: str) -> bool:
    """A few digits in one piece: an id."""
    return text.isdigit() and len(text) < 8


def _possible_phone(text: str, region: str | None) -> bool:
    import phonenumbers

    number = _parsed(text, region)
    return number is not None and bool(phonenumbers.is_possible_number(number))


def _valid_phone(text: str, region: str | None) -> bool:
    import phonenumbers

    number = _parsed(text, region)
    return number is not None and bool(phonenumbers.is_valid_number(number))


def _parsed(text: str, region: str | None) -> PhoneNumber | None:
    import phonenumbers

    try:
        return phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
