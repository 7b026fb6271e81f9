"""The triggers of detectors: derived from their patterns, a few by hand.

A detector whose pattern alone is met everywhere (ten digits) but asks for words before it has
these words as its trigger: in the text, or in the key of the value.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from ..detectors import Detector, load_catalogue
from ..forks import ForkedLock
from ..text import HEX_WORD
from .characters import Dialect, Underivable
from .databases import BEYOND_ASCII
from .patterns import trigger, whole
from .steps import Step, has_literal, is_beyond_ascii, seen, steps_of, ways
from .word_triggers import NOT_SMALL, stands_alone, where_words_begin

_NAME_PRINTED = (
    r"(?:^|[^A-Za-z0-9_])[Nn](?:ame|ome?|ombre|aam|avn|ume) ?[=:] ?(?:Optional\(|Some\()?"
    r"\\{0,3}[\"']?[A-Z\x{80}-\x{10FFFF}][A-Za-z\x{80}-\x{10FFFF}]"
)
_OF_PASSWORDS = (
    "pass(?:word|wort|wd|phrase|code|ord)|pwd|pw|kennwort|mot de passe|contraseña|senha|wachtwoord"
    "|lösenord|heslo|hasło|haslo|parola|salasana|adgangskode|şifre"
)
_CHOSEN = r"[^A-Za-z0-9\x00]{1,6}[^\s\x000-9]{0,62}[0-9]"
_BEFORE_A_NAME = r"(?: ?=|[: ]) ?[A-Z\x{80}-\x{10FFFF}]"
# Sharper than what can be derived: the detector's validator says what the pattern does not.
_BY_HAND: dict[str, tuple[str, ...]] = {
    # No card begins with 0, 1 or 7; seconds since 1970 do. Groups are as cards have them.
    "card": (
        r"(?:^|[^0-9A-Za-z.])[2-689][0-9]{12}",
        r"[0-9]{4}[ \-._/][0-9]{4}[ \-._/][0-9]{4}[ \-._/][0-9]",
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
    # Groups are of four, or there are none. Whether it is any country's is asked later: to look for
    # these takes three times as long.
    "iban": (r"(?:^|[^0-9A-Za-z])[A-Za-z][A-Za-z][0-9][0-9][0-9A-Za-z \-]{11}",),
    "deepl": ("[0-9a-f]:fx",),
    "phone.nanp": (r"[2-9][0-9]{2}(?:\) ?|-)[2-9][0-9]{2}-[0-9]{4}",),
    # Neighbours of `@`, rarer than the `:` and `/` that a user begins behind.
    "host.credentials": (r"@[A-Za-z0-9][A-Za-z0-9.\-]*:[0-9]{2}",),
    "oracle.logon": (r"[^\s@\"'/]@(?://)?[A-Za-z0-9]",),
    # The last part of a domain begins with a letter: `shop@1.2.3` has none.
    "email": (r"[@＠][A-Za-z0-9\x{80}-\x{10FFFF}.-]+\.[A-Za-z\x{80}-\x{10FFFF}]",),
    "email.verp": (r"=[A-Za-z0-9-]+\.[A-Za-z0-9.-]+@",),
    # Whatever stands between is long, and what begins it is met more often.
    "person.printed": (_NAME_PRINTED,),
    "person.printed.behind": (_NAME_PRINTED,),
    "person.typed": (_NAME_PRINTED,),
    "person.titled": (
        rf"(?:atient|aciente|aziente|assenger|ardholder|olicyholder| name)(?:in)?{_BEFORE_A_NAME}",
        rf"(?:Mrs?|Ms|Dr|Sra?|Sig|Dott|Prof|Dhr|Mevr| M)\.?{_BEFORE_A_NAME}",
        rf"(?:Herrn?|Frau|Mme|Mlle|ieur|adame|ignora?|enhora?|Pani?|eneer|evrouw){_BEFORE_A_NAME}",
        rf"eñora?{_BEFORE_A_NAME}",
    ),
    "otp.said": (
        r"(?i:tan(?: lautet| ist| is| est| es| to| jest)?(?: ?[:=])? ?)[\"'\[]?[0-9]{3}",
        r"(?i:tan)[^\x000-9]{0,20}«[0-9]{3}",
        r"(?i:code |codice |scode|gscode|eldecode|iecode|kod |kodu)[^\x000-9]{1,60}[0-9]{3}",
        r"(?i:skoden? |kode |koodi|[tln]code:? )[^\x000-9]{1,60}[0-9]{3}",
        *("(?:mã|kód)[^\\x000-9]{1,60}[0-9]{3}", r"(?i:skod: ?)[0-9]{3}"),
        *(r"(?i:digo de )[^\x000-9]{1,40}[0-9]{3}", "код [^\\x000-9]{1,40}[0-9]{3}"),
        r"(?:コード|パスワード|番号|码|碼|번호)[^\x000-9]{0,12}[0-9]{3}",
    ),
    "person.sama": ("様",),
    # With the digit of the value.
    "password.chosen": (
        rf"(?i:{_OF_PASSWORDS}){_CHOSEN}",
        rf"(?i:{_OF_PASSWORDS})[^A-Za-z0-9\x00]{{0,2}} (?i:for) [^\x00]{{3,100}}[0-9]",
        *(rf"(?:{each}){_CHOSEN}" for each in ("пароль|Пароль", "密码|密碼|パスワード|비밀번호")),
        rf"(?i:user|name|login|account) [A-Za-z0-9_.@-]{{2,60}},? (?i:pass){_CHOSEN}",
    ),
    "pgpass": (r":(?:54|64)[0-9]{0,3}:", r":\*:"),
    "token.prefixed": (r"[a-z0-9][_-][A-Za-z0-9]{30}",),
    "mailgun": (r"key-[0-9A-Za-z]{32}", r"-[0-9a-f]{8}-[0-9a-f]{8}"),
    "gps": (r"\.[0-9]{4,15} ?[,;] ?[+\-]?[0-9]",),
    "maxmind": ("_mmk",),
    # The kinds of streets are rarer than the numbers of houses.
    "street.number_behind": (
        r"tra(?:sse|at) [0-9]",
        r"[Gg]asse [0-9]",
        r"gat[ae]n [0-9]",
        r"(?:Rua|Calle|Avenida|Viale|Piazza|Travessa) [dA-Z\x{80}-\x{10FFFF}]",
        r"(?:allee|gracht|laan|vej|gade|str\.) [0-9]",
        r"(?:[uU]l|[aA]l|[oO]s)\. [dA-Z\x{80}-\x{10FFFF}]",
        *("traße [0-9]", "vägen [0-9]", r"Praça [dA-Z\x{80}-\x{10FFFF}]"),
    ),
    "street.with_town": (
        r"(?:weg|platz|ring|damm|ufer|hof|markt|berg|park|stieg|steig|pfad|graben|wall) [0-9]",
        r"(?:plein|kade|singel|dijk|Weg|Platz|Allee|Ring|Damm|Ufer) [0-9]",
        r"(?:Am|Im|Zu[mr]|n de[rn]|uf de[rm]|nter den|ei der) [A-Z\x{80}-\x{10FFFF}]\S{2,99} [0-9]",
    ),
    "street.number_before": (
        " (?:Street|Avenue|Boulevard|Lane|Crescent|Road|Terrace)",
        r" (?:St|Ave|Rd|Blvd)\.",
        r" (?:rue|avenue|boulevard|impasse) [dA-Z\x{80}-\x{10FFFF}]",
        r"allée [dA-Z\x{80}-\x{10FFFF}]",
    ),
    "btc.base58": (r"(?:^|[^0-9A-Za-z_])[13][1-9A-HJ-NP-Za-km-z]{25}",),
}
# How long these are where they are one run, before which nothing is asked for in protobuf.
RUNS = {"card": 13, "iban": 15, "btc.base58": 26, "jenkins": 22, "okta": 22}
# Runs of digits and letters without a literal: each group has an engine that watches every byte.
# Together are those that were measured to be no slower than the slowest of them alone.
_GROUPS = {
    "card": "runs", "iban": "runs", "btc.base58": "runs", "ipv6": "colons", "mac": "pairs",
    "us.ssn": "digits", "ipv4": "digits", "ipv4.dashes": "digits", "mac.cisco": "digits",
    "gps": "digits", "mailgun": "digits", "oracle.hash": "digits",
}  # fmt: skip
_BEFORE_A_RUN = re.compile(r"\(\?:\^\|\[\^[^\]]*\]\)")
_CARD_IN_GROUPS = re.compile(r"\[0-9\]\{[46]\}")
# A first word of so many letters is rare enough.
_TELLING = 5
# What is met everywhere, and is looked for only near these words.
_BY_NEEDS = (
    "aws.secret", "dob", "driving_licence", "identity_card", "licence_plate", "passport.other",
    "service.assigned",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RuleTrigger:
    """Where a detector could find something. Nothing at all: everywhere."""

    groups: tuple[str, ...] = ()  # databases.Expression.group, for each of the patterns
    text: tuple[str, ...] = ()
    json: tuple[str, ...] = ()
    wire: tuple[str, ...] = ()


_deriving = ForkedLock()


def catalogue_triggers() -> Sequence[RuleTrigger]:
    """The triggers of all detectors of the catalogue: derived once for all dialects."""
    with _deriving:  # databases are made in several threads
        return _derived()


@cache
def _derived() -> Sequence[RuleTrigger]:
    return tuple(map(rule_trigger, load_catalogue()))


def rule_trigger(detector: Detector) -> RuleTrigger:
    """The triggers of a detector in Hyperscan's syntax."""
    try:
        exact = _BY_HAND.get(detector.id)
        if exact is not None:
            return _whole(exact, [_group_by_hand(detector.id, each) for each in exact])
        if is_by_words(detector):
            return _by_words(detector.context or detector.needs, bounded=bool(detector.context))
        found = ways(steps_of(detector.pattern))
        groups = tuple(_group(detector.id, way) for way in found)
        texts = (tuple(trigger(way, dialect) for way in found) for dialect in _DIALECTS)
        return RuleTrigger(groups, *texts)
    except (Underivable, re.error):
        return RuleTrigger()


def _group_by_hand(detector_id: str, pattern: str) -> str:
    if detector_id == "card" and _CARD_IN_GROUPS.match(pattern) is not None:
        return "numbers"
    return _group(detector_id, seen(pattern))


def _group(detector_id: str, steps: Sequence[Step]) -> str:
    if has_literal(steps):
        return literal_group(steps)
    return _GROUPS.get(detector_id, "signs")


def literal_group(steps: Sequence[Step]) -> str:
    """The group of a pattern that has a literal."""
    return BEYOND_ASCII if is_beyond_ascii(steps) else "literals"


def _whole(patterns: Sequence[str], groups: Sequence[str]) -> RuleTrigger:
    text = tuple(whole(each, "text") for each in patterns)
    json = tuple(whole(each, "json") for each in patterns)
    # The byte before a string in protobuf is its length: to ask for what stands before a run takes
    # three times as long as the run.
    wire = tuple(
        whole(_BEFORE_A_RUN.sub("", each) if group == "runs" else each, "wire")
        for each, group in zip(patterns, groups, strict=True)
    )
    return RuleTrigger(tuple(groups), text, json, wire)


def is_by_words(detector: Detector) -> bool:
    """Whether words near a value, or in its key, are the trigger."""
    if detector.id in _BY_HAND:
        return False
    return detector.id in _BY_NEEDS or bool(
        detector.context and not has_literal(seen(detector.pattern))
    )


_DIALECTS: tuple[Dialect, ...] = ("text", "json", "wire")


def _by_words(words: Sequence[str], *, bounded: bool) -> RuleTrigger:
    """Words as texts and keys may write them (`phoneNumber`, `phone_number`)."""
    if not bounded:
        plain = [f"(?i:{re.escape(word)})" for word in words]
        return _whole(plain, [literal_group(seen(each)) for each in plain])
    pairs = [(each, end) for word in words for each, end in _spelled(word)]
    texts = (
        tuple(whole(each, dialect) + _end(end, dialect) for each, end in pairs)
        for dialect in _DIALECTS
    )
    return RuleTrigger(tuple(literal_group(seen(each)) for each, _ in pairs), *texts)


def _end(word: str, dialect: Dialect) -> str:
    """What is behind a word, in Hyperscan's syntax. No word: nothing is asked."""
    if not word or (stands_alone(word) and dialect != "wire"):
        return ""
    return whole("(?i:s)?", dialect) + NOT_SMALL


def _spelled(word: str) -> list[tuple[str, str]]:
    """A context word where a word begins, each with the word whose end is asked for.

    Of several words the second is asked for by its beginning: as one literal more that is met
    everywhere (`number`) it would take as long as all the rest.
    """
    parts = [part for part in re.split(r"[^\w]+", word) if part]
    apart = r"[^A-Za-z0-9]{0,3}"
    if len(parts) > 1 and len(parts[0]) >= _TELLING:
        first, second = re.escape(parts[0]), re.escape(parts[1][:2])
        return [(f"(?i:{first}){apart}(?i:{second})", "")]
    text = apart.join(map(re.escape, parts))
    # A first part of one or two letters is the end of many words.
    size = min(len(word), len(parts[0]) + 2)
    before = "A-Za-z0-9" if HEX_WORD.fullmatch(text) else "A-Za-z"
    return [(each, word) for each in where_words_begin(text, size, before)]
