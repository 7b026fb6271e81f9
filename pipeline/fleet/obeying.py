"""A collector that obeys a control document: one word shuts a fleet.

What the document says about a destination is a word of its own in the trust book, beside what
people say here: for each destination the strictest counts, and only the document's own word goes
when the document no longer has it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path

from ...delivery.following.follower import Follower, FollowStatus
from ...delivery.following.keys import PublicKey
from ...delivery.following.source import FileSource, HttpSource
from ...delivery.trust.book import NotPersisted, TrustBook
from ...delivery.trust.states import TrustState, fleet_word
from ..config.fleet import FollowOptions
from ..host.tasks import keep_going

_log = logging.getLogger("errlock.fleet")

BY = "control document"
_LOOK_EVERY = 1.0  # seconds; changes are told at once, that a document is too old is not
_FIRST_LOOK = 2.0


class Obeying:
    """Belongs to the collector's event loop."""

    def __init__(
        self,
        options: FollowOptions,
        destinations: Callable[[], Mapping[str, Collection[str]]],
        book: TrustBook,
        folder: Path | None,
    ) -> None:
        """`destinations`: the operators of each there is now, by id. Opens nothing."""
        source = HttpSource(options.url) if options.url else FileSource(Path(str(options.file)))
        self._follower = Follower(
            source,
            [PublicKey.parse(key) for key in options.keys],
            options.audience,
            folder=folder,
            max_age=options.max_age,
        )
        self._destinations = destinations
        self._book = book
        self._watch: asyncio.Task[None] | None = None
        self._began = self._fresh_at = time.monotonic()

    async def start(self) -> None:
        """Obey what is known after a first look; nothing known holds everything."""
        loop = asyncio.get_running_loop()
        looked = asyncio.Event()

        def tell() -> None:
            with suppress(RuntimeError):  # the loop is closed: nothing is sent any more
                loop.call_soon_threadsafe(looked.set)

        self._follower.subscribe(tell)
        self._follower.trust(())  # starts it
        with suppress(TimeoutError):
            async with asyncio.timeout(_FIRST_LOOK):
                await looked.wait()
        await self._obey()
        obeying = keep_going(BY, lambda: self._keep_obeying(looked), _log)
        self._watch = asyncio.create_task(obeying, name=BY)

    async def stop(self) -> None:
        """Follow no more. What was said stays. Idempotent, safe without start()."""
        if self._watch is not None:
            self._watch.cancel()
        self._follower.close()

    def status(self) -> FollowStatus:
        """How following goes."""
        return self._follower.status()

    def age(self) -> float:
        """Seconds since a valid document was seen, or since this began where none was."""
        age = self.status().age
        return time.monotonic() - self._began if age is None else age

    def stale_for(self) -> float:
        """Seconds since no valid document is known; 0 while there is one. From every thread."""
        now = time.monotonic()
        if self._follower.status().fresh:
            self._fresh_at = now
        return now - self._fresh_at

    def said(self, destination: str, operators: Collection[str]) -> TrustState:
        """What documents said of it, whether or not there is a valid one. From every thread."""
        return self._follower.said((destination, *operators))

    async def _keep_obeying(self, changed: asyncio.Event) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY):
                    await changed.wait()
            changed.clear()
            await self._obey()

    async def _obey(self) -> None:
        """Have the book say what the document says."""
        self.stale_for()
        status = self._follower.status()
        why = "" if status.fresh else f"no valid control document: {status.trouble or 'none yet'}"
        for (before, wanted), words in self._changes().items():
            try:
                if wanted == "distrusted" or (wanted == "held" and before == "trusted"):
                    await self._book.tighten(words, wanted, BY, why)
                else:
                    await self._book.loosen(words, wanted, BY, why)
            except NotPersisted as failure:
                _log.error("a word of the control document was not written: %s", failure.kind)

    def _changes(self) -> Mapping[tuple[TrustState, TrustState], list[str]]:
        """The words that are not what they should be: from which state to which."""
        said = self._book.said().names
        changes: dict[tuple[TrustState, TrustState], list[str]] = {}
        for id_, operators in self._destinations().items():
            word = fleet_word(id_)
            before = said[word].state if word in said else "trusted"
            wanted = self._follower.trust((id_, *operators))
            if wanted != before:
                changes.setdefault((before, wanted), []).append(word)
        return changes
