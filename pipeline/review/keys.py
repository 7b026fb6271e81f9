"""Keys of documents: which of them are names that may be shown, and which sound sensitive.

The policy's vocabulary (policy/keys.py) says what a key *is*: what stands under it goes. Here are
words that make people look twice: too common, or too seldom a secret, to take values away by.
"""

from __future__ import annotations

import re

from ...policy.keys import words_of
from .looks import changes

_LONGEST = 64
_NAME = re.compile(r"[^\W\d][\w.$:/-]*")
_HEX = re.compile(r"(?=[a-f]*[0-9])[0-9a-f]{8,}", re.IGNORECASE)
_MOST_DIGITS = 4
_DIGITS_INSIDE = re.compile(r"(?<=[^\W\d_])[0-9]+(?=[^\W\d_])")
_LONG = 14  # letters of a word that is worth counting
_VOWELS = frozenset("aeiouyAEIOUY")

# What is under them tells about a person or opens something, whatever it looks like.
_TELLING = frozenset(
    """salary wage income earnings gender sex religion ethnicity race nationality citizenship
    marital disability pregnancy medication allergy therapy illness disease symptom biometric
    faceid genome dna blood weight sexuality orientation party union conviction criminal
    confidential private personal sensitive classified secrets hidden
    visa plate vin householder household maiden spouse husband wife birthplace
    cert certificate keystore seed nonce salt pepper cipher ciphertext encrypted license licence
    swift bic vat eori policyno taxno balance debt loan mortgage insurance
    sender recipient payer payee beneficiary signature impersonate sudo""".split()  # noqa: SIM905  reads best as text
)
# Words for people and for what belongs to one of them: telling with an id or a name behind them,
# or when no two documents agree.
_PEOPLE = frozenset(
    """customer client member patient employee person owner contact subscriber guest passenger
    student teacher tenant buyer seller merchant payer donor voter driver candidate applicant
    account acct profile user people human actor principal operator agent author assignee
    reporter creator visitor shopper attendee resident citizen borrower policyholder""".split()  # noqa: SIM905  reads best as text
)
_IDENTIFIERS = frozenset(
    """id ids uuid guid ref reference number no nr num code key name names label handle alias
    identifier hash""".split()  # noqa: SIM905  reads best as text
)
# What stands under keys that end so counts, dates or describes.
_MEASURES = frozenset(
    """count counts size length len type types kind status state enabled disabled valid invalid
    at time date timestamp ts ms seconds duration ttl timeout retries attempts version format
    class module path file url uri level mode flag flags index total max min limit ratio rate
    class locale language lang timezone tz algorithm alg scheme method role roles group groups
    plan tier currency unit agent agents""".split()  # noqa: SIM905  reads best as text
)
# Ids of what a program does, not of whom it does it for.
_TECHNICAL = frozenset(
    """request req trace span parent event correlation transaction txn tx build version release
    commit sha revision rev hash digest checksum etag debug frame line col column lineno colno port
    pid tid thread process proc job task worker queue offset partition message msg batch lock
    node pod container host instance image cluster region zone memory mem bytes size length count
    address addr pointer ptr nonce time timestamp date ts at started ended created updated expires
    duration elapsed latency ms seconds age uptime sequence seq step page limit total amount index
    status code errno exit replay profile segment schema migration query statement cache bucket
    celery connection socket stream session sample rate weight width height version os kernel cpu
    row record item hit match result element entry chunk block part try retry
    disk storage free battery boot screen density dpi sdk api device model serial""".split()  # noqa: SIM905  reads best as text
)


def is_plain(key: str) -> bool:
    """Whether a key reads as a field's name: not as an id, an address, a token or a sentence."""
    if len(key) > _LONGEST or not _NAME.fullmatch(key):
        return False
    if sum(char.isdigit() for char in key) > _MOST_DIGITS or _HEX.search(key):
        return False
    return not any(map(_is_random, re.split(r"[\W_]+", key)))


def _is_random(word: str) -> bool:
    """Whether a word is none: digits here and there; or long, with few vowels or mixed case."""
    if len(_DIGITS_INSIDE.findall(word)) > 1:
        return True
    if len(word) < _LONG:
        return False
    vowels = sum(char in _VOWELS for char in word) if word.isascii() else len(word)
    return vowels < 0.18 * len(word) or changes(word) > 0.3 * len(word)


def sounds_sensitive(keys: tuple[str, ...]) -> bool:
    """Whether a field's keys, the nearest last, say that its value tells about somebody.

    For values that are of a kind to tell something. Knows nothing that the policy's vocabulary
    has: that was judged.
    """
    words = words_of(keys[-1]) if keys else ()
    if not words or words[-1] in _MEASURES:
        return False
    if _singular(words[-1]) in _TELLING:
        return True
    identifies = words[-1] in _IDENTIFIERS
    if identifies and len(words) > 1:
        return _singular(words[-2]) in _TELLING | _PEOPLE
    if identifies and len(keys) > 1:  # `customer.ref`
        above = words_of(keys[-2])
        return bool(above) and _singular(above[-1]) in _TELLING | _PEOPLE
    return False


def names_people(keys: tuple[str, ...]) -> bool:
    """Whether the nearest key is a word for a person or an account."""
    words = words_of(keys[-1]) if keys else ()
    return bool(words) and _singular(words[-1]) in _PEOPLE


def is_technical(keys: tuple[str, ...]) -> bool:
    """Whether a field's nearest key says that its ids are a program's own."""
    words = words_of(keys[-1]) if keys else ()
    return any(_singular(word) in _TECHNICAL for word in words)


def _singular(word: str) -> str:
    return word.removesuffix("s") if len(word) > 3 else word
