"""Publishes the control document: signs what is in force, and keeps who follows it.

It is signed when somebody asks: anew when anything changed, and otherwise when the last one is
some seconds old. Who follows somebody else, and has known nothing valid of them for a while, does
not renew it: then those who follow hold as well, until all is well again. A word that said so would
hold them until a release.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .document import Bundle, Online, Opened, Release, Signed, Word, open_release, sign
from .keys import PublicKey, SigningKey
from .record import Record

# A document is good for so long: whoever replays an old one gains no more than that.
LIFETIME = 30.0
_RENEW_AFTER = 5.0
_AT_ONCE = 0.001  # what is good for no time at all; a document has to end after it began
# Who has not asked for so long follows no more.
_GONE_AFTER = 30.0
_MAX_FOLLOWERS = 10_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@/-]{0,127}")


@dataclass(frozen=True, slots=True)
class InForce:
    """What a collector says about destinations, by id or operator."""

    trust: Mapping[str, Word]
    active: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FollowerSeen:
    """Somebody who asks for the document, by the name they give; nobody checks it."""

    name: str
    seen: float  # seconds since the epoch
    version: int  # of the document that is in force there


class Publisher:
    """Belongs to one event loop."""

    def __init__(
        self,
        key: SigningKey,
        audience: str,
        in_force: Callable[[], InForce],
        release_keys: Sequence[PublicKey] = (),
        *,
        good_for: Callable[[], float] = lambda: LIFETIME,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`in_force` is asked at each request, and so is `good_for`: for how many seconds more
        those who follow may believe what is in force; 0 or less is not at all.
        """
        self._key = key
        self._audience = audience
        self._in_force = in_force
        self._good_for = good_for
        self._release_keys = release_keys
        self._wall = wall
        self._release: tuple[Signed, Release] | None = None
        self._record = Record()  # refuses older releases
        self._online: Online | None = None  # None: sign anew
        self._said: InForce | None = None  # what it was made from
        self._version = 0
        self._bundle = b""
        self._followers: dict[str, FollowerSeen] = {}

    def go_on_from(self, version: int) -> None:
        """Publish nothing older than this, although the clock may say so: followers refuse it."""
        self._version = max(self._version, version)

    def document(self) -> bytes:
        """The document as it is now, signed at most some seconds ago."""
        now = self._wall()
        in_force, last = self._in_force(), self._online
        if self._release is not None and self._release[1].expires <= now:
            self._release, last = None, None
        is_old = last is not None and not 0 <= now - last.issued < _RENEW_AFTER
        if last is None or in_force != self._said or (is_old and self._good_for() > 0):
            self._issue(in_force, now)
        return self._bundle

    @property
    def version(self) -> int:
        """The version that says what is in force now: whoever has it, or a later one, obeys."""
        self.document()
        return self._version

    def publish(self, release: Signed) -> Opened[Release]:
        """Put a release beside the document. Raises Refused.

        What it lifts here must be lifted before: else the document would say it again.
        """
        opened = self.opened(release)
        self._record = self._record.with_release(opened)
        self._release, self._online = (release, opened.part), None
        return opened

    def opened(self, release: Signed) -> Opened[Release]:
        """Believe a release that `publish` would take, or raise Refused."""
        opened = open_release(release, self._release_keys, self._audience, self._wall())
        self._record.with_release(opened)
        return opened

    def heard(self, name: str, version: str) -> None:
        """Somebody asked for the document, and said what is in force there."""
        if not (_NAME.fullmatch(name) and version.isascii() and version.isdecimal()):
            return
        if name not in self._followers and len(self._followers) >= _MAX_FOLLOWERS:
            self._forget_who_left()
        if name in self._followers or len(self._followers) < _MAX_FOLLOWERS:
            self._followers[name] = FollowerSeen(name, self._wall(), int(version[:20]))

    def followers(self) -> Sequence[FollowerSeen]:
        """Those who asked lately."""
        self._forget_who_left()
        return sorted(self._followers.values(), key=lambda follower: follower.name)

    def applied(self, version: int) -> tuple[int, int]:
        """How many of the followers have that version in force, and how many there are."""
        followers = self.followers()
        return sum(follower.version >= version for follower in followers), len(followers)

    def _forget_who_left(self) -> None:
        horizon = self._wall() - _GONE_AFTER
        self._followers = {
            name: follower for name, follower in self._followers.items() if follower.seen >= horizon
        }

    def _issue(self, in_force: InForce, now: float) -> None:
        self._version = max(self._version + 1, int(now * 1000))
        self._said = in_force
        self._online = Online(
            audience=self._audience,
            version=self._version,
            issued=now,
            expires=now + max(min(LIFETIME, self._good_for()), _AT_ONCE),
            # A clock that was ahead leaves words of the future: nobody believes a document then.
            trust={
                name: Word(state=word.state, since=min(word.since, now))
                for name, word in in_force.trust.items()
            },
            active=dict(in_force.active),
        )
        release = None if self._release is None else self._release[0]
        self._bundle = Bundle(online=sign(self._online, self._key), release=release).encode()
