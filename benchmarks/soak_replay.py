"""Are 10,000 held events replayed to a real Bugsink once, though the collector is killed twice?

They are moved there under the strict profile, through a server that applies Relay's rule about
times. The long form of tests/end_to_end/test_replay.py; exit code 1 when something is not right.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from live_bugsink import running_bugsink
from replay_course import replay_course

from benchmarks.options import parse, progress
from benchmarks.report import machine, show


def main() -> int:
    """Run it and show."""
    options = parse(__doc__)
    events = 120 if options.quick else 10_000
    with tempfile.TemporaryDirectory() as folder, running_bugsink(Path(folder) / "b") as bugsink:
        progress(f"{events} events")
        course = replay_course(bugsink, Path(folder) / "errlock", events, [0.3, 0.6])
    row = {
        "events": events,
        "killed at": " ".join(map(str, course.killed_at)),
        "stored": len(course.stored),
        "posted": course.envelopes,
        "times shifted": course.shifted,
        "seconds": course.seconds,
    }
    wrong = course.wrong()
    notes = wrong or ["Posted more than stored: attempts that a kill left unclear, made again."]
    show("moved to a real Bugsink under strict", [row], machine(), notes)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
