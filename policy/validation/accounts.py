"""Accounts that are called as people are, and passwords as people choose them."""

from __future__ import annotations

from ..keys import classify_key
from ..linear import compile_linear
from ..words.innocence import is_innocent
from ..words.positional import is_chosen
from .candidates import Candidate

WORD = compile_linear(r"[\pL]{3,}")

# What programs, files, hosts and fields have in their names: with one of these it is no person's.
OF_PROGRAMS = frozenset(
    """account accounts action actions active add admin agent all any api app apps arg args async
    attr attrs auth avatar aws backend base batch bin bot bucket build cache call cc cfg check
    class cli client clients cls cmd code col com company conf config configs connect console const
    container context controller core count cpp create created crypto cs css csv ctx cur current
    data database date db debug def default delete demo deploy dev dict dir doc docs domain edu
    email engine entity env err error event events exe exists export fail field fields file files
    filter find first flag fn foo form forms full func get git github go group groups guest handler
    has hash header headers home host hosts html http id ids idx image index info init input int
    internal io is item items java job jobs js json jsx key keys kt last lib lines link list load
    local lock log logger login logs lower mail main manager map me member message messages meta
    method mock mode model models module msg my name names net new next node none null obj object
    objects on op opt option options or org os out page params parent pass password path perms php
    phone pk pkg plugin pool post prod profile profiles project prop properties props py queue rb
    read record redis ref remote repo req request res reset resource response result results role
    roles root route row rows rs rule run save schema scope screen script search secret select
    self server service services session set settings sh shared shop show signal size sql src stage
    staging start state static status stats step store str string svc sync sys system tab table
    tag tags task tasks team temp tenant test tests text this time title tmp to token tokens ts
    tsx txt type types ui unit update upload uri url user users util utils uuid val value values
    var vars vault version view views web work worker wsgi xml yaml yml zip
    django contrib spring boot rails react angular flask celery apache google microsoft amazon
    oracle kafka mysql postgres sqlite mongo nginx linux windows""".split()  # noqa: SIM905  reads best as text
)


def first_and_last(candidate: Candidate) -> Candidate | None:
    """Two names with a full stop between, as companies make accounts of them: `lars.holm`."""
    first, _, last = candidate.value.partition(".")
    alike = (first.islower() and last.islower()) or (first.istitle() and last.istitle())
    if not alike or len(first) + len(last) < 6:
        return None
    if any(part in OF_PROGRAMS for part in (*first.lower().split("-"), *last.lower().split("-"))):
        return None
    return candidate


def chosen(candidate: Candidate) -> Candidate | None:
    """What people and machines choose for a password: no word, no file, nothing of a template."""
    value = candidate.value
    innocent = "/" in value or is_innocent(value, "secret.password")
    return candidate if is_chosen(value) and not innocent else None


def account_name(candidate: Candidate) -> Candidate | None:
    """What somebody calls himself, not a file, a version or a word of software."""
    words = map(str.casefold, WORD.findall(candidate.value))
    return candidate if OF_PROGRAMS.isdisjoint(words) else None


# Ends of it are a number of something, or a version: `sha256`, `attempts12`.
_CHOSEN = compile_linear(r"([\pL]{4,30})[^\pL\pN\s]?[0-9]{2,8}[^\pL\pN\s]{0,2}")
_ALGORITHMS = frozenset(
    """adler algo algorithm argon ascii attempt attempts base bcrypt bits blake bytes cert chacha
    chars column crc digest digits error expired failed grant hmac http https iso iteration
    iterations length level line loop mode number oauth option page pbkdf phase pkcs policy poly
    port reset rfc ripemd round rounds rule sample saml scram scrypt section sequence shake sha
    slot step ticket try unicode utf variant version""".split()  # noqa: SIM905  reads best as text
)


def chosen_word(candidate: Candidate) -> Candidate | None:
    """A word with a number behind it, or made of both cases and digits; none of software."""
    value = candidate.value.rstrip(".!?")
    if len(value) < 6 or is_innocent(value, "secret.password"):
        return None
    word = _CHOSEN.fullmatch(value)
    if word is not None:
        stem = word.group(1).casefold()
        of_software = stem in OF_PROGRAMS or stem in _ALGORITHMS or stem.endswith("s")
        return None if of_software or classify_key(stem) is not None else candidate
    if not is_chosen(value) or not any(map(str.isdigit, value)) or value.isalnum():
        return None  # `PasswordV2Hasher`; what is made up otherwise others find
    parts = map(str.casefold, WORD.findall(value))
    return candidate if (OF_PROGRAMS | _ALGORITHMS).isdisjoint(parts) else None
