"""Checks that a match must pass: checksums, structure, decoding, what stands around it.

A validator takes a `Candidate` and returns the one it vouches for (itself, or a shorter one where
the pattern took too much), or None. Checksums of public number formats come from python-stdnum,
telephone numbers from phonenumberslite; both are imported when first used.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import ipaddress
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING

import re2

if TYPE_CHECKING:
    from types import ModuleType


@dataclass(frozen=True, slots=True)
class Candidate:
    """A match in its surroundings. Offsets are in bytes of the UTF-8 text."""

    data: bytes
    start: int
    end: int
    key: str | None = None

    @property
    def value(self) -> str:
        """The matched text."""
        return self.data[self.start : self.end].decode("utf-8", "replace")

    @property
    def digits(self) -> str:
        """The ASCII digits of the matched text."""
        return "".join(c for c in self.value if c in "0123456789")

    def before(self, size: int = 48) -> str:
        """Up to `size` bytes before the match, lower case."""
        return self.data[max(0, self.start - size) : self.start].decode("utf-8", "replace").lower()

    def after(self, size: int = 24) -> str:
        """Up to `size` bytes after the match, lower case."""
        return self.data[self.end : self.end + size].decode("utf-8", "replace").lower()

    def stands_alone(self, joiners: str = "") -> bool:
        """Whether neither letters, digits nor `joiners` touch it."""
        left, right = self.before(1), self.after(1)
        return not any(c.isalnum() or c in joiners for c in (left, right) if c)


Validator = Callable[[Candidate], "Candidate | None"]


# -- payment --------------------------------------------------------------------------------------

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
_CARD_GROUPS = {(4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 4, 4, 4, 3), (6, 13), (4, 4, 4, 1)}


def card(candidate: Candidate) -> Candidate | None:
    """A payment card number: an issuer's prefix and length, Luhn, separators as cards have them."""
    digits = candidate.digits
    value = candidate.value
    if not candidate.stands_alone() or len(set(digits)) < 2 or not _luhn(digits):
        return None
    if candidate.before(1) == "." and candidate.before(2)[:1].isdigit():
        return None
    if candidate.after(1) == "." and candidate.after(2)[1:].isdigit():
        return None
    if value != digits:
        separators = {c for c in value if not c.isdigit()}
        groups = tuple(len(g) for g in value.replace(separators.pop(), " ").split(" "))
        if separators or groups not in _CARD_GROUPS:
            return None
    issued = any(
        low <= digits[: len(low)] <= high and len(digits) in lengths
        for low, high, lengths in _ISSUERS
    )
    return candidate if issued else None


def _luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        number = int(digit)
        if place % 2:
            number = number * 2 - 9 if number > 4 else number * 2
        total += number
    return total % 10 == 0


# Lengths by country: SWIFT's IBAN registry (ISO 13616), release 99.
_IBAN_LENGTHS = {
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


def iban(candidate: Candidate) -> Candidate | None:
    """An IBAN of a registered country: its length and ISO 7064 mod 97-10."""
    length = _IBAN_LENGTHS.get(candidate.value[:2].upper())
    if length is None:
        return None
    kept = 0
    for offset, char in enumerate(candidate.value):
        kept += char not in " -"
        if kept == length:
            candidate = replace(candidate, end=candidate.start + offset + 1)
            break
    if kept != length or not candidate.stands_alone():
        return None
    compact = candidate.value.replace(" ", "").replace("-", "").upper()
    if not compact.isascii() or not compact.isalnum():
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


# -- identity numbers -----------------------------------------------------------------------------


@lru_cache(maxsize=64)
def _stdnum(name: str) -> ModuleType:
    return import_module(f"stdnum.{name}")


def _standard_number(name: str) -> Validator:
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


def some_digits(candidate: Candidate) -> Candidate | None:
    """At least two digits, and nothing glued to it."""
    return candidate if len(candidate.digits) >= 2 and candidate.stands_alone() else None


# -- telephone ------------------------------------------------------------------------------------


def phone_international(candidate: Candidate) -> Candidate | None:
    """A number with `+` that exists in its country's plan; what follows it is cut off."""
    if candidate.before(1).isalnum():
        return None
    while len(candidate.digits) >= 7:
        if _possible_phone(candidate.value, None) and not candidate.after(1).isalnum():
            return candidate
        shorter = max(candidate.value.rfind(c) for c in " -./(")
        if shorter <= 0:
            return None
        kept = candidate.value[:shorter].rstrip(" -./()")
        candidate = replace(candidate, end=candidate.start + len(kept.encode()))
    return None


_REGIONS = "US GB DE FR ES IT NL SE CH AT AU IN BR JP PL TR MX ZA BE DK NO FI PT IE"


def phone_national(candidate: Candidate) -> Candidate | None:
    """A national number that is valid in one of the larger plans."""
    digits = candidate.digits
    if not 7 <= len(digits) <= 15 or not candidate.stands_alone("-/"):
        return None
    valid = any(_valid_phone(candidate.value, region) for region in _REGIONS.split())
    return candidate if valid else None


def _possible_phone(text: str, region: str | None) -> bool:
    import phonenumbers

    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return False
    return bool(phonenumbers.is_possible_number(number))


def _valid_phone(text: str, region: str) -> bool:
    import phonenumbers

    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return False
    return bool(phonenumbers.is_valid_number(number))


# -- network --------------------------------------------------------------------------------------

_VERSION_WORDS = re2.compile(
    r"(?:[a-z]/|\bv|version\W{0,3}|\bver\W{0,2}|release\W{0,3}|build\W{0,3}|upgraded? to |@"
    r"|downgraded? to |firmware |driver |requires |jdk-?|java |dotnet |runtime |assembly |oid )$"
)
_VERSION_KEYS = re2.compile(
    r"(?i)(?:version|release|build|sdk|kernel|firmware|dependency|\bdep\b|package|oid$|schema)"
)


def ipv4(candidate: Candidate) -> Candidate | None:
    """An address, not a version: neither loopback, unspecified, broadcast nor a netmask."""
    if candidate.key and _VERSION_KEYS.search(candidate.key):
        return None
    if not candidate.stands_alone("_") or _VERSION_WORDS.search(candidate.before(16)):
        return None
    left, right = candidate.before(2), candidate.after(2)
    if left[-1:] in (".", "-") or (right[:1] in (".", "-") and right[1:].isalnum()):
        return None
    if right[:1] in ("+", "~"):
        return None
    octets = candidate.value.split(".")
    if len(octets) != 4 or not all(octet.isdecimal() and octet.isascii() for octet in octets):
        return None
    if any(int(octet) > 255 or (octet[0] == "0" and octet != "0") for octet in octets):
        return None
    harmless = octets[0] in ("0", "127", "255") or candidate.value == "169.254.169.254"
    return None if harmless else candidate


_IPV6_TAIL = re2.compile(r"[^:]:$")


def ipv6(candidate: Candidate) -> Candidate | None:
    """An address as RFC 4291 writes them; loopback, times, slices and C++ scopes are not."""
    glue = "_:"
    if _IPV6_TAIL.search(candidate.value):  # an address and the colon of a sentence
        candidate = replace(candidate, end=candidate.end - 1)
        glue = "_"
    if not candidate.stands_alone(glue):
        return None
    bare = candidate.value.partition("%")[0]
    try:
        address = ipaddress.IPv6Address(bare)
    except ValueError:
        return None
    if address.is_loopback or address.is_unspecified:
        return None
    groups = [group for group in bare.split(":") if group]
    if not any(c.isdigit() for c in bare) or (len(groups) < 3 and len(groups[0]) < 3):
        return None
    if "::" not in bare and max(len(group) for group in groups) < 3:
        return None
    return candidate if len(groups) > 1 else None


def mac(candidate: Candidate) -> Candidate | None:
    """A hardware address with one kind of separator; not all zeros or ones."""
    value = candidate.value.lower()
    separators = {c for c in value if c in ":-."}
    compact = value.replace(":", "").replace("-", "").replace(".", "")
    if len(separators) != 1 or compact in ("0" * 12, "f" * 12):
        return None
    if "." in separators and (compact.isdigit() or compact.isalpha()):
        return None
    return candidate if candidate.stands_alone(":-._") else None


# -- e-mail ---------------------------------------------------------------------------------------

_FILE_ENDINGS = (
    "png jpg jpeg gif svg webp ico js mjs cjs css map json html htm xml pdf mp4 woff woff2"
)
_REMOTE = re2.compile(r"^:[\w~.\-]*/|^:[\w~.\-]+\.git\b")
_AUTHORITY = re2.compile(r"[a-z][a-z0-9+.\-]*:/{1,2}(?:[^\s/?#\"'<>]*)$")


def email(candidate: Candidate) -> Candidate | None:
    """A mailbox: not a package with its version, an image's density, a git remote, a URL's user."""
    local, _, domain = candidate.value.replace("＠", "@").rpartition("@")
    labels = domain.lower().split(".")
    if local.lower() in ("git", "hg", "svn") or _REMOTE.match(candidate.after(60)):
        return None
    numeric = sum(label.isdigit() for label in labels)
    if numeric > 1 or (numeric and labels[0].isdigit() and len(labels[0]) == 1):
        return None
    if labels[-1] in _FILE_ENDINGS.split() and labels[0][:1].isdigit():
        return None
    if _AUTHORITY.search(candidate.before(200)) and not candidate.before(8).endswith("mailto:"):
        return None
    return None if local.endswith("/") or candidate.before(1) == "@" else candidate


# -- tokens ---------------------------------------------------------------------------------------


def jwt(candidate: Candidate) -> Candidate | None:
    """A JSON Web Token: its first part is a JOSE header (RFC 7515), also when cut off."""
    first = candidate.value.partition(".")[0]
    text = _base64(first)
    if text is None:
        return None
    try:
        header = json.loads(text)
    except ValueError:
        return None
    known = isinstance(header, dict) and header.keys() & {"alg", "typ", "enc", "kid", "cty"}
    return candidate if known else None


def _base64(text: str) -> bytes | None:
    text = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return None


def mixed(candidate: Candidate) -> Candidate | None:
    """Made by a machine: letters and digits, many different ones, no placeholder."""
    value = candidate.value
    letters = any(c.isalpha() for c in value)
    digits = any(c.isdigit() for c in value)
    return candidate if letters and digits and len(set(value)) >= 8 else None


def varied(candidate: Candidate) -> Candidate | None:
    """Not a placeholder such as `xxxxxxxx` or `abcabcabc`."""
    return candidate if len(set(candidate.value.lower())) >= 7 else None


_NEAR_AWS = re2.compile(r"(?i)aws|akia|asia|secret.{0,3}(?:access|key)|amazon")


def aws_secret(candidate: Candidate) -> Candidate | None:
    """40 characters of base64 that are no hex digest, next to a word of AWS or its key id."""
    value = candidate.value
    classes = (str.isupper, str.islower, str.isdigit)
    if not all(any(test(c) for c in value) for test in classes):
        return None
    if candidate.before(1) in ("/", "+") or candidate.after(1) in ("/", "+"):
        return None
    near = candidate.before(120) + " " + candidate.after(120) + " " + (candidate.key or "")
    return candidate if _NEAR_AWS.search(near) else None


def not_a_port(candidate: Candidate) -> Candidate | None:
    """A password in a URL: not a port that a path with an `@` follows, not a placeholder."""
    value = candidate.value
    port, slash, _ = value.partition("/")
    if slash and port.isdigit():
        return None
    plain = value.strip("*").lower()
    hidden = value[:1] + value[-1:] in ("[]", "<>", "{}", "%%") or value[:1] == "$"
    hidden = hidden or value[:2] in ("%s", "%(", "${", "#{")
    hidden = hidden or plain in ("", "xxx", "xxxx", "xxxxx", "password", "pass")
    return None if hidden else candidate


def alone(candidate: Candidate) -> Candidate | None:
    """Nothing glued to it."""
    return candidate if candidate.stands_alone() else None


def coordinates(candidate: Candidate) -> Candidate | None:
    """A latitude and a longitude in their ranges."""
    latitude, _, longitude = candidate.value.replace(";", ",").partition(",")
    try:
        inside = abs(float(latitude)) <= 90 and abs(float(longitude)) <= 180
    except ValueError:
        return None
    return candidate if inside else None


_NO_NAMES = (
    "service portal record records data id ids list not error found name number info details "
    "account status and or the with for in at on is was has view page api"
)


def person(candidate: Candidate) -> Candidate | None:
    """Two or three capitalised words of which none belongs to software or to a sentence."""
    words = candidate.value.lower().split()
    return None if set(words) & set(_NO_NAMES.split()) else candidate


_STANDARD_NUMBERS = (
    "br.cpf ca.sin de.idnr es.dni es.nie fr.nir it.codicefiscale nl.bsn pl.pesel se.personnummer "
    "dk.cpr fi.hetu no.fodselsnummer in_.aadhaar in_.pan mx.curp bg.egn ro.cnp gr.amka gb.nhs "
    "cn.ric kr.rrn tr.tckimlik za.idnr il.idnr cl.rut au.tfn be.nn cz.rc hr.oib ee.ik "
    "at.vnr ch.ssn pt.cc imei"
)

VALIDATORS: dict[str, Validator] = {
    **{f"stdnum.{name}": _standard_number(name) for name in _STANDARD_NUMBERS.split()},
    **{
        function.__name__: function
        for function in (
            alone, aws_secret, base58check, bech32, card, coordinates, email, iban, ipv4, ipv6, jwt,
            mac, mixed, not_a_port, person, phone_international, phone_national, some_digits,
            uk_nino, us_ssn, varied,
        )
    },
}  # fmt: skip
