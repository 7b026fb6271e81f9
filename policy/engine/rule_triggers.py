"""The triggers of detectors: derived from their patterns, a few by hand.

A detector whose pattern alone is met everywhere (ten digits) but asks for words before it has
these words as its trigger: in the text, or in the key of the value.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..detectors import Detector
from .patterns import Dialect, Underivable, has_literal, trigger, whole
from .word_triggers import NOT_SMALL, where_words_begin

# Sharper than what can be derived: the detector's validator says what the pattern does not.
_BY_HAND: dict[str, tuple[str, ...]] = {
    # No card begins with 0, 1 or 7; seconds since 1970 do. Groups are as cards have them.
    "card": (
        r"(?:^|[^0-9A-Za-z.])[2-689][0-9]{12}",
        r"[0-9]{4}[ \-._/][0-9]{4}[ \-._/][0-9]",
        r"[0-9]{4}[ \-._/][0-9]{6}[ \-._/][0-9]{4}",
        r"[0-9]{6}[ \-._/][0-9]{13}",
    ),
    # Either `::`, or colons in a row.
    "ipv6": (
        r"(?:^|[^A-Za-z0-9_:.])::[0-9A-Fa-f]",
        r"(?:^|[^A-Za-z0-9_:.])[0-9A-Fa-f]{1,4}::",
        r":[0-9A-Fa-f]{1,4}::",
        r":[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}:",
    ),
    "mac": (r"[0-9A-Fa-f]{2}[:\-][0-9A-Fa-f]{2}[:\-][0-9A-Fa-f]{2}[:\-]",),
    # Groups are of four, or there are none.
    "iban": (
        r"[A-Z][A-Z][0-9][0-9][0-9A-Z \-]{11}",
        r"(?:^|[^0-9A-Za-z])[a-z][a-z][0-9][0-9][0-9a-z \-]{11}",
        r"(?:^|[^0-9A-Za-z])(?:[A-Z][a-z]|[a-z][A-Z])[0-9][0-9][0-9A-Za-z \-]{11}",
    ),
    # Neighbours of `@`, rarer than the `:` and `/` that a user begins behind.
    "host.credentials": (r"@[A-Za-z0-9][A-Za-z0-9.\-]*:[0-9]{2}",),
    "oracle.logon": (r"[^\s@\"'/]@(?://)?[A-Za-z0-9]",),
    "email": (r"[@＠][A-Za-z0-9\x{80}-\x{10FFFF}-]+\.[A-Za-z0-9\x{80}-\x{10FFFF}]",),
    "email.verp": (r"@[A-Za-z0-9-]+\.[A-Za-z0-9]",),
    "pgpass": (r":(?:54|64)[0-9]{0,3}:", r":\*:"),
    "mailgun": (r"key-[0-9a-f]{32}", r"-[0-9a-f]{8}-[0-9a-f]{8}"),
    "gps": (r"[0-9]\.[0-9]{4,15} ?[,;]",),
    "btc.base58": (r"(?:^|[^0-9A-Za-z_])[13][1-9A-HJ-NP-Za-km-z]{25}",),
}
# Runs of digits and letters: each is slower beside another one than alone.
_APART = ("card", "ipv6", "mac", "iban", "btc.base58")
# What is met everywhere, and is looked for only near these words.
_BY_NEEDS = ("aws.secret",)


@dataclass(frozen=True, slots=True)
class RuleTrigger:
    """Where a detector could find something. Nothing at all: everywhere."""

    group: str = "literals"  # databases.Expression.group
    text: tuple[str, ...] = ()
    json: tuple[str, ...] = ()
    wire: tuple[str, ...] = ()


def rule_trigger(detector: Detector) -> RuleTrigger:
    """The triggers of a detector in Hyperscan's syntax."""
    try:
        exact = _BY_HAND.get(detector.id)
        if exact is not None:
            group = detector.id if detector.id in _APART else "signs"
            return RuleTrigger(group, *(tuple(whole(p, d) for p in exact) for d in _DIALECTS))
        if is_by_words(detector):
            return _by_words(detector.context or detector.needs, bounded=bool(detector.context))
        group = "literals" if has_literal(detector.pattern) else "signs"
        return RuleTrigger(group, *((trigger(detector.pattern, d),) for d in _DIALECTS))
    except Underivable:
        return RuleTrigger()


def is_by_words(detector: Detector) -> bool:
    """Whether words near a value, or in its key, are the trigger."""
    if detector.id in _BY_HAND:
        return False
    return detector.id in _BY_NEEDS or bool(detector.context and not has_literal(detector.pattern))


_DIALECTS: tuple[Dialect, ...] = ("text", "json", "wire")


def _by_words(words: Sequence[str], *, bounded: bool) -> RuleTrigger:
    """Words as texts and keys may write them (`phoneNumber`, `phone_number`)."""
    text = [each for word in words for each in (_spelled(word) if bounded else (f"(?i:{word})",))]
    end = NOT_SMALL if bounded else ""
    return RuleTrigger("literals", *(tuple(whole(t, d) + end for t in text) for d in _DIALECTS))


def _spelled(word: str) -> list[str]:
    """A context word where a word begins, up to where it ends."""
    parts = [part for part in re.split(r"[^\w]+", word) if part]
    text = r"[^A-Za-z0-9]{0,3}".join(map(re.escape, parts))
    return [rf"{each}(?i:s)?" for each in where_words_begin(text, len(word))]
