"""What a rule asks for, in protobuf: does anything stand near it that the rule could find?

`call` is in every Python traceback, and a telephone number seldom behind it; hex digits are many
runs that began before where one seems to begin.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..text import CONTEXT_REACH, Rule
from ..validation.numbers import luhn
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
_DIGITS = re.compile(rb"[0-9]{1,21}")
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
        self._card = next((n for n in self._runs if rules[n].detector.id == "card"), None)

    def is_nothing(self, data: bytes, number: int, end: int) -> bool:
        """Whether rule `number` finds nothing by a trigger that matches up to `end`.

        That is a word, with a byte behind it, before what it finds; or a run that this begins with.
        """
        rule = self._rules.get(number)
        if rule is None:
            size = self._runs.get(number)
            if size is None or not data[end - size : end].isalnum():  # or it is in groups
                return False
            return _began_before(data, end - size) or (
                number == self._card and _is_no_card(data, end - size)
            )
        near = data[end - 1 : end - 1 + _WINDOW]
        if len(near) < _WINDOW or _BEYOND.search(near) is not None:
            return False
        return rule.pattern.search(near) is None


def _is_no_card(data: bytes, start: int) -> bool:
    """Whether the digits from a place on are not a card's. The last one may be a tag."""
    digits = _DIGITS.match(data, start)
    assert digits is not None
    found = digits.group().decode()
    return not any(len(each) <= _LONGEST_CARD and luhn(each) for each in (found, found[:-1]))


def _began_before(data: bytes, start: int) -> bool:
    """Whether a run does not begin here: what stands before it is neither a sign nor a length."""
    return start > 1 and data[start - 1] in _ALPHANUMERIC and data[start - 2] not in TAGS
