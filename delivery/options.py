"""What a user may set about the delivery to one destination: `sending_queue`, `retry_on_failure`.

Names and values are those that the OpenTelemetry Collector's exporterhelper has taught people,
except where a comment says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from ..pipeline.errors import Problem
from ..pipeline.options import Duration, Size

STORED_QUEUE = Size("1GiB")
MEMORY_QUEUE = Size("64MiB")


class SendingQueue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much may wait for a destination, and what goes when that is too much."""

    # The collector counts requests (1000); bytes are what fills a memory or a disk.
    queue_size: Annotated[
        Size | None,
        Meta(
            description="Most bytes that may wait, those being sent included: on disk compressed, "
            "with 512 bytes for each payload, in memory with 1 KiB for each. By default 1 GiB on "
            "disk, 64 MiB in memory."
        ),
    ] = None
    max_documents: Annotated[
        int, Meta(description="Most documents that may wait. 0: only queue_size bounds it.")
    ] = 0
    max_age: Annotated[
        Duration,
        Meta(description="What waited longer is dropped and counted as `expired`. 0: never."),
    ] = Duration("24h")
    drop: Annotated[
        Literal["oldest", "newest"],
        Meta(
            description="What goes when the queue is full: the oldest waiting payloads, or those "
            "just coming in."
        ),
    ] = "oldest"
    num_consumers: Annotated[
        int, Meta(description="How many deliveries may be under way at the same time.")
    ] = 4

    def problems(self) -> Iterable[Problem]:
        """What is wrong beyond types, with paths relative to `sending_queue`."""
        if self.queue_size is not None and self.queue_size < 1:
            yield Problem("queue_size", "expected at least one byte")
        if self.max_documents < 0:
            yield Problem("max_documents", "expected 0 (no limit) or more")
        if self.num_consumers < 1:
            yield Problem("num_consumers", "expected 1 or more")


class RetryOnFailure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a failed delivery is tried again."""

    enabled: Annotated[
        bool, Meta(description="Whether to retry at all. Without, a failed payload is dropped.")
    ] = True
    initial_interval: Annotated[
        Duration, Meta(description="How long to wait after the first failure.")
    ] = Duration("5s")
    max_interval: Annotated[
        Duration, Meta(description="The longest wait between two attempts.")
    ] = Duration("30s")
    # The collector gives up after 5 minutes; an acknowledged document is not given up so soon.
    max_elapsed_time: Annotated[
        Duration,
        Meta(
            description="Give up on a payload after trying for this long. 0: never; then only "
            "`sending_queue.max_age` ends it."
        ),
    ] = Duration(0)
    multiplier: Annotated[
        float, Meta(description="By how much each wait is longer than the one before.")
    ] = 1.5
    randomization_factor: Annotated[
        float,
        Meta(
            description="Each wait is drawn from (1 - f) to (1 + f) times the interval, so that "
            "collectors do not come back all at once."
        ),
    ] = 0.5
    unclear: Annotated[
        Literal["drop", "retry"],
        Meta(
            description="What happens to documents without an id of their own (sessions, client "
            "reports, metrics, logs) when nobody knows whether they arrived: `drop` counts them as "
            "`unclear` and sends none twice, `retry` may send some twice."
        ),
    ] = "drop"

    def problems(self) -> Iterable[Problem]:
        """What is wrong beyond types, with paths relative to `retry_on_failure`."""
        if self.initial_interval <= 0:
            yield Problem("initial_interval", "expected more than 0")
        if self.max_interval < self.initial_interval:
            yield Problem("max_interval", "expected at least initial_interval")
        if self.multiplier < 1:
            yield Problem("multiplier", "expected 1 or more")
        if not 0 <= self.randomization_factor <= 1:
            yield Problem("randomization_factor", "expected 0 to 1")


class DeliveryOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys of an exporter's configuration that are not the exporter's own."""

    sending_queue: Annotated[
        SendingQueue, Meta(description="How much may wait for this destination.")
    ] = SendingQueue()
    retry_on_failure: Annotated[
        RetryOnFailure, Meta(description="When a failed delivery is tried again.")
    ] = RetryOnFailure()

    def problems(self) -> Iterable[Problem]:
        """What is wrong beyond types, with paths relative to the exporter."""
        for name in ("sending_queue", "retry_on_failure"):
            for problem in getattr(self, name).problems():
                yield Problem(f"{name}.{problem.path}", problem.message)
