"""Counting over all documents: what was found in which fields, and what else leaves in them.

No value is kept: of each field only numbers, and hashes that say how many different values it has.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from ...policy.findings import Form
from ...policy.selectors import Trail
from ...policy.words.innocence import is_innocent
from ..payloads.document import DocumentType
from .fields import FieldName, Leaf, Walk
from .in_force import Judged
from .looks import Kind, looks_of, number_looks

_MOST_FIELDS = 20_000  # more are counted under their holder's `*`
_MOST_COMPARED = 1024  # values of a field that are compared with each other
_MOST_KEYS = 1024  # different ones of an object that are told apart
_CHUNK = 1024  # documents


class Row(NamedTuple):
    """A class in a field, and what becomes of it."""

    field: FieldName
    class_: str
    form: Form
    by: str
    accepted: bool = False  # it leaves in clear, and somebody has looked at the field


class Numbers:
    """A set of documents by their numbers: bits in chunks, so that each costs the same."""

    def __init__(self) -> None:
        self._chunks: dict[int, int] = {}

    def __len__(self) -> int:
        return sum(map(int.bit_count, self._chunks.values()))

    def add(self, number: int) -> None:
        """Have this one in it."""
        at, bit = divmod(number, _CHUNK)
        self._chunks[at] = self._chunks.get(at, 0) | 1 << bit

    def update(self, other: Numbers) -> None:
        """Have all of another one in it."""
        for at, bits in other._chunks.items():
            self._chunks[at] = self._chunks.get(at, 0) | bits


@dataclass(slots=True)
class Times:
    """How often something was found, in which documents, and by which detectors."""

    seen: Numbers = field(default_factory=Numbers)
    times: int = 0
    detectors: Counter[str] = field(default_factory=Counter)

    @property
    def documents(self) -> int:
        """In how many documents."""
        return len(self.seen)

    def add(self, other: Times) -> None:
        """Count in what was found under another name."""
        self.seen.update(other.seen)
        self.times += other.times
        self.detectors += other.detectors


@dataclass(slots=True)
class Stats:
    """What leaves in one field."""

    keys: tuple[str, ...]
    seen: Numbers = field(default_factory=Numbers)  # in which documents
    values: int = 0  # that leave, with anything left to look at
    innocent: int = 0  # of these, such that no key makes them sensitive (`None`, `<Form …>`)
    numbers: int = 0  # of these, numbers
    compared: int = 0  # values of which it is known how many are different
    different: set[int] = field(default_factory=set)
    looks: Counter[Kind] = field(default_factory=Counter)
    wholly: Counter[Kind] = field(default_factory=Counter)  # values that are little else
    clear: set[str] = field(default_factory=set)  # classes that were found and are not claimed

    @property
    def documents(self) -> int:
        """In how many documents."""
        return len(self.seen)

    def add(self, other: Stats) -> None:
        """Count in what leaves under another name."""
        self.seen.update(other.seen)
        self.values += other.values
        self.innocent += other.innocent
        self.numbers += other.numbers
        self.compared += other.compared
        self.different |= other.different
        self.looks += other.looks
        self.wholly += other.wholly
        self.clear |= other.clear


@dataclass(slots=True)
class Keys:
    """The keys of an object, over all of its instances."""

    instances: int = 0
    total: int = 0
    hidden: int = 0  # that look like values
    different: Counter[str] = field(default_factory=Counter)

    @property
    def variable(self) -> bool:
        """Whether they are data rather than names.

        Many and few of them in one instance, or most look like values.
        """
        many = len(self.different) >= 12 and len(self.different) * self.instances >= 3 * self.total
        return many or self.hidden >= max(1, self.total)


class Tally:
    """The counts of a review."""

    def __init__(self, cut: Callable[[str], str], is_safe: Callable[[Trail], bool]) -> None:
        """`cut` takes what a policy left in place of values out of a text.

        `is_safe` says of which fields somebody decided that they are not looked into.
        """
        self.documents: Counter[DocumentType] = Counter()
        self.dropped: Counter[tuple[str, str, str]] = Counter()  # type, reason, by
        self.found: dict[Row, Times] = {}
        self.fields: dict[FieldName, Stats] = {}
        self.objects: dict[FieldName, Keys] = {}
        self.safe: Counter[FieldName] = Counter()
        self._number = 0  # of the document that is being counted
        self._cut = cut
        self._is_safe = is_safe

    def add(self, judged: Judged) -> None:
        """Count one document."""
        self._number += 1
        self.documents[judged.type] += 1
        if judged.lost is not None:
            self.dropped[judged.type, judged.lost, judged.by] += 1
        hidden = {each.path for each in judged.found if each.is_key}
        before = Walk(judged.type, judged.before, hidden)
        self._add_found(judged, before)
        self._add_objects(before)
        if judged.lost is None:
            clear: dict[FieldName, set[str]] = {}
            for each in judged.found:
                if each.form == "clear" and not each.is_key and each.path in before.names:
                    clear.setdefault(before.names[each.path], set()).add(each.class_)
            same = judged.after is judged.before
            after = before if same else Walk(judged.type, judged.after, hidden)
            self._add_leaving(after.leaves, clear)

    def _add_found(self, judged: Judged, walk: Walk) -> None:
        for each in judged.found:
            name = walk.names.get(each.path)
            if each.is_key or name is None:
                name = walk.names.get(each.path[:-1], FieldName("")).under(None)
            accepted = each.form == "clear" and self._is_safe(walk.trails.get(each.path, ()))
            row = Row(name, each.class_, each.form, each.by, accepted)
            if row not in self.found and len(self.found) >= _MOST_FIELDS:
                row = row._replace(field=name.holder.under(None))
            times = self.found.setdefault(row, Times())
            times.times += 1
            times.detectors[each.detector] += 1
            times.seen.add(self._number)

    def _add_objects(self, walk: Walk) -> None:
        for name, shown, hidden in walk.objects:
            if name not in self.objects and len(self.objects) >= _MOST_FIELDS:
                continue
            keys = self.objects.setdefault(name, Keys())
            keys.instances += 1
            keys.total += len(shown)
            keys.hidden += hidden
            if len(keys.different) < _MOST_KEYS:
                keys.different.update(shown)

    def _add_leaving(self, leaves: Iterable[Leaf], clear: dict[FieldName, set[str]]) -> None:
        for leaf in leaves:
            if leaf.field.kind != "text" or leaf.field.code or leaf.field.class_:
                continue  # the protocol says what stands there, and the policy saw to it
            name = leaf.name
            if name not in self.fields and len(self.fields) >= _MOST_FIELDS:
                name = name.holder.under(None)
            if self._is_safe(leaf.trail):
                self.safe[name] += 1
                continue
            stats = self.fields.setdefault(name, Stats(leaf.keys))
            stats.seen.add(self._number)
            stats.clear |= clear.get(leaf.name, set())
            self._add_value(stats, leaf.value)

    def _add_value(self, stats: Stats, value: str | float | bytes) -> None:
        if isinstance(value, bytes):
            return
        if isinstance(value, str):
            value = self._cut(value)
            if not any(map(str.isalnum, value)):
                return
            looks = looks_of(value)
        else:
            looks = number_looks(value)
            stats.numbers += 1
        stats.values += 1
        stats.innocent += is_innocent(value, "custom.field")
        if stats.compared < _MOST_COMPARED:
            stats.compared += 1
            stats.different.add(hash(value))
        stats.looks.update(look.kind for look in looks)
        stats.wholly.update(look.kind for look in looks if look.whole)
