"""Does sanitising take time in proportion to the input, whatever somebody sends?

For every detector, every decoding view, the copy pass and the shapes of documents: CPU time over at
least four doublings of adversarial input, and the slope of log time over log size, which must be at
most 1.15. It is fitted on the larger four sizes: what every document costs does not flatter it.
What is above is measured again, with more care, before it counts. Ends with 1 when something is
above.
"""

from __future__ import annotations

import math
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.adversarial import Attack, attacks
from benchmarks.options import Options, parse, progress
from benchmarks.plots import lines
from benchmarks.report import machine, show
from errlock.ledger.manifest import write_manifest
from errlock.ledger.traces import Tracer
from errlock.pipeline import Pipeline
from errlock.pipeline.errors import RefusedPayload
from errlock.pipeline.payloads.document import Payload
from errlock.pipeline.payloads.envelope import Envelope
from errlock.pipeline.payloads.otlp import OtlpRequest

STEEPEST = 1.15
_FIRST = {"event": 1 << 10, "envelope": 1 << 14, "logs": 1 << 14}  # bytes; batches are larger
_SIZES = 5  # at least: four doublings
_LONG_ENOUGH = 0.06  # CPU seconds at which a size need not be doubled any more
_LARGEST = 1 << 20
_FITTED = 4  # sizes, the largest ones
_CAREFUL = 3  # runs of which the best counts
_SURE = 1.0  # CPU seconds at which one run is enough
_SHOWN = 25
_QUICK = 90  # of so many attacks one is tried


@dataclass(frozen=True, slots=True)
class Curve:
    """Times over sizes. `refused` is the size at which the document did not go out."""

    attack: Attack
    sizes: tuple[int, ...]
    seconds: tuple[float, ...]
    refused: int | None

    @property
    def slope(self) -> float:
        """Of log time over log size, for the larger sizes."""
        x = [math.log(size) for size in self.sizes[-_FITTED:]]
        y = [math.log(each) for each in self.seconds[-_FITTED:]]
        return statistics.linear_regression(x, y).slope if len(x) > 1 else 0.0

    def row(self) -> dict[str, object]:
        """One line of the table."""
        return {
            "group": self.attack.group,
            "input": self.attack.name,
            "largest KB": self.sizes[-1] / 1000,
            "ms": self.seconds[-1] * 1000,
            "µs/KB": self.seconds[-1] * 1e9 / self.sizes[-1],
            "slope": self.slope,
            "refused at KB": None if self.refused is None else self.refused / 1000,
        }


_DECODE: dict[str, Callable[[bytes], Payload]] = {
    "envelope": lambda body: Envelope.decode(body, "shop", 1.0),
    "logs": lambda body: OtlpRequest.decode(body, "logs"),
}


class Runner:
    """Sanitises attacks, notes what an account needs of whole payloads, and times it."""

    def __init__(self, *, quick: bool) -> None:
        self._pipeline = Pipeline.default()
        self._pipeline.keep_traces(Tracer("k" * 44).traces)
        self._quick = quick

    def curve(self, attack: Attack, runs: int = 1, larger: int = 1) -> Curve:
        """Double the input until it takes long enough to be measured."""
        sizes: list[int] = []
        seconds: list[float] = []
        size, refused = (attack.first or _FIRST[attack.format]) * larger, None
        while not self._enough(sizes, seconds):
            body = attack.make(size)
            took, result = self._best(attack, body, runs)
            if result is None:  # a limit: what comes after it is not the work that is asked about
                refused = len(body)
                if sizes or size <= 16:
                    break
                size //= 8
                continue
            sizes.append(len(body))
            seconds.append(took)
            size *= 2
        return Curve(attack, tuple(sizes) or (1,), tuple(seconds) or (1e-9,), refused)

    def _enough(self, sizes: list[int], seconds: list[float]) -> bool:
        if len(sizes) < _SIZES:
            return False
        return self._quick or seconds[-1] > _LONG_ENOUGH or sizes[-1] >= _LARGEST

    def _best(self, attack: Attack, body: bytes, runs: int) -> tuple[float, object]:
        scrub = self._scrubber(attack)
        best, result = math.inf, None
        for _ in range(runs):
            start = time.process_time()
            result = scrub(body)
            best = min(best, time.process_time() - start)
            if best > _SURE:
                break
        return best, result

    def _scrubber(self, attack: Attack) -> Callable[[bytes], object]:
        if attack.format == "event":
            return self._pipeline.scrub
        decode = _DECODE[attack.format]

        def scrub(body: bytes) -> object:
            try:
                payload = decode(body)
            except RefusedPayload:
                return None
            clean = self._pipeline.scrub_payload(payload)
            return None if clean is None else (write_manifest(clean), clean.encode())

        return scrub

    def settled(self, attack: Attack) -> Curve:
        """The curve, measured again where it seems too steep: larger and with more care."""
        curve = self.curve(attack)
        for runs in (_CAREFUL, 2 * _CAREFUL):
            if self._quick or curve.slope <= STEEPEST:
                break
            curve = self.curve(attack, runs, 4)
        return curve


def curves(options: Options) -> Iterator[Curve]:
    """All of them, or a few."""
    runner = Runner(quick=options.quick)
    runner.curve(next(attacks()))  # what the first document costs
    for number, attack in enumerate(attacks()):
        wanted = options.wants(f"{attack.group} {attack.name}")
        if wanted and (not options.quick or number % _QUICK == 0):
            curve = runner.settled(attack)
            if curve.slope > STEEPEST:
                progress(f"{attack.group} {attack.name}: {curve.slope:.2f}")
            yield curve


def summary(measured: list[Curve]) -> list[str]:
    """How many there are, and how many of them are too steep."""
    notes = []
    for group in dict.fromkeys(curve.attack.group for curve in measured):
        those = [curve.slope for curve in measured if curve.attack.group == group]
        steep = sum(slope > STEEPEST for slope in those)
        notes.append(f"{group}: {len(those)} inputs, steepest {max(those):.2f}, {steep} too steep")
    return notes


def main() -> int:
    """Measure and show; 1 when something is not linear."""
    options = parse(__doc__)
    measured = sorted(curves(options), key=lambda curve: -curve.slope)
    rows = [curve.row() for curve in measured]
    shown = rows if "--json" in sys.argv else rows[:_SHOWN]
    title = f"slope of CPU time over size, at most {STEEPEST} (the steepest first)"
    show(title, shown, machine("google-re2", "hyperscan"), summary(measured))
    if not options.quick:
        steepest = {
            c.attack.name: list(zip(c.sizes, c.seconds, strict=True)) for c in measured[:10]
        }
        lines("linear", "The steepest", steepest, x="bytes", y="CPU seconds")
    return 0 if options.quick else int(measured[0].slope > STEEPEST)


if __name__ == "__main__":
    sys.exit(main())
