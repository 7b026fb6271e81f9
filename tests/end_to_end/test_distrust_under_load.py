"""`errlock distrust` under load: no byte follows, the standby has everything, nothing is lost."""

from __future__ import annotations

from pathlib import Path

from distrust_course import by_command, distrust
from live_bugsink import Bugsink

# Seconds from the moment that the command has returned: its own start is left out.
GRACE = 1.0


def test_no_byte_follows_and_the_standby_has_everything(tmp_path: Path, bugsink: Bugsink) -> None:
    swap = distrust(tmp_path, bugsink, by_command, GRACE)
    assert swap.last_byte <= GRACE
    assert swap.bytes_before > 0
    assert swap.bytes_after == 0
    assert swap.at_the_distrusted > 0
    assert swap.at_the_standby > 0
