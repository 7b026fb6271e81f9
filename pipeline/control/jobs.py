"""Replays as they are ordered and told over the control API."""

from __future__ import annotations

from ..replaying import Progress, Replay
from .messages import Job, ReplayOrder


def replay_of(order: ReplayOrder) -> Replay:
    """What an order means."""
    return Replay(
        source=order.from_,
        target=order.to,
        among="delivered" if order.delivered else "waiting",
        since=order.since,
        until=order.until,
        types=tuple(sorted(order.types)),
        projects=tuple(sorted(order.projects)),
        strict=order.policy == "strict",
    )


def job_of(progress: Progress) -> Job:
    """How far it is, as it is told."""
    return Job(
        id=progress.replay.id,
        from_=progress.replay.source,
        to=progress.replay.target,
        state=progress.state,
        trouble=progress.trouble,
        started=progress.started,
        total=progress.total,
        done=progress.done,
        documents=progress.documents,
        damaged=progress.damaged,
    )
