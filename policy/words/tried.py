"""Passwords that sentences about a login tell without any sign before them. Offsets in bytes.

user bob, password x1                                      a list of what was tried
utente bob, password errata x1
usuario bob contraseña x1                                  behind whose it is
Kennwort Winter24 ungültig                                 and what became of it
"""

from __future__ import annotations

from collections.abc import Iterator

from ..findings import Span
from .innocence import is_innocent
from .values import compile_bytes, looks_random, span_of, text_of

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
    "(?:rejected|refused|denied|wrong|incorrect|invalid|expired|revoked|leaked|too weak"
    "|(?:does|did) not match|ungültig|falsch|abgelehnt|abgelaufen|refusé|invalide|erroné|incorrecte"
    "|expiré|incorrecta|inválida|rechazada|caducada|errata|scaduta|rifiutata|incorreta|expirada"
    "|onjuist|ongeldig|verlopen|ogiltigt|fel|ugyldig|nieprawidłowe|neplatné)".encode()
)


def find_tried(data: bytes) -> Iterator[Span]:
    """Find the passwords that a sentence says were tried."""
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
