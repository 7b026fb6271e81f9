"""Fixtures that start real things, once a session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from live_bugsink import Bugsink, running_bugsink
from live_node import Node, installed_node
from wire import Wire


@pytest.fixture(scope="session")
def bugsink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bugsink]:
    """A real Bugsink; `bugsink.project(name)` gives a test its own project."""
    with running_bugsink(tmp_path_factory.mktemp("bugsink")) as server:
        yield server


@pytest.fixture(scope="session")
def node() -> Node:
    """A real Node with the SDKs of tests/end_to_end/node."""
    return installed_node()


@pytest.fixture
def wire() -> Iterator[Callable[[int], Wire]]:
    """`wire(port)` puts a recording relay in front of a port of this machine."""
    with ExitStack() as relays:
        yield lambda port: relays.enter_context(Wire(port))
