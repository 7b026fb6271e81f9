"""Replays as they are ordered and told over the control API."""

from __future__ import annotations

from ...control.messages import Job, ReplayOrder
from ..replaying import Progress, Replay
from ..replays import replay_id


def replay_of(order: ReplayOrder, by: str, now: float) -> Replay:
    """What an order means."""
    return Replay(
        id=replay_id(),
        source=order.from_,
        target=order.to,
        delivered=order.delivered,
        since=order.since,
        until=order.until,
        types=tuple(sorted(set(order.types))),
        projects=tuple(sorted(set(order.projects))),
        strict=order.policy == "strict",
        move=order.move and not order.delivered,
        by=by,
        why=order.why,
        ordered=now,
    )


def job_of(progress: Progress) -> Job:
    """How far it is, as it is told."""
    replay = progress.replay
    return Job(
        id=replay.id,
        from_=replay.source,
        to=replay.target,
        by=replay.by,
        why=replay.why,
        state=progress.state,
        trouble=progress.trouble,
        ordered=replay.ordered,
        total=progress.total,
        done=progress.done,
        documents=progress.documents,
        moved=progress.moved,
        sent=progress.sent,
        damaged=progress.damaged,
        linkable=progress.linkable,
    )
