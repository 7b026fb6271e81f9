"""What is said where a process may open no more files."""

from __future__ import annotations

import errno

import pytest

from errlock.pipeline.open_files import Shortage


def test_a_shortage_of_files_is_told_in_words_and_once_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = 0.0
    shortage = Shortage(lambda: now)
    for second in range(180):
        now = float(second)
        shortage.tell(errno.EMFILE)
    assert len(caplog.messages) == 3
    assert caplog.messages[0].startswith("out of file descriptors (ulimit -n, or LimitNOFILE, is ")
    now = 1000.0
    shortage.tell(errno.ENFILE)
    assert caplog.messages[3].startswith("out of file descriptors (the system has no more): ")
