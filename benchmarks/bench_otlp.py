"""How many spans and log records a second does one core sanitise, clean and with dirty ones?

Requests of 2,000 records as real instrumentations fill them, as protobuf, from bytes to bytes;
CPU time of this process, default policy. Peers: parsing and serialising with upb alone, and a plain
Python walk over attributes with the same catalogue. They take turns with errlock: its ratio to the
first says something on machines on which absolute rates do not. No request is sanitised twice; what
is timed is looked at first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks import otlp_peers
from benchmarks.options import Options, parse, progress
from benchmarks.otlp_requests import RECORDS, REQUESTS, OtlpRequests, Signal, all_records
from benchmarks.plots import lines
from benchmarks.report import machine, show
from benchmarks.timing import Times, race
from errlock.pipeline import Pipeline
from errlock.pipeline.payloads.otlp import OtlpRequest

_BUDGET = 3.0  # CPU seconds for one contender and row
_REQUESTS = 40
_READING = (
    "Records a second are of medians, and move with whatever else the machine does. To compare "
    "commits by is ÷, the median of pairs: both had the same request, one soon after the other."
)


@dataclass(frozen=True, slots=True)
class Load:
    """What a request holds."""

    signal: Signal
    dirty: float
    addresses: bool = False

    @property
    def name(self) -> str:
        """`spans, 5% dirty`."""
        share = f"{self.dirty:.0%} dirty" if self.dirty else "clean"
        records = "spans" if self.signal == "traces" else "logs"
        return f"{records}, {share}{', client addresses' if self.addresses else ''}"


LOADS = (
    *(Load("traces", share) for share in (0.0, 0.05, 0.3)),
    Load("traces", 0.0, addresses=True),
    *(Load("logs", share) for share in (0.0, 0.05, 0.3)),
)


def scrubber(pipeline: Pipeline, signal: Signal) -> Callable[[bytes], bytes]:
    """errlock from bytes to bytes, as its receiver and exporter use it."""

    def scrub(body: bytes) -> bytes:
        clean = pipeline.scrub_payload(OtlpRequest.decode(body, signal))
        assert clean is not None
        return clean.encode()

    return scrub


def check(scrub: Callable[[bytes], bytes], load: Load, body: bytes) -> float:
    """What is timed does its work; the share of records that it changes."""
    clean = scrub(body)
    assert b"mail.example" not in clean
    assert b"198.51.100." not in clean
    assert b"access_token=0" not in clean
    assert clean.count(b"eu-west-1") == body.count(b"eu-west-1")
    before = all_records(REQUESTS[load.signal].FromString(body))
    after = all_records(REQUESTS[load.signal].FromString(clean))
    assert len(before) == len(after)
    changed = [bool(a != b) for a, b in zip(before, after, strict=True)]
    share = sum(changed) / len(changed)
    assert load.addresses or abs(share - load.dirty) < 0.1, f"{load.name}: {share:.0%} changed"
    return share


def row(
    load: Load, changed: float, size: int, count: int, times: dict[str, Times]
) -> dict[str, object]:
    """One line of the table."""
    ours = times["errlock"]
    bare = ours.over(times["parse+serialise"])
    return {
        "records": load.name,
        "changed %": changed * 100,
        "in a request": count,
        "KB": size / 1000,
        "n": len(ours.seconds),
        **{f"{name} /s": round(count / each.median) for name, each in times.items()},
        "errlock ms": ours.median * 1e3,
        "p99 ms": ours.p99 * 1e3,
        "× walk": times["walk"].median / ours.median,
        "÷ parse+serialise": bare.median,
        "half of them in": bare.spread,
    }


def measure(options: Options) -> list[dict[str, object]]:
    """All rows."""
    pipeline = Pipeline.default()
    count = 50 if options.quick else RECORDS
    rows = []
    for signal in REQUESTS:
        contenders = {
            "errlock": scrubber(pipeline, signal),
            "parse+serialise": otlp_peers.bare(signal),
            "walk": otlp_peers.walk(signal),
        }
        for load in (load for load in LOADS if load.signal == signal):
            if not options.wants(load.name):
                continue
            made = OtlpRequests(signal, load.name)
            bodies = [
                made.request(load.dirty, addresses=load.addresses, count=count)
                for _ in range(3 if options.quick else _REQUESTS)
            ]
            changed = check(contenders["errlock"], load, bodies.pop())
            times = race(contenders, bodies, 0.1 if options.quick else _BUDGET)
            rows.append(row(load, changed, len(bodies[0]), count, times))
            progress(f"{load.name}: {rows[-1]['errlock /s']:,} records/s")
    return rows


def plot(rows: list[dict[str, object]]) -> None:
    """Records a second over the share that was changed."""
    series: dict[str, list[tuple[float, float]]] = {}
    for each in rows:
        signal = str(each["records"]).partition(",")[0]
        for name in ("errlock", "parse+serialise", "walk"):
            point = float(str(each["changed %"])), float(str(each[f"{name} /s"]))
            series.setdefault(f"{signal}, {name}", []).append(point)
    ordered = {name: sorted(points) for name, points in series.items()}
    lines("otlp", "OTLP on one core", ordered, x="% of records changed", y="records/s", linear=True)


def main() -> None:
    """Measure and show."""
    options = parse(__doc__)
    rows = measure(options)
    about = machine("protobuf", "google-re2", "hyperscan", "opentelemetry-instrumentation-wsgi")
    show("OTLP requests", rows, about, [_READING])
    if not options.quick:
        plot(rows)


if __name__ == "__main__":
    main()
