"""What only people know about an incident: a file that they fill in, and what it leaves open."""

from __future__ import annotations

from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import msgspec
import yaml

_A_TIME = "expected a time such as 2026-11-26T09:00Z"
_YEARS = range(1970, 9000)  # deadlines are counted from them
# Numbers and times are read as they are written: a revision may be 2, and a time may be none.
_RESOLVED = ("tag:yaml.org,2002:null", "tag:yaml.org,2002:bool", "tag:yaml.org,2002:merge")


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
    try:
        tree = yaml.load(path.read_text("utf-8"), _Loader)  # noqa: S506  it is a safe one
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
        raise WrongFacts("it is not YAML in UTF-8") from None
    if unknown := _unknown(tree, Facts):
        raise WrongFacts(unknown)
    try:
        return msgspec.convert(_with_times({} if tree is None else tree, Facts), Facts)
    except msgspec.ValidationError as wrong:
        raise WrongFacts(_in_words(str(wrong))) from None


class _Loader(yaml.SafeLoader):
    """Reads texts, truth values and nothing; takes no key twice: of two facts one would vanish."""

    yaml_implicit_resolvers = {  # noqa: RUF012  PyYAML's name
        first: [each for each in found if each[0] in _RESOLVED]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """See PyYAML. Raises WrongFacts."""
        seen: set[str] = set()
        for key, _ in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in seen:
                raise WrongFacts(f"line {line}: {name} is written twice")
            seen.add(name)
        return super().construct_mapping(node, deep)


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
        said = _A_TIME
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


def _with_times(tree: Any, stated: type[Stated], above: str = "") -> Any:
    """The same with times where some are expected; a date is its beginning. Raises WrongFacts."""
    if not isinstance(tree, dict):
        return tree
    types = get_type_hints(stated)
    return {key: _fitting(each, types.get(key), f"{above}{key}") for key, each in tree.items()}


def _fitting(value: Any, type_: Any, place: str) -> Any:
    if isinstance(type_, type) and issubclass(type_, Stated):
        return _with_times(value, type_, f"{place}.")
    if isinstance(value, list) and get_origin(type_) is list:
        (of,) = get_args(type_)
        return [_fitting(each, of, f"{place}[{number}]") for number, each in enumerate(value)]
    if datetime in get_args(type_) and isinstance(value, str):
        return _time(value, place)
    return value


def _time(text: str, place: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
        time = time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise WrongFacts(f"{place}: {_A_TIME}") from None
    if time.year not in _YEARS:
        raise WrongFacts(f"{place}: {_A_TIME}")
    return time
