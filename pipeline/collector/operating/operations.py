"""Operations on a collector in this process, from the control API's thread.

What tightens is in force without waiting for the collector's event loop, which may be busy to
the last. Everything else is done on that loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Literal, TypeVar

from ....delivery.store import StoreFailed
from ....delivery.trust.book import NotPersisted
from ....delivery.trust.operators import spellings
from ....ledger.embedded.budgets import TooMuch
from ....ledger.embedded.handover import HandOver, Taken
from ....ledger.journal.entries import EntryKind
from ...config.incident import PlanOptions
from ...control.messages import (
    Job,
    Jobs,
    Plan,
    PlanRun,
    Plans,
    Purged,
    Reloaded,
    ReplayOrder,
    Step,
    Swapped,
    Tightened,
    TrustChanged,
    TrustOf,
)
from ...control.operations import Refused
from ...control.status import Status
from ...errors import ConfigError, refused_by_system
from ...registry import nearest
from ..drill import rehearse
from ..replaying import Progress
from ..replays import ReplayRefused
from ..storage import remember_swaps
from .collecting import Collecting
from .jobs import job_of, replay_of
from .overview import Overview, said
from .plans import run

T = TypeVar("T")

_SAMPLE_EVERY = 5.0  # seconds
_WRITTEN_WITHIN = 15.0  # seconds
_PATIENCE = 0.5  # seconds that who tightens waits for the disk


class CollectorOperations:
    """See `Operations`."""

    def __init__(self, collector: Collecting) -> None:
        self._collector = collector
        self._overview = Overview(collector)

    async def sample(self) -> None:
        """See `Operations.sample`."""
        while True:
            self._overview.rates.sample()
            await asyncio.sleep(_SAMPLE_EVERY)

    def status(self) -> Status:
        """See `Operations.status`."""
        return self._overview.status()

    async def tighten(
        self, names: Sequence[str], state: Literal["held", "distrusted"], by: str, why: str
    ) -> TrustChanged:
        """See `Operations.tighten`."""
        names = self._spelled(names)
        targets = self._targets(names)
        saying = asyncio.ensure_future(self._collector.trust.tighten(names, state, by, why))
        if not (await asyncio.wait([saying], timeout=_PATIENCE))[0]:
            # It goes on being written. Who asks waits a second to hear that it is in force.
            saying.add_done_callback(lambda said: said.cancelled() or said.exception())
            return self._changed(targets, "hangs")
        try:
            saying.result()
        except NotPersisted as failure:
            return self._changed(targets, failure.kind)
        return self._changed(targets)

    async def resume(self, names: Sequence[str], by: str, why: str) -> TrustChanged:
        """See `Operations.resume`."""
        names = self._spelled(names)
        for id_ in self._targets(names):
            if self._collector.trust.of(id_).state == "distrusted":
                raise Refused(409, "distrusted", f"{id_} is distrusted: trust it, if you do")
        return await self.trust(names, by, why)

    async def trust(self, names: Sequence[str], by: str, why: str) -> TrustChanged:
        """See `Operations.trust`."""
        names = self._spelled(names)
        targets = self._targets(names)
        try:
            await self._collector.trust.loosen(names, "trusted", by, why)
        except NotPersisted as failure:
            raise Refused(
                503,
                "not_written",
                f"it could not be written down ({failure.kind}): nothing changed",
            ) from None
        return self._changed(targets)

    async def swap(self, from_: str, to: str, by: str, why: str) -> Swapped:
        """See `Operations.swap`."""
        collector = self._collector
        self._id(from_)
        if (state := collector.trust.of(self._id(to)).state) != "trusted":
            raise Refused(409, state, f"{to} is {state}")

        async def put_in_force() -> str | None:
            # From what is swapped now: somebody else may be swapping too.
            swapped = collector.lineup.swapped = self._swapped(from_, to)
            try:
                await remember_swaps(collector.store, swapped)
            except StoreFailed as failure:
                return failure.kind
            return None

        trouble = await self._on_loop(put_in_force())
        await self._record("route", {"swapped": from_, "for": to, "by": by, "why": why})
        return Swapped(routes=self._overview.routes(), not_written=trouble)

    async def purge(self, destination: str, *, really: bool, by: str, why: str) -> Purged:
        """See `Operations.purge`."""
        id_ = self._id(destination)
        if not really:
            documents, size = await self._on_loop(self._collector.waits(id_))
            return Purged(destination=id_, done=False, documents=documents, bytes=size)
        entry: dict[str, object] = {"destination": id_, "by": by, "why": why}
        # First: what is destroyed may be all that there is when the process is killed meanwhile.
        await self._record("purge", {**entry, "state": "begins"})
        try:
            destroyed = await self._on_loop(self._collector.purge(id_))
        except StoreFailed as failure:
            await self._record("purge", {**entry, "state": "failed", "trouble": failure.kind})
            raise Refused(
                503,
                "store",
                "what waited is not sent any more, and may still be on the disk "
                f"({failure.kind}): purge again",
            ) from None
        except BaseException:
            await self._record("purge", {**entry, "state": "failed", "trouble": "internal"})
            raise
        state = "done" if destroyed.complete else "traces"
        amount = {"documents": destroyed.documents, "bytes": destroyed.bytes}
        await self._record("purge", {**entry, "state": state, **amount})
        return Purged(destination=id_, done=True, traces=not destroyed.complete, **amount)

    async def reload(self) -> Reloaded:
        """See `Operations.reload`."""
        source = self._collector.source
        if source is None:
            raise Refused(409, "source", "its configuration does not come from files")
        try:
            changes = await self._on_loop(source.reload(self._collector))
        except ConfigError as error:
            text = "; ".join(str(problem) for problem in error.problems)
            raise Refused(409, "config", f"the old configuration goes on: {text}") from None
        except OSError as error:
            text = f"the old configuration goes on: {refused_by_system(error)}"
            raise Refused(409, "open", text) from None
        return Reloaded(changes=changes.lines())

    async def set_strict(self, *, strict: bool, by: str, why: str) -> Tightened:
        """See `Operations.set_strict`."""
        collector = self._collector
        work = collector.tighten(by, why) if strict else collector.relax(by, why)
        trouble = None
        try:
            await self._on_loop(work)
        except StoreFailed as failure:
            if not strict:
                raise Refused(503, "not_written", "it could not be written down") from None
            trouble = failure.kind
        except (ConfigError, OSError):
            raise Refused(409, "policy", "that policy cannot be had: nothing changed") from None
        return Tightened(strict=collector.strict, not_written=trouble)

    async def replay(self, order: ReplayOrder, by: str) -> Job:
        """See `Operations.replay`."""
        replay = replay_of(order, by, self._collector.clock.now())
        self._id(replay.source)
        self._id(replay.target)
        try:
            return job_of(await self._on_loop(self._collector.replays.start(replay)))
        except ReplayRefused as no:
            raise Refused(409, no.kind, str(no)) from None

    def replays(self) -> Jobs:
        """See `Operations.replays`."""
        return Jobs(replays=[job_of(each) for each in self._collector.replays.all()])

    def replay_job(self, id_: str) -> Job:
        """See `Operations.replay_job`."""
        return _found(self._collector.replays.find(id_))

    async def stop_replay(self, id_: str) -> Job:
        """See `Operations.stop_replay`."""
        return _found(await self._on_loop(self._collector.replays.stop(id_)))

    async def _record(self, kind: EntryKind, body: Mapping[str, object]) -> None:
        """Tell the journal what was done, if there is one. What it missed it tells itself."""
        if (ledger := self._collector.ledger) is not None:
            await asyncio.to_thread(ledger.record, kind, body)

    async def take(self, handover: HandOver, by: str) -> Taken:
        """See `Operations.take`. Answers once it is on the disk."""
        ledger = self._collector.ledger
        if ledger is None:
            raise Refused(409, "no_ledger", "this collector keeps no account: storage is memory")
        try:
            done = await asyncio.to_thread(ledger.taking.take, handover, by)
            await asyncio.wait_for(asyncio.wrap_future(done), _WRITTEN_WITHIN)
        except TooMuch as budget:
            raise Refused(429, "budget", f"more {budget} in this hour than are taken") from None
        except TimeoutError:
            raise Refused(503, "not_written", "it could not be written down yet") from None
        return Taken(number=handover.number)

    def plans(self) -> Plans:
        """See `Operations.plans`."""
        return Plans(plans=[_plan(*each) for each in self._collector.config.incident.plans.items()])

    async def run_plan(self, name: str, by: str, why: str) -> PlanRun:
        """See `Operations.run_plan`."""
        plan = self._named_plan(name)
        exporters = self._collector.config.exporters
        swaps = [(exporters[id_].standby_for or "", id_) for id_ in plan.activate]
        version = self._fleet_version()
        steps = await run(self, plan, swaps, by, why, publishes=version is not None)
        return PlanRun(name=name, steps=steps, fleet_version=self._fleet_version())

    async def drill(self, name: str) -> PlanRun:
        """See `Operations.drill`."""
        config = self._collector.config
        plan = self._named_plan(name)
        stopped = self._targets([*plan.distrust, *plan.hold])
        standbys = [
            id_
            for id_, options in config.exporters.items()
            if id_ in plan.activate or options.standby_for in stopped
        ]
        if not standbys:
            raise Refused(409, "standby", f"no standby takes over in the plan {name!r}")
        rehearsals = [
            self._on_loop(rehearse(self._collector, id_, config.incident.drill)) for id_ in standbys
        ]
        steps = [
            Step(what=each.what, seconds=each.seconds, trouble=each.trouble)
            for rehearsed in await asyncio.gather(*rehearsals)
            for each in rehearsed
        ]
        return PlanRun(name=name, steps=steps)

    def _named_plan(self, name: str) -> PlanOptions:
        """Raises Refused."""
        plans = self._collector.config.incident.plans
        if name not in plans:
            known = ", ".join(plans) or "none"
            what = f"there is no plan {name!r}{nearest(name, plans) or '.'} Known: {known}"
            raise Refused(404, "plan", what)
        return plans[name]

    def _id(self, id_: str) -> str:
        """The same, if it is a destination's. Raises Refused."""
        known = self._collector.destinations
        if id_ not in known:
            near = nearest(id_, list(known)) or "."
            raise Refused(
                404, "destination", f"no destination {id_!r}{near} Known: {', '.join(known)}"
            )
        return id_

    def _spelled(self, names: Sequence[str]) -> list[str]:
        """Each name as exporters and operators are called here, where another spelling of it was
        given: `Sentry.io` means the operator `sentry.io`.
        """
        known = self._collector.trust.targets
        return [next(filter(known, (name, *sorted(spellings(name)))), name) for name in names]

    def _targets(self, names: Sequence[str]) -> list[str]:
        """The destinations that names mean, each once. Raises Refused."""
        book = self._collector.trust
        return list(
            dict.fromkeys(id_ for name in names for id_ in book.targets(name) or [self._id(name)])
        )

    def _swapped(self, from_: str, to: str) -> dict[str, str]:
        """What is swapped once this is, too. Raises Refused."""
        exporters = self._collector.config.exporters
        swapped = dict(self._collector.lineup.swapped)
        if exporters[to].standby_for == from_:
            return {**swapped, from_: to}
        if exporters[from_].standby_for != to:
            raise Refused(409, "standby", f"{to} does not stand by for {from_}")
        if swapped.pop(to, None) != from_:
            raise Refused(409, "standby", f"{from_} was not swapped for {to}")
        return swapped

    async def _on_loop(self, work: Coroutine[Any, Any, T]) -> T:
        """What `work` returns on the collector's event loop."""
        return await asyncio.wrap_future(
            asyncio.run_coroutine_threadsafe(work, self._collector.loop)
        )

    def _changed(self, targets: Sequence[str], trouble: str | None = None) -> TrustChanged:
        book = self._collector.trust
        return TrustChanged(
            destinations=[TrustOf(id=id_, trust=said(*book.word(id_))) for id_ in targets],
            not_written=trouble,
            fleet_version=self._fleet_version(),
        )

    def _fleet_version(self) -> int | None:
        return None if (fleet := self._overview.fleet()) is None else fleet.version


def _found(progress: Progress | None) -> Job:
    if progress is None:
        raise Refused(404, "replay", "there is no such replay")
    return job_of(progress)


def _plan(name: str, options: PlanOptions) -> Plan:
    return Plan(
        name=name,
        distrust=list(options.distrust),
        hold=list(options.hold),
        activate=list(options.activate),
        tighten=options.tighten,
    )
