"""Passwords that sentences about a login tell without any sign before them. Offsets in bytes.

user bob, password x1                                      a list of what was tried
utente bob, password errata x1
usuario bob contraseña x1                                  behind whose it is
Kennwort Winter24 ungültig                                 and what became of it
token 3f2504e0-4f89-… is not valid                         an id, if it were not for the words
set api key to x1                                          who gives it another one
"""

from __future__ import annotations

from collections.abc import Iterator

from ..findings import Span
from .innocence import is_innocent
from .values import compile_bytes, looks_made_up, looks_random, span_of, text_of

_PASSWORD = (
    "(?:pass(?:word|wort|wd|phrase|ord)|pwd|kennwort|mot de passe|contraseña|senha|wachtwoord"
    "|lösenord|heslo|hasło|haslo|parola|salasana|adgangskode)"
).encode()
_WHO = (
    "(?:user(?: ?name)?|login|account|nutzer|benutzer(?:name)?|anmeldename|identifiant"
    "|utilisateur|usuario|usuário|utente|gebruiker(?:snaam)?|bruger(?:navn)?|bruker(?:navn)?"
    "|användare|użytkownik|uživatel|utilizator|kullanıcı)"
).encode()
# What is said of it before it.
_BAD = (
    "(?: (?:was|used|errat[ao]|sbagliata|incorrect[ao]?|inválida|erronée?|falsch|fel|wrong))?"
).encode()
_TRIED = compile_bytes(
    rb"(?i)(?:[,;] |(?:^|[^\w\x80-\xff])" + _WHO + rb":? [\"']?[\w.@+\-]{2,60}[\"']?,? "
    rb"(?:and |und |et |y |e |en |och |with |mit |avec |con |com )?)"
    + _PASSWORD
    + _BAD
    + rb" ([^\s,;=()\[\]<>{}\"']{6,200})"
)
# What became of it, behind it.
_REFUSED = compile_bytes(
    rb"(?i)(?:^|[^\w\x80-\xff.\-])"
    + _PASSWORD
    + rb" ([^\s,;=()\[\]<>{}\"'/\xe2\xc2]{8,100}) "
    + "(?:(?:is|was|has|ist|wurde|est|es|è|é) )?"
    "(?:not (?:accepted|valid|correct|recogni[sz]ed)"
    "|rejected|refused|denied|wrong|incorrect|invalid|expired|revoked|leaked|too weak"
    "|(?:does|did) not match|ungültig|falsch|abgelehnt|abgelaufen|refusé|invalide|erroné|incorrecte"
    "|expiré|incorrecta|inválida|rechazada|caducada|errata|scaduta|rifiutata|incorreta|expirada"
    "|onjuist|ongeldig|verlopen|ogiltigt|fel|ugyldig|nieprawidłowe|neplatné)".encode()
)
_SECRET = (
    rb"(?:(?:(?:api|access|auth|refresh|secret|session|reset|bearer|security)[ _-]?){0,2}"
    rb"(?:token|secret|api[ _-]?key|access[ _-]?key|secret[ _-]?key))"
)
# What is an id anywhere else.
_ID = rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{24,64}"
_REFUSED_ID = compile_bytes(
    rb"(?i)(?:^|[^\w\x80-\xff.\-])"
    + _SECRET
    + rb":? [\"'`\[(]?("
    + _ID
    + rb")[\"'`\])]? (?:(?:is|was|has|has been|have) )?"
    rb"(?:not valid|invalid|expired|revoked|rejected|refused|denied|unknown|compromised|leaked)"
)
_GIVEN = compile_bytes(
    rb"(?i)\b(?:set|sets|setting|chang(?:e|ed|ing)|updat(?:e|ed|ing)|rotat(?:e|ed|ing)"
    rb"|replac(?:e|ed|ing))(?: [a-z]{1,20}){0,3} (?:[a-z]{1,20}[ _-])?("
    + _SECRET
    + rb"|password) (?:to|with) [\"'`]?([^\s,;=()\[\]<>{}\"'`]{8,200})"
)
_ID_ALONE = compile_bytes(rb"^(?:" + _ID + rb")$")


def find_tried(data: bytes) -> Iterator[Span]:
    """Find the secrets that a sentence says were tried, or given."""
    for match in _REFUSED_ID.finditer(data):
        yield span_of(match.span(1), "secret.token", "words.sentence")
    for match in _GIVEN.finditer(data):
        text = text_of(match.group(2)).rstrip(".:")
        made = looks_made_up(text) or _ID_ALONE.search(match.group(2)) is not None
        if made and not is_innocent(text, "secret.token"):
            class_ = "secret.password" if match.group(1)[:1] in b"pP" else "secret.token"
            yield span_of(match.span(2), class_, "words.sentence")
    for match in _TRIED.finditer(data):
        text = text_of(match.group(1)).strip("“”„«»‘’")
        if looks_random(text) and not is_innocent(text, "secret.password"):
            yield span_of(match.span(1), "secret.password", "words.sentence")
    for match in _REFUSED.finditer(data):
        text = text_of(match.group(1))
        if _is_chosen(text) and not is_innocent(text, "secret.password"):
            yield span_of(match.span(1), "secret.password", "words.sentence")


def _is_chosen(text: str) -> bool:
    """Whether a word is as people choose passwords: algorithms and versions have no capitals."""
    return any(map(str.isdigit, text)) and any(map(str.isupper, text)) and looks_random(text)
