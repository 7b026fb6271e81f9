"""A signal's handler that sanitises never waits for what its own thread holds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_PROGRAM = Path(__file__).parents[1] / "support" / "scrub_in_signals.py"


@pytest.mark.parametrize(
    "what", ["counters", "pipeline", "logs", "fork", "transport", "otel", "ledger", "handover"]
)
def test_a_handler_of_a_signal_may_sanitise_whatever_it_interrupts(what: str) -> None:
    done = subprocess.run(
        [sys.executable, _PROGRAM, what], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
