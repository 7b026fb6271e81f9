"""How much leaks, and how much that is harmless is lost, next to the peers on the same events?

The corpus is `--corpus`, or made as `errlock leaktest` plants canaries: then it says how the peers
do on what errlock promises, and of errlock only that it keeps its promises. Where the corpus brings
a scorer of its own (score_events.py), the two must agree.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import peers
from benchmarks.corpus import Row, generated, load
from benchmarks.options import Options, parse
from benchmarks.peers import Scrub
from benchmarks.plots import places
from benchmarks.report import BUILD, machine, show
from benchmarks.scoring import Score, score
from errlock.pipeline import Pipeline

_GENERATED = 120
_QUICK = 6
_NAMED = 10


def contenders() -> Mapping[str, Scrub]:
    """All that are judged."""
    return {
        "nothing": lambda data: data,
        "EventScrubber": peers.event_scrubber,
        "Relay, default": peers.relay(),
        "Relay, every rule": peers.relay_with_every_rule(),
        "errlock, default": Pipeline.default().scrub,
    }


def corpus(options: Options) -> list[Row]:
    """The events."""
    if options.corpus is None:
        return generated(_QUICK if options.quick else _GENERATED)
    rows = load(options.corpus)
    return rows[:_QUICK] if options.quick else rows


def scrubbed(scrub: Scrub, rows: Sequence[Row]) -> list[Any]:
    """What goes out, decoded."""
    results = (scrub(json.dumps(row.event).encode()) for row in rows)
    return [None if result is None else json.loads(result) for result in results]


def row(name: str, judged: Score) -> dict[str, object]:
    """One line of the table."""
    return {
        "scrubber": name,
        "leak %": judged.leaks.percent,
        "leaks": judged.leaks.count,
        "canaries": judged.leaks.total,
        "scenarios leaking": judged.leaking,
        "wholly": judged.leaking_wholly,
        "scenarios": len(judged.scenarios),
        "look-alikes kept %": judged.look_alikes.percent,
        "neighbours kept %": judged.neighbours.percent,
        "clean leaves kept %": judged.clean_leaves.percent,
        "dropped": judged.dropped,
    }


def second_opinion(corpus_file: Path, outputs: Sequence[Any]) -> dict[str, Any] | None:
    """What the corpus' own scorer says about the same outputs; None where there is none."""
    scorer = corpus_file.with_name("score_events.py")
    if not scorer.is_file():
        return None
    BUILD.mkdir(parents=True, exist_ok=True)
    lines, result = BUILD / "outputs.jsonl", BUILD / "second_opinion.json"
    lines.write_text("".join(f"{json.dumps(output)}\n" for output in outputs))
    command = [sys.executable, str(scorer), "--events", str(corpus_file), "-q"]
    options = ["--cmd", f"cat {shlex.quote(str(lines))}", "--json", str(result)]
    limit = ["--limit", str(len(outputs))]
    subprocess.run([*command, *options, *limit], check=True, stdout=subprocess.DEVNULL)
    opinion: dict[str, Any] = json.loads(result.read_bytes())
    return opinion


def agreement(name: str, ours: Score, theirs: Mapping[str, Any] | None) -> str | None:
    """A sentence about where the two scorers differ."""
    if theirs is None:
        return None
    pairs = {
        "leaks": (ours.leaks.count, theirs["leaks"]),
        "look-alikes": (ours.look_alikes.percent, 100 * theirs["utility_lookalike"]),
        "neighbours": (ours.neighbours.percent, 100 * theirs["utility_neighbour"]),
        "clean leaves": (ours.clean_leaves.percent, 100 * theirs["clean_leaves_intact"]),
    }
    different = [f"{what} {a} / {b}" for what, (a, b) in pairs.items() if abs((a or 0) - b) > 0.001]
    if not different:
        return f"{name}: score_events.py says the same."
    return f"{name}: score_events.py disagrees: {', '.join(different)}"


def main() -> None:
    """Judge and show."""
    options = parse(__doc__)
    rows = corpus(options)
    table: list[dict[str, object]] = []
    notes: list[str] = []
    for name, scrub in contenders().items():
        outputs = scrubbed(scrub, rows)
        judged = score(rows, outputs)
        table.append(row(name, judged))
        if name.startswith("errlock") and judged.leaking:
            leaking = [each for each, share in judged.scenarios.items() if share.count]
            notes.append(f"{name} leaks in: {', '.join(leaking[:_NAMED])}")
        if options.corpus is not None:
            note = agreement(name, judged, second_opinion(options.corpus, outputs))
            notes += [note] if note else []
    source = "its own canaries" if options.corpus is None else options.corpus.name
    about = machine("hyperscan", "google-re2", "sentry-relay", "sentry-sdk")
    title = f"leak and loss on {len(rows)} events ({source})"
    show(title, table, about, notes)
    if not options.quick:
        points = {
            str(each["scrubber"]): (
                float(str(each["leak %"])),
                float(str(each["neighbours kept %"])),
            )
            for each in table
        }
        places("detect", title, points, x="% of secrets leaked", y="% of their neighbours kept")


if __name__ == "__main__":
    main()
