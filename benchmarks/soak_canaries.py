"""Is any value of a document in what a collector keeps, logs, measures or tells?

Every kind of canary in every place that a sender can write to, and in every encoding of leaktest,
is sent to a real collector with a ledger; then its storage, log, metrics, health, control API and
what the commands say are searched for each of them in every encoding. The same as
tests/ledger/test_no_value_end_to_end.py, with all cases.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from canary_course import run

from benchmarks.options import parse, progress
from benchmarks.report import machine, show
from errlock.pipeline.leaktest.cases import all_slots, chosen_kinds, promised

_EACH_QUICK = 10


def main() -> None:
    """Run it; ends with 1 when a canary was found."""
    options = parse(__doc__)
    cases = list(promised(chosen_kinds([]), all_slots(), quick=True))
    if options.quick:
        cases = cases[::_EACH_QUICK]
    progress(f"{len(cases)} canaries")
    with tempfile.TemporaryDirectory() as folder:
        course = run(Path(folder), cases, progress)
    row = {
        "requests": course.requests,
        "canaries": course.canaries,
        "forms": course.forms,
        "bytes searched": course.searched,
        "places": len(course.places),
        "found": len(course.found),
        "let out by the policy": len(course.passed),
    }
    show("canaries in what a collector keeps and tells", [row], machine(), [])
    assert not course.found, course.found
    assert not course.unseen, course.unseen  # else the search would have missed them elsewhere


if __name__ == "__main__":
    main()
