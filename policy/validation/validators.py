"""Checks that a match must pass: checksums, structure, decoding, what stands around it.

A validator takes a `Candidate` and returns the one it vouches for (itself, or a shorter one where
the pattern took too much), or None.
"""

from __future__ import annotations

import base64
import binascii
import json
from itertools import pairwise

from ..linear import compile_linear
from ..words.innocence import is_innocent
from ..words.values import looks_random
from .accounts import account_name, chosen, chosen_word, first_and_last
from .addresses import email, ipv4, ipv4_dashes, ipv6, mac
from .candidates import Candidate, Validator
from .numbers import (
    au_medicare,
    base58check,
    bech32,
    card,
    hk_id,
    iban,
    sent_code,
    sg_nric,
    snils,
    some_digits,
    standard_number,
    told_number,
    tw_id,
    uk_nino,
    us_ssn,
)
from .people import behind_address, directory_person, in_address, mailbox, person, titled
from .phones import phone_international, phone_national, phone_north_america
from .tokens import (
    algorand,
    base58check_any,
    base58check_ripple,
    cashaddr,
    crc32_base62,
    eip55,
    mixed_case,
    monero,
    no_digest,
    no_name,
    prefixed_token,
    service_key,
    spelled_by_nobody,
    ss58,
    strkey,
    unnamed_key,
)
from .weighted import clabe, icao_9303, kvnr, rvnr, vin

__all__ = ["VALIDATORS", "Candidate", "Validator"]


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
    """Made by a machine: letters and digits, many different ones, no placeholder.

    Long ones may lack digits by chance; capitals all over them say the same.
    """
    value = candidate.value
    letters = any(c.isalpha() for c in value)
    digits = any(c.isdigit() for c in value)
    capitals = sum(a.islower() and b.isupper() for a, b in pairwise(value))
    digits = digits or (len(value) >= 32 and value.isalpha() and capitals * 5 >= len(value))
    return candidate if letters and digits and len(set(value)) >= 8 else None


_ESCAPED_BREAK = compile_linear(r"\\[nr]")


def key_material(candidate: Candidate) -> Candidate | None:
    """More than the line breaks around a key."""
    inner = _ESCAPED_BREAK.sub("", candidate.value)
    return candidate if sum(c.isalnum() for c in inner) >= 3 else None


def varied(candidate: Candidate) -> Candidate | None:
    """Not a placeholder such as `xxxxxxxx` or `abcabcabc`."""
    return candidate if len(set(candidate.value.lower())) >= 7 else None


def letters_and_digits(candidate: Candidate) -> Candidate | None:
    """Neither a word nor a number."""
    value = candidate.value
    both = any(map(str.isalpha, value)) and any(map(str.isdigit, value))
    return candidate if both else None


_NEAR_AWS = compile_linear(r"(?i)aws|akia|asia|secret.{0,3}(?:access|key)|amazon")


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


_RELEASE = compile_linear(r"^v?\d+\.\d")


def made_up(candidate: Candidate) -> Candidate | None:
    """Nothing that people write: no word, no path, no version."""
    value = candidate.value
    if "/" in value or _RELEASE.match(value) or is_innocent(value, "secret.password"):
        return None
    return candidate if looks_random(value) else None


def base64_word(candidate: Candidate) -> Candidate | None:
    """Base64 and not a word: it decodes, and is not of letters of one case only."""
    value = candidate.value
    mixed_case = any(c.islower() for c in value) and any(c.isupper() for c in value)
    if len(value) % 4 or not mixed_case or _base64(value) is None:
        return None
    return candidate


_NOBODY = frozenset(
    """runner user users ubuntu app apps appuser www www-data root vagrant node circleci jenkins
    vscode git deploy public default shared guest ec2-user admin administrator travis build builder
    docker vcap pi dev developer me work site coder gitpod codespace webapp web
    static assets page pages index about products dashboard settings login user1 test username
    your_name yourname you name linuxbrew airflow jovyan sbx_user1051 nobody service containeruser
    containeradministrator defaultapppool all vsts system postgres mysql nginx apache oracle
    anonymous vsts_azpcontainer codespace semaphore buildkite-agent gitlab-runner""".split()  # noqa: SIM905  reads best as text
)
_REQUEST = compile_linear(
    r"(?:get|post|put|patch|delete|head|options|path|route|url|uri|href)\W{1,3}$"
)
_ROUTE_KEYS = compile_linear(r"(?i)(?:url|uri|route|href|endpoint|target|http\.path|transaction)$")


def home_owner(candidate: Candidate) -> Candidate | None:
    """Whose home folder a path goes through: a person, no account of a system, no web page."""
    if candidate.value.casefold().partition(" ")[0] in _NOBODY or not any(
        c.isalpha() for c in candidate.value
    ):
        return None
    start = max(candidate.data.rfind(mark, 0, candidate.start) for mark in (b"/home", b"/Users"))
    if start >= 0 and candidate.start - start <= 7:
        before = candidate.data[max(0, start - 12) : start].decode("utf-8", "replace").lower()
        if _REQUEST.search(before):
            return None
        # A sentence in a field of routes is no route.
        routed = candidate.key and _ROUTE_KEYS.search(candidate.key)
        if routed and b" " not in candidate.data[:start].strip():
            return None
    return candidate


def letters_among_digits(candidate: Candidate) -> Candidate | None:
    """Letters and digits in turns, as machines make names, and no digest."""
    value = candidate.value
    if not set(value) - set("0123456789abcdef"):
        return None
    turns = sum(a.isdigit() != b.isdigit() for a, b in pairwise(value))
    return candidate if turns >= 2 else None


def alone(candidate: Candidate) -> Candidate | None:
    """Nothing glued to it."""
    return candidate if candidate.stands_alone() else None


_COPYRIGHT = compile_linear(r"(?i)(?:copyright|\(c\)|©)[^\n]{0,40}$")


def street(candidate: Candidate) -> Candidate | None:
    """A house in a street, not the year in which somebody called Lane wrote something."""
    year = candidate.value[:2] in ("19", "20") and candidate.value[4:5] == " "
    written = candidate.after(2) == " <" or _COPYRIGHT.search(candidate.before(60)) is not None
    return None if year and written else candidate


# What stands behind `Am` and `Im` of times, not of streets.
_TIMES = frozenset(
    """montag dienstag mittwoch donnerstag freitag samstag sonnabend sonntag januar februar märz
    april mai juni juli august september oktober november dezember jahr monat morgen abend vormittag
    nachmittag mittag""".split()  # noqa: SIM905  reads best as text
)


def in_town(candidate: Candidate) -> Candidate | None:
    """A house with its town, not a day with a count: `Am Montag 12, 50667 Zugriffe`."""
    return candidate if _TIMES.isdisjoint(candidate.value.casefold().split()) else None


_DAY = compile_linear(r"^(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])$")


def document_number(candidate: Candidate) -> Candidate | None:
    """At least four digits that are no day and do not just count, and nothing glued to them."""
    if len(candidate.digits) < 4 or _DAY.match(candidate.value):
        return None
    if len(candidate.value) > 9 and candidate.value in "1234567890" * 2:
        return None
    return candidate if candidate.stands_alone("-") else None


_NO_SECRETS = frozenset(
    """required missing invalid expired none null must should failed not type mode group mismatch
    string""".split()  # noqa: SIM905  reads best as text
)


def unknown_secret(candidate: Candidate) -> Candidate | None:
    """What stands where only a secret is written: a word that says nothing of one."""
    value = candidate.value
    said = value.casefold() in _NO_SECRETS or is_innocent(value, "secret.password")
    return None if said else candidate


def coordinates(candidate: Candidate) -> Candidate | None:
    """A latitude and a longitude in their ranges."""
    latitude, _, longitude = candidate.value.replace(";", ",").partition(",")
    try:
        inside = abs(float(latitude)) <= 90 and abs(float(longitude)) <= 180
    except ValueError:
        return None
    return candidate if inside else None


_STANDARD_NUMBERS = (
    "ad.nrt al.nipt ar.cbu ar.cuit ar.dni at.vnr au.tfn be.eid be.nn bg.egn bg.pnf br.cpf by.unp "
    "ca.bc_phn ca.sin ch.ssn cl.rut cn.ric co.nit cr.cpf cr.cr cu.ni cz.rc de.idnr de.stnr dk.cpr "
    "do.cedula ec.ci ee.ik es.ccc es.dni es.nie fi.hetu fi.veronumero fr.nif fr.nir gb.nhs gb.upn "
    "gb.utr gh.tin gr.amka gr.vat gt.nit hr.oib id.nik id.npwp ie.pps il.idnr imei imsi "
    "in_.aadhaar in_.epic in_.gstin in_.pan in_.vid is_.kennitala it.codicefiscale jp.in_ ke.pin "
    "kr.rrn lt.asmens luhn lv.pvn md.idno mu.nid mx.curp mx.rfc my.nric nl.bsn "
    "nl.identiteitskaartnummer nl.onderwijsnummer no.fodselsnummer no.kontonr nz.bankaccount "
    "nz.ird pe.cui pk.cnic pl.nip pl.pesel pt.cc pt.nif py.ruc ro.cnp ru.inn se.personnummer "
    "si.emso sv.nit th.pin tr.tckimlik tr.vkn ua.rntrc us.atin us.ein us.itin us.ptin ve.rif "
    "verhoeff vn.mst za.idnr za.tin"
)

VALIDATORS: dict[str, Validator] = {
    **{f"stdnum.{name}": standard_number(name) for name in _STANDARD_NUMBERS.split()},
    **{
        function.__name__: function
        for function in (
            algorand, alone, au_medicare, aws_secret, base58check, base58check_any,
            base58check_ripple, base64_word, bech32, card, cashaddr, coordinates, crc32_base62,
            eip55, email, hk_id, home_owner, iban, ipv4, ipv4_dashes, ipv6, jwt, key_material, mac,
            made_up, mixed, mixed_case, monero, no_digest, no_name, not_a_port, person,
            phone_international, phone_national, service_key, sg_nric, snils, some_digits, ss58,
            mailbox, strkey, tw_id, uk_nino, us_ssn, varied, clabe, document_number, icao_9303,
            kvnr, letters_and_digits, rvnr, street, titled, vin,
            phone_north_america, in_town, told_number, unknown_secret,
            unnamed_key, prefixed_token, first_and_last, in_address, letters_among_digits,
            behind_address, sent_code,
            account_name, chosen, chosen_word, directory_person, spelled_by_nobody,
        )
    },
}  # fmt: skip
