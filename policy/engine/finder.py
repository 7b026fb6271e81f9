"""What is looked for in one text, by an engine that knows which rules could find anything in it."""

from __future__ import annotations

import re

from ..detection import Detection
from ..findings import Span
from ..judging import Finder
from ..text import folded_with, in_characters
from ..words.words import FINDERS
from .gate import Gate
from .names import BITS, ENCODED, NUMBERS, ROWS, STRUCTURES
from .texts import Texts

_DIGIT = re.compile("[0-9]")
_WORD_FINDERS = tuple((BITS[name], finder) for name, finder in FINDERS.items())
_FIRST_RULE = len(BITS)
_FINDERS_ONLY = (1 << _FIRST_RULE) - 1


class GatedFinder(Finder):
    """Runs the rules whose triggers fired, for one document: it remembers the last text."""

    def __init__(self, detection: Detection, gate: Gate, texts: Texts) -> None:
        super().__init__(detection)
        self._gate = gate
        self._texts = texts
        self._text = ""
        self._bits = gate.always
        self.any_key = False  # the key is not known: it may hold what a rule asks for
        self.complete = False  # look into structures even where nothing could be found in them

    def expect(self, text: str, bits: int) -> None:
        """Tell what is known of the text that comes next."""
        self._text, self._bits = text, bits & self._gate.everything

    def spans(self, text: str, key: str | None) -> list[Span]:
        """See `Finder.spans`."""
        gate = self._gate
        bits = self._wanted(text)
        rules = bits >> _FIRST_RULE
        if key:
            rules |= gate.rules_of_key(key)
        if rules & gate.of_digits and _DIGIT.search(text) is None:
            rules &= ~gate.of_digits
        words = bits & _FINDERS_ONLY
        if not rules and not words:
            return self._detection.known_spans(text)
        data = text.encode("utf-8", "surrogatepass")
        spans = self._by_rules(data, text, key, rules) if rules else []
        if words:
            for bit, finder in _WORD_FINDERS:
                if words & bit:
                    spans += finder(data)
        if len(data) != len(text):
            spans = in_characters(data, spans)
        return spans + self._detection.known_spans(text)

    def _by_rules(self, data: bytes, text: str, key: str | None, rules: int) -> list[Span]:
        spans: list[Span] = []
        folded = ""
        while rules:
            low = rules & -rules
            index = low.bit_length() - 1
            rules ^= low
            rule = self._gate.rules[index]
            if self.any_key and rule.detector.context:
                if rule.pattern.search(data) is not None:
                    spans.append(Span(0, len(data), rule.detector.class_, rule.detector.id))
                continue
            if rule.literals and not self.any_key:
                folded = folded or folded_with(text, key)
                if not any(literal in folded for literal in rule.literals):
                    continue
            detector = rule.detector
            spans += [
                Span(start, end, detector.class_, detector.id)
                for start, end in rule.spans(data, key)
            ]
        return spans

    def may_hold_data(self, text: str) -> bool:
        """See `Finder.may_hold_data`."""
        if self.complete or self._detection.own_keys:
            return True
        return bool(self._wanted(text) & (STRUCTURES | NUMBERS | ROWS | ENCODED))

    def may_hold_literals(self, text: str) -> bool:
        """See `Finder.may_hold_literals`. What undoing an escape shows depends on them, too."""
        if self.complete or self._detection.own_keys:
            return True
        bits = self._wanted(text)
        return bool(bits & (STRUCTURES | NUMBERS)) or (bool(bits & ENCODED) and "\\" in text)

    def may_be_encoded(self, text: str) -> bool:
        """See `Finder.may_be_encoded`."""
        return bool(self._wanted(text) & ENCODED)

    def _wanted(self, text: str) -> int:
        if text is not self._text:
            self._text, self._bits = text, self._texts.of(text)
        return self._bits
