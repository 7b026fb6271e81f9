"""Relay's built-in rules: which class of errlock each is about, and what `@id` does by itself.

Source: docs.sentry.io/security-legal-pii/scrubbing/advanced-datascrubbing, compared with the
sentry-relay wheel 0.10.1.
"""

from __future__ import annotations

from typing import NamedTuple

from .fragment import Action

SUFFIXES: dict[str, Action] = {
    "replace": "replace", "filter": "replace", "mask": "mask", "hash": "hash", "remove": "remove",
    "legacy": "replace",
}  # fmt: skip
_USUAL = ("replace", "mask", "hash", "remove")


class Builtin(NamedTuple):
    """A rule `@name`: its type, what it does without a suffix, and the suffixes it has."""

    type: str
    default: Action
    suffixes: tuple[str, ...]


BUILTINS: dict[str, Builtin] = {
    "@anything": Builtin("anything", "replace", (*_USUAL, "filter")),
    "@ip": Builtin("ip", "replace", _USUAL),
    "@email": Builtin("email", "replace", _USUAL),
    "@creditcard": Builtin("creditcard", "replace", (*_USUAL, "filter")),
    "@iban": Builtin("iban", "replace", (*_USUAL, "filter")),
    "@usssn": Builtin("us_ssn", "mask", (*_USUAL, "filter")),
    "@mac": Builtin("mac", "mask", _USUAL),
    "@uuid": Builtin("uuid", "mask", _USUAL),
    "@imei": Builtin("imei", "replace", _USUAL),
    "@pemkey": Builtin("pemkey", "replace", (*_USUAL, "filter")),
    "@urlauth": Builtin("url_auth", "replace", (*_USUAL, "legacy")),
    "@userpath": Builtin("userpath", "replace", _USUAL),
    "@password": Builtin("password", "remove", (*_USUAL, "filter")),
    "@bearer": Builtin("bearer", "replace", (*_USUAL, "filter")),
    "@cookies": Builtin("cookies", "replace", ("filter",)),
}
COMMON: dict[str, tuple[str, ...]] = {
    "": (
        "@iban", "@ip", "@email", "@creditcard", "@pemkey", "@urlauth", "@userpath", "@bearer",
        "@password", "@usssn",
    ),
    "filter": (
        "@creditcard:filter", "@iban:filter", "@pemkey:filter", "@bearer:filter",
        "@password:filter", "@usssn:filter", "@urlauth:legacy",
    ),
}  # fmt: skip

# Types whose values errlock has detectors for.
CLASSES: dict[str, tuple[str, ...]] = {
    "ip": ("pii.ip",),
    "email": ("pii.email",),
    "creditcard": ("financial.card",),
    "iban": ("financial.iban",),
    "us_ssn": ("pii.national_id.us",),
    "mac": ("pii.mac",),
    "imei": ("pii.imei",),
    "pemkey": ("secret.private_key",),
    "url_auth": ("secret.url_credentials",),
    "userpath": ("pii.username",),
    "bearer": ("secret.token.bearer",),
    "cookies": ("secret.session",),
}

# errlock spares UUIDs by itself: they are evidence.
UUID = r"(?i)\b[a-z0-9]{8}-?[a-z0-9]{4}-?[a-z0-9]{4}-?[a-z0-9]{4}-?[a-z0-9]{12}\b"

SENSITIVE_KEYS = (
    r"(?i)password|secret|passwd|api[_-]?key|auth|credentials|mysql_pwd|private[_-]?key|token"
    r"|^otp$|^two[_-]factor$"
)
# What sessions' cookies are called in Relay's default rules.
COOKIES = (
    "sentrysid", "sudo", "su", "session", "__session", "sessionid", "user_session", "symfony",
    "phpsessid", "fasthttpsessionid", "mysession", "irissessionid", "_vercel_jwt", "csrf", "xsrf",
    "_xsrf", "_csrf", "csrf-token", "csrf_token", "xsrf-token", "xsrf_token", "fastcsrf",
    "_iris_csrf",
)  # fmt: skip
