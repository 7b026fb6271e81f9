"""What an application passes to sentry-sdk, so that nothing leaves that nobody sanitised.

    sentry_sdk.init(dsn=..., transport=sentry_transport(Pipeline.default()))

It chooses between two transports: one that sends, and one that follows a control document.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .judging import expect_pipeline
from .sentry_sanitising import SentryTransport

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..api import Pipeline
    from .control import Control
    from .ledger import Ledger


def sentry_transport(
    pipeline: Pipeline,
    *,
    allow_local_spotlight: bool = False,
    control: Control | None = None,
    destination: str = "sentry",
    standbys: Mapping[str, str] | None = None,
    ledger: Ledger | None = None,
) -> type[SentryTransport]:
    """What to pass as `transport` to `sentry_sdk.init`.

    Spotlight gets its copy beside the transport, unsanitised: it is switched off with a warning,
    unless `allow_local_spotlight` is set and its address is on this machine. So is the envelope
    printer (`SENTRY_PRINT_ENVELOPES`).

    With `control`, it sends only while the fleet's control document trusts `destination`, which
    is the id by which the fleet knows the backend of the DSN. `standbys` are DSNs of your own, by
    id, that the control document may choose from while the destination is not trusted. What
    cannot be sent waits in memory, within `control.queue_size`.

    With `ledger`, it is booked what `destination` (and standbys) got. Raises ValueError, TypeError.
    """
    if isinstance(pipeline, dict):  # the SDK takes a function for a transport, and calls it
        raise TypeError("expected transport=sentry_transport(Pipeline.default()), with a pipeline")
    expect_pipeline(pipeline)
    if ledger is not None:
        ledger.expect_ids(destination, *(standbys or {}))
    more: Any = {"ledger": ledger, "allow_local_spotlight": allow_local_spotlight}
    if control is None:
        if standbys:
            raise ValueError("standbys take over when a control document says so: pass control")
        return _bound(SentryTransport, pipeline, destination=destination, **more)
    from .sentry_following import FollowingSentryTransport

    return _bound(FollowingSentryTransport, pipeline, control, destination, standbys or {}, **more)


def _bound(transport: type[SentryTransport], *arguments: Any, **more: Any) -> type[SentryTransport]:
    """A transport that has all it needs but the SDK's options, which the SDK passes."""

    class BoundSentryTransport(transport):  # type: ignore[misc, valid-type]  # one of the two
        def __init__(self, options: dict[str, Any]) -> None:
            super().__init__(options, *arguments, **more)

    return BoundSentryTransport
