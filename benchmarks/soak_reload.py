"""Is anybody refused, or anything lost, when a collector is reloaded again and again under load?

Clients that never try again send on connections that they keep and on new ones, while receiver,
policy, exporters and queue change; each tenth configuration is broken. The same as
tests/end_to_end/test_reload.py, for longer.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from reload_course import reload_under_load

from benchmarks.options import parse, progress
from benchmarks.report import machine, show

_RELOADS = 100


def main() -> None:
    """Run it; ends with 1 when somebody was refused or something was lost or came twice."""
    options = parse(__doc__)
    reloads = 10 if options.quick else _RELOADS
    progress(f"{reloads} reloads")
    with tempfile.TemporaryDirectory() as folder:
        course = reload_under_load(Path(folder), reloads)
    lost = course.acknowledged - set(course.arrived)
    twice = len(course.arrived) - len(set(course.arrived))
    row = {
        "reloads": course.reloads,
        "broken": course.broken,
        "acknowledged": len(course.acknowledged),
        "refused": len(course.refused),
        "lost": len(lost),
        "twice": twice,
    }
    show("reloaded under load", [row], machine("aiohttp"), [])
    assert not course.refused
    assert not lost
    assert not twice


if __name__ == "__main__":
    main()
