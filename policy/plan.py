"""What a chain of redact, hash and generalize processors does together: one plan.

Detection happens once, on the value as received, for all of them; then the first processor that
claims the class of a finding acts on the whole of it. So the processors do not run one after the
other: each is a *part*, and the parts of a chain are compiled into a plan.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .copies import Copied, Literals, copied_values
from .detection import Detection
from .explaining import Explained as Explained
from .explaining import explained
from .findings import FORMS as FORMS
from .findings import Form as Form
from .findings import PolicyLimit as PolicyLimit
from .findings import Tree as Tree
from .findings import Unsupported as Unsupported
from .judging import Site
from .parts import Part as Part
from .rendering import Count, Rendering
from .scan import Scan


@dataclass(slots=True)
class Subject:
    """A document as the policy sees it: its kind, its content, what it shares with others."""

    type: str
    tree: Tree
    parents: tuple[Subject, ...] = ()


@dataclass(slots=True)
class Findings:
    """What was found in one subject: only the plan looks inside."""

    sites: tuple[Site, ...] = ()


@dataclass(frozen=True, slots=True)
class Rendered:
    """A subject after the actions, and how often what left in which form."""

    tree: Tree  # the input object itself when nothing was changed
    counts: Mapping[Count, int] = field(default_factory=dict)  # class, form, detector


class Plan:
    """The compiled policy of one chain for one destination."""

    def __init__(self, parts: Sequence[Part], scope: str = "") -> None:
        """Compile. `scope` separates the pseudonyms of one destination from another's."""
        self._parts = tuple(parts)
        self._scope = scope
        self._detection = Detection(self._parts)

    def detect(self, subjects: Sequence[Subject]) -> list[Findings | Exception]:
        """Find what is sensitive in documents that came together, copies included.

        One result a subject, in order; an exception where it could not be judged (a limit was
        met): that one must not go out. The result serves every plan with the same parts,
        whatever its scope.
        """
        scans = [self._scan(subject) for subject in subjects]
        values = [
            copied_values(scan.sites, self._detection.claims) if isinstance(scan, Scan) else set()
            for scan in scans
        ]
        shared = _Shared(subjects, values)
        # Items of one envelope look for the same values: these are compiled once.
        compiled: dict[frozenset[Copied], Literals | Exception] = {}
        results: list[Findings | Exception] = []
        for subject, scan in zip(subjects, scans, strict=True):
            wanted = frozenset(shared.of(subject))
            if wanted not in compiled:
                compiled[wanted] = self._literals(wanted)
            results.append(self._finish(scan, compiled[wanted]))
        return results

    def _scan(self, subject: Subject) -> Scan | Exception:
        try:
            return Scan(self._detection, subject.type, subject.tree)
        except Exception as failure:  # noqa: BLE001  fails closed, for this document alone
            return failure

    def _literals(self, values: frozenset[Copied]) -> Literals | Exception:
        try:
            return Literals(values, strict=self._detection.strict)
        except PolicyLimit as limit:
            return limit

    @staticmethod
    def _finish(scan: Scan | Exception, literals: Literals | Exception) -> Findings | Exception:
        if isinstance(scan, Exception):
            return scan
        if isinstance(literals, Exception):
            return literals
        try:
            literals.mark(scan.sites)
            return Findings(tuple(scan.finish()))
        except Exception as failure:  # noqa: BLE001  fails closed, for this document alone
            return failure

    def render(self, subject: Subject, findings: Findings) -> Rendered:
        """Apply the actions. Changes nothing in place."""
        counts: Counter[Count] = Counter()
        rendering = Rendering(self._parts, self._scope, counts)
        return Rendered(rendering.tree(subject.type, subject.tree, findings.sites), counts)

    def explain(self, findings: Findings) -> list[Explained]:
        """Each finding with its value as received: for whoever gave the document in."""
        return list(explained(self._parts, self._scope, findings.sites))


class _Shared:
    """Whose values a document is searched for: its own, its parents', an envelope's whole family.

    Items of an envelope share theirs through its headers. Records under one OTLP resource do not:
    they are of different requests, and only the resource is searched for the values of all.
    """

    def __init__(self, subjects: Sequence[Subject], values: Sequence[set[Copied]]) -> None:
        self._own = {id(s): found for s, found in zip(subjects, values, strict=True)}
        self._below: dict[int, set[Copied]] = {}
        for subject, found in zip(subjects, values, strict=True):
            for parent in _ancestors(subject):
                self._below.setdefault(id(parent), set()).update(found)

    def of(self, subject: Subject) -> set[Copied]:
        values = self._own[id(subject)] | self._below.get(id(subject), set())
        for parent in _ancestors(subject):
            values |= self._own.get(id(parent), set())
            if parent.type == "envelope":
                values |= self._below.get(id(parent), set())
        return values


def _ancestors(subject: Subject) -> list[Subject]:
    found: dict[int, Subject] = {}
    waiting = list(subject.parents)
    while waiting:
        parent = waiting.pop()
        if id(parent) not in found:
            found[id(parent)] = parent
            waiting.extend(parent.parents)
    return list(found.values())
