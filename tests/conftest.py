"""Fixtures that start real things, once a session."""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from live_bugsink import Bugsink, installed_bugsink, running_bugsink
from live_node import Node, installed_node
from wire import Wire

# Tests start hundreds of interpreters: none of them is to compile everything anew, whatever the
# environment says, and none is to write beside the sources. `./dev` has the same folder.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.pycache_prefix = str(Path(__file__).parents[1] / "build" / "pycache")
os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--soak`: the same tests on far more data, for hours when nobody waits."""
    parser.addoption("--soak", action="store_true", help="run on far more generated data; minutes")


def pytest_configure(config: pytest.Config) -> None:
    """Generated data is the same each time, so that nobody's change fails by chance, nor
    because a machine was busy.

    What nobody has thought of yet is looked for with `--soak`, and by fuzzing.
    """
    settings.register_profile("same", derandomize=True, database=None, deadline=None)
    if not config.getoption("--soak"):
        settings.load_profile("same")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Have what comes from the network fetched while other tests run, where processes share them.

    What cannot be had is told by the tests that want it.
    """
    if session.config.getoption("dist") != "no" and not hasattr(session.config, "workerinput"):
        for fetch in (installed_node, installed_bugsink):
            threading.Thread(target=_fetched, args=[fetch]).start()


def _fetched(fetch: Callable[[], object]) -> None:
    with suppress(RuntimeError, OSError):
        fetch()


@pytest.fixture(scope="session")
def soak(pytestconfig: pytest.Config) -> bool:
    """Whether to take the time that `--soak` gives."""
    return bool(pytestconfig.getoption("--soak"))


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
def uncollected() -> Iterator[None]:
    """What other tests left is not collected meanwhile, for tests in which Python is parsed.

    CPython 3.11 raises "AST constructor recursion depth mismatch" when it collects garbage amid
    that, and a finaliser of it formats a traceback: that parses the line which it shows.
    """
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that every user of the machine may enter: pytest's own are private."""
    with TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def wire() -> Iterator[Callable[[int], Wire]]:
    """`wire(port)` puts a recording relay in front of a port of this machine."""
    with ExitStack() as relays:
        yield lambda port: relays.enter_context(Wire(port))
