"""What do 50, 500 and 2,000 rules of one's own cost, in each scrub and until they are ready?

The rules begin with a literal, as formats of tokens do; once with that literal said (`needs`), once
without. Whole scrubs with the default policy and these rules, CPU time. Ready is a process of its
own: building the pipeline and the first scrub, with nothing cached (cold) and a second time (warm).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from random import Random
from string import ascii_lowercase

from benchmarks.events import Events
from benchmarks.options import Options, parse
from benchmarks.plots import lines
from benchmarks.report import machine, show
from benchmarks.timing import race
from errlock.pipeline import Pipeline
from errlock.processors.redact import OwnDetector, Redact

_COUNTS = (50, 500, 2000)
_QUICK_COUNTS = (5, 20)
_SIZE, _QUICK_SIZE = 30_000, 2_000  # bytes of an event
_SECRETS = 3
_BUDGET = 4.0  # CPU seconds for one number of rules
_TAIL = "0123456789abcdefghijABCDEFGHIJ"


def rules(count: int, *, needs: bool) -> tuple[OwnDetector, ...]:
    """So many detectors; the first ones are the same for every number."""
    random = Random("rules")
    made = []
    for number in range(count):
        literal = f"{''.join(random.choices(ascii_lowercase, k=5))}{number}_"
        made.append(
            OwnDetector(
                id=f"own.{number}",
                class_="custom.token",
                pattern=f"{literal}[0-9A-Za-z]{{20,40}}",
                needs=(literal,) if needs else (),
            )
        )
    return tuple(made)


def pipeline(count: int, *, needs: bool) -> Pipeline:
    """The default policy with so many rules more; it is seen to use the last one."""
    own = rules(count, needs=needs)
    made = Pipeline({"redact": Redact(detectors=own)})
    token = own[-1].pattern.partition("[")[0] + _TAIL
    found = made.scrub(json.dumps({"message": f"step saw {token} here"}).encode())
    assert found is not None
    assert _TAIL.encode() not in found
    assert b"step saw" in found
    return made


def documents(count: int, size: int) -> list[bytes]:
    """Events with a few secrets, none of them for these rules."""
    generator = Events("rules")
    made = []
    for _ in range(count):
        event = generator.event(size)
        generator.plant(event, _SECRETS)
        made.append(json.dumps(event).encode())
    return made


def ready(count: int, *, needs: bool) -> tuple[float, float]:
    """Seconds until ready in a new process, cold and warm."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "XDG_CACHE_HOME": folder, "HOME": folder}
        command = [sys.executable, "-m", "benchmarks.bench_rules", "ready", str(count)]
        runs = [
            subprocess.run(
                [*command, "needs"] if needs else command,
                env=environment, check=True, capture_output=True, text=True,
            ).stdout
            for _ in range(2)
        ]  # fmt: skip
    return float(runs[0]), float(runs[1])


def measure(options: Options) -> list[dict[str, object]]:
    """A row for each number of rules, with and without their literals said."""
    counts = _QUICK_COUNTS if options.quick else _COUNTS
    rows: list[dict[str, object]] = []
    for needs in (True,) if options.quick else (True, False):
        contenders = {str(count): pipeline(count, needs=needs).scrub for count in counts}
        bodies = documents(4, _QUICK_SIZE) if options.quick else documents(120, _SIZE)
        times = race(contenders, bodies, 0.2 if options.quick else _BUDGET)
        fewest = times[str(counts[0])].median
        for count in counts:
            each = times[str(count)]
            # What a new process takes is the same for few rules.
            cold, warm = (None, None) if options.quick else ready(count, needs=needs)
            rows.append(
                {
                    "rules": count,
                    "literal said": "yes" if needs else "no",
                    "n": len(each.seconds),
                    "scrub µs": each.median * 1e6,
                    "p99 µs": each.p99 * 1e6,
                    f"× of {counts[0]} rules": each.median / fewest,
                    "ready cold s": cold,
                    "ready warm s": warm,
                }
            )
    return rows


def plot(rows: Sequence[dict[str, object]]) -> None:
    """Time over the number of rules."""
    series: dict[str, list[tuple[float, float]]] = {}
    for each in rows:
        point = float(str(each["rules"])), float(str(each["scrub µs"]))
        series.setdefault(f"literal said: {each['literal said']}", []).append(point)
    lines("rules", "A scrub of 30 KB with rules of one's own", series, x="rules", y="µs")


def print_ready(count: int, *, needs: bool) -> None:
    """What the processes do: print how long it took, in seconds that somebody waits."""
    start = time.perf_counter()
    pipeline(count, needs=needs)
    print(time.perf_counter() - start)


def main() -> None:
    """Measure and show."""
    options = parse(__doc__)
    rows = measure(options)
    about = machine("hyperscan", "google-re2")
    show(f"rules of one's own, events of {_SIZE // 1000} KB", rows, about)
    if not options.quick:
        plot(rows)


if __name__ == "__main__":
    if sys.argv[1:2] == ["ready"]:
        print_ready(int(sys.argv[2]), needs="needs" in sys.argv)
    else:
        main()
