"""Everything sensitive in one flat string: the reference that the fast engine must equal.

Runs each exact rule on each string in time linear in its length. The only shortcut is a literal
that every match of a rule must hold; it shares nothing with the engine's prefilter.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import re2

from .detectors import Detector, compile_pattern
from .findings import Span
from .forks import at_first_use
from .keys import MAX_KEY, words_of
from .validation.validators import VALIDATORS, Candidate, Validator
from .words.words import find_words

_UNSPACED = "\u2e80"  # from here on: Chinese, Japanese and Korean
# How far before a match its context words may stand (bytes).
CONTEXT_REACH = 48
# Words that are everywhere in ids, where they mean nothing: there they stand behind a digit.
HEX_WORD = re.compile("[a-f]{1,4}")
_IN_ID = re.compile(f"(?<=[0-9]) (?={HEX_WORD.pattern}(?: |$))")


class Rule:
    """A detector, compiled."""

    def __init__(self, detector: Detector) -> None:
        self.detector = detector
        # A context word is a literal, too: it stands in the text or in the key.
        self.literals = detector.needs or detector.context
        name = detector.validator
        self.validator: Validator | None = VALIDATORS[name] if name else None

    # Compiled when first needed: most rules never are.
    @at_first_use
    def pattern(self) -> re2._Regexp[bytes]:
        """The detector's pattern."""
        return compile_pattern(self.detector.pattern)

    @at_first_use
    def group(self) -> int:
        """The group that is the value."""
        group: int = self.pattern.groupindex.get(b"v", 0)
        return group

    @at_first_use
    def context(self) -> re2._Regexp[bytes] | None:
        """What must stand before a match, or in the key."""
        words = "|".join(self.detector.context)
        if not words:
            return None
        # In scripts without spaces what belongs to a word stands right beside it.
        unspaced = "|".join(word for word in self.detector.context if word > _UNSPACED)
        also = f"|{unspaced}" if unspaced else ""
        return compile_pattern(rf"(?i)[^\pL\pN](?:{words})(?:s?[^\pL]|$){also}")

    def spans(self, data: bytes, key: str | None) -> list[tuple[int, int]]:
        """Where it finds something (bytes)."""
        found: list[tuple[int, int]] = []
        match = self.pattern.search(data)
        while match is not None:
            start, end = match.span(self.group)
            held = self._hold(data, start, end, key) if start < end else None
            if held is not None:
                found.append((held.start, held.end))
            # Go on right behind the span: what followed it may begin the next one. A match that
            # was refused may hide another one inside; patterns are bounded, so this stays linear.
            after = held.end if held is not None else max(start, match.start()) + 1
            match = self.pattern.search(data, after)
        return found

    def is_named(self, key: str | None) -> bool:
        """Whether a key says what the context of this rule asks for."""
        if self.context is None or not key:
            return False
        return self.context.search(b"\n" + spoken(key).encode("utf-8", "replace")) is not None

    def _hold(self, data: bytes, start: int, end: int, key: str | None) -> Candidate | None:
        if self.detector.context:
            assert self.context is not None
            reach = start - CONTEXT_REACH
            before = data[reach - 1 : start] if reach > 0 else b"\n" + data[:start]
            if not self.context.search(before) and not self.is_named(key):
                return None
        candidate = Candidate(data, start, end, key)
        return candidate if self.validator is None else self.validator(candidate)


class TextScanner:
    """Finds everything sensitive in flat strings. Holds no state of the strings it has seen."""

    def __init__(self, detectors: Sequence[Detector]) -> None:
        """Compile. The detectors must have come from `load_catalogue` or `load_detectors`."""
        self.rules = [Rule(detector) for detector in detectors]
        self._always: list[int] = []
        self._literals: dict[str, list[int]] = {}
        for index, rule in enumerate(self.rules):
            if not rule.literals:
                self._always.append(index)
            for literal in rule.literals:
                self._literals.setdefault(literal, []).append(index)

    def scan(self, text: str, key: str | None = None) -> list[Span]:
        """Find every sensitive span, in characters. Spans may overlap and come in no order.

        `key` is context only (a national phone number under `phone`): what a sensitive key makes
        of its whole value is for `keys.classify_key` and `keys.is_innocent`.
        """
        if not text:
            return []
        data = text.encode("utf-8", "surrogatepass")
        folded = folded_with(text, key)
        wanted = set(self._always)
        for literal, indexes in self._literals.items():
            if literal in folded:
                wanted.update(indexes)
        spans = [
            Span(start, end, self.rules[index].detector.class_, self.rules[index].detector.id)
            for index in sorted(wanted)
            for start, end in self.rules[index].spans(data, key)
        ]
        spans += find_words(data)
        return spans if len(data) == len(text) else in_characters(data, spans)


def folded_with(text: str, key: str | None) -> str:
    """Where the literals of rules are looked for: a text and its key, without case."""
    return f"{text} {spoken(key)}".casefold() if key else text.casefold()


def spoken(key: str) -> str:
    """A key as words, so that the words of a context can be looked for in it."""
    return _spoken(key[:MAX_KEY])


@lru_cache(maxsize=8192)
def _spoken(key: str) -> str:
    return _IN_ID.sub("", " ".join(words_of(key)))


def in_characters(data: bytes, spans: list[Span]) -> list[Span]:
    """The same spans, with offsets in characters instead of bytes; one pass over the text."""
    offsets = {0: 0}
    last = 0
    for offset in sorted({edge for span in spans for edge in (span.start, span.end)}):
        piece = data[last:offset].decode("utf-8", "surrogatepass")
        offsets[offset] = offsets[last] + len(piece)
        last = offset
    return [Span(offsets[s.start], offsets[s.end], s.class_, s.detector) for s in spans]
