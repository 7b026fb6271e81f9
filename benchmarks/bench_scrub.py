"""How long does one event take to sanitise, next to decoding and encoding it, and to peers?

Default policy, one core, CPU time of this process. Every event is different. What is timed is
asserted first: the secrets are gone and the rest is there. The peer removes values under
sensitive keys only.
"""

import time
from collections.abc import Callable
from typing import Any

import msgspec
from sentry_sdk.scrubber import EventScrubber

from benchmarks.events import Events
from benchmarks.report import machine, show
from errlock.pipeline import Pipeline

SIZES = {"1 KB": 1_000, "5 KB": 5_000, "30 KB": 30_000, "200 KB": 200_000}
SECRETS = {"clean": 0, "8 secrets": 8}
BUDGET = 1.0  # seconds a cell


def scrubber(pipeline: Pipeline) -> Callable[[bytes], object]:
    """errlock from bytes to bytes."""
    return pipeline.scrub


def bare(data: bytes) -> bytes:
    """The limit: decode and encode."""
    return msgspec.json.encode(msgspec.json.decode(data))


def event_scrubber(data: bytes) -> bytes:
    """sentry-sdk's own scrubber on the same bytes."""
    event: Any = msgspec.json.decode(data)
    EventScrubber(recursive=True).scrub_event(event)
    return msgspec.json.encode(event, enc_hook=str)


def microseconds(function: Callable[[bytes], object], events: list[bytes]) -> float:
    """CPU time of one event: the best of several passes over all."""
    best = float("inf")
    start = time.process_time()
    while time.process_time() - start < BUDGET:
        before = time.process_time()
        for event in events:
            function(event)
        best = min(best, time.process_time() - before)
    return best / len(events) * 1e6


def check(pipeline: Pipeline, data: bytes, secrets: int) -> None:
    """What is timed does its work."""
    clean = pipeline.scrub(data)
    assert clean is not None
    assert b"ValueError" in clean
    assert (b"_meta" in clean) == (secrets > 0)
    assert b"@example.com" not in clean


def main() -> None:
    """Measure and show."""
    pipeline = Pipeline.default()
    generator = Events()
    rows = []
    for size_name, size in SIZES.items():
        for kind, secrets in SECRETS.items():
            count = max(3, 200_000 // size)
            events = [msgspec.json.encode(generator.event(size, secrets)) for _ in range(count)]
            check(pipeline, events[0], secrets)
            ours = microseconds(scrubber(pipeline), events)
            limit = microseconds(bare, events)
            peer = microseconds(event_scrubber, events)
            rows.append(
                {
                    "event": f"{size_name} {kind}",
                    "errlock µs": f"{ours:,.0f}",
                    "decode+encode µs": f"{limit:,.0f}",
                    "EventScrubber µs": f"{peer:,.0f}",
                    "errlock ÷ decode+encode": f"{ours / limit:.1f}",
                }
            )
    show("sanitising one event", rows, machine("msgspec", "google-re2", "sentry-sdk"))


if __name__ == "__main__":
    main()
