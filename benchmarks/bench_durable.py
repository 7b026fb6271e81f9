"""What does it cost that an event is on the disk before it is acknowledged?

Collector processes with `storage: DIR`, with `storage: memory`, and with that and no processors get
the same events in turns over real connections, from so many clients at once: each waits for its own
acknowledgement before it sends the next. Ends with 1 when group commit does not hold half of the
memory mode's rate on 30 KB events.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from live_errlock import Errlock, collector, running_errlock, sentry_at
from live_ports import listening_port

from benchmarks.collectors import Door, Round, envelope, round_of
from benchmarks.events import Events
from benchmarks.options import parse, progress
from benchmarks.report import machine, show

_SIZES = (1_000, 5_000, 30_000)
_CLIENTS = (1, 16, 64)
_EVENTS = 128  # a round
_ROUNDS = 7
_GOAL = 0.5  # of the memory mode's rate


@dataclass(frozen=True, slots=True)
class Contender:
    """A running collector."""

    errlock: Errlock
    door: Door


def configuration(port: int, *, storage: str = "memory", processors: bool = True) -> dict[str, Any]:
    """A destination that costs next to nothing: a line for each event."""
    config = collector(sentry_at(port), {"debug": {"verbosity": "basic"}})
    if not processors:
        del config["processors"]
        config["service"]["pipelines"]["errors"]["processors"] = []
    config["service"] |= {"storage": storage, "telemetry": {"metrics": {"level": "none"}}}
    return config


def row(size: int, clients: int, found: dict[str, list[Round]]) -> dict[str, object]:
    """A line of the table: medians of the rounds."""

    def ratio(one: str, other: str) -> float:
        pairs = zip(found[one], found[other], strict=True)
        return statistics.median(a.rate / b.rate for a, b in pairs)

    def cpu(name: str) -> float:
        return statistics.median(each.cpu for each in found[name]) * 1e6

    rates = {
        name: statistics.median(each.rate for each in rounds) for name, rounds in found.items()
    }
    return {
        "event KB": size // 1000,
        "clients": clients,
        **{f"{name} /s": rate for name, rate in rates.items()},
        "disk/memory": ratio("disk", "memory"),
        "disk/no processors": ratio("disk", "no processors"),
        **{f"{name} CPU µs": cpu(name) for name in found},
    }


def main() -> int:
    """Measure and show."""
    options = parse(__doc__)
    amount, rounds = (16, 1) if options.quick else (_EVENTS, _ROUNDS)
    events = Events("durable")
    rows = []
    with ExitStack() as running, tempfile.TemporaryDirectory() as folder:

        def start(name: str, **how: Any) -> Contender:
            port = listening_port()
            config = configuration(port, **how)
            place = Path(folder) / name
            return Contender(running.enter_context(running_errlock(config, place)), Door(port))

        contenders = {
            "disk": start("disk", storage="data"),
            "memory": start("memory"),
            "no processors": start("bare", processors=False),
        }
        for size in _SIZES:
            for clients in _CLIENTS:
                if not options.wants(f"{size // 1000} KB"):
                    continue
                progress(f"{size // 1000} KB, {clients} clients")
                found: dict[str, list[Round]] = {name: [] for name in contenders}
                for number in range(rounds + 1):
                    bodies = [envelope(events.event(size)) for _ in range(max(amount, clients))]
                    for name, contender in contenders.items():
                        done = round_of(contender.errlock, contender.door, bodies, clients)
                        if number:  # the first one only warms up
                            found[name].append(done)
                rows.append(row(size, clients, found))
    note = (
        "Medians of rounds in turns, of their ratios too. The clients and the destination share "
        "the machine. CPU: of the collector's process for one event, its delivery included."
    )
    show("acknowledged by a collector", rows, machine("aiohttp", "msgspec"), [note])
    late = [each for each in rows if each["event KB"] == 30 and each["clients"] != 1]
    slow = [each for each in late if float(str(each["disk/memory"])) < _GOAL]
    if slow and not options.quick:
        print(f"group commit holds less than {_GOAL} of the memory mode: {slow}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
