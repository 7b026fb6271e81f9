"""A collector that follows a file and is killed: no line is lost, and few are read twice."""

from __future__ import annotations

import json
import re
import signal
from collections import Counter
from pathlib import Path

from live_errlock import collector, running_errlock
from waiting import wait_for

LINES = 2000


def test_a_followed_file_is_read_on_after_a_kill(tmp_path: Path) -> None:
    source, written = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("".join(json.dumps({"message": f"line {n:05}"}) + "\n" for n in range(LINES)))
    config = collector(
        {"file": {"path": str(source), "follow": True}}, {"file": {"path": str(written)}}
    )
    config["service"]["storage"] = "data"

    def arrived() -> Counter[bytes]:
        return Counter(re.findall(rb"line (\d{5})", written.read_bytes()))

    position = tmp_path / "run" / "data" / "positions" / "file.json"
    with running_errlock(config, tmp_path / "run") as errlock:
        wait_for(position.exists)
        errlock.send(signal.SIGKILL)
        errlock.ended(30)
    before = json.loads(position.read_bytes())["read"]
    read = before // (source.stat().st_size // LINES)
    assert read > 0
    with running_errlock(config, tmp_path / "run") as errlock:
        left = float(LINES - read)
        errlock.wait_for_metric("errlock_receiver_accepted_total", left, receiver="file")
        wait_for(lambda: len(arrived()) == LINES)
