"""Words that a rule asks for, in protobuf: does anything stand near them that the rule could find?

`call` is in every Python traceback, and a telephone number seldom behind it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..text import CONTEXT_REACH, Rule
from .rule_triggers import is_by_words

# Longer than a key can tell, or than a word before a value and the value can be apart.
_WINDOW = 256
assert _WINDOW > 200 + CONTEXT_REACH
# The end of a string may be the end of a key, and its value is another string. Texts hardly have
# such bytes, and what follows a string always has. Blanks may be of any number.
_BEYOND = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|[ \t\r\n]{40}")


class Nearby:
    """Tells which words say nothing."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = {
            number: rule
            for number, rule in enumerate(rules)
            if rule.detector.context and is_by_words(rule.detector)
        }

    def is_nothing(self, data: bytes, number: int, end: int) -> bool:
        """Whether rule `number`, whose word ends one byte before `end`, finds nothing behind it."""
        rule = self._rules.get(number)
        if rule is None:
            return False
        near = data[end - 1 : end - 1 + _WINDOW]
        if len(near) < _WINDOW or _BEYOND.search(near) is not None:
            return False
        return rule.pattern.search(near) is None
