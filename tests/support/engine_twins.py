"""The walk and the engine on the same documents, and what they see differently."""

from __future__ import annotations

import json
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from errlock.policy.detectors import Detector, load_detectors
from errlock.policy.engine.expected import Expected
from errlock.policy.exceptions import Exceptions
from errlock.policy.findings import PolicyLimit
from errlock.policy.generalisation import Generaliser
from errlock.policy.keyring.pseudonyms import SingleKey, new_key
from errlock.policy.known_values import KnownValues
from errlock.policy.parts import GeneralizePart, HashPart, Part, RedactPart
from errlock.policy.plan import Findings, Plan, Subject
from errlock.policy.selectors import parse_selector

Site = tuple[Any, bool, Any]


@dataclass(frozen=True)
class Twins:
    """Two plans of one policy."""

    walk: Plan
    engine: Plan


def _own() -> tuple[Detector, ...]:
    return load_detectors(
        [
            {"id": "own.order", "class": "custom.order", "source": "us", "needs": ["acme"],
             "pattern": r"[A-Z]{3}-[0-9]{4}", "catch": ["acme ABC-1234"]},
            {"id": "own.case", "class": "custom.case", "source": "us", "context": ["case"],
             "pattern": r"[0-9]{5}", "catch": ["case 12345"]},
            {"id": "own.file", "class": "custom.file", "source": "us", "context": ["file"],
             "pattern": r"\bfx[0-9]{4}\b", "catch": ["file fx1234"]},
            {"id": "own.shape", "class": "custom.shape", "source": "us",
             "pattern": r"\bzz-[a-z]{2,8}\b", "catch": ["zz-abc"]},
            {"id": "own.wide", "class": "custom.wide", "source": "us",
             "pattern": r"(?i)größe[ :]+(?P<v>[^\s]{3,20})$", "catch": ["Größe: «abc»"]},
        ]
    )  # fmt: skip


@cache
def policies() -> dict[str, tuple[Part, ...]]:
    """Policies that ask for different things of an engine."""
    keyring = SingleKey(new_key())
    coarse = Generaliser(
        timestamps=True, paths=True, routes=True, sql=True, user_agents=True, ids=True
    )
    return {
        "default": (RedactPart(),),
        "strict": (RedactPart(profile="strict"),),
        "minimal": (RedactPart(profile="minimal"),),
        "hash": (HashPart(classes=("pii",), keyring=keyring), RedactPart()),
        "generalize": (GeneralizePart(coarse), RedactPart()),
        "bands": (GeneralizePart(Generaliser()), RedactPart()),
        "own": (RedactPart(detectors=_own()),),
        "keys": (RedactPart(keys=(("(?i)^kundennummer$|note", "custom.customer"),)),),
        "selectors": (
            RedactPart(
                selectors=((parse_selector("extra.**"), "custom.extra"),),
                safe=(parse_selector("**.note"),),
            ),
        ),
        "fields": (
            RedactPart(
                profile="strict",
                classes=(("custom.field_remove", "remove"),),
                selectors=((parse_selector("$frame.vars.**"), "custom.field_remove"),),
            ),
        ),
        "exceptions": (
            RedactPart(exceptions=Exceptions((r"[a-z.]+@[a-z.]+", ".{1,9}"), frozenset({"jwt"}))),
        ),
        "known": (RedactPart(known=KnownValues(['kn0wn/Sëcret"7', "abc+def/ghi=12"])),),
    }


class _NothingExpected(Expected):
    def is_found(self, name: Hashable) -> bool:
        return False


@cache
def twins(policy: str) -> Twins:
    """The two plans of one of the policies; bytes are looked at however many were not clean."""
    parts = policies()[policy]
    made = Twins(Plan(parts, reference=True), Plan(parts))
    made.engine._expected = _NothingExpected()
    return made


def seen(result: Findings | Exception) -> frozenset[Site] | str:
    """What was found, to be compared; of a failure its kind and its words."""
    if isinstance(result, Exception):
        return f"{type(result).__name__}: {result}"
    unjudged = {("", False, result.unjudged)} if result.unjudged else set()
    sites = {(site.path, site.is_key, tuple(site.marks)) for site in result.sites}
    return frozenset(sites | unjudged)


def difference(policy: str, type_: str, tree: Any) -> str | None:
    """What the engine sees differently in a decoded document; None: nothing."""
    pair = twins(policy)
    return _compared(pair, [Subject(type_, tree)], [Subject(type_, tree)])


def difference_of(policy: str, subjects: Sequence[tuple[str, Any, Sequence[int]]]) -> str | None:
    """As `difference`, of several that came together: kind, content and the parents' places."""
    pair = twins(policy)
    return _compared(pair, _family(subjects), _family(subjects))


def raw_difference_of(
    policy: str, subjects: Sequence[tuple[str, Any, Sequence[int]]]
) -> str | None:
    """As `difference_of`, with the engine given bytes of all that it may leave unread."""
    pair = twins(policy)
    made: list[Subject] = []
    for type_, tree, parents in subjects:
        data = json.dumps(tree, ensure_ascii=False).encode("utf-8", "surrogatepass")
        above = tuple(made[at] for at in parents)
        made.append(Subject(type_, None, above, raw=data, load=lambda tree=tree: tree))  # type: ignore[misc]
    return _compared(pair, _family(subjects), made)


def _family(subjects: Sequence[tuple[str, Any, Sequence[int]]]) -> list[Subject]:
    made: dict[int, Subject] = {}

    def subject(at: int) -> Subject:
        if at not in made:
            type_, tree, parents = subjects[at]
            made[at] = Subject(type_, tree, tuple(map(subject, parents)))
        return made[at]

    return [subject(at) for at in range(len(subjects))]


def _compared(pair: Twins, ours: Sequence[Subject], theirs: Sequence[Subject]) -> str | None:
    expected = [seen(each) for each in pair.walk.detect(ours)]
    for _ in range(2):  # the second time it is remembered
        found = [seen(each) for each in pair.engine.detect(theirs)]
        if found != expected:
            return _told(expected, found)
    return None


def raw_difference(policy: str, type_: str, data: bytes) -> str | None:
    """What the engine sees differently in JSON as received. What is no JSON must be read."""
    pair = twins(policy)
    if pair.engine.is_clean(type_, data):
        try:
            trees = readings(data)
        except (ValueError, RecursionError):
            return "passed unread, though it is no JSON"
        for tree in trees:
            [result] = pair.walk.detect([Subject(type_, tree)])
            deep = isinstance(result, PolicyLimit) and "nested" in str(result)
            if seen(result) != frozenset() and not deep:
                return _told([seen(result)], ["passed unread"])
        return None
    try:
        tree = readings(data)[-1]
    except (ValueError, RecursionError):
        return None
    subject = Subject(type_, raw=data, load=lambda: tree)
    return _compared(pair, [Subject(type_, tree)], [subject])


def readings(data: bytes) -> list[Any]:
    """What readers make of JSON: of a key that is there twice one takes the first, most the last.

    Raises ValueError where readers disagree on whether it is JSON at all.
    """

    def first(items: list[tuple[str, Any]]) -> dict[str, Any]:
        return dict(reversed(items))

    def refused(name: str) -> Any:
        raise ValueError(name)

    text = data.decode()
    return [
        json.loads(text, object_pairs_hook=first, parse_constant=refused),
        json.loads(text, parse_constant=refused),
    ]


def _told(expected: Sequence[object], found: Sequence[object]) -> str:
    lines = []
    for number, (one, two) in enumerate(zip(expected, found, strict=True)):
        if one == two:
            continue
        if isinstance(one, frozenset) and isinstance(two, frozenset):
            lines.append(f"{number}: missed {sorted(map(repr, one - two))}, only here "
                         f"{sorted(map(repr, two - one))}")  # fmt: skip
        else:
            lines.append(f"{number}: {one!r:.600} against {two!r:.600}")
    return "; ".join(lines)
