"""Another configuration for a running collector: nobody is refused, nothing is lost."""

from __future__ import annotations

from pathlib import Path

from live_errlock import running_errlock
from reload_course import Ports, configuration, reload_under_load

RELOADS = 20


def test_reloads_under_load_refuse_nobody_and_lose_nothing(tmp_path: Path) -> None:
    course = reload_under_load(tmp_path, RELOADS)
    for sent in (course.http, course.grpc):
        assert sent.refused == []
        assert sent.acknowledged == set(sent.arrived)
        assert not sent.twice, "nobody was killed: nothing goes twice"


def test_a_changed_file_is_enough(tmp_path: Path) -> None:
    ports, out = Ports.free(), tmp_path / "out.jsonl"
    with running_errlock(configuration(0, ports, out), tmp_path / "run") as errlock:
        errlock.write(configuration(1, ports, out))
        errlock.wait_for_log(lambda log: "reloaded: exporters added: debug" in log)
