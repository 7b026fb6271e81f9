"""What a keyring says: which epochs began, which keys were destroyed, and the keys that are left.

The history is the truth. A key is there or not; that it may never be made again is said by an
event. An epoch is every destination's, or of the one for which it was begun.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec

from .pseudonyms import KeyringError

VERSION: Literal[2] = 2
ALL = None  # in place of one destination

EpochName = Annotated[str, msgspec.Meta(pattern="^e[1-9][0-9]{0,5}$")]


class Event(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that happened to an epoch."""

    did: Literal["made", "destroyed"]
    epoch: EpochName
    destination: str | None  # None: all of them
    time: Annotated[  # UTC, `2026-11-26T12:55:34Z`
        str, msgspec.Meta(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$")
    ]
    by: str
    why: str

    def covers(self, destination: str | None) -> bool:
        """Whether it is about a destination, too; asked for all, whether it is about all."""
        return self.destination in (ALL, destination)


def now() -> str:
    """The time as events have it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class Said:
    """Who wants something done, and why."""

    by: str = ""
    why: str = ""
    time: str = field(default_factory=now)


class Epochs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The content of a keyring file. Never changes: what changes it returns a new one."""

    version: Literal[2] = VERSION
    id: str  # random, tells keyrings apart
    check: str  # sealed with the user's key: shows another one at once
    history: list[Event]
    keys: dict[EpochName, dict[str, str]]  # of epochs and destinations, sealed

    @classmethod
    def first(cls, check: str, said: Said) -> Epochs:
        """A keyring in which the first epoch begins."""
        return cls(id=secrets.token_hex(4), check=check, history=[], keys={}).begun(ALL, said)

    def made(self, destination: str | None = ALL) -> Iterator[Event]:
        """The beginnings of the epochs that a destination was in; of every one that is for all."""
        return (each for each in self.history if each.did == "made" and each.covers(destination))

    def destinations(self) -> list[str]:
        """Those that have, or had, a key."""
        named = {each.destination for each in self.history if each.destination is not None}
        return sorted(named.union(*self.keys.values()))

    def current(self, destination: str | None) -> str:
        """The epoch that a destination is in, whether or not its key is destroyed."""
        return list(self.made(destination))[-1].epoch

    def destruction(self, epoch: str, destination: str | None) -> Event | None:
        """The event that destroyed a destination's key of an epoch, if one did."""
        return next(
            (
                each
                for each in self.history
                if each.did == "destroyed" and each.epoch == epoch and each.covers(destination)
            ),
            None,
        )

    def ended(self, epoch: str, destination: str | None) -> str | None:
        """When a destination went on to another epoch; None: it is still in this one."""
        later = False
        for each in self.history:
            if each.did == "made":
                if later and each.covers(destination):
                    return each.time
                later = later or each.epoch == epoch
        return None

    def age(self) -> float:
        """Seconds since the last time that an epoch began for every destination."""
        began = datetime.fromisoformat(list(self.made())[-1].time)
        return (datetime.now(UTC) - began).total_seconds()

    def with_key(self, epoch: str, destination: str, sealed: str) -> Epochs:
        """With a destination's key of an epoch."""
        keys = {**self.keys, epoch: {**self.keys.get(epoch, {}), destination: sealed}}
        return msgspec.structs.replace(self, keys=keys)

    def begun(self, destination: str | None, said: Said) -> Epochs:
        """With a new epoch, for one destination or for all."""
        newest = max((int(each.epoch[1:]) for each in self.history), default=0)
        return self._with("made", f"e{newest + 1}", destination, said)

    def destroyed(self, epoch: str, destination: str | None, said: Said) -> Epochs:
        """Without the key of an epoch, of one destination or of all.

        Where it made pseudonyms until now, a new epoch begins for those who were in it. Raises
        KeyringError when there is nothing to destroy.
        """
        made = next((each for each in self.history if each.epoch == epoch), None)
        if made is None:
            raise KeyringError(f"there is no epoch {epoch}")
        left = dict(self.keys.get(epoch, {}))
        if self.destruction(epoch, destination) is not None:
            raise KeyringError(f"{epoch} was destroyed before")
        if destination is ALL:
            left.clear()
        elif left.pop(destination, None) is None:
            raise KeyringError(f"{destination} has no key of {epoch}")
        gone = msgspec.structs.replace(self, keys={**self.keys, epoch: left})
        gone = gone._with("destroyed", epoch, destination, said)
        whose = made.destination if destination is ALL else destination
        return gone.begun(whose, said) if gone.current(whose) == epoch else gone

    def _with(
        self, did: Literal["made", "destroyed"], epoch: str, destination: str | None, said: Said
    ) -> Epochs:
        event = Event(
            did=did, epoch=epoch, destination=destination, time=said.time, by=said.by, why=said.why
        )
        return msgspec.structs.replace(self, history=[*self.history, event])
