"""Where in protobuf could anything be? Answered from the bytes of a whole request.

Strings stand in protobuf as they are, each behind a tag and a length. The triggers are those of
texts in the dialect `wire`, and some of the encoding's own: whole numbers are no digits there.
Every byte is looked at, whatever it belongs to; ids and times are now and then taken for more than
they are.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Sequence, Set
from dataclasses import replace
from functools import cache
from typing import NamedTuple

from ..copies import Copied
from ..detectors import Detector, example, load_catalogue
from ..fields import telling_attributes
from ..keys import classify_key
from ..known_values import KnownValues
from ..named import REFERRED
from ..text import Rule
from .characters import TAGS, byte_class
from .databases import Database, EngineError, Expression
from .gate import AHEAD, BIG, FIELD, NUMBER_HELD, ODD, RULES, of_known, of_rules, source, words
from .harmless import AHEAD_BY, narrowed
from .nearby import Nearby
from .rule_triggers import RuleTrigger, catalogue_triggers, rule_trigger
from .word_triggers import NOT_IN_ID, NOT_SMALL, NUMBER, arguments, people_above, people_named

# The byte behind a word: it may be the tag of the field that follows. These letters are tags of
# no field (of OTLP's fields 12 to 15 these are: a, b, i, j, p, q, z).
FOLLOWERS = frozenset(range(0x100)) - frozenset(b"cdefghklmnorstuvwxy")
# What asks for a byte behind a string is found behind the last one, too. Names are no longer.
_TAIL = 256
# The field `int_value` of AnyValue with at least nine digits, or below zero: seven bits a byte, so
# 100,000,000 has four, the last of them at least 0x2f. A tag may be written longer than need be.
_BIG = (
    r"\x18[\x80-\xff]{3}[\x2f-\xff]",
    r"\x98\x80{0,3}\x00[\x80-\xff]{3}[\x2f-\xff]",
)
_EVERY = frozenset(range(0x100))
# Random bytes are odd now and then, and backslashes: of texts these are the whole characters.
_ACCENT = r"\xcc[\x80-\xbf]|"
_ESCAPE, _ESCAPED = r"\x5c", r"[\x09\x0a\x0d\x20-\x7e\x80-\xff]"
# No address that is anybody's begins with 127 (address_checks.py). The `1` may be a length.
_ADDRESS = (
    rf"(?:[0-689]|[^2]7|[^1]27|{byte_class(TAGS - {9})}127)"
    r"\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]"
)
# A value with these only may be a part of a number.
_NUMERIC = frozenset("0123456789.,:+-eE")


# The number of this rule in the catalogue.
_IPV4 = next(i for i, each in enumerate(load_catalogue()) if each.id == "ipv4")


class Places(NamedTuple):
    """Where in a message anything could be: offsets."""

    ends: Sequence[int]  # ascending
    numbers: Set[int]  # those of them where a number is that tells something only near a quote


class WireGate:
    """The triggers of a set of rules for protobuf. Thread-safe; holds nothing it has seen."""

    def __init__(self, rules: Sequence[Rule], known: Iterable[KnownValues]) -> None:
        """`rules` are the catalogue's and behind them the policy's own. Raises EngineError."""
        self._databases = [made_once()]
        self._nearby = Nearby(rules)
        first = len(load_catalogue())
        own = rules[first:]
        triggers = [rule_trigger(rule.detector) for rule in own]
        if any(trigger.wire for trigger in triggers):
            self._databases.append(Database.compiled(_of_rules(triggers, first)))
            for index, rule in enumerate(own, first):
                if triggers[index - first].wire:
                    _try_out(self._databases, index, rule.detector)
        literals = [literal for each in known for literal in each.literals]
        if literals:  # never kept: they are secrets
            self._databases.append(Database.compiled(of_known(literals, "wire")))

    def places(self, data: bytes) -> Places:
        """Where triggers end: at most one byte behind what they are about."""
        ends, numbers = set(), set()
        for end, id_ in self._hits(data):
            if id_ == NUMBER_HELD:
                numbers.add(end)
                continue
            if id_ >= RULES and self._nearby.is_nothing(data, id_ - RULES, end):
                continue
            ends.add(end)
            if id_ == AHEAD:
                ends.update(range(end - AHEAD_BY, end))
        return Places(sorted(ends | numbers), numbers - ends)

    def _hits(self, data: bytes) -> list[tuple[int, int]]:
        found = _hits(self._databases, data)
        start = max(0, len(data) - _TAIL)
        ending = _hits(self._databases, data[start:] + b"\n")
        size = len(data) - start
        found += [(len(data), id_) for end, id_ in ending if end > size]
        return found


def copies(data: bytes, values: Iterable[Copied]) -> list[int] | None:
    """Where values stand in a message, as strings or bytes; None when they might be numbers."""
    found: list[int] = []
    for text in {copied.value for copied in values}:
        if _NUMERIC.issuperset(text):
            return None
        forms = {text.encode("utf-8", "replace")}
        if not text.isascii():
            forms.add(text.encode("latin-1", "replace"))  # of bytes that are no UTF-8
        for form in forms:
            found += _all(data, form)
    return sorted(found)


def _all(data: bytes, wanted: bytes) -> list[int]:
    found = []
    at = data.find(wanted)
    while at >= 0:
        found.append(at + len(wanted) - 1)
        at = data.find(wanted, at + 1)
    return found


def _hits(databases: Sequence[Database], data: bytes) -> list[tuple[int, int]]:
    return [hit for database in databases for hit in database.hits(data)]


@cache
def made_once() -> Database:
    """The triggers of the catalogue, of words and of numbers, tried out. Raises EngineError."""
    made = Database.of_user(source() + b"wire", expressions)
    for index, detector in enumerate(load_catalogue()):
        _try_out([made], index, detector)
    return made


def expressions() -> list[Expression]:
    """Everything that is looked for under any policy."""
    found = _of_rules(catalogue_triggers(), 0)
    found += _words()
    found += [Expression(BIG, each, f"big/{i}") for i, each in enumerate(_BIG)]
    telling = [name for name in telling_attributes() if classify_key(name) is None]
    fields = [each for name in telling for each in _narrowed(FIELD, re.escape(name), _EVERY)]
    # Behind such a key a list of pairs or of values: their tags in AnyValue.
    of_people = (
        *people_above(r"[^\x12A-Za-z0-9]{0,12}\x12[\x00-\xff]{1,4}[\x2a\x32]"),
        people_named(r"\x12[\x00-\xff]{1,4}\n[\x00-\xff]{1,4}[A-Z\x80-\xff]"),
        rf"(?:{'|'.join(REFERRED)})/",
    )
    # The tag of a value in a list, and of its text.
    of_commands = arguments(r"\n[\x00-\xff]{1,4}\n[\x00-\xff]{1,4}[\x22']*")
    people = [Expression(FIELD, each) for each in (*of_people, of_commands)]
    return [*found, *fields, *people]


def _narrowed(id_: int, name: str, followers: Iterable[int]) -> list[Expression]:
    near, far = narrowed(name, followers)
    return [*(Expression(id_, each) for each in near), *(Expression(AHEAD, each) for each in far)]


def _words() -> list[Expression]:
    found = []
    for each in words("wire"):
        name = each.pattern.removesuffix(NOT_SMALL)
        if name != each.pattern:
            found += _narrowed(each.id, name, FOLLOWERS)
        elif each.pattern == NUMBER + NOT_IN_ID:  # a tag may be a digit, and ids have no digits
            found.append(replace(each, pattern=NUMBER))
        elif each.id == ODD:
            found.append(replace(each, pattern=each.pattern.replace(r"\xcc|", _ACCENT)))
        elif each.pattern == _ESCAPE:
            found.append(replace(each, pattern=_ESCAPE + _ESCAPED))
        else:
            found.append(each)
    return found


def _of_rules(triggers: Iterable[RuleTrigger], first: int) -> list[Expression]:
    of_ipv4 = RULES + _IPV4
    found = [each for each in of_rules(triggers, "wire", first) if each.id != of_ipv4]
    found = [_at_the_end(each) for each in found]
    if first == 0:
        found.append(Expression(of_ipv4, _ADDRESS, "ipv4"))
    return found


def _at_the_end(each: Expression) -> Expression:
    """With the byte behind a word as it may be here."""
    short = each.pattern.removesuffix(NOT_SMALL)
    return each if short == each.pattern else replace(each, pattern=short + byte_class(FOLLOWERS))


def _try_out(databases: Sequence[Database], index: int, detector: Detector) -> None:
    """Raise EngineError unless a rule's own examples are seen, as the values of an attribute."""
    for notation in detector.catch:
        text = example(detector.id, notation)[0].encode()
        data = b"\n\x01x\x12" + struct.pack("<H", len(text)) + b"\n" + text + b"\x12"
        if not {RULES + index, ODD}.intersection(id_ for _, id_ in _hits(databases, data)):
            raise EngineError(f"an example of {detector.id} is not seen")
