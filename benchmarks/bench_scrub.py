"""How long does errlock take for an event: next to Relay, and to merely decoding and encoding it?

Default policy, one core, CPU time of this process. Relay is sentry-relay (Rust) with default data
scrubbing, less what reading its configuration costs at each call (the same call on `{}`). No
document is scrubbed twice; a third of each kind comes first and is not counted. What is timed is
looked at before that: secrets gone, neighbours there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from benchmarks import peers
from benchmarks.datasets import AS_IS, SIZES, Dataset, datasets
from benchmarks.options import Options, parse, progress
from benchmarks.plots import lines
from benchmarks.report import machine, show
from benchmarks.timing import Function, Times, race, warm_up
from errlock.pipeline import Pipeline

_BUDGET = 2.0  # CPU seconds for one contender and dataset
_NOTHING = "Relay on {}"


class Errlock:
    """errlock from bytes to bytes; remembers what came out, to be looked at after the race."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self.results: list[bytes | None] = []

    def __call__(self, data: bytes) -> None:
        """Sanitise."""
        self.results.append(self._pipeline.scrub(data))

    def changed(self, documents: Sequence[bytes]) -> list[bool]:
        """Of each document that it had: whether it says something else now."""
        return [
            result != data and (result is None or json.loads(result) != json.loads(data))
            for result, data in zip(self.results, documents, strict=False)
        ]


def contenders(errlock: Errlock) -> dict[str, Function]:
    """All that is timed, by the name of its column."""
    walk, relay = peers.reference(), peers.relay()
    return {
        "errlock": errlock,
        "reference": walk,
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
        assert data.kind != "clean" or clean == each.document, "a clean document was changed"


def row(
    kind: str, size: str, documents: Sequence[bytes], times: Mapping[str, Times], cold: float
) -> dict[str, object]:
    """One line of the table, in microseconds and ratios."""
    ours, relay, bare = times["errlock"], times["Relay"], times["decode+encode"]
    return {
        "events": kind,
        "size": size,
        "KB": sum(map(len, documents)) / len(documents) / 1000,
        "n": len(documents),
        **{f"{name} µs": each.median * 1e6 for name, each in times.items()},
        "errlock cold": cold * 1e6,
        "errlock p99": ours.p99 * 1e6,
        "Relay p99": relay.p99 * 1e6,
        "× Relay": relay.median / ours.median,
        "× Relay (mean)": relay.mean / ours.mean,
        "÷ decode+encode": ours.median / bare.median,
        "÷ (mean)": ours.mean / bare.mean,
    }


def rows_of(
    data: Dataset, changed: Sequence[bool], times: Mapping[str, Times], cold: float
) -> Iterator[dict[str, object]]:
    """The row of a dataset, about the documents that all had who are compared.

    Of those that are as others made them, also of the untouched and of the changed ones.
    """
    had = range(min(len(times[name].seconds) for name in ("errlock", "Relay", "decode+encode")))
    parts = {data.kind: list(had)}
    if data.size == AS_IS:
        parts[f"{data.kind}, untouched"] = [index for index in had if not changed[index]]
        parts[f"{data.kind}, changed"] = [index for index in had if changed[index]]
    for kind, indexes in parts.items():
        if indexes and (kind == data.kind or len(indexes) < len(had)):
            documents = [data.documents[index] for index in indexes]
            those = {name: each.of(indexes) for name, each in times.items()}
            yield row(kind, data.size, documents, those, cold)


def measure(options: Options) -> list[dict[str, object]]:
    """All rows."""
    pipeline = Pipeline.default()
    rows: list[dict[str, object]] = []
    for data in datasets(options):
        check(pipeline, data)
        errlock, budget = Errlock(pipeline), 0.2 if options.quick else _BUDGET
        those = contenders(errlock)
        third = len(data.documents) // 3
        first, data.documents = data.documents[:third], data.documents[third:]
        cold = warm_up(those, first, budget)["errlock"].mean
        errlock.results.clear()
        times = race(those, data.documents, budget)
        times["Relay"] = times["Relay"].less(times.pop(_NOTHING).median)
        made = list(rows_of(data, errlock.changed(data.documents), times, cold))
        progress(f"{data.kind} {data.size}: {made[0]['× Relay']:.2f} × Relay")
        rows += made
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
    options = parse(__doc__)
    rows = measure(options)
    about = machine("msgspec", "google-re2", "hyperscan", "sentry-relay", "sentry-sdk")
    show(
        "sanitising one event", rows, about,
        [
            "Medians, unless it says otherwise. × Relay: more is better. ÷: less is better.",
            "Cold: the mean of those that came first and are not in the other figures.",
        ],
    )  # fmt: skip
    if not options.quick:
        plot(rows)


if __name__ == "__main__":
    main()
