"""What an application follows, so that one word shuts its own way to a backend as well.

    control = Control(url="https://errlock.internal:13135/control", audience="shop", keys=[...])
    sentry_sdk.init(dsn=..., transport=sentry_transport(pipeline, control=control))

One object serves every SDK of a process. Nothing is asked before the first document is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...delivery.following.follower import MAX_AGE, Follower, FollowStatus
from ...delivery.following.keys import KeyUnusable, PublicKey
from ...delivery.following.source import FileSource, HttpSource
from ...delivery.trust.operators import domains_of
from ...delivery.trust.states import TrustState
from ...policy.forks import in_children, notice_fork

QUEUE_SIZE = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Destination:
    """A place that an application sends to: its id in the fleet, and its operators."""

    id: str
    operators: tuple[str, ...] = ()

    @classmethod
    def at(cls, id_: str, host: str) -> Destination:
        """One at a host: whoever runs a domain above it is an operator of it."""
        return cls(id_, tuple(domains_of(host)))

    @property
    def names(self) -> tuple[str, ...]:
        """What a word that concerns it may be about."""
        return (self.id, *self.operators)


class Control:
    """Follows a control document. Safe to use from every thread."""

    def __init__(
        self,
        *,
        audience: str,
        keys: Sequence[str],
        url: str | None = None,
        file: str | Path | None = None,
        folder: str | Path | None = None,
        max_age: float = MAX_AGE,
        name: str | None = None,
        queue_size: int = QUEUE_SIZE,
    ) -> None:
        """Where the document is (`url` or `file`), for which fleet, and the public keys it needs.

        `folder` keeps what is known across restarts. `max_age` (seconds): what could not be
        renewed for so long makes everything wait. `name`: what the collector lists this process
        as; its host and process number if nothing is said. `queue_size` (bytes): how much may
        wait, for each destination. Raises ValueError.
        """
        if (url is None) == (file is None):
            raise ValueError("expected either url or file")
        if max_age <= 0 or queue_size < 0:
            raise ValueError("expected max_age above 0 and queue_size of at least 0")
        try:
            public = [PublicKey.parse(key) for key in keys]
        except KeyUnusable as error:
            raise ValueError(f"keys: {error}") from None
        if not any(key.role == "online" for key in public):
            raise ValueError("keys: expected at least one that begins with online:")
        source = HttpSource(url) if url is not None else FileSource(Path(str(file)))
        self.queue_size = queue_size
        self._follower = Follower(
            source,
            public,
            audience,
            folder=None if folder is None else Path(folder),
            max_age=max_age,
            name=name,
        )
        in_children(self._follower, lambda follower: follower.start_anew())

    def trust(self, destination: Destination) -> TrustState:
        """Whether it may be sent to, right now."""
        notice_fork()
        return self._follower.trust(destination.names)

    def target(
        self, destination: Destination, standbys: Sequence[Destination]
    ) -> Destination | None:
        """Where to send what is for a destination: there, to a standby of it, or nowhere now.

        A standby takes over only from a destination that is not trusted, and only when the
        control document says so.
        """
        if self.trust(destination) == "trusted":
            return destination
        active = self._follower.standby(destination.id)
        for standby in standbys:
            if standby.id == active and self.trust(standby) == "trusted":
                return standby
        return None

    def subscribe(self, callback: Callable[[], None]) -> None:
        """Call it, in the following thread, whenever `trust` and `target` may differ."""
        self._follower.subscribe(callback)

    def unsubscribe(self, callback: Callable[[], None]) -> None:
        """Call it no more."""
        self._follower.unsubscribe(callback)

    def status(self) -> FollowStatus:
        """How following goes: whether what is known is fresh, and what came in the way."""
        return self._follower.status()

    def close(self) -> None:
        """Stop following: from then on everything waits."""
        self._follower.close()
