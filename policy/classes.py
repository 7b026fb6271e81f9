"""The classes of sensitive data: one small tree of dotted names.

A class says *what* a value is. Its root says how bad it is to lose: that decides what an
overlap of findings becomes, and which actions touch it without being named.
"""

from __future__ import annotations

from typing import Literal, get_args

Root = Literal["secret", "financial", "pii", "code", "custom"]

# The most sensitive root first: overlapping findings become the most sensitive class in them.
ROOTS: tuple[str, ...] = get_args(Root)

Tag = Literal["gdpr", "special_category", "pci", "credential"]

# Every built-in class with its regulation tags. `custom.*` is the user's and open.
CLASSES: dict[str, tuple[Tag, ...]] = {
    "secret.password": ("credential",),
    "secret.password_hash": ("credential",),
    "secret.private_key": ("credential",),
    "secret.session": ("credential",),
    "secret.cookie": ("credential",),
    "secret.otp": ("credential",),
    "secret.token": ("credential",),
    "secret.token.jwt": ("credential",),
    "secret.token.bearer": ("credential",),
    "secret.basic_auth": ("credential",),
    "secret.api_key": ("credential",),
    "secret.url_credentials": ("credential",),
    "secret.connection_string": ("credential",),
    "secret.known_value": ("credential",),
    "financial.card": ("pci",),
    "financial.cvv": ("pci",),
    "financial.iban": ("gdpr",),
    "financial.bank_account": ("gdpr",),
    "financial.crypto_wallet": ("gdpr",),
    "pii.email": ("gdpr",),
    "pii.phone": ("gdpr",),
    "pii.name": ("gdpr",),
    "pii.address": ("gdpr",),
    "pii.location": ("gdpr",),
    "pii.dob": ("gdpr",),
    "pii.ip": ("gdpr",),
    "pii.mac": ("gdpr",),
    "pii.imei": ("gdpr",),
    "pii.user_id": ("gdpr",),
    "pii.username": ("gdpr",),
    "pii.national_id": ("gdpr",),
    "pii.passport": ("gdpr",),
    "pii.health": ("gdpr", "special_category"),
    "pii.record": ("gdpr",),  # of a table, without the names of its columns
    "code.modules": (),
    "code.source_line": (),
    "code.path": (),
    "code.sql": (),
    "code.host": (),
    "code.argv": (),
    "code.env": (),
}

# Classes whose last part is open: a vendor, a country.
OPEN_CLASSES = ("secret.api_key", "pii.national_id", "custom")


def is_class(name: str) -> bool:
    """Whether `name` is a class: built in, or under an open one (`secret.api_key.stripe`)."""
    return name in CLASSES or any(name.startswith(f"{prefix}.") for prefix in OPEN_CLASSES)


def label(name: str) -> str:
    """What stands in a placeholder for the class: its name without the root.

    `custom.*` keeps its root, so that a user's class cannot pass for a built-in one.
    """
    root, _, rest = name.partition(".")
    return name if root == "custom" else rest


def severity(name: str) -> tuple[int, int]:
    """A sort key: smaller is more sensitive; under one root the more specific class comes first."""
    return ROOTS.index(name.partition(".")[0]), -name.count(".")


def matches(name: str, selector: str) -> bool:
    """Whether a class falls under a selector: itself, one of its ancestors, or `root.*`."""
    selector = selector.removesuffix(".*")
    return selector == "*" or name == selector or name.startswith(f"{selector}.")
