"""What is known about classes and detectors: what one could do with a value, how sure a finding is.

The scores follow ENISA's recommendations for a methodology of the assessment of severity of
personal data breaches (2013): data processing context x ease of identification + circumstances.
They are a first estimate for people to correct.
"""

from __future__ import annotations

from functools import cache
from typing import Literal, NamedTuple

from ....policy.classes import CLASSES, OPEN_CLASSES, matches
from ....policy.detectors import load_catalogue

# What tells who a person is.
IDENTITIES = ("pii.user_id", "pii.email", "pii.username", "pii.phone", "pii.name",
              "pii.national_id", "pii.passport")  # fmt: skip


class Kind(NamedTuple):
    """What one could do with values of a class, and how bad that is."""

    harm: str
    data: float | None = 1  # 1 simple, 2 behaviour, 3 financial, 4 sensitive; None: no person
    identification: float = 0.25  # 0.25 negligible, 0.5 limited, 0.75 significant, 1 maximum


# The most telling class that a name falls under counts: the first one here.
_KINDS = {
    "secret.otp": Kind("nothing, once it was used or has expired", None),
    "secret.session": Kind("act as the person until the session ends", 3, 0.75),
    "secret.cookie": Kind("act as the person until the session ends", 3, 0.75),
    "secret.password_hash": Kind("guess weak passwords offline", 3, 0.75),
    "secret.basic_auth": Kind("log in, also where the same password is used", 3, 0.75),
    "secret.password": Kind("log in, also where the same password is used", 3, 0.75),
    "secret.private_key": Kind("impersonate a service, decrypt or sign", None),
    "secret": Kind("get into the system that it opens", None),
    "financial.cvv": Kind("pay with the card", 3, 0.5),
    "financial.card": Kind("pay with the card", 3, 0.75),
    "financial": Kind("fraud with payments and debits", 3, 0.75),
    "pii.health": Kind("expose somebody's health", 4, 0.5),
    "pii.national_id": Kind("take somebody's identity", 2, 1),
    "pii.passport": Kind("take somebody's identity", 2, 1),
    "pii.email": Kind("phishing, matching with other leaks", 1, 0.75),
    "pii.phone": Kind("phishing by voice and SMS, SIM swapping", 1, 0.75),
    "pii.name": Kind("phishing that sounds right", 1, 0.75),
    "pii.address": Kind("find somebody at home, phishing by mail", 1, 0.75),
    "pii.location": Kind("know where somebody was", 2, 0.5),
    "pii.dob": Kind("answer security questions, confirm an identity", 1, 0.5),
    "pii.ip": Kind("tell roughly where somebody was, match visits", 2, 0.5),
    "pii.user_id": Kind("match with what else is known of the account", 1, 0.5),
    "pii.username": Kind("try passwords, match with other leaks", 1, 0.5),
    "pii": Kind("match with what else is known of somebody", 1, 0.5),
    "code": Kind("learn where your system is weak", None),
    "custom": Kind("only you know: it is a class of your own", 1, 0.5),
}  # fmt: skip

_SOFTER = {
    "pseudonym": "tell that two documents are about the same value; not which one, without the key",
    "generalised": "narrow somebody down to a group",
    "masked": "recognise a value that is known from elsewhere by what is left of it",
    "removed": "nothing: it was not there",
}
# The vendor's attacker meant it (0.5), and nobody knows how many have it now (0.5).
CIRCUMSTANCES = 1.0

# Which credentials to replace first: (class, priority, why).
_URGENCY = (
    ("secret.otp", 4, "short-lived"),
    ("secret.session", 2, "end the sessions"),
    ("secret.cookie", 2, "end the sessions"),
    ("secret.token.jwt", 2, "valid until it expires or the signing key is replaced"),
    ("secret.password_hash", 3, "only weak ones can be guessed"),
    ("secret.private_key", 1, "opens everything that trusts it"),
    ("secret.connection_string", 1, "opens a database"),
    ("secret.url_credentials", 1, "opens the service in the URL"),
    ("secret.known_value", 1, "a secret of your own application"),
    ("secret.api_key", 1, "works until it is revoked"),
    ("secret.password", 1, "works until it is changed"),
    ("secret", 2, "works until it is revoked"),
)

# Validators that compute something; others look at how a value is made.
_CHECKSUMS = ("stdnum.", "base58check", "bech32", "crc32_", "eip55", "iban", "card", "cashaddr",
              "snils", "sg_nric", "hk_id", "tw_id", "au_medicare", "monero", "algorand", "ss58",
              "strkey")  # fmt: skip

_OTHER_EVIDENCE = {
    "key": "field name",
    "field": "field name",
    "known_value": "one of your own values",
    "copy": "copy of another finding",
    "selector": "named by your policy",
    "placeholder": "already replaced by the sender",
    "band": "field name",
}


def kind_of(class_: str) -> Kind:
    """What is known about a class."""
    return next((k for name, k in _KINDS.items() if matches(class_, name)), _KINDS["custom"])


def harm_of(class_: str, form: str) -> str:
    """What somebody could do with values of a class that left in a form."""
    return _SOFTER.get(form) or kind_of(class_).harm


def tags_of(class_: str) -> list[str]:
    """What rules say about a class: gdpr, special_category, pci, credential."""
    open_class = next((each for each in OPEN_CLASSES if matches(class_, each)), "")
    return list(CLASSES.get(class_) or CLASSES.get(open_class, ()))


def urgency_of(class_: str) -> tuple[int, str]:
    """How soon a credential of a class should be replaced (1: now), and why."""
    return next((rank, why) for name, rank, why in _URGENCY if matches(class_, name))


Level = Literal["low", "medium", "high", "very high"]


def level_of(score: float) -> Level:
    """ENISA's word for a score."""
    if score >= 4:
        return "very high"
    return "high" if score >= 3 else "medium" if score >= 2 else "low"


def evidence_of(detector: str) -> str:
    """What a detector goes by, from a checksum to a word that stood near."""
    if detector in _OTHER_EVIDENCE:
        return _OTHER_EVIDENCE[detector]
    if detector.startswith("words"):
        return "words around it"
    validator = _validators().get(detector)
    if validator is None:
        return "shape" if detector in _validators() else "a detector of your own"
    return "checksum" if validator.startswith(_CHECKSUMS) else "shape, checked"


@cache
def _validators() -> dict[str, str | None]:
    return {each.id: each.validator for each in load_catalogue()}
