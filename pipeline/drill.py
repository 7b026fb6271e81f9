"""Rehearses what an incident plan relies on: that a standby takes documents, and stores them.

A share of what comes in goes to the standby as well, and one event of errlock's own. Nobody gets
less than before, and afterwards everything is as it was.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import aiohttp

from ..delivery.clock import Clock
from ..delivery.destination import Destination
from ..delivery.offering import Offer, offer
from ..delivery.standby import Lineup
from ..delivery.store import Store, StoreFailed
from .config import Config
from .config.incident import DrillOptions
from .config.service import StoredAtOptions
from .counters import Counters
from .payloads.envelope import Envelope

_LOOK_EVERY = 0.05  # seconds
_ASK_EVERY = 0.5
_ANSWER_LIMIT = 1 << 20  # bytes of an answer that are looked at


class Drilling(Protocol):
    """What of a collector is used here."""

    clock: Clock
    counters: Counters
    store: Store

    @property
    def config(self) -> Config:
        """The configuration that it runs."""

    @property
    def destinations(self) -> Mapping[str, Destination]:
        """By id."""

    @property
    def lineup(self) -> Lineup:
        """Which destinations get what comes in."""


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What a standby did, when (seconds from the start), and what was wrong about it."""

    what: str
    seconds: float
    trouble: str | None = None


async def rehearse(collector: Drilling, standby: str, options: DrillOptions) -> list[Rehearsed]:
    """Rehearse one standby, on the collector's event loop."""
    began = time.monotonic()

    def step(what: str, trouble: str | None = None) -> Rehearsed:
        return Rehearsed(f"{standby} {what}", round(time.monotonic() - began, 3), trouble)

    destination = collector.destinations[standby]
    if destination.trust != "trusted":
        return [step("is rehearsed", f"it is {destination.trust}")]
    marker = uuid.uuid4().hex
    with collector.lineup.shares.given(standby, options.share):
        steps = []
        try:
            async with asyncio.timeout(options.duration):
                before = _sent(collector, standby)
                await _offer_marker(collector, destination, marker)
                while _sent(collector, standby) <= before:  # noqa: ASYNC110  counters tell nobody
                    await asyncio.sleep(_LOOK_EVERY)
                steps.append(step("took a document"))
                stored_at = collector.config.exporters[standby].delivery.stored_at
                if stored_at is None:
                    steps.append(step("answered; whether it stored it nobody was asked"))
                else:
                    await _stored(stored_at, marker)
                    steps.append(step("has stored it"))
        except TimeoutError:
            what = "has stored it" if steps else "took a document"
            return [*steps, step(what, f"not within {options.duration:g} s")]
        except StoreFailed as failure:
            return [*steps, step("took a document", f"the store failed: {failure.kind}")]
        return steps


async def _offer_marker(collector: Drilling, destination: Destination, marker: str) -> None:
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
    payload.project = _project(collector.config, destination.id)
    policy = destination.policy_for("")
    assert policy is not None, "only what a pipeline leads to is a destination"
    passed = await policy.resanitise(payload)
    offers = [Offer(passed, policy.version, [destination], passed.encode())]
    await offer(collector.store, offers, collector.clock)


def _project(config: Config, id_: str) -> str:
    """A project that the exporter has a home for."""
    projects = getattr(config.exporters[id_].component, "projects", None) or {}
    return next((name for name in projects if name != "*"), "")


def _sent(collector: Drilling, standby: str) -> int:
    """How many documents the standby has taken so far."""
    return collector.counters.total("exporter_sent", exporter=standby)


async def _stored(where: StoredAtOptions, marker: str) -> None:
    """Return when the backend shows the marker."""
    headers = {}
    if where.token is not None:
        headers["Authorization"] = f"Bearer {where.token.reveal()}"
    async with aiohttp.ClientSession(headers=headers, trust_env=False) as session:
        url = where.url.replace("{event_id}", marker)
        while not await _shows(session, url, marker):  # noqa: ASYNC110  it has to be asked again
            await asyncio.sleep(_ASK_EVERY)


async def _shows(session: aiohttp.ClientSession, url: str, marker: str) -> bool:
    try:
        async with session.get(url, allow_redirects=False) as answer:
            body = await answer.content.read(_ANSWER_LIMIT)
            return answer.status == 200 and marker.encode() in body
    except aiohttp.ClientError:
        return False
