"""What a rule asks for, in protobuf: does anything stand near it that the rule could find?

`call` is in every Python traceback, and a telephone number seldom behind it; hex digits are many
runs that began before where one seems to begin.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..text import CONTEXT_REACH, Rule
from ..validation.numbers import IBAN_DIGITS, IBAN_LENGTHS, luhn
from .characters import TAGS
from .rule_triggers import RUNS, is_by_words

# Longer than a key can tell, or than a word before a value and the value can be apart.
_WINDOW = 256
assert _WINDOW > 200 + CONTEXT_REACH
# The end of a string may be the end of a key, and its value is another string. Texts hardly have
# such bytes, and what follows a string always has. Blanks may be of any number.
_BEYOND = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|[ \t\r\n]{40}")
# Of a card, one more, and another by which it is seen to be none.
_LONGEST_CARD = 19
_DIGITS = re.compile(rb"[0-9]{13,21}")
_IN_GROUPS = re.compile(rb"[0-9][ \-._/][0-9]")
_SEPARATED_DIGITS = re.compile(rb"[0-9 -]*")
_DIGITS_OF_ALL = min(IBAN_DIGITS.values())
_ALPHANUMERIC = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


class Nearby:
    """Tells which words and runs say nothing."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = {
            number: rule
            for number, rule in enumerate(rules)
            if rule.detector.context and is_by_words(rule.detector)
        }
        self._runs = {
            number: RUNS[rule.detector.id]
            for number, rule in enumerate(rules)
            if rule.detector.id in RUNS
        }
        self._is_none = {number: _IS_NONE.get(rules[number].detector.id) for number in self._runs}

    def is_nothing(self, data: bytes, number: int, end: int) -> bool:
        """Whether rule `number` finds nothing by a trigger that matches up to `end`.

        That is a word, with a byte behind it, before what it finds; or a run that this begins with.
        """
        rule = self._rules.get(number)
        if rule is None:
            size = self._runs.get(number)
            return size is not None and self._is_no_run(data, number, end - size)
        near = data[end - 1 : end - 1 + _WINDOW]
        if len(near) < _WINDOW or _BEYOND.search(near) is not None:
            return False
        return rule.pattern.search(near) is None

    def _is_no_run(self, data: bytes, number: int, start: int) -> bool:
        """Whether a run begins before a place, or is not of what the rule looks for."""
        is_none = self._is_none[number]
        if is_none is _is_no_card and _IN_GROUPS.search(data, max(0, start - 2), start + 13):
            return False
        # What stands before it is neither a sign nor a length.
        if start > 1 and data[start - 1] in _ALPHANUMERIC and data[start - 2] not in TAGS:
            return True
        return is_none is not None and is_none(data, start)


def _is_no_card(data: bytes, start: int) -> bool:
    """Whether the digits from a place on are not a card's. The last one may be a tag."""
    digits = _DIGITS.match(data, start)
    assert digits is not None
    found = digits.group().decode()
    return not any(len(each) <= _LONGEST_CARD and luhn(each) for each in (found, found[:-1]))


def _is_no_iban(data: bytes, start: int) -> bool:
    """Whether it is no country's, or not of digits where that country has nothing else."""
    country = data[start : start + 2].decode().upper()
    if country not in IBAN_LENGTHS:
        return True
    behind = data[start + 4 : start + 4 + _DIGITS_OF_ALL]
    return country in IBAN_DIGITS and _SEPARATED_DIGITS.fullmatch(behind) is None


_IS_NONE = {"card": _is_no_card, "iban": _is_no_iban}
