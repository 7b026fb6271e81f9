"""Where and how a value was seen, and what several collectors saw of it as one answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

WORD = "word"  # in place of a class: no detector claimed it


@dataclass(frozen=True, slots=True)
class Sighting:
    """Where and how a value was seen. Hours are in seconds since the epoch."""

    destination: str
    class_: str
    form: str
    services: tuple[str, ...]
    first: int  # the hour in which it was first delivered
    last: int
    requests: int  # that held it
    certain: bool  # that the destination got it, within the window
    as_: str = ""  # which variant of the value it was; nothing: it
    by_chance: float = 0.0  # how likely another value gives the same answer
    on: tuple[int, ...] = ()  # of a word, for which requests are not counted: the days

    def as_dict(self) -> dict[str, object]:
        """The same, ready for JSON."""
        found = {name.rstrip("_"): value for name, value in asdict(self).items()}
        found["days"] = len(found.pop("on"))
        return found

    def and_(self, other: Sighting) -> Sighting:
        """What two collectors saw of the same."""
        return Sighting(
            self.destination,
            self.class_,
            self.form,
            tuple(sorted({*self.services, *other.services})),
            min(self.first, other.first),
            max(self.last, other.last),
            self.requests + other.requests,
            self.certain,
            self.as_,
            self.by_chance + other.by_chance - self.by_chance * other.by_chance,
            tuple(sorted({*self.on, *other.on})),
        )


def together(seen: Iterable[Sighting]) -> list[Sighting]:
    """One for all that differ in nothing but who saw it: services, times and how often."""
    found: dict[tuple[str, str, str, str, bool], Sighting] = {}
    for each in seen:
        key = (each.destination, each.class_, each.form, each.as_, not each.certain)
        found[key] = found[key].and_(each) if key in found else each
    return [found[key] for key in sorted(found)]
