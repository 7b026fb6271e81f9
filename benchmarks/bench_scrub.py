"""How long does errlock take for an event: next to Relay, and to merely decoding and encoding it?

Default policy, one core, CPU time of this process. Relay is sentry-relay (Rust) with default data
scrubbing, less what reading its configuration costs at each call (the same call on `{}`). No
document is scrubbed twice. What is timed is looked at first: secrets gone, neighbours there.
"""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks import peers
from benchmarks.datasets import AS_IS, SIZES, Dataset, datasets
from benchmarks.options import Options, parse, progress
from benchmarks.plots import lines
from benchmarks.report import machine, show
from benchmarks.timing import Function, Times, race
from errlock.pipeline import Pipeline

_BUDGET = 2.0  # CPU seconds for one contender and dataset
_NOTHING = "Relay on {}"


def contenders(pipeline: Pipeline) -> dict[str, Function]:
    """All that is timed, by the name of its column."""
    walk, relay = peers.reference(), peers.relay()
    return {
        "errlock": pipeline.scrub,
        **({"reference": walk} if walk is not None else {}),
        "Relay": relay,
        _NOTHING: lambda _: relay(b"{}"),
        "decode+encode": peers.bare,
        "EventScrubber": peers.event_scrubber,
    }


def check(pipeline: Pipeline, data: Dataset) -> None:
    """What is timed does its work."""
    for each in data.checks:
        clean = pipeline.scrub(each.document)
        assert clean is not None, f"{data.kind} {data.size}: a document did not go out"
        text = clean.decode()
        leaked = [value for value in each.gone if value in text]
        # Of a corpus of hard cases 1 % may leak; of what was planted for this check, nothing.
        assert len(leaked) * 100 <= len(each.gone), f"{data.kind} {data.size} leaks {leaked}"
        missing = [value for value in each.kept if value not in text]
        assert not missing, f"{data.kind} {data.size} has lost {missing}"


def row(data: Dataset, times: Mapping[str, Times]) -> dict[str, object]:
    """One line of the table, in microseconds and ratios."""
    ours, relay, bare = times["errlock"], times["Relay"], times["decode+encode"]
    size = sum(map(len, data.documents)) / len(data.documents)
    return {
        "events": data.kind,
        "size": data.size,
        "KB": size / 1000,
        "n": len(ours.seconds),
        **{f"{name} µs": each.median * 1e6 for name, each in times.items()},
        "errlock p99": ours.p99 * 1e6,
        "Relay p99": relay.p99 * 1e6,
        "× Relay": relay.median / ours.median,
        "× Relay (mean)": relay.mean / ours.mean,
        "÷ decode+encode": ours.median / bare.median,
        "÷ (mean)": ours.mean / bare.mean,
    }


def measure(options: Options) -> list[dict[str, object]]:
    """All rows."""
    pipeline = Pipeline.default()
    race_ = contenders(pipeline)
    rows = []
    for data in datasets(options):
        check(pipeline, data)
        times = race(race_, data.documents, 0.2 if options.quick else _BUDGET)
        times["Relay"] = times["Relay"].less(times.pop(_NOTHING).median)
        rows.append(row(data, times))
        progress(f"{data.kind} {data.size}: {rows[-1]['× Relay']:.2f} × Relay")
    return rows


def plot(rows: list[dict[str, object]]) -> None:
    """× Relay over size, a line for each kind."""
    series: dict[str, list[tuple[float, float]]] = {}
    for each in rows:
        if each["size"] != AS_IS:
            point = SIZES[str(each["size"])] / 1000, float(str(each["× Relay"]))
            series.setdefault(str(each["events"]), []).append(point)
    lines("scrub", "Speed next to sentry-relay", series, x="KB of event", y="times as fast", at=1.0)


def main() -> None:
    """Measure and show."""
    rows = measure(parse(__doc__))
    about = machine("msgspec", "google-re2", "hyperscan", "sentry-relay", "sentry-sdk")
    show(
        "sanitising one event", rows, about,
        ["Medians, unless it says otherwise. × Relay: more is better. ÷: less is better."],
    )  # fmt: skip
    plot(rows)


if __name__ == "__main__":
    main()
