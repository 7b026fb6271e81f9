"""The report's numbers equal the truth of a scripted month. Its long form: ./dev bench month."""

from __future__ import annotations

from pathlib import Path

from month_check import check
from month_course import month


def test_every_claim_about_a_month_equals_what_was_sent(tmp_path: Path) -> None:
    made = month(tmp_path, documents=300, moments=25)
    checked = check(made, windows=2)
    assert checked.wrong == []
    assert checked.counts > 200
    assert checked.estimates > 80
