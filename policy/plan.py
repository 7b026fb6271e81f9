"""What a chain of redact, hash and generalize processors does together: one plan.

Detection happens once, on the value as received, for all of them; then the first processor that
claims the class of a finding acts on the whole of it. So the processors do not run one after the
other: each is a *part*, and the parts of a chain are compiled into a plan.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from .copies import NOTHING, Literals, Sought, copied_values
from .copies import Copied as Copied
from .detection import Detection
from .engine import Engine
from .engine.databases import EngineError
from .engine.expected import Expected
from .engine.scan import FastScan
from .engine.wire import Places as Places
from .explaining import Explained as Explained
from .explaining import explained
from .findings import FORMS as FORMS
from .findings import Form as Form
from .findings import Found as Found
from .findings import PolicyLimit as PolicyLimit
from .findings import Tree as Tree
from .findings import Unsupported as Unsupported
from .forks import whole
from .hiding import may_hide
from .judging import Site
from .parts import Part as Part
from .rendering import Rendering
from .scan import Scan
from .scan import Touched as Touched

# Of JSON. Numbers are judged as Python writes them: of `1.50` and `1e7` that is something else.
_FLOAT = re.compile(r"-?[0-9]+(?:\.[0-9]+(?:[eE][+-]?[0-9]+)?|[eE][+-]?[0-9]+)(?=[ \t\r\n]*[,}\]])")


class Subject:
    """A document as the policy sees it: its kind, its content, what it shares with others."""

    __slots__ = ("_load", "_tree", "only", "parents", "raw", "type")

    def __init__(
        self,
        type_: str,
        tree: Tree = None,
        parents: tuple[Subject, ...] = (),
        *,
        raw: bytes | None = None,
        load: Callable[[], Tree] | None = None,
        only: Touched | None = None,
    ) -> None:
        """`raw` is the content as JSON, where nobody has read it yet; `load` reads it.

        `only` are the places that may hold anything: the others were judged before.
        """
        self.type = type_
        self.parents = parents
        self.raw = raw
        self.only = only
        self._tree = tree
        self._load = load

    @property
    def tree(self) -> Tree:
        """The decoded content. Raises what `load` raises."""
        if self._load is not None:
            self._tree, self._load = self._load(), None
        return self._tree


@dataclass(slots=True)
class Findings:
    """What was found in one subject: only the plan looks inside."""

    sites: tuple[Site, ...] = ()
    unread: bool = False  # nothing could be found in its bytes: nobody needs to decode them
    values: frozenset[Copied] = frozenset()  # what other documents are searched for
    unjudged: int = 0  # bytes of text that were not judged, or not in full


@dataclass(frozen=True, slots=True)
class Rendered:
    """A subject after the actions, and what left in which form."""

    tree: Tree  # the input object itself when nothing was changed
    found: Sequence[Found] = ()
    touched: Touched = field(default_factory=dict)  # where it has new texts


class Plan:
    """The compiled policy of one chain for one destination."""

    def __init__(self, parts: Sequence[Part], scope: str = "", *, reference: bool = False) -> None:
        """Compile. `scope` separates the pseudonyms of one destination from another's.

        `reference` has every rule run on every value, as the engine must not need to.
        """
        self._parts = tuple(parts)
        self._scope = scope
        self._detection = Detection(self._parts)
        self._engine = None if reference else Engine(self._detection)
        self._expected = Expected()  # in documents of a type

    def prepare(self) -> None:
        """Make now what the first document would wait for; what cannot be made fails for each."""
        if self._engine is not None:
            with suppress(EngineError):
                self._engine.prepare()

    def detect(self, subjects: Sequence[Subject]) -> list[Findings | Exception]:
        """Find what is sensitive in documents that came together, copies included.

        One result a subject, in order; an exception where it could not be judged (a limit was
        met): that one must not go out. The result serves every plan with the same parts,
        whatever its scope.
        """
        scans = self._scans(subjects)
        claims = self._detection.claims
        values = [
            set() if isinstance(scan, Exception) else copied_values(scan.sites, claims)
            for scan in scans
        ]
        shared = _Shared(subjects, values)
        return [
            self._finish(subject, scan, shared)
            for subject, scan in zip(subjects, scans, strict=True)
        ]

    def _scans(self, subjects: Sequence[Subject]) -> list[Scan | Unread | Exception]:
        scans = [self._begun(subject) for subject in subjects]
        if self._engine is not None:
            self._engine.look_at([scan for scan in scans if isinstance(scan, FastScan)])
        return [_judged(scan) if isinstance(scan, Scan) else scan for scan in scans]

    def _begun(self, subject: Subject) -> Scan | Unread | Exception:
        whole.pause()
        try:
            if self._engine is None:
                return Scan(self._detection, subject.type, subject.tree)
            if subject.raw is not None and self._passes(self._engine, subject.type, subject.raw):
                return Unread(self._engine, subject)
            return self._engine.begun(subject.type, subject.tree, subject.only)
        except Exception as failure:  # noqa: BLE001  fails closed, for this document alone
            return failure

    def _finish(
        self, subject: Subject, scan: Scan | Unread | Exception, shared: _Shared
    ) -> Findings | Exception:
        if isinstance(scan, Exception):
            return scan
        whole.pause()
        try:
            scan.mark_copies(shared.sought_in(subject))
            sites = tuple(scan.finish())
            values = frozenset(copied_values(sites, self._detection.claims))
            return Findings(sites, scan.unread, values, scan.unjudged())
        except Exception as failure:  # noqa: BLE001  fails closed, for this document alone
            return failure

    def is_clean(self, type_: str, raw: bytes) -> bool:
        """Whether nothing can be found in a JSON document, known from its bytes alone.

        True also says that it is strict JSON, an object. False says nothing: of most documents of a
        type of which the last ones were not clean it is said at once.
        """
        try:
            return self._engine is not None and self._passes(self._engine, type_, raw)
        except Exception:  # noqa: BLE001  then it is judged as any other, and that fails for itself
            return False

    def _passes(self, engine: Engine, type_: str, raw: bytes) -> bool:
        if self._expected.is_found(type_):
            return False
        is_clean = engine.is_clean(type_, raw)
        self._expected.note(type_, found=not is_clean)
        return is_clean

    def suspicious(self, message: bytes) -> Places | None:
        """Where in OTLP's protobuf anything could be found. None: anywhere.

        Documents in whose bytes none of them is are clean, but for copies. Raises what the engine
        raises: then nothing is known.
        """
        return self._engine.suspicious(message) if self._engine is not None else None

    def is_clean_part(self, type_: str, part: bytes, load: Callable[[], Tree]) -> bool:
        """Whether a part of an OTLP record holds nothing, whatever stands beside it.

        `load` reads it as a record that has this part only.
        """
        return self._engine is not None and self._engine.is_clean_part(type_, part, load)

    def copies(self, message: bytes, values: Collection[Copied]) -> list[int] | None:
        """Where in it values stand that were found elsewhere, as `suspicious` says."""
        return self._engine.copies(message, values) if self._engine is not None else None

    def render(self, subject: Subject, findings: Findings) -> Rendered:
        """Apply the actions. Changes nothing in place."""
        whole.pause()
        rendering = Rendering(self._parts, self._scope)
        tree = rendering.tree(subject.type, subject.tree, findings.sites)
        return Rendered(tree, rendering.found, rendering.touched)

    def explain(self, findings: Findings) -> list[Explained]:
        """Each finding with its value as received: for whoever gave the document in."""
        whole.pause()
        return list(explained(self._parts, self._scope, findings.sites))


def _judged(scan: Scan) -> Scan | Exception:
    whole.pause()
    try:
        scan.judge()
    except Exception as failure:  # noqa: BLE001  fails closed, for this document alone
        return failure
    return scan


class Unread:
    """A document in whose bytes nothing can be: only what was found elsewhere may stand in it."""

    def __init__(self, engine: Engine, subject: Subject) -> None:
        self._engine = engine
        self._subject = subject
        self._scan: Scan | None = None

    @property
    def unread(self) -> bool:
        """Whether it still is."""
        return self._scan is None

    @property
    def sites(self) -> list[Site]:
        """Its texts with their marks."""
        return [] if self._scan is None else self._scan.sites

    def unjudged(self) -> int:
        """See `Scan.unjudged`."""
        return 0 if self._scan is None else self._scan.unjudged()

    def mark_copies(self, sought: Sought) -> None:
        """See `Scan.mark_copies`. Read where one of the values may stand, and only there."""
        if sought and self._may_hold(sought):
            self._scan = self._engine.scan(self._subject.type, self._subject.tree)
            self._scan.mark_copies(sought)

    def _may_hold(self, sought: Sought) -> bool:
        text = (self._subject.raw or b"").decode()
        return (
            next(sought.starts(text), None) is not None
            or any(repr(float(number)) != number for number in _FLOAT.findall(text))
            or may_hide(text, sought.characters)
        )

    def finish(self) -> list[Site]:
        """See `Scan.finish`."""
        return [] if self._scan is None else self._scan.finish()


class _Shared:
    """Whose values a document is searched for: its own, its parents', an envelope's whole family.

    Items of an envelope share theirs through its headers. Records under one OTLP resource do not:
    they are of different requests, and only the resource is searched for the values of all.
    """

    def __init__(self, subjects: Sequence[Subject], values: Sequence[set[Copied]]) -> None:
        self._own = {id(s): found for s, found in zip(subjects, values, strict=True)}
        self._below: dict[int, set[Copied]] = {}
        self._above = {id(subject): _ancestors(subject) for subject in subjects}
        for subject, found in zip(subjects, values, strict=True):
            for parent in self._above[id(subject)] if found else ():
                self._below.setdefault(id(parent), set()).update(found)
        self._made: dict[tuple[int, bool], Literals] = {}  # once, not for each that needs them

    def sought_in(self, subject: Subject) -> Sought:
        above = self._above[id(subject)]
        for each in (subject, *above):
            if each.type == "envelope" and not each.parents:
                return Sought([self._found_in(each, below=True)])
        own = self._found_in(subject, below=True)
        return Sought([own, *(self._found_in(each) for each in above)])

    def _found_in(self, subject: Subject, *, below: bool = False) -> Literals:
        made = self._made.get((id(subject), below))
        if made is None:
            values = self._own.get(id(subject), set())
            if below:
                values = values | self._below.get(id(subject), set())
            made = Literals(values) if values else NOTHING
            self._made[id(subject), below] = made
        return made


def _ancestors(subject: Subject) -> list[Subject]:
    found: dict[int, Subject] = {}
    waiting = list(subject.parents)
    while waiting:
        parent = waiting.pop()
        if id(parent) not in found:
            found[id(parent)] = parent
            waiting.extend(parent.parents)
    return list(found.values())
