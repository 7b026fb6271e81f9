"""Numbers with a check of their own: cards, accounts, wallets, identity numbers.

Checksums of public formats come from python-stdnum, which is imported when first used.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING

from ..linear import compile_linear
from .candidates import Candidate, Validator

if TYPE_CHECKING:
    from types import ModuleType


# Issuer ranges: first and last prefix, lengths (ISO/IEC 7812; the schemes' own pages).
_ISSUERS = (
    ("4", "4", (13, 16, 19)),  # Visa
    ("51", "55", (16,)),  # Mastercard
    ("2221", "2720", (16,)),
    ("34", "34", (15,)),  # American Express
    ("37", "37", (15,)),
    ("300", "305", (14, 16)),  # Diners Club
    ("36", "36", (14, 16)),
    ("38", "39", (14, 16)),
    ("6011", "6011", (16, 19)),  # Discover
    ("644", "659", (16, 19)),
    ("3528", "3589", (16, 19)),  # JCB
    ("62", "62", (16, 17, 18, 19)),  # UnionPay
    ("81", "81", (16,)),
    ("50", "50", (16, 18, 19)),  # Maestro, RuPay
    ("56", "58", (16, 18, 19)),
    ("60", "60", (16,)),
    ("63", "63", (16, 18, 19)),
    ("67", "67", (16, 18, 19)),
    ("2200", "2204", (16,)),  # Mir
    ("9792", "9792", (16,)),  # Troy
)
# Two more groups beside those that are of digits only: `5751 5994 6333 7841 727C 785C`
_MIXED = r"(?=[0-9a-f ]{0,8}(?:[0-9][a-f]|[a-f][0-9]))[0-9a-f]{4} [0-9a-f]{4}"
_OF_FINGERPRINT = re.compile(rf"{_MIXED} \||\| {_MIXED}")
_CARD_GROUPS = {(4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 4, 4, 4, 3), (6, 13), (4, 4, 4, 1)}


def card(candidate: Candidate) -> Candidate | None:
    """A payment card number: an issuer's prefix and length, Luhn, separators as cards have them.

    Other digits may follow it (`4111 1111 1111 1111 10/27`): the longest beginning that ends
    where its digits do counts.
    """
    value = candidate.value
    for length in range(len(value), 12, -1):
        if length == len(value) or not value[length].isdigit():
            shorter = candidate._replace(end=candidate.start + length)
            if value[length - 1].isdigit() and _is_card(shorter):
                return shorter
    return None


def _is_card(candidate: Candidate) -> bool:
    digits = candidate.digits
    value = candidate.value
    if not candidate.stands_alone() or len(set(digits)) < 2 or not luhn(digits):
        return False
    if candidate.before(1) == "." and candidate.before(2)[:1].isdigit():
        return False
    if candidate.after(1) == "." and candidate.after(2)[1:].isdigit():
        return False
    if " " in value and _OF_FINGERPRINT.search(candidate.before(10) + "|" + candidate.after(10)):
        return False
    if value != digits:
        separators = {c for c in value if not c.isdigit()}
        groups = tuple(len(g) for g in value.replace(separators.pop(), " ").split(" "))
        if separators or groups not in _CARD_GROUPS:
            return False
    return any(
        low <= digits[: len(low)] <= high and len(digits) in lengths
        for low, high, lengths in _ISSUERS
    )


def luhn(digits: str) -> bool:
    """Whether the last digit is the one for checking (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        number = int(digit)
        if place % 2:
            number = number * 2 - 9 if number > 4 else number * 2
        total += number
    return total % 10 == 0


# Lengths by country: SWIFT's IBAN registry (ISO 13616), release 99.
IBAN_LENGTHS = {
    country: int(length)
    for length, countries in {
        "15": "NO",
        "16": "BE",
        "18": "DK FO FI GL NL SD FK",
        "19": "MK SI",
        "20": "AT BA EE KZ XK LT LU MN",
        "21": "HR LV LI CH",
        "22": "BH BG CR GE DE IE ME RS GB VA",
        "23": "GI IL TL IQ AE OM SO",
        "24": "AD CZ MD PK RO SA SK ES SE TN VG",
        "25": "LY PT ST",
        "26": "IS TR",
        "27": "BI DJ FR GR IT MC MR SM",
        "28": "AL AZ BY CY DO SV GT HU LB NI PL",
        "29": "BR EG PS QA UA",
        "30": "JO KW MU YE",
        "31": "MT SC",
        "32": "LC",
        "33": "RU",
    }.items()
    for country in countries.split()
}
# Those that two hex digits may spell, and how many digits stand behind the two for checking: every
# id has some hex digits (SWIFT, IBAN Registry).
IBAN_DIGITS = {"AD": 8, "AE": 19, "BA": 16, "BE": 12, "DE": 18, "EE": 16}


def iban(candidate: Candidate) -> Candidate | None:
    """An IBAN of a registered country: its length and ISO 7064 mod 97-10."""
    length = IBAN_LENGTHS.get(candidate.value[:2].upper())
    if length is None:
        return None
    kept = 0
    for offset, char in enumerate(candidate.value):
        kept += char not in " -"
        if kept == length:
            candidate = candidate._replace(end=candidate.start + offset + 1)
            break
    if kept != length or not candidate.stands_alone():
        return None
    compact = candidate.value.replace(" ", "").replace("-", "").upper()
    if not compact.isascii() or not compact.isalnum():
        return None
    digits = compact[4 : 4 + IBAN_DIGITS.get(compact[:2], 0)]
    if digits and not digits.isdigit():
        return None
    number = "".join(str(int(c, 36)) for c in compact[4:] + compact[:4])
    return candidate if int(number) % 97 == 1 else None


_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def base58check(candidate: Candidate) -> Candidate | None:
    """Base58Check: four bytes of a double SHA-256 at the end (Bitcoin and its kin)."""
    number = 0
    if any(char not in _BASE58 for char in candidate.value):
        return None
    for char in candidate.value:
        number = number * 58 + _BASE58.index(char)
    raw = number.to_bytes(25, "big") if number.bit_length() <= 200 else b""
    digest = hashlib.sha256(hashlib.sha256(raw[:21]).digest()).digest()
    return candidate if raw and digest[:4] == raw[21:] else None


def bech32(candidate: Candidate) -> Candidate | None:
    """A Bech32 or Bech32m address: BIP 173 and BIP 350."""
    prefix, _, rest = candidate.value.lower().rpartition("1")
    if any(c not in _BECH32 for c in rest):
        return None
    values = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]
    values += [_BECH32.index(c) for c in rest]
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(
            (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
        ):
            check ^= generator if (top >> bit) & 1 else 0
    return candidate if check in (1, 0x2BC830A3) else None


@lru_cache(maxsize=64)
def _stdnum(name: str) -> ModuleType:
    return import_module(f"stdnum.{name}")


def standard_number(name: str) -> Validator:
    """A validator by a module of python-stdnum, such as `br.cpf`."""

    def validate(candidate: Candidate) -> Candidate | None:
        valid = bool(_stdnum(name).is_valid(candidate.value))
        return candidate if valid and candidate.stands_alone() else None

    return validate


_PARTS_LIST = ("part", "sku", "order", "item", "serial", "model", "ref", "invoice", "ticket", "id")


def us_ssn(candidate: Candidate) -> Candidate | None:
    """A US social security number that can have been issued, and is not called a part number."""
    if not candidate.stands_alone("-") or not _stdnum("us.ssn").is_valid(candidate.digits):
        return None
    before = candidate.before(24).replace("#", " ").replace(":", " ").split()
    return None if any(word in _PARTS_LIST for word in before[-2:]) else candidate


def uk_nino(candidate: Candidate) -> Candidate | None:
    """A UK national insurance number: prefixes that are in use (HMRC manual NIM39110)."""
    prefix = candidate.value[:2].upper()
    unused = prefix in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ")
    return candidate if not unused and candidate.stands_alone() else None


def snils(candidate: Candidate) -> Candidate | None:
    """A Russian SNILS: nine digits and their weighted sum, mod 101."""
    digits = candidate.digits
    total = sum(int(digit) * (9 - place) for place, digit in enumerate(digits[:9])) % 101
    right = len(digits) == 11 and total % 100 == int(digits[9:])
    return candidate if right and len(set(digits)) > 1 and candidate.stands_alone() else None


_SG_NRIC = compile_linear(r"[STFGM][0-9]{7}[A-Z]")


def sg_nric(candidate: Candidate) -> Candidate | None:
    """A Singaporean NRIC or FIN: the last letter is of the weighted digits and the first one."""
    value = candidate.value.upper()
    if not _SG_NRIC.fullmatch(value):
        return None
    total = sum(int(d) * w for d, w in zip(value[1:8], (2, 7, 6, 5, 4, 3, 2), strict=False))
    total += {"T": 4, "G": 4, "M": 3}.get(value[0], 0)
    letters = {"F": "XWUTRQPNMLK", "G": "XWUTRQPNMLK", "M": "XWUTRQPNJLK"}
    right = letters.get(value[0], "JZIHGFEDCBA")[total % 11]
    return candidate if value[-1] == right else None


_HK_ID = compile_linear(r"[A-Z ][A-Z][0-9]{6}[0-9A]")


def hk_id(candidate: Candidate) -> Candidate | None:
    """A Hong Kong identity card: letters, digits and a check digit, weighted, mod 11."""
    value = candidate.value.replace("(", "").replace(")", "").rjust(9)
    if not _HK_ID.fullmatch(value):
        return None
    values = [36 if c == " " else int(c, 36) for c in value[:8]]
    check = 10 if value[8] == "A" else int(value[8])
    total = sum(number * (9 - place) for place, number in enumerate(values)) + check
    return candidate if total % 11 == 0 else None


_TW_ID = compile_linear(r"[A-Z][0-9]{9}")
_TW_LETTERS = "ABCDEFGHJKLMNPQRSTUVXYWZIO"  # in the order of their numbers, 10 to 35


def tw_id(candidate: Candidate) -> Candidate | None:
    """A Taiwanese identity number: a letter for two digits, the weighted sum a multiple of ten."""
    if not _TW_ID.fullmatch(candidate.value):
        return None
    tens, ones = divmod(_TW_LETTERS.index(candidate.value[0]) + 10, 10)
    numbers = [tens, ones, *map(int, candidate.value[1:])]
    total = sum(n * w for n, w in zip(numbers, (1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1), strict=False))
    return candidate if total % 10 == 0 else None


def au_medicare(candidate: Candidate) -> Candidate | None:
    """An Australian Medicare card: the ninth digit checks the eight before it."""
    digits = candidate.digits
    if len(digits) < 10:
        return None
    total = sum(int(d) * w for d, w in zip(digits, (1, 3, 7, 9, 1, 3, 7, 9), strict=False))
    return candidate if total % 10 == int(digits[8]) and candidate.stands_alone() else None


_WRITTEN_DAY = re.compile(r"(?:19|20)?[0-9]{2}[-./ ][01]?[0-9][-./ ](?:19|20)?[0-9]{2}")
_FEWEST_OF_A_NUMBER = 6


def told_number(candidate: Candidate) -> Candidate | None:
    """What stands behind the name of a person's number: no day, and nothing glued to it."""
    few = len(candidate.digits) < _FEWEST_OF_A_NUMBER
    if few or _WRITTEN_DAY.fullmatch(candidate.value):
        return None
    return candidate if candidate.stands_alone("-") else None


def some_digits(candidate: Candidate) -> Candidate | None:
    """At least two digits, and nothing glued to it."""
    return candidate if len(candidate.digits) >= 2 and candidate.stands_alone() else None


# What else has a code that is somebody's.
_OTHER_CODES = re.compile(
    r"\b(?:zip|post(?:al|code)?|area|country|dial(?:ing|ling)?|product|error|exit|status|order|promo"
    r"|discount|coupon|source|vs|qr|bar|branch|sort|bank|tax|dress|time|currency|color|store)\b"
)


def sent_code(candidate: Candidate) -> Candidate | None:
    """A code to log in with, as far as what stands before it tells."""
    return None if _OTHER_CODES.search(candidate.before()) is not None else candidate
