"""What was held arrives at another backend: once, judged anew, with its own times."""

from __future__ import annotations

from pathlib import Path

from live_bugsink import Bugsink
from replay_course import HOURS, replay_course


def test_held_events_move_to_bugsink_once_though_the_collector_is_killed_twice(
    bugsink: Bugsink, tmp_path: Path
) -> None:
    course = replay_course(bugsink, tmp_path, 200, [0.25, 0.6])
    assert course.wrong() == []
    assert 0 < course.killed_at[0] <= course.killed_at[1] < 200
    ages = [course.job["ordered"] - moment for moment in course.happened.values()]
    assert min(ages) > HOURS - 60
