"""The data scrubbing settings of a Sentry project, from which Relay derives its default rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import re2

from ..keys import classify_key
from ..selectors import parse_selector
from .fragment import Fragment, is_text, quoted
from .relay_builtins import CLASSES, COOKIES, SENSITIVE_KEYS
from .relay_selectors import special_fields

# The names in Relay's project configuration, and those of Sentry's API.
_NAMES = {
    "scrubData": ("scrubData", "scrub_data", "dataScrubber"),
    "scrubDefaults": ("scrubDefaults", "scrub_defaults", "dataScrubberDefaults"),
    "scrubIpAddresses": ("scrubIpAddresses", "scrub_ip_addresses", "scrubIPAddresses"),
    "sensitiveFields": ("sensitiveFields", "sensitive_fields"),
    "excludeFields": ("excludeFields", "exclude_fields", "safeFields"),
}
SETTINGS = frozenset(name for names in _NAMES.values() for name in names)
_ADDRESSES = (
    "$http.env.REMOTE_ADDR", "$user.ip_address", "sdk.client_ip",
    "$span.sentry_tags.'user.ip'", "attributes.'client.address'",
)  # fmt: skip
_DEFAULT_TYPES = ("creditcard", "iban", "pemkey", "bearer", "us_ssn", "url_auth")


def import_settings(document: Mapping[str, Any], path: str, fragment: Fragment) -> None:
    """Import settings, whichever of them are there."""
    written = {name: each for name, all_ in _NAMES.items() for each in all_ if each in document}
    settings = {name: document[each] for name, each in written.items()}
    prefix = f"{path}." if path else ""
    where = {name: f"{prefix}{written.get(name, name)}" for name in _NAMES}
    scrubs = bool(settings.get("scrubData"))
    if scrubs and settings.get("scrubDefaults"):
        _defaults(where["scrubDefaults"], fragment)
    else:
        fragment.note(
            where["scrubDefaults" if scrubs else "scrubData"],
            "is off; errlock's own profile still removes what it finds",
        )
    if settings.get("scrubIpAddresses"):
        fragment.act(where["scrubIpAddresses"], "pii.ip", "replace")
        fragment.selector(where["scrubIpAddresses"], " || ".join(_ADDRESSES), "pii.ip")
    fields = [text for text in _texts(settings.get("sensitiveFields")) if text.strip()]
    if scrubs and fields:
        _sensitive(fields, where["sensitiveFields"], fragment)
    elif fields:
        fragment.leave_out(where["sensitiveFields"], "is not in force while scrubbing is off")
    for text in _texts(settings.get("excludeFields")):
        _exclude(text, where["excludeFields"], fragment)


def _defaults(path: str, fragment: Fragment) -> None:
    for type_ in _DEFAULT_TYPES:
        for class_ in CLASSES[type_]:
            fragment.act(path, class_, "replace")
    fragment.key(path, SENSITIVE_KEYS, "secret.password")
    fragment.act(path, "secret.password", "replace")
    names = "|".join(re2.escape(name) for name in COOKIES)
    attribute = rf"(?i)^http\.re(?:quest|sponse)\.header\.(?:set-)?cookie\.(?:{names})$"
    fragment.key(path, attribute, "secret.session")
    unknown = [quoted(name) for name in COOKIES if classify_key(name) is None]
    fragment.selector(path, " || ".join(f"cookies.{name}" for name in unknown), "secret.session")


def _sensitive(fields: Iterable[str], path: str, fragment: Fragment) -> None:
    pattern = "(?i)" + "|".join(re2.escape(text.strip()) for text in fields)
    if not fragment.key(path, pattern, "custom.sensitive_field"):
        return
    fragment.act(path, "custom.sensitive_field", "replace")
    fragment.note(
        path, "a text that only mentions such a key stays; what stands behind the key goes"
    )
    for selector, own in special_fields(pattern):
        fragment.selector(path, selector, own or "custom.sensitive_field")
        if own is not None:
            fragment.act(path, own, "replace")


def _exclude(text: str, path: str, fragment: Fragment) -> None:
    """The field alone, not what it holds: as Relay does."""
    try:
        parse_selector(text)
    except ValueError:
        text = quoted(text)
    fragment.safe(path, f"({text}) && ($string || $number)")
    fragment.note(path, f"{text} is not looked into at all: no rule reaches it")


def _texts(value: object) -> list[str]:
    return [text for text in map(str, value) if is_text(text)] if isinstance(value, list) else []
