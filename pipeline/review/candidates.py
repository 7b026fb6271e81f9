"""What leaves in clear and looks sensitive: judged from the counts of a review."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from .fields import FieldName
from .keys import is_technical, names_people, sounds_sensitive
from .looks import Kind
from .tally import Keys, Row, Stats, Tally, Times

_ENOUGH = 5  # values before their being all different means something
_NEARLY_ALL = 0.9
_MOSTLY = 0.5

_LOOKS: Mapping[Kind, str] = {
    "token": "looks like a token",
    "email": "looks like an e-mail address, but is none",
    "digits": "a long number without a valid check digit",
}


@dataclass(frozen=True, slots=True)
class Unclaimed:
    """A class that was found and that nothing claims there: it leaves in clear."""

    class_: str
    fields: tuple[FieldName, ...]
    documents: int
    times: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """A field that leaves in clear and looks sensitive, and why."""

    field: FieldName
    keys: tuple[str, ...]
    documents: int
    values: int
    compared: int  # values of which `different` are
    different: int
    reasons: tuple[str, ...]
    kind: Kind | None  # what most of its values look like; None: its name is telling
    by_name: bool  # whether its own key is telling wherever it stands
    whole: bool  # whether the values are little else, so that the field can go


@dataclass(frozen=True, slots=True)
class Leaving:
    """All that leaves in clear."""

    unclaimed: tuple[Unclaimed, ...]
    kept: tuple[Unclaimed, ...]  # the same, but somebody wrote that it stays
    candidates: tuple[Candidate, ...]
    prose: tuple[tuple[FieldName, int], ...]  # free text: the field and how many values


NOTHING = Leaving((), (), (), ())


def rows(tally: Tally) -> dict[Row, Times]:
    """What was found, with one row for the keys of an object that are data."""
    merged: dict[Row, Times] = {}
    for row, times in tally.found.items():
        row = row._replace(field=_general(row.field, tally.objects))
        merged.setdefault(row, Times()).add(times)
    return merged


def leaving(tally: Tally, keeps: Callable[[str], bool]) -> Leaving:
    """Judge. `keeps` says of which classes somebody wrote that they stay."""
    clear = {row: times for row, times in rows(tally).items() if row.form == "clear"}
    accepted = {row for row in clear if row.accepted or keeps(row.class_)}
    fields = _fields(tally)
    found = [_candidate(name, stats) for name, stats in fields.items()]
    candidates = _without_bystanders([each for each in found if each is not None], fields)
    return Leaving(
        unclaimed=_by_class({row: clear[row] for row in clear if row not in accepted}),
        kept=_by_class({row: clear[row] for row in clear if row in accepted}),
        candidates=tuple(sorted(candidates, key=_most_telling)),
        prose=tuple(
            sorted(
                ((name, s.looks["prose"]) for name, s in fields.items() if s.looks["prose"]),
                key=lambda each: (-each[1], str(each[0])),
            )
        ),
    )


def _most_telling(candidate: Candidate) -> tuple[bool, bool, int, str]:
    # The first selector that means a field decides: single fields before all under a key.
    general = None in candidate.field.keys or candidate.field.deep
    return not candidate.whole, general, -candidate.documents, str(candidate.field)


def _without_bystanders(
    candidates: Sequence[Candidate], fields: Mapping[FieldName, Stats]
) -> list[Candidate]:
    """The candidates, none of which takes a field with it that is not one itself."""
    telling = {each.field for each in candidates}
    return [
        replace(each, whole=False)
        if each.whole and any(each.field.covers(name) for name in fields if name not in telling)
        else each
        for each in candidates
    ]


def _by_class(clear: Mapping[Row, Times]) -> tuple[Unclaimed, ...]:
    fields: dict[str, set[FieldName]] = {}
    total: dict[str, Times] = {}
    for row, times in clear.items():
        fields.setdefault(row.class_, set()).add(row.field)
        total.setdefault(row.class_, Times()).add(times)
    return tuple(
        Unclaimed(
            class_,
            tuple(sorted(fields[class_], key=str)),
            total[class_].documents,
            total[class_].times,
        )
        for class_ in sorted(fields)
    )


def _fields(tally: Tally) -> dict[FieldName, Stats]:
    """The fields by the names they are shown under.

    A key of an object whose keys are data is shown when several documents have it, or when it
    sounds like a field that people look at twice: then it is a name after all.
    """
    merged: dict[FieldName, Stats] = {}
    for name, stats in tally.fields.items():
        telling = stats.documents > 1 or sounds_sensitive(stats.keys)
        shown = name if telling else _general(name, tally.objects)
        if shown not in merged:
            keys = stats.keys if shown == name else stats.keys[:-1]
            merged[shown] = Stats(keys)
        merged[shown].add(stats)
    return merged


def _general(name: FieldName, objects: Mapping[FieldName, Keys]) -> FieldName:
    """The name with `*` for the keys of objects whose keys are data."""
    places = [
        at
        for at, key in enumerate(name.keys)
        if key is not None
        and (keys := objects.get(replace(name, keys=name.keys[:at], deep=False))) is not None
        and key in keys.different
        and keys.variable
    ]
    return name.general(*places) if places else name


def _candidate(name: FieldName, stats: Stats) -> Candidate | None:
    if not stats.values or stats.clear:
        return None
    looks = {kind: count for kind in _LOOKS if (count := stats.looks[kind])}
    reasons = [_share(_LOOKS[kind], count, stats.values) for kind, count in looks.items()]
    by_share = sorted(looks, key=lambda each: -stats.wholly[each])
    kind = by_share[0] if by_share else None
    tells = stats.numbers or stats.innocent < stats.values
    named = bool(tells) and sounds_sensitive(stats.keys)
    if named:
        reasons.append("its name is telling")
    if (lone := _lone(stats)) is not None:
        kind = kind or lone
        what = "names" if lone == "name" else "ids"
        reasons.append(f"{len(stats.different)} different {what} in {stats.compared} values")
    if not reasons:
        return None
    wholly = sum((stats.wholly[each] for each in looks), 0)
    whole = named or lone is not None or wholly >= _MOSTLY * stats.values
    # A key that is telling by itself is so everywhere; but numbers may be counts.
    own = named and not stats.numbers and sounds_sensitive(stats.keys[-1:])
    return Candidate(
        field=name,
        keys=stats.keys,
        documents=stats.documents,
        values=stats.values,
        compared=stats.compared,
        different=len(stats.different),
        reasons=tuple(reasons),
        kind=kind,
        by_name=own,
        whole=whole,
    )


def _share(what: str, count: int, values: int) -> str:
    return what if count == values else f"{what} ({count} of {values})"


def _lone(stats: Stats) -> Kind | None:
    """`name` or `id` where nearly every value is one and no two are the same: it may tell who."""
    people = names_people(stats.keys)
    if stats.values < (2 if people else _ENOUGH):
        return None
    if len(stats.different) < _NEARLY_ALL * stats.compared or is_technical(stats.keys):
        return None
    kinds: Iterable[Kind] = ("name", "id")
    return next((k for k in kinds if stats.wholly[k] >= _NEARLY_ALL * stats.values), None)
