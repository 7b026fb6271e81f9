"""What only people know about an incident: a file that they fill in, and what it leaves open."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_type_hints

import msgspec

_LOOKS_LIKE_A_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]")


class WrongFacts(Exception):  # noqa: N818  a fact about a file
    """A file of facts cannot be read. The text names the place, never what stands there."""


class Stated(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody stated."""


class VendorWindow(Stated, frozen=True, kw_only=True):
    """What the vendor says: when they were in."""

    since: datetime | None = None
    until: datetime | None = None
    source: str | None = None


class Operator(Stated, frozen=True, kw_only=True):
    """The company that runs the destination."""

    name: str | None = None
    role: str | None = None  # processor, sub-processor, self-hosted
    region: str | None = None  # that the contract names
    contract: str | None = None
    retention: str | None = None  # how far back they still had it
    credentials: list[str] | None = None  # that they held from you; []: none


class Person(Stated, frozen=True, kw_only=True):
    """Whom to ask."""

    name: str | None = None
    contact: str | None = None


class Rotated(Stated, frozen=True, kw_only=True):
    """A credential that was replaced."""

    what: str
    at: datetime | None = None
    by: str | None = None
    verified: bool = False  # that the old one is dead


class Facts(Stated, frozen=True, kw_only=True):
    """All that may be stated. Times without a zone are UTC."""

    incident: str | None = None
    author: str | None = None
    classification: str | None = None
    revision: str | None = None
    controller: str | None = None
    vendor_window: VendorWindow = VendorWindow()
    notice_received_at: datetime | None = None
    aware_at: datetime | None = None
    material_at: datetime | None = None  # when it was found to be material (SEC)
    operator: Operator = Operator()
    contact: Person = Person()
    dpo: Person = Person()
    authority: str | None = None
    subject_categories: list[str] | None = None
    subject_countries: list[str] | None = None
    high_risk: bool | None = None
    high_risk_reason: str | None = None
    rotated: list[Rotated] = []
    vendor_deletion: str | None = None  # what was asked of them, and what they confirmed
    measures: list[str] = []  # other measures, taken or planned


# What to ask for when it is not there, and why it matters.
_ASKED: dict[str, str] = {
    "incident": "what the incident is called",
    "author": "who answers for this report",
    "aware_at": "when you became aware: the 72 hours of GDPR Article 33 run from then",
    "notice_received_at": "when the vendor's notice reached you",
    "vendor_window": "when the vendor says that they were in, and where it says so",
    "operator.name": "who runs the destination",
    "operator.role": "whether they are your processor, a sub-processor or yourselves",
    "operator.region": "in which region the contract says that the data lies",
    "operator.contract": "the contract or data processing agreement",
    "operator.retention": "how far back they still had what you sent: the oldest data at stake",
    "operator.credentials": "which credentials they held from you: API tokens, GitHub, Slack, "
    "Jira and other integrations, source maps",
    "controller": "who the controller is, and whether you are a processor for others",
    "contact": "who can be asked (GDPR Article 33(3)(b))",
    "subject_categories": "who the people are: customers, employees, patients, minors",
    "subject_countries": "in which countries they live: which authority, which language",
    "high_risk": "whether it is likely to result in a high risk to them (GDPR Article 34)",
    "vendor_deletion": "whether the vendor was asked to delete it, and what they confirmed",
}


def read_facts(path: Path) -> Facts:
    """Facts of a YAML file. Raises WrongFacts, OSError."""
    import yaml

    try:
        tree = yaml.safe_load(path.read_text("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError):
        raise WrongFacts("it is not YAML in UTF-8") from None
    if unknown := _unknown(tree, Facts):
        raise WrongFacts(unknown)
    try:
        return msgspec.convert(_plain(tree or {}), Facts)
    except msgspec.ValidationError as wrong:
        raise WrongFacts(_in_words(str(wrong))) from None


def _unknown(tree: Any, stated: type[Stated], above: str = "") -> str | None:
    """What to say of the first fact that there is not."""
    if not isinstance(tree, dict):
        return None
    known = get_type_hints(stated)
    for key, below in tree.items():
        if key not in known:
            near = "".join(f"; did you mean {n}?" for n in get_close_matches(str(key), known, 1))
            return f"{above}{key}: there is no such fact{near or '.'} Known: {', '.join(known)}"
        of = known[key]
        inner = isinstance(of, type) and issubclass(of, Stated)
        if inner and (unknown := _unknown(below, of, f"{above}{key}.")):
            return unknown
    return None


def _in_words(wrong: str) -> str:
    """What msgspec says, with the place first."""
    said, _, place = wrong.removesuffix("`").partition(" - at `$.")
    if "datetime" in said:
        said = "expected a time such as 2026-11-26T09:00Z"
    return f"{place}: {said}" if place else said


def open_questions(facts: Facts) -> list[str]:
    """What nobody stated."""
    return [text for name, text in _ASKED.items() if not _stated(facts, name)]


def _stated(facts: Facts, name: str) -> bool:
    value: object = facts
    for part in name.split("."):
        value = getattr(value, part)
    if isinstance(value, msgspec.Struct):
        return value != type(value)()
    return value is not None


def _plain(tree: Any) -> Any:
    """With times in a zone, and dates as their beginning."""
    if isinstance(tree, dict):
        return {str(key): _plain(each) for key, each in tree.items()}
    if isinstance(tree, list):
        return [_plain(each) for each in tree]
    if isinstance(tree, str) and _LOOKS_LIKE_A_TIME.match(tree):
        with suppress(ValueError):
            tree = datetime.fromisoformat(tree)
    if isinstance(tree, datetime):
        return tree.astimezone(UTC) if tree.tzinfo else tree.replace(tzinfo=UTC)
    if isinstance(tree, date):
        return datetime(tree.year, tree.month, tree.day, tzinfo=UTC)
    return tree
