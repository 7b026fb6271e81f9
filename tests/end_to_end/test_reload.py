"""Another configuration for a running collector: nobody is refused, nothing is lost."""

from __future__ import annotations

from pathlib import Path

from live_errlock import running_errlock
from live_ports import listening_port
from reload_course import configuration, reload_under_load

RELOADS = 20


def test_reloads_under_load_refuse_nobody_and_lose_nothing(tmp_path: Path) -> None:
    course = reload_under_load(tmp_path, RELOADS)
    assert course.refused == []
    assert set(course.arrived) == course.acknowledged
    assert len(course.arrived) == len(course.acknowledged), "nobody was killed: nothing goes twice"


def test_a_changed_file_is_enough(tmp_path: Path) -> None:
    port, out = listening_port(), tmp_path / "out.jsonl"
    with running_errlock(configuration(0, port, out), tmp_path / "run") as errlock:
        errlock.write(configuration(1, port, out))
        errlock.wait_for_log(lambda log: "reloaded: exporters added: debug" in log)
