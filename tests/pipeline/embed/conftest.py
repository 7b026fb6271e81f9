"""What applications follow, and what they send to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from live_control import ControlServer, control_server
from metered_sink import MeteredSink, metered_sink

from errlock.delivery.following import follower as following


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch) -> Iterator[ControlServer]:
    """A control document, at which those who follow look twenty times a second."""
    monkeypatch.setattr(following, "INTERVAL", 0.05)
    with control_server() as server:
        yield server


@pytest.fixture
def backend() -> Iterator[MeteredSink]:
    with metered_sink() as sink:
        yield sink


@pytest.fixture
def other() -> Iterator[MeteredSink]:
    with metered_sink() as sink:
        yield sink
