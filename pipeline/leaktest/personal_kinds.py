"""Canaries of the branches `financial` and `pii`, with the check digits that real ones have."""

from __future__ import annotations

import hashlib
import string
from collections.abc import Callable
from functools import partial
from importlib import import_module
from random import Random

from .kinds import Canary, Kind, characters, plain

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_SYLLABLES = (
    "ba", "be", "bo", "da", "dor", "fen", "gul", "han", "ik", "jor", "ka", "kel", "lin", "lo",
    "mar", "mi", "nor", "ov", "pet", "ra", "ros", "sa", "tam", "ul", "va", "wen", "yor", "zel",
)  # fmt: skip


def _digits(random: Random, count: int) -> str:
    return characters(random, string.digits, count)


def _count(random: Random, digits: int) -> str:
    """A number of so many digits: none of them in front is a zero."""
    return random.choice("123456789") + _digits(random, digits - 1)


def _number(template: str, random: Random) -> str:
    """Each `#` a digit, each `A` a capital letter."""
    letters = {"#": string.digits, "A": string.ascii_uppercase}
    return "".join(random.choice(letters[c]) if c in letters else c for c in template)


def _valid(template: str, module: str, random: Random) -> str:
    """A number of this form that its country would give out, as python-stdnum knows it."""
    check: Callable[[str], bool] = import_module(f"stdnum.{module}").is_valid
    while not check(value := _number(template, random)):
        pass
    return value


def _luhn(prefix: str, length: int, random: Random) -> str:
    body = prefix + _digits(random, length - 1 - len(prefix))
    doubled = sum(
        sum(divmod(int(d) * 2, 10)) if i % 2 == 0 else int(d) for i, d in enumerate(reversed(body))
    )
    return f"{body}{-doubled % 10}"


def _card(random: Random) -> Canary:
    prefix, length = random.choice((("4539", 16), ("5425", 16), ("3782", 15), ("6011", 16)))
    number = _luhn(prefix, length, random)
    if length == 16:
        groups = [number[i : i + 4] for i in range(0, 16, 4)]
        number = random.choice(("", " ", "-")).join(groups)
    return Canary(number, (number[:-4],))  # the last four digits are no card


def _iban(random: Random) -> str:
    country, body = random.choice(
        (("DE", _digits(random, 18)), ("GB", "BUKB" + _digits(random, 14)),
         ("AT", _digits(random, 16)))
    )  # fmt: skip
    numeric = "".join(str(int(c, 36)) for c in f"{body}{country}00")
    iban = f"{country}{98 - int(numeric) % 97:02d}{body}"
    if random.random() < 0.5:
        return " ".join(iban[i : i + 4] for i in range(0, len(iban), 4))
    return iban


def _bitcoin(random: Random) -> str:
    payload = b"\0" + random.randbytes(20)
    raw = payload + hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:4]
    number, text = int.from_bytes(raw), ""
    while number:
        number, rest = divmod(number, 58)
        text = _BASE58[rest] + text
    return "1" + text


def _word(random: Random, syllables: int = 3) -> str:
    return "".join(random.choice(_SYLLABLES) for _ in range(syllables))


def _full_name(random: Random) -> str:
    return f"{_word(random).capitalize()} {_word(random).capitalize()}"


def _email(random: Random) -> Canary:
    local = random.choice((
        f"{_word(random)}.{_word(random)}", f"{_word(random)}_{random.randint(10, 99)}",
        f"{_word(random)}+{_word(random, 2)}",
    ))  # fmt: skip
    host = random.choice(("mail.example.org", "customer.example.com", "posteo.example.de"))
    return Canary(f"{local}@{host}", (local,))


_PHONES = ("+1 212 55# ####", "+44 20 7946 ####", "+49 151 2345 ####", "+33 6 12 34 ## ##",
           "+4670174####", "+1 (415) 555-2###")  # fmt: skip


def _phone(random: Random) -> str:
    return _number(random.choice(_PHONES), random)


def _ipv4(random: Random) -> str:
    parts = (random.randint(0, 255), random.randint(0, 255), random.randint(100, 250))
    return f"{random.choice((81, 93, 151, 203))}." + ".".join(map(str, parts))


def _ipv6(random: Random) -> str:
    return "2a02:" + ":".join(characters(random, "123456789abcdef", 4) for _ in range(7))


def _mac(random: Random) -> str:
    sign = random.choice(":-")
    return sign.join(f"{byte:02x}" for byte in (0x3C, *random.randbytes(5)))


def _date(random: Random) -> str:
    day = (random.randint(1940, 2005), random.randint(10, 12), random.randint(10, 28))
    return "{}-{}-{}".format(*day)


def _coordinates(random: Random) -> str:
    return f"{random.uniform(40, 59):.6f},{random.uniform(2, 24):.6f}"


def _street(random: Random) -> str:
    kind = random.choice(("Street", "Lane"))
    return f"{random.randint(100, 999)} {_word(random).capitalize()} {kind}"


def _medical(random: Random) -> str:
    return f"{_word(random)} {_word(random)} syndrome"


# Class, form, module of python-stdnum, words before, keys.
_NATIONAL = (
    ("us", "536-##-####", "us.ssn", "ssn {}", "ssn"),
    ("br", "###.###.###-##", "br.cpf", "cpf {}", "cpf"),
    ("ca", "### ### ###", "ca.sin", "social insurance number {}", "sin"),
    ("de", "## ### ### ###", "de.idnr", "steuer-id {}", "steuerId"),
    ("es", "########A", "es.dni", "dni {}", "dni"),
    ("nl", "1########", "nl.bsn", "bsn {}", "bsn"),
    ("pl", "85#########", "pl.pesel", "pesel {}", "pesel"),
    ("se", "8802##-####", "se.personnummer", "personnummer {}", "personnummer"),
    ("in", "2### #### ####", "in_.aadhaar", "aadhaar {}", "aadhaar_number"),
    ("gb", "943 ### ####", "gb.nhs", "nhs number {}", "nhsNumber"),
    ("tr", "1##########", "tr.tckimlik", "tc kimlik {}", "national_id"),
    ("za", "850101#####8#", "za.idnr", "id number {}", "identity_number"),
    ("au", "### ### ###", "au.tfn", "tax file number {}", "tax_id"),
    ("cn", "11010519850101####", "cn.ric", "identity card {}", "idCard"),
)


def _national() -> list[Kind]:
    return [
        Kind(f"pii.national_id.{country}", f"pii.national_id.{country}",
             plain(partial(_valid, form, module)), shape=country == "us", keys=(key,),
             phrases=(phrase,), digits=form.strip("#").isdigit())
        for country, form, module, phrase, key in _NATIONAL
    ]  # fmt: skip


def personal_kinds() -> list[Kind]:
    """Every kind of the branches `financial` and `pii`."""
    return [
        Kind("financial.card", "financial.card", _card, shape=True,
             keys=("card_number", "cardNumber", "pan")),
        Kind("financial.cvv", "financial.cvv", plain(lambda r: _number("9#7", r)), digits=True,
             keys=("cvv", "card_cvc"), phrases=("cvv: {}", "cvv={}", "security code {}")),
        Kind("financial.iban", "financial.iban", plain(_iban), shape=True, keys=("iban",)),
        Kind("financial.bank_account", "financial.bank_account", plain(lambda r: _count(r, 10)),
             digits=True, keys=("account_number", "bankAccount"),
             phrases=("account number: {}", "acct {}", "bank account {}")),
        Kind("financial.crypto_wallet (bitcoin)", "financial.crypto_wallet", plain(_bitcoin),
             shape=True, keys=("wallet_address", "btcAddress")),
        Kind("financial.crypto_wallet (ethereum)", "financial.crypto_wallet",
             plain(lambda r: "0x" + characters(r, "0123456789abcdef", 40)),
             keys=("wallet_address", "ethAddress"), phrases=("wallet {}",)),
        Kind("pii.email", "pii.email", _email, shape=True,
             keys=("email", "contactEmail", "mailto")),
        Kind("pii.phone", "pii.phone", plain(_phone), shape=True,
             keys=("phone", "mobileNumber", "phone_number")),
        Kind("pii.phone (national)", "pii.phone", plain(lambda r: _number("(415) 555-2###", r)),
             keys=("phone", "mobile", "tel"), phrases=("phone: {}", "call {}", "mobile {}")),
        Kind("pii.name", "pii.name", plain(_full_name),
             keys=("full_name", "customerName", "cardholder", "lastName")),
        Kind("pii.address", "pii.address", plain(_street),
             keys=("street", "billing_address", "streetAddress")),
        Kind("pii.location", "pii.location", plain(_coordinates), keys=("gps", "coordinates"),
             phrases=("at {}", "location: {}")),
        Kind("pii.dob", "pii.dob", plain(_date), keys=("date_of_birth", "dob", "birthDate"),
             phrases=("dob {}", "born on {}", "date of birth: {}")),
        Kind("pii.ip (v4)", "pii.ip", plain(_ipv4), shape=True, keys=("client_ip", "remoteAddr")),
        Kind("pii.ip (v6)", "pii.ip", plain(_ipv6), shape=True,
             keys=("ip_address", "X-Forwarded-For")),
        Kind("pii.mac", "pii.mac", plain(_mac), shape=True, keys=("mac_address", "hwaddr")),
        Kind("pii.imei", "pii.imei", plain(partial(_luhn, "35", 15)), digits=True, keys=("imei",),
             phrases=("imei {}", "device {}")),
        Kind("pii.user_id", "pii.user_id", plain(lambda r: _count(r, 9)), digits=True,
             keys=("user_id", "customerId")),
        Kind("pii.username", "pii.username",
             plain(lambda r: f"{_word(r)}{r.randint(10, 99)}"), keys=("username", "login"),
             phrases=("open /home/{}/app/main.py",)),
        Kind("pii.passport", "pii.passport", plain(lambda r: _number("C#A##A###", r)),
             keys=("passport", "passportNumber"), phrases=("passport no. {}", "passport: {}")),
        Kind("pii.health", "pii.health", plain(_medical), keys=("diagnosis", "prescription")),
        Kind("pii.record", "pii.record", plain(lambda r: f"{_count(r, 5)}, {_full_name(r)}, f"),
             phrases=("DETAIL:  Failing row contains ({}).", "The duplicate key value is ({}).")),
        *_national(),
    ]  # fmt: skip
