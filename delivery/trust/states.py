"""Whether people trust a destination: set by them, never by the destination's own health.

A word is said about a *name*: the id of an exporter, or an operator (`sentry.io`), which means
every destination at that operator, or what the fleet says about a destination (`fleet_word`).
For a destination the strictest word counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

TrustState = Literal["trusted", "held", "distrusted"]

# held: nothing is sent, all is kept. distrusted: what is under way is cut off as well.
STRICTNESS: Mapping[TrustState, int] = {"trusted": 0, "held": 1, "distrusted": 2}


def strictest(states: Iterable[TrustState]) -> TrustState:
    """The one under which least may be sent; `trusted` when there are none."""
    return max(states, key=STRICTNESS.__getitem__, default="trusted")


@dataclass(frozen=True, slots=True)
class Trust:
    """What was said, by whom, why and when (seconds since the epoch)."""

    state: TrustState
    by: str = ""
    why: str = ""
    since: float = 0.0

    def stricter_than(self, other: Trust) -> bool:
        """Whether less may be sent than under the other."""
        return STRICTNESS[self.state] > STRICTNESS[other.state]


UNSAID = Trust("trusted")
FLEET = "@fleet"


def fleet_word(destination: str) -> str:
    """The name under which stands what a control document says about a destination.

    Beside what people say here about it, so that neither undoes the other.
    """
    return destination + FLEET


@dataclass(frozen=True, slots=True)
class Trusts:
    """Everything that was said. Never changed: each word makes a new one."""

    names: Mapping[str, Trust] = field(default_factory=dict)
    fallback: Trust = UNSAID  # of destinations about which nothing was said

    def about(self, name: str) -> Trust:
        """What was said about this very name."""
        return self.names.get(name, self.fallback)

    def of(self, destination: str, operators: Iterable[str] = ()) -> Trust:
        """What counts for a destination at these operators: the strictest word."""
        return self.word(destination, operators)[1]

    def word(self, destination: str, operators: Iterable[str] = ()) -> tuple[str, Trust]:
        """The same, and the name about which it was said; empty: about all destinations."""
        name, strictest = destination if destination in self.names else "", self.about(destination)
        for each in (*operators, fleet_word(destination)):
            said = self.names.get(each, UNSAID)
            if said.stricter_than(strictest):
                name, strictest = each, said
        return name, strictest

    def tightened(self, names: Iterable[str], said: Trust) -> Trusts:
        """With this word about the names, where it is no looser than what was said before."""
        new = dict(self.names)
        for name in names:
            before = self.about(name)
            if before.state == said.state:
                new[name] = replace(said, since=before.since)
            elif said.stricter_than(before):
                new[name] = said
        return replace(self, names=new)

    def loosened(self, names: Iterable[str], said: Trust) -> Trusts:
        """With this word about the names, where it is looser than what was said before."""
        new = dict(self.names)
        for name in names:
            if self.about(name).stricter_than(said):
                new[name] = said
        return replace(self, names=new)

    def not_after(self, now: float) -> Trusts:
        """With nothing said in the future: a clock was ahead then, and no release could lift it."""
        late = {n: replace(said, since=now) for n, said in self.names.items() if said.since > now}
        return replace(self, names={**self.names, **late}) if late else self

    def joined(self, other: Trusts) -> Trusts:
        """Of each name the stricter word of the two."""
        new = {}
        for name in {**self.names, **other.names}:
            ours, theirs = self.about(name), other.about(name)
            new[name] = theirs if theirs.stricter_than(ours) else ours
        stricter = other.fallback.stricter_than(self.fallback)
        return Trusts(new, other.fallback if stricter else self.fallback)

    def all_held(self, why: str, since: float) -> Trusts:
        """With every destination held, by errlock itself, that is not distrusted."""
        strict = {name: said for name, said in self.names.items() if said.state != "trusted"}
        return Trusts(strict, Trust("held", "errlock", why, since))

    def without_reasons(self) -> Trusts:
        """The same, without saying why."""
        return replace(self, names={n: replace(said, why="") for n, said in self.names.items()})
