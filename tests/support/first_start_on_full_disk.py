"""A first start that finds no room leaves a new folder to the next one, which holds nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from live_errlock import CONFIG, ERRLOCK, collector, running_errlock, sentry_at, started_errlock
from live_ports import listening_port


def main(folder: Path) -> None:
    """`folder` has `data`, a small disk."""
    config = collector(sentry_at(listening_port()), {"debug": {}})
    config["service"] |= {"storage": "data", "storage_reserve": "1MiB"}
    data = folder / "data"
    taken = data / "taken"
    about = os.statvfs(data)
    taken.write_bytes(b"x" * ((about.f_bavail - 40) * about.f_frsize))  # 160 KiB are left
    taken.chmod(0o600)
    with started_errlock(config, folder) as errlock:
        assert errlock.ended(60) == 2
        assert "service.storage: data/trust: cannot be made (full)" in errlock.log
    assert list(data.iterdir()) == [taken]
    taken.unlink()
    with running_errlock(config, folder):
        told = subprocess.run(
            [ERRLOCK, "status", "-c", CONFIG],
            cwd=folder, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert told.returncode == 0, told.stderr
        assert "trusted" in told.stdout


main(Path(sys.argv[1]))
