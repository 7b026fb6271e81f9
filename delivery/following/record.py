"""What a follower knows: what it was told so far, and the versions it was told it with.

A word on a name stays in force until a release lifts it, also when later documents no longer
have it: who holds the online key can only tighten. So words and lifts are moments that only grow,
and the order in which documents come changes nothing. Kept in a file where there is a folder, so
that a restart does not forget what to refuse.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from ...pipeline.errors import UNREADABLE
from ...pipeline.host.file_places import put_whole
from ..trust.states import TrustState, strictest
from .document import MAX_NAMES, Online, Opened, Refused, Release

# Of each kind of word, over all documents there ever were.
_MOST_NAMES = 2 * MAX_NAMES
_NEVER = float("-inf")


class RecordDamaged(Exception):  # noqa: N818  a fact about a file
    """The file of a record cannot be believed. Its content is not in the text."""


class Seen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The newest document of a role."""

    version: int = 0
    digest: str = ""


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An immutable state: threads may read it while another makes the next one.

    `held`, `distrusted` and `lifted` have the last such moment of each name.
    """

    online: Seen = Seen()
    release: Seen = Seen()
    held: dict[str, float] = {}
    distrusted: dict[str, float] = {}
    lifted: dict[str, float] = {}
    active: dict[str, str] = {}

    def state(self, names: Iterable[str]) -> TrustState:
        """The strictest word that is in force on any of these names."""
        return strictest(map(self._state, names))

    def _state(self, name: str) -> TrustState:
        lifted = self.lifted.get(name, _NEVER)
        if self.distrusted.get(name, _NEVER) > lifted:
            return "distrusted"
        return "held" if self.held.get(name, _NEVER) > lifted else "trusted"

    def not_after(self, now: float) -> Record:
        """With nothing of the future, which a clock that was ahead has left: as if of now.

        Else no release could lift such a word, and nobody could say one after such a release.
        """
        said = (self.held, self.distrusted, self.lifted)
        if not any(moment > now for moments in said for moment in moments.values()):
            return self
        return self._with(
            held=self._in_force(self.held, now),
            distrusted=self._in_force(self.distrusted, now),
            lifted={name: min(moment, now) for name, moment in self.lifted.items()},
        )

    def _in_force(self, said: Mapping[str, float], now: float) -> dict[str, float]:
        """Those that are not lifted; they stay later than what lifted earlier ones."""
        at_most = math.nextafter(now, math.inf)
        return {
            name: min(moment, at_most)
            for name, moment in said.items()
            if moment > self.lifted.get(name, _NEVER)
        }

    def with_release(self, opened: Opened[Release]) -> Record:
        """After a release. Raises Refused when it is older, or another one of the same version."""
        release = opened.part
        if self._is_known(self.release, release.version, opened.digest):
            return self
        return self._with(
            release=Seen(version=release.version, digest=opened.digest),
            lifted=_later(self.lifted, release.lifted),
        )

    def with_online(self, opened: Opened[Online]) -> Record:
        """After an online part. Raises Refused as `with_release` does."""
        online = opened.part
        if self._is_known(self.online, online.version, opened.digest):
            return self
        said: dict[str, dict[str, float]] = {"held": {}, "distrusted": {}}
        for name, word in online.trust.items():
            said[word.state][name] = word.since
        return self._with(
            online=Seen(version=online.version, digest=opened.digest),
            held=_later(self.held, said["held"]),
            distrusted=_later(self.distrusted, said["distrusted"]),
            active=online.active,
        )

    def _with(self, **changes: object) -> Record:
        return msgspec.structs.replace(self, **changes)

    @staticmethod
    def _is_known(seen: Seen, version: int, digest: str) -> bool:
        """Whether this very document was seen before; raises Refused for what must not follow."""
        if version < seen.version:
            raise Refused("rolled_back")
        if version == seen.version and digest != seen.digest:
            raise Refused("conflicting")
        return version == seen.version


def _later(before: Mapping[str, float], told: Mapping[str, float]) -> dict[str, float]:
    """Of each name the later moment. Raises Refused for more names than anybody has."""
    moments = dict(before)
    for name, moment in told.items():
        moments[name] = max(moment, moments.get(name, _NEVER))
    if len(moments) > _MOST_NAMES:
        raise Refused("too_many_names")
    return moments


class RecordFile:
    """Where a record outlives the process. Processes of one application may share it."""

    def __init__(self, folder: Path, audience: str) -> None:
        self._path = folder / f"control-{audience}.json"

    def load(self) -> Record:
        """The record as it was left; an empty one where there is none. Raises RecordDamaged."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Record)
        except FileNotFoundError:
            return Record()
        except (OSError, *UNREADABLE):
            raise RecordDamaged(self._path.name) from None

    def save(self, record: Record) -> None:
        """Put it in place whole, unless another process left a newer one. Raises OSError."""
        with contextlib.suppress(RecordDamaged):
            there = self.load()
            if there.online.version > record.online.version:
                return
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        put_whole(self._path, msgspec.json.encode(record))
