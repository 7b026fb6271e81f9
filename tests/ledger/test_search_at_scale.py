"""None of a thousand secrets that were sent is missed, none of many more that were not is found."""

from __future__ import annotations

from pathlib import Path

from benchmarks.bench_search import KEY, deliver, secrets
from errlock.ledger.needles.needles import FILE
from errlock.ledger.search.searching import search


def test_every_secret_that_was_sent_is_found_and_no_other(tmp_path: Path) -> None:
    there, absent = secrets("sent", 1000), secrets("not", 100_000)
    deliver(tmp_path, 500_000, there)
    found = search([tmp_path], [KEY], [*there, *absent])
    assert (found.count("sent"), found.count("not_found")) == (1000, 100_000)
    for answer in found.answers[:1000]:
        assert {(each.class_, each.form) for each in answer.sightings} == {
            ("secret.token", "clear")
        }
    # Benchmarks say what it is for more: see `./dev bench search`.
    assert (tmp_path / FILE).stat().st_size < 20_000_000
