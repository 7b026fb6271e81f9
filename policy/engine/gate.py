"""The gate: what of a document somebody must look at. Everything else stays bytes.

One pass over the bytes as received says where anything could be found at all; a second one, over
the strings that must be read, says for each which rules. Both are wider than the rules: whatever a
rule could change is reported. That is what the fast path stands on, and it is held to it by a
property test against the walk that knows nothing of it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from importlib import resources

import msgspec

from ..detectors import Detector, example, load_catalogue
from ..fields import SESSION_COOKIES, telling_attributes
from ..keys import MAX_KEY, classify_key
from ..known_values import KnownValues
from ..linear import compile_linear
from ..named import REFERRED
from ..text import Rule, spoken
from . import names
from .characters import Dialect
from .databases import BEYOND_ASCII, Database, EngineError, Expression
from .patterns import whole
from .rule_triggers import (
    RuleTrigger,
    catalogue_triggers,
    is_by_words,
    literal_group,
    rule_trigger,
)
from .steps import needs_digit, seen
from .word_triggers import (
    NOT_IN_ID,
    NOT_SMALL,
    NOT_SMALL_BUT_S,
    NUMBER,
    NUMBERS_IN_JSON,
    ODD_BYTES,
    arguments,
    name_triggers,
    odd_signs,
    people_above,
    people_named,
    plural,
    stands_alone,
    word_triggers,
)

# Identifiers of what is no rule: rules count from RULES on.
# A name ends one byte before a hit of NAME, and where LONG_NAME ends.
NAME, ODD, UNREADABLE, FIELD, KNOWN, DEVICE, BIG, AHEAD, LONG_NAME, ESCAPE, META = range(11)
_FINDER = 11  # and the finders of `names.FINDERS` behind it
NUMBER_HELD = _FINDER + names.FINDERS.index("numbers")
RULES = 32

# Numbers that JSON's readers do not agree on: documents with these are always read.
_HUGE_NUMBER = r"[0-9][eE]\+?[0-9]{3}[,\]}\s]"
# Fields that are of a class though no key says so.
_FIELDS = (r'"(?:user|sentry\.interfaces\.User|geo|feedback)"\s*:\s*[{\[]', r'"device"\s*:\s*[{\[]')
_REMEMBERED_KEYS = 8192
_A, _S, _Z, _LARGE_S = b"aszS"
_DIGIT = re.compile(rb"[0-9]")


class Gate:
    """The triggers of a set of rules. Thread-safe; holds nothing of the values it has seen."""

    def __init__(
        self, rules: Sequence[Rule], own: Sequence[Rule], known: Sequence[KnownValues]
    ) -> None:
        """`rules` are the catalogue's, `own` the policy's. Raises EngineError."""
        self.rules = (*rules, *own)
        self.known = tuple(known) or None
        text, json = _catalogue()
        self._text, self._json = [text], [json]
        triggers = [rule_trigger(rule.detector) for rule in own]
        if own:
            self._text.append(Database.compiled(of_rules(triggers, "text", len(rules))))
            self._json.append(Database.compiled(of_rules(triggers, "json", len(rules))))
        literals = [literal for each in known for literal in each.literals]
        if literals:  # never kept: they are secrets
            self._text.append(Database.compiled(of_known(literals, "text")))
            self._json.append(Database.compiled(of_known(literals, "json")))
        # Rules without a trigger run on every string.
        without = {i for i, each in enumerate(triggers, len(rules)) if not each.text}
        for index, rule in enumerate(own, len(rules)):
            if index not in without:
                _try_out(self._text, self._json, index, rule.detector)
        self.always = sum(1 << (i + len(names.FINDERS)) for i in without)
        self.everything = (1 << (len(names.FINDERS) + len(self.rules))) - 1
        self.judge = self.everything + 1  # a text is judged though no trigger fired in it
        # What a hit asks for, by its identifier; 0 where it depends on what stands around it.
        self.bits_by_id = tuple(
            0 if id_ in (NAME, LONG_NAME) else self._bits_by_id(id_)
            for id_ in range(RULES + len(self.rules))
        )
        self._by_words = [
            (1 << i, rule) for i, rule in enumerate(self.rules) if is_by_words(rule.detector)
        ]
        # Rules whose words are everywhere: without a digit nothing comes of them.
        self.of_digits = sum(
            bit for bit, rule in self._by_words if needs_digit(seen(rule.detector.pattern))
        )
        spoken_of = {literal for _, rule in self._by_words for literal in rule.literals}
        self._spoken_of = compile_linear("|".join(map(re.escape, sorted(spoken_of))))
        self._of_key: dict[str, int] = {}

    def text_hits(self, data: bytes) -> list[tuple[int, int]]:
        """Where triggers end in plain texts that are joined by line feeds: end, identifier."""
        return [hit for database in self._text for hit in database.hits(data)]

    def json_hits(self, data: bytes) -> list[tuple[int, int]]:
        """Where triggers end in JSON as received: end, identifier."""
        return [hit for database in self._json for hit in database.hits(data)]

    def bits_of(self, data: bytes, end: int, id_: int) -> int:
        """What a hit in a text asks for."""
        return self.bits_by_id[id_] or _finders_of_name(data, end if id_ == LONG_NAME else end - 1)

    def _bits_by_id(self, id_: int) -> int:
        if id_ >= RULES:
            return 1 << (id_ - RULES + len(names.FINDERS))
        if id_ >= _FINDER:
            return 1 << (id_ - _FINDER)
        return self.everything

    def matching(self, data: bytes, bits: int) -> int:
        """Without the rules whose patterns match nowhere: most triggers are words before them."""
        rules = bits >> len(names.FINDERS)
        if rules and _DIGIT.search(data) is None:
            rules &= ~self.of_digits
        left = rules
        while left:
            low = left & -left
            left ^= low
            if self.rules[low.bit_length() - 1].pattern.search(data) is None:
                rules ^= low
        return rules << len(names.FINDERS) | bits & names.EVERY_FINDER

    def rules_of_key(self, key: str) -> int:
        """The rules for which a key is what others have as words before the value, as bits."""
        found = self._of_key.get(key)
        if found is None:
            if len(self._of_key) >= _REMEMBERED_KEYS:
                self._of_key.clear()
            said = spoken(key).casefold()
            found = 0
            some = self._spoken_of.search(said) is not None  # of most keys none
            for bit, rule in self._by_words if some else ():
                if any(literal in said for literal in rule.literals) and (
                    not rule.detector.context or rule.is_named(key)
                ):
                    found |= bit
            if len(key) <= MAX_KEY:
                self._of_key[key] = found
        return found


def of_rules(triggers: Iterable[RuleTrigger], dialect: Dialect, first: int) -> list[Expression]:
    """The triggers of rules that count from `first` on."""
    return [
        Expression(RULES + index, pattern, group)
        for index, each in enumerate(triggers, first)
        for group, pattern in zip(each.groups, getattr(each, dialect), strict=True)
    ]


def of_known(literals: Iterable[str], dialect: Dialect) -> list[Expression]:
    """The triggers of known values."""
    return [Expression(KNOWN, whole(re.escape(each), dialect)) for each in literals]


@cache
def _catalogue() -> tuple[Database, Database]:
    """The triggers of the catalogue and of words, tried out: for texts and for JSON."""
    source()  # made once for both
    with ThreadPoolExecutor(1) as beside:  # compiling leaves the interpreter to others
        try:
            waited_for = beside.submit(_kept, "text").result
        except RuntimeError:  # the main thread has ended: no thread begins any more
            waited_for = partial(_kept, "text")
        json, text = _kept("json"), waited_for()
    for index, detector in enumerate(load_catalogue()):
        _try_out([text], [json], index, detector)
    return text, json


def _kept(dialect: Dialect) -> Database:
    """Compiled once, and kept for this user."""

    def make() -> list[Expression]:
        found = of_rules(catalogue_triggers(), dialect, 0)
        return [*found, *words(dialect), *(_raw() if dialect == "json" else [])]

    return Database.of_user(source() + dialect.encode(), make)


@cache
def source() -> bytes:
    """A digest of everything that triggers are made of: the catalogue and this code."""
    digest = hashlib.sha256()
    policy = resources.files(__package__.rpartition(".")[0])
    folders = ("catalogue", "engine", "validation", "words")
    for folder in (policy, *(policy / each for each in folders)):
        for file in sorted(folder.iterdir(), key=lambda item: item.name):
            if file.name.endswith((".toml", ".py")):
                digest.update(file.read_bytes())
    return digest.digest()


def words(dialect: Dialect) -> list[Expression]:
    """The triggers of what words say."""
    found = [_of_name(spelled, term, dialect) for spelled, term in name_triggers()]
    found += [Expression(ODD, each, BEYOND_ASCII) for each in (ODD_BYTES, odd_signs())]
    if dialect == "json":
        found += [Expression(NUMBER_HELD, each, "numbers") for each in NUMBERS_IN_JSON]
    else:
        found.append(Expression(NUMBER_HELD, NUMBER + NOT_IN_ID, "numbers"))
    for finder, patterns in word_triggers().items():
        if finder == "numbers" and dialect == "json":
            continue
        id_ = _FINDER + names.FINDERS.index(finder)
        found += [Expression(id_, whole(each, dialect), _group(finder, each)) for each in patterns]
    return found


def _of_name(spelled: str, term: str, dialect: Dialect) -> Expression:
    group = literal_group(seen(spelled))
    if dialect == "wire":  # what is behind a string is another field
        return Expression(NAME, whole(spelled + plural(term), dialect) + NOT_SMALL, group)
    if stands_alone(term):
        return Expression(LONG_NAME, whole(spelled, dialect), group)
    return Expression(NAME, whole(spelled, dialect) + NOT_SMALL_BUT_S, group)


def _finders_of_name(data: bytes, end: int) -> int:
    """The finders that a name concerns which ends at `end`, or one letter later in the plural."""
    if data[end - 1 : end].isdigit():  # a new word begins behind it, however small
        return names.finders_after(data, end)
    behind = data[end]
    if behind == _S:
        return _finders_of_plural(data, end + 1)
    if _A <= behind <= _Z:
        return 0  # the beginning of another word
    found = names.finders_after(data, end)
    return found | _finders_of_plural(data, end + 1) if behind == _LARGE_S else found


def _finders_of_plural(data: bytes, end: int) -> int:
    return 0 if _A <= data[end] <= _Z else names.finders_after(data, end)


def _group(finder: str, pattern: str) -> str:
    """Numbers, and encodings that have no sign of their own, make what begins with a sign slow."""
    has_no_sign = finder == "numbers" or (finder == "encoded" and pattern.startswith("(?:["))
    return finder if has_no_sign else "signs"


def _raw() -> list[Expression]:
    found = [Expression(META, '"_meta"'), Expression(UNREADABLE, _HUGE_NUMBER, "pairs")]
    found += [Expression(ESCAPE, r"\\u"), Expression(DEVICE, _FIELDS[1])]
    of_people = (
        *people_above(r'[^A-Za-z0-9"]*"\s*:\s*[{\[]', before='"[^A-Za-z0-9"]*'),
        people_named(r'"\s*:\s*"\'?[A-Z\\\x80-\xff]'),
        rf"(?:{'|'.join(REFERRED)})\\?/",
    )
    of_commands = arguments(r'[\[,]\s*"[\\"\']*')
    found += [Expression(FIELD, each) for each in (_FIELDS[0], *of_people, of_commands)]
    fields = (*telling_attributes(), *SESSION_COOKIES)
    unsaid = [name for name in fields if classify_key(name) is None]
    return [*found, *(Expression(FIELD, f'"{re.escape(name)}"') for name in unsaid)]


def _try_out(
    text: Sequence[Database], json: Sequence[Database], index: int, detector: Detector
) -> None:
    """Raise EngineError unless a rule's own examples are seen, in both dialects."""
    for notation in detector.catch:
        plain = example(detector.id, notation)[0]
        seen = _sees(text, plain.encode() + b"\n", index)
        if not (seen and _sees(json, msgspec.json.encode({"x": plain}), index)):
            raise EngineError(f"an example of {detector.id} is not seen")


def _sees(databases: Sequence[Database], data: bytes, index: int) -> bool:
    """A rule, or something for which a string is read anyway."""
    wanted = (RULES + index, ODD, UNREADABLE, ESCAPE)
    return any(id_ in wanted for each in databases for _, id_ in each.hits(data))
