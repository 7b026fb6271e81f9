"""errlock in applications whose sentry-sdk is not the one of today."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

from http_sink import http_sink
from pinned_packages import installed

from errlock.ledger.embedded.handover import decoded

_SUPPORT = Path(__file__).parents[1] / "support"
_APPLICATION = Path(__file__).with_name("senders") / "accounting_client.py"


def run(sdk: str, backend: int, folder: Path) -> subprocess.CompletedProcess[str]:
    """Have an application send two events and end."""
    return subprocess.run(
        [sys.executable, "-W", "ignore", _APPLICATION, "sentry"],
        env={
            **os.environ,
            "PYTHONPATH": str(installed(_SUPPORT / f"{sdk}-requirements.txt")),
            "BACKEND": str(backend),
            "LEDGER": json.dumps({"service": "shop", "folder": str(folder)}),
        },
        input="2\n", capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_the_account_of_the_oldest_sentry_sdk_is_true(tmp_path: Path) -> None:
    with http_sink() as port:
        done = run("oldest-sentry", port, tmp_path)
    assert done.returncode == 0, done.stderr
    accounts = [decoded(path.read_bytes()) for path in tmp_path.glob("*.handover")]
    delivered: Counter[tuple[str, str]] = Counter()
    for row in (row for account in accounts for row in account.rows if not row.class_):
        delivered[row.type, row.outcome] += row.documents
    assert delivered == {("event", "delivered"): 2}


def test_a_sentry_sdk_that_is_too_old_is_told(tmp_path: Path) -> None:
    done = run("too-old-sentry", 9, tmp_path)
    last = done.stderr.splitlines()[-1]
    assert last == "ImportError: expected sentry-sdk 2.16 or newer, this is 2.15.0"
