"""Do the numbers of an exposure report equal what was sent? 200,000 documents in a month.

A real collector with real sockets; only its time of day is moved by the script. An envelope has an
event and nine logs with known contents. It goes to a vendor or its standby, and to an archive with
a stricter policy. There is a change of policy, a control that is off for an hour, a distrust and a
swap. Reports about the month, its changes and 60 other windows are held against the truth: every
count by class, form, type, service and environment, people and values, first and last.
"""

from __future__ import annotations

import resource
import tempfile
import time
from pathlib import Path

from month_check import check
from month_course import month

from benchmarks.options import parse, progress
from benchmarks.report import machine, show

_DOCUMENTS, _MOMENTS, _WINDOWS = 200_000, 1440, 60


def main() -> None:
    """Run it; ends with 1 when anything differs."""
    options = parse(__doc__)
    documents, moments, windows = (2000, 60, 6) if options.quick else (
        _DOCUMENTS, _MOMENTS, _WINDOWS
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        progress(f"{documents:,} documents at {moments:,} moments")
        began = time.monotonic()
        made = month(Path(folder), documents, moments)
        sent = time.monotonic() - began
        progress(f"sent in {sent:.0f} s; {windows} windows beside the month and its changes")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
        checked = check(made, windows)
        used = resource.getrusage(resource.RUSAGE_SELF).ru_utime - before
        size = (made.folder / "ledger.db").stat().st_size
    row = {
        "documents": documents,
        "windows": checked.windows,
        "exact": checked.exact,
        "counts": checked.counts,
        "estimates": checked.estimates,
        "in bounds %": 100 * checked.within / checked.estimates,
        "worst %": 100 * checked.worst,
        "wrong": len(checked.wrong),
        "s a report": used / checked.windows,
        "account MB": size / 1e6,
    }
    show("reports about a month, against the truth", [row], machine("numpy"), checked.wrong)
    assert not checked.wrong


if __name__ == "__main__":
    main()
