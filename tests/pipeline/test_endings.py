"""Threads and hooks that outlive the main thread sanitise as others do, for the first time too."""

from __future__ import annotations

import subprocess
import sys

import pytest

# Until the main thread has ended nothing is sanitised.
_PROGRAM = """
import atexit, sys, threading, time
from errlock.pipeline import Pipeline

pipeline = Pipeline.default()

def scrub():
    print(pipeline.scrub_text("mail to jane.roe@example.com"), flush=True)

def scrub_later():
    threading.main_thread().join()
    scrub()

if sys.argv[1] == "atexit":
    atexit.register(scrub)
else:
    threading.Thread(target=scrub_later).start()
"""


@pytest.mark.parametrize("where", ["thread", "atexit"])
def test_the_first_document_may_come_when_the_main_thread_has_ended(where: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, where], check=False, capture_output=True, timeout=60
    )
    assert done.stdout == b"mail to [email]\n", done.stderr
