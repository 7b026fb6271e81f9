"""What can be asked of the control API: every path, who may ask, and what is said."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from ...ledger.embedded.handover import HandOver, Taken
from .messages import (
    Job,
    Jobs,
    PlainOrder,
    PlanOrder,
    PlanRun,
    Plans,
    Purged,
    PurgeOrder,
    Reloaded,
    ReplayOrder,
    SwapOrder,
    Swapped,
    Tightened,
    TrustChanged,
    TrustOrder,
)
from .operations import Operations, Refused
from .status import Status
from .tokens import Role

Method = Literal["GET", "POST"]


@dataclass(frozen=True, slots=True)
class Call:
    """One request that may be carried out: who asks, for what."""

    by: str  # who asks
    order: Any  # of the endpoint's type
    id: str = ""  # what stands for `{id}` in the endpoint's path


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One thing that can be asked."""

    method: Method
    path: str
    role: Role
    summary: str
    answer: type[msgspec.Struct]
    do: Callable[[Operations, Call], Awaitable[msgspec.Struct]]
    order: type[msgspec.Struct] | None = None
    largest: int = 64 * 1024  # bytes of a body
    two_people: bool = False  # if `service.control.second_person` says so

    @property
    def name(self) -> str:
        """Its name in the description: `get_status`."""
        words = re.findall(r"\w+", self.path.removeprefix("/v1/"))
        return "_".join([self.method.lower(), *words])

    def match(self, path: str) -> str | None:
        """What stands for `{id}` in a path, if it is this one's, or nothing; else None."""
        before, _, behind = self.path.partition("{id}")
        if before == self.path:
            return "" if path == self.path else None
        found = re.fullmatch(f"{re.escape(before)}([^/]+){re.escape(behind)}", path)
        return None if found is None else found[1]


async def _status(operations: Operations, _call: Call) -> Status:
    return operations.status()


async def _hold(operations: Operations, call: Call) -> TrustChanged:
    return await operations.tighten(call.order.names, "held", call.by, call.order.why)


async def _distrust(operations: Operations, call: Call) -> TrustChanged:
    return await operations.tighten(call.order.names, "distrusted", call.by, call.order.why)


async def _resume(operations: Operations, call: Call) -> TrustChanged:
    return await operations.resume(call.order.names, call.by, call.order.why)


async def _trust(operations: Operations, call: Call) -> TrustChanged:
    return await operations.trust(call.order.names, call.by, call.order.why)


async def _swap(operations: Operations, call: Call) -> Swapped:
    return await operations.swap(call.order.from_, call.order.to, call.by, call.order.why)


async def _purge(operations: Operations, call: Call) -> Purged:
    order = call.order
    if order.confirm not in ("", order.destination):
        raise Refused(400, "confirm", "what confirms it is not the destination's id")
    return await operations.purge(
        order.destination, really=bool(order.confirm), by=call.by, why=order.why
    )


async def _reload(operations: Operations, _call: Call) -> Reloaded:
    return await operations.reload()


async def _tighten(operations: Operations, call: Call) -> Tightened:
    return await operations.set_strict(strict=True, by=call.by, why=call.order.why)


async def _relax(operations: Operations, call: Call) -> Tightened:
    return await operations.set_strict(strict=False, by=call.by, why=call.order.why)


async def _replay(operations: Operations, call: Call) -> Job:
    return await operations.replay(call.order, call.by)


async def _replays(operations: Operations, _call: Call) -> Jobs:
    return operations.replays()


async def _replay_job(operations: Operations, call: Call) -> Job:
    return operations.replay_job(call.id)


async def _stop_replay(operations: Operations, call: Call) -> Job:
    return await operations.stop_replay(call.id)


async def _take(operations: Operations, call: Call) -> Taken:
    return await operations.take(call.order, call.by)


async def _plans(operations: Operations, _call: Call) -> Plans:
    return operations.plans()


async def _run_plan(operations: Operations, call: Call) -> PlanRun:
    if call.order.drill:
        return await operations.drill(call.order.name)
    return await operations.run_plan(call.order.name, call.by, call.order.why)


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", "/v1/status", "read", "How everything is.", Status, _status),
    Endpoint(
        "POST", "/v1/hold", "operate", "Keep what some exporters would get.", TrustChanged,
        _hold, TrustOrder,
    ),
    Endpoint(
        "POST", "/v1/distrust", "operate", "Send some exporters nothing more, at once.",
        TrustChanged, _distrust, TrustOrder,
    ),
    Endpoint(
        "POST", "/v1/resume", "release", "Send what was held.", TrustChanged, _resume, TrustOrder
    ),
    Endpoint(
        "POST", "/v1/trust", "release", "Trust some exporters again.", TrustChanged, _trust,
        TrustOrder, two_people=True,
    ),
    Endpoint(
        "POST", "/v1/swap", "operate", "Put a standby in the place of another exporter, or back.",
        Swapped, _swap, SwapOrder,
    ),
    Endpoint(
        "POST", "/v1/purge", "operate", "Destroy what waits for an exporter.", Purged, _purge,
        PurgeOrder,
    ),
    Endpoint(
        "POST", "/v1/replays", "operate", "Send to another exporter what one has not or had.", Job,
        _replay, ReplayOrder,
    ),
    Endpoint("GET", "/v1/replays", "read", "How far replays are.", Jobs, _replays),
    Endpoint("GET", "/v1/replays/{id}", "read", "How far a replay is.", Job, _replay_job),
    Endpoint(
        "POST", "/v1/replays/{id}/stop", "operate", "Stop a replay where it is.", Job, _stop_replay,
        PlainOrder,
    ),
    Endpoint(
        "POST", "/v1/reload", "operate", "Run the configuration as it is now.", Reloaded, _reload,
        PlainOrder,
    ),
    Endpoint(
        "POST", "/v1/tighten", "operate", "Have everything pass the strict profile as well.",
        Tightened, _tighten, PlainOrder,
    ),
    Endpoint(
        "POST", "/v1/relax", "release", "Undo that: only the configured policy.", Tightened, _relax,
        PlainOrder,
    ),
    Endpoint(
        "POST", "/v1/account", "account", "Book what an embedded pipeline sent.", Taken, _take,
        HandOver, largest=4 << 20,
    ),
    Endpoint("GET", "/v1/incident/plans", "read", "Every incident plan.", Plans, _plans),
    Endpoint(
        "POST", "/v1/incident/run", "operate", "Do all that an incident plan says.", PlanRun,
        _run_plan, PlanOrder,
    ),
)  # fmt: skip
DESCRIPTION = "/v1/openapi.json"  # whoever may read
SECOND = "Errlock-Second-Authorization"  # the header with a second person's token


def decode(endpoint: Endpoint, body: bytes) -> msgspec.Struct | None:
    """The order in a request's body.

    Raises one of UNREADABLE, whose texts may quote it.
    """
    return None if endpoint.order is None else msgspec.json.decode(body, type=endpoint.order)
