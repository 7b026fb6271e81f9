"""Numbers, times and names as people read them, the same in every rendering."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from .counted import Count, Estimate
from .model import Report

_SIZES = (("GB", 10**9), ("MB", 10**6), ("kB", 10**3))
_ROOTS = {
    "secret": "secrets", "financial": "financial data", "pii": "personal data",
    "code": "code and infrastructure", "custom": "classes of your own",
}  # fmt: skip
_FORMS = {
    "clear": "in clear", "pseudonym": "as pseudonyms", "generalised": "generalised",
    "masked": "masked", "removed": "removed",
}  # fmt: skip
# Values of a class, as people speak of them; others by the last part of their name.
_NOUNS = {
    "secret.password": "passwords", "secret.password_hash": "password hashes",
    "secret.private_key": "private keys", "secret.session": "session ids",
    "secret.cookie": "cookies", "secret.otp": "one-time codes", "secret.token": "tokens",
    "secret.token.jwt": "JSON Web Tokens", "secret.token.bearer": "bearer tokens",
    "secret.basic_auth": "basic-auth credentials", "secret.api_key": "API keys",
    "secret.url_credentials": "credentials in URLs",
    "secret.connection_string": "connection strings",
    "secret.known_value": "secrets of your own applications",
    "financial.card": "card numbers", "financial.cvv": "card security codes",
    "financial.iban": "IBANs", "financial.bank_account": "bank accounts",
    "financial.crypto_wallet": "crypto wallets", "pii.email": "e-mail addresses",
    "pii.phone": "telephone numbers", "pii.name": "names", "pii.address": "postal addresses",
    "pii.location": "locations", "pii.dob": "dates of birth", "pii.ip": "IP addresses",
    "pii.mac": "MAC addresses", "pii.imei": "IMEIs", "pii.user_id": "user ids",
    "pii.username": "user names", "pii.national_id": "national ids",
    "pii.passport": "passport numbers", "pii.health": "health data",
    "pii.record": "rows of tables",
    "code.modules": "packages and versions", "code.source_line": "source lines",
    "code.path": "file paths", "code.sql": "SQL statements", "code.host": "internal hosts",
    "code.argv": "command lines", "code.env": "environment variables",
}  # fmt: skip
# Documents, where their type and an `s` would not do.
_DOCUMENTS = {
    "otlp_span": "OTLP spans", "feedback": "feedback", "check_in": "check-ins",
    "raw_security": "security reports", "sessions": "aggregates of sessions", "unknown": "others",
}  # fmt: skip
_TAGS = {
    "gdpr": "GDPR", "special_category": "GDPR Art. 9", "pci": "PCI", "credential": "credential",
}  # fmt: skip


def count(number: Count) -> str:
    """`1,234`, or `1,200 to 1,234`."""
    if number.at_least == number.at_most:
        return f"{number.at_most:,}"
    if not number.at_least:
        return f"at most {number.at_most:,}"
    return f"{number.at_least:,} to {number.at_most:,}"


def known(number: Count, lacks: bool) -> str:
    """The same of documents; `at least 1,200` where more may have left than was booked."""
    return f"at least {number.at_least:,}" if lacks else count(number)


def several(number: Count, noun: str) -> str:
    """`1 value`, `1,200 to 1,234 values`."""
    return f"{count(number)} {agreeing(number, noun)}"


def agreeing(number: Count, noun: str) -> str:
    """`value` of one, `values` of others."""
    return noun if number.at_least == number.at_most == 1 else f"{noun}s"


def documents(number: Count, type_: str) -> str:
    """`1,234 events`."""
    named = _DOCUMENTS.get(type_, f"{type_.replace('_', ' ')}s")
    one = number.at_least == number.at_most == 1
    return f"{count(number)} {named.removesuffix('s') if one else named}"


def estimate(number: Estimate | None) -> str:
    """`about 1,200 (1,190 to 1,210)`; `12` where the bounds meet."""
    if number is None:
        return "not told apart"
    if number.at_least == number.at_most:
        return f"{number.estimate:,}"
    return f"about {number.estimate:,} ({number.at_least:,} to {number.at_most:,})"


def size(number: Count) -> str:
    """Bytes: `1.2 MB`, with bounds if they differ."""
    low, high = _size(number.at_least), _size(number.at_most)
    return high if low == high else f"{low} to {high}"


def _size(amount: int) -> str:
    for unit, length in _SIZES:
        if amount >= length:
            return f"{amount / length:.1f} {unit}"
    return f"{amount} B"


def moment(time: datetime | None, unknown: str = "not known") -> str:
    """`2026-11-26 12:30:05 UTC`, without seconds where they are zero."""
    if time is None:
        return unknown
    return f"{time:%Y-%m-%d %H:%M}{f':{time:%S}' if time.second else ''} UTC"


def when(time: datetime | None) -> str:
    """For tables, whose head says that it is UTC."""
    return "–" if time is None else f"{time:%Y-%m-%d %H:%M}"


def duration(seconds: int) -> str:
    """`2 d 3 h`, to the two units that matter."""
    minutes, rest = divmod(abs(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min" if minutes else f"{rest} s"


def step(seconds: int) -> str:
    """The name of a span: `minute`, `6 hours`."""
    for unit, length in (("week", 604800), ("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            number = seconds // length
            return unit if number == 1 else f"{number} {unit}s"
    return f"{seconds} seconds"


def root(name: str) -> str:
    """`secrets`, of `secret`."""
    return _ROOTS.get(name, name)


def noun(class_: str) -> str:
    """`e-mail addresses`, of `pii.email`; `API keys (stripe)`, of `secret.api_key.stripe`."""
    if class_ in _NOUNS:
        return _NOUNS[class_]
    parent, _, last = class_.rpartition(".")
    return f"{_NOUNS[parent]} ({last})" if parent in _NOUNS else class_


def controls(names: Sequence[str]) -> str:
    """Controls that were off, as people speak of them: `redaction` is all of them."""
    if "redaction" in names:
        return "all detection"
    spoken = [noun(each[6:]) if each.startswith("class ") else each for each in names]
    return listed(spoken, 5)


def form(name: str, epoch: str | None = None) -> str:
    """`in clear`; `as pseudonyms (e1)`."""
    return _FORMS[name] + (f" ({epoch})" if epoch else "")


def tags(names: Iterable[str]) -> str:
    """`GDPR, PCI`."""
    return ", ".join(_TAGS.get(name, name) for name in names)


def listed(parts: Sequence[str], most: int = 6) -> str:
    """`a, b and c`, or `a, b and 3 more`."""
    if len(parts) > most:
        return f"{', '.join(parts[: most - 1])} and {len(parts) - most + 1} more"
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def plural(number: int, noun: str) -> str:
    """`1 person`-like words: `3 documents`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def entry(report: Report, record: int | None, number: int | None) -> str:
    """An entry of a journal: `17`, or `2/17` where the report stands on several records."""
    if len(report.evidence) == 1:
        record = None
    return "/".join(str(each) for each in (record, number) if each is not None) or "–"
