"""No value of a document is in anything that a real collector writes or says."""

from __future__ import annotations

from pathlib import Path

from canary_course import run

from errlock.pipeline.leaktest.cases import all_slots, chosen_kinds, promised

EACH = 10  # of the quick run's cases: every slot and encoding. `./dev bench canaries` takes all


def test_no_canary_is_in_what_a_collector_keeps_and_tells(tmp_path: Path) -> None:
    cases = list(promised(chosen_kinds([]), all_slots(), quick=True))[::EACH]
    assert {case.encoding.name for case in cases} == {
        case.encoding.name for case in promised(chosen_kinds([]), all_slots(), quick=True)
    }
    course = run(tmp_path, cases)
    assert course.found == []
    # What the policy itself lets out is for `errlock leaktest` to find.
    assert len(course.passed) <= 0.005 * course.canaries
    assert course.unseen == []  # else the search would have missed them elsewhere
    assert course.canaries > 900
    places = " ".join(course.places)
    for name in (
        "ledger.db", "needles.db", "queue.db", "journal", "metrics", "health", "status", "log",
        "exposure search", "exposure report", "manifest", "stored payload", "delivered",
    ):  # fmt: skip
        assert name in places, name
    assert course.searched > 1_000_000
