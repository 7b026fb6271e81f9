"""Rehearses what an incident plan relies on: that a standby takes documents, and stores them.

A share of what comes in goes to the standby as well, and one event of errlock's own. Nobody gets
less than before, and afterwards everything is as it was.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import aiohttp

from ...delivery.clock import Clock
from ...delivery.destination import Destination
from ...delivery.offering import Offer, offer
from ...delivery.standby import Lineup
from ...delivery.store import Store, StoreFailed
from ...ledger.keeping import Ledger
from ..config import Config
from ..config.incident import DrillOptions
from ..config.service import StoredAtOptions
from ..counters import Counters
from ..graph.routes import Gate
from ..http.answers import as_long_as, beginning, connector
from ..payloads.envelope import Envelope

_LOOK_EVERY = 0.05  # seconds
_ASK_EVERY = 0.5
_ANSWER_LIMIT = 1 << 20  # bytes of an answer that are looked at
_TOOK, _STORED = "took a document", "has stored it"


class Drilling(Protocol):
    """What of a collector is used here."""

    clock: Clock
    counters: Counters
    store: Store
    ledger: Ledger | None  # None: it keeps none

    @property
    def config(self) -> Config:
        """The configuration that it runs."""

    @property
    def destinations(self) -> Mapping[str, Destination]:
        """By id. Their `status` may be asked for from other threads."""

    @property
    def lineup(self) -> Lineup:
        """Which destinations get what comes in."""

    @property
    def gate(self) -> Gate:
        """What passes it is waited for by a reload."""


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What a standby did, when (seconds from the start), and what was wrong about it."""

    what: str
    seconds: float
    trouble: str | None = None


class _Ended(Exception):  # noqa: N818  an order of somebody else, not a fault
    """A reload has taken the standby away, or somebody trusts it no more; the text says which."""


async def rehearse(collector: Drilling, standby: str, options: DrillOptions) -> list[Rehearsed]:
    """Rehearse one standby, on the collector's event loop. A reload does not end it.

    What it rehearses is in the plan, not in what else is configured: so the share goes on, and the
    standby as it is now stores the event. Where there is none any more, the last step says so.
    """
    began = time.monotonic()

    def step(what: str, trouble: str | None = None) -> Rehearsed:
        return Rehearsed(f"{standby} {what}", round(time.monotonic() - began, 3), trouble)

    if (trust := collector.destinations[standby].trust) != "trusted":
        return [step("is rehearsed", f"it is {trust}")]
    done: list[Rehearsed] = []
    trouble = None
    with collector.lineup.shares.given(standby, options.share):
        try:
            async with asyncio.timeout(options.duration):
                async for what in _steps(collector, standby):
                    done.append(step(what))  # noqa: PERF401  what was done before a failure counts
        except TimeoutError:
            trouble = f"not within {options.duration:g} s"
        except StoreFailed as failure:
            trouble = f"the store failed: {failure.kind}"
        except _Ended as ended:
            trouble = str(ended)
    if trouble is not None:
        done.append(step(_STORED if done else _TOOK, trouble))
    return done


async def _steps(collector: Drilling, standby: str) -> AsyncIterator[str]:
    """What a standby has done, as soon as it has. Raises StoreFailed and _Ended."""
    marker = uuid.uuid4().hex
    before = _sent(collector, standby)
    await _offer_marker(collector, standby, marker)
    while _sent(collector, standby) <= before:
        _must_be_there(collector, standby)
        await asyncio.sleep(_LOOK_EVERY)
    yield _TOOK
    _must_be_there(collector, standby)
    stored_at = collector.config.exporters[standby].delivery.stored_at
    if stored_at is None:
        yield "answered; whether it stored it nobody was asked"
        return
    url = stored_at.url.replace("{event_id}", marker)
    await as_long_as(
        lambda: _must_be_there(collector, standby), _until_it_shows(stored_at, url, marker)
    )
    yield _STORED


def _must_be_there(collector: Drilling, standby: str) -> None:
    """Asked after what it did, so that what it did before it went counts. Raises _Ended."""
    if standby not in collector.destinations:
        raise _Ended("a reload took it away")
    if (trust := collector.destinations[standby].trust) != "trusted":
        raise _Ended(f"it is {trust}")


async def _offer_marker(collector: Drilling, standby: str, marker: str) -> None:
    """Give the standby an event that can be found there, under the policy in force."""
    payload = Envelope.from_event(
        {
            "event_id": marker,
            "level": "info",
            "message": f"errlock drill {marker}",
            "logger": "errlock",
            "fingerprint": ["errlock drill", marker],  # an issue of its own, to be found
            "platform": "other",
        }
    )
    payload.project = _project(collector.config, standby)
    if collector.ledger is not None:  # else the account had to say that nobody noted what is in it
        payload.manifest = await asyncio.to_thread(collector.ledger.manifest, payload)
    gate, destination = collector.gate, collector.destinations[standby]
    policy = destination.policy_for("")
    assert policy is not None, "only what a pipeline leads to is a destination"
    with gate.passing():  # what is replaced meanwhile ends only when it has the event
        passed = await policy.resanitise(payload)
        offers = [Offer(passed, policy.version, [destination], passed.encode())]
        await gate.to_its_end(offer(collector.store, offers, collector.clock))


def _project(config: Config, id_: str) -> str:
    """A project that the exporter has a home for."""
    projects = getattr(config.exporters[id_].component, "projects", None) or {}
    return next((name for name in projects if name != "*"), "")


def _sent(collector: Drilling, standby: str) -> int:
    """How many documents the standby has taken so far."""
    return collector.counters.total("exporter_sent", exporter=standby)


def _asking(where: StoredAtOptions) -> aiohttp.ClientSession:
    headers = {}
    if where.token is not None:
        headers["Authorization"] = f"Bearer {where.token.reveal()}"
    return aiohttp.ClientSession(
        connector=connector(2 * _ANSWER_LIMIT), headers=headers, trust_env=False
    )


async def _until_it_shows(stored_at: StoredAtOptions, url: str, marker: str) -> None:
    async with _asking(stored_at) as session:
        while True:
            if await _shows(session, url, marker):
                return
            await asyncio.sleep(_ASK_EVERY)


async def _shows(session: aiohttp.ClientSession, url: str, marker: str) -> bool:
    try:
        async with session.get(url, allow_redirects=False) as answer:
            body = await beginning(answer.content, _ANSWER_LIMIT)
            return answer.status == 200 and marker.encode() in body
    except aiohttp.ClientError:
        return False
