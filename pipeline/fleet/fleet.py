"""A collector's part in its fleet: it publishes a control document, follows one, both or none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING

from ...delivery.following.document import Word
from ...delivery.following.publisher import LIFETIME, InForce
from ...delivery.trust.book import NotPersisted, TrustBook
from ...delivery.trust.states import FLEET, STRICTNESS, UNSAID, Trust, Trusts, fleet_word
from .obeying import Obeying
from .publishing import ControlDocument, LiftFailed

if TYPE_CHECKING:
    from ..config.service import ServiceOptions
    from ..graph.graph import Graph

RELEASED_BY = "release key"


class Fleet:
    """Starts and stops both parts. Belongs to the collector's event loop; `document` may be used
    from any thread.
    """

    def __init__(
        self, service: ServiceOptions, trust: TrustBook, graph: Callable[[], Graph]
    ) -> None:
        """`graph` gives the one in force. Opens nothing."""
        self._book = trust
        self._graph = graph
        folder = service.folder
        self._loop: asyncio.AbstractEventLoop | None = None
        self.document = (
            ControlDocument(
                service.publish, self.in_force, self._lift, folder, good_for=self._good_for
            )
            if service.publish.signing_key is not None
            else None
        )
        self.obeying = (
            Obeying(service.follow, self._operators, self._book, folder)
            if service.follow.is_on
            else None
        )

    async def start(self) -> None:
        """Obey, then publish. Raises OSError."""
        self._loop = asyncio.get_running_loop()
        if self.obeying is not None:
            await self.obeying.start()
        if self.document is not None:
            await self.document.start()

    async def stop(self) -> None:
        """Idempotent, safe without start()."""
        if self.obeying is not None:
            await self.obeying.stop()
        if self.document is not None:
            await self.document.stop()

    def in_force(self) -> InForce:
        """What is said here about destinations and operators, and which standbys take over."""
        said = self._book.said()
        states = {name: trust for name, trust in said.names.items() if not name.endswith(FLEET)}
        here = replace(said, names=dict(states))
        states |= {
            id_: self._passed_on(id_, operators, said, here)
            for id_, operators in self._operators().items()
        }
        graph = self._graph()
        ids = list(graph.destinations)
        stand_ins = {id_: graph.lineup.stand_in(id_, ids) for id_ in ids}
        return InForce(
            {name: word for name, trust in states.items() if (word := _word(trust)) is not None},
            {id_: found.id for id_, found in stand_ins.items() if found is not None},
        )

    def gauges(self) -> Mapping[str, Callable[[], float]]:
        """What metrics tell of it, by their names. Each is safe from every thread."""
        found: dict[str, Callable[[], float]] = {}
        if (obeying := self.obeying) is not None:
            found["errlock_follow_age_seconds"] = obeying.age
        if (document := self.document) is not None:
            found["errlock_publish_followers"] = lambda: len(document.followers())
        return found

    def failures(self) -> Mapping[str, int]:
        """Looks that found no valid document to follow, by reason. Safe from every thread."""
        return {} if self.obeying is None else dict(self.obeying.status().troubles.items())

    def _passed_on(self, id_: str, operators: Collection[str], said: Trusts, here: Trusts) -> Trust:
        """The strictest of what people said here and of what the document said that is followed.

        That there is no valid one is no word: see `_good_for`.
        """
        own, followed = here.of(id_, operators), said.names.get(fleet_word(id_), UNSAID)
        if self.obeying is not None:
            told = self.obeying.said(id_, operators)
            if STRICTNESS[followed.state] > STRICTNESS[told]:
                return own
        return followed if followed.stricter_than(own) else own

    def _good_for(self) -> float:
        """For how long those who follow may believe what is published here."""
        return LIFETIME - (0.0 if self.obeying is None else self.obeying.stale_for())

    def _operators(self) -> Mapping[str, frozenset[str]]:
        graph = self._graph()
        return {id_: graph.config.exporters[id_].operators for id_ in graph.destinations}

    def _lift(self, lifted: Mapping[str, float]) -> Future[None]:
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(self._lifted(lifted), self._loop)

    async def _lifted(self, lifted: Mapping[str, float]) -> None:
        """Let this collector trust again what a release names. Raises LiftFailed."""
        said = self._book.said()
        names = [
            name
            for name, moment in lifted.items()
            if (word := said.about(name)).state != "trusted" and word.since <= moment
        ]
        try:
            if names:
                await self._book.loosen(names, "trusted", RELEASED_BY, "control document")
        except NotPersisted:
            raise LiftFailed from None


def _word(trust: Trust) -> Word | None:
    return None if trust.state == "trusted" else Word(state=trust.state, since=trust.since)
