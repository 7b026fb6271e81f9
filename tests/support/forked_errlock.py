"""A collector out of a process in which errlock is imported already: what it does, not its start.

Most of what a start takes is importing, and the tests start hundreds. Each is still a process of
its own, with the folder, the output and the environment that it would have had.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

_FORKS = multiprocessing.get_context("forkserver")
# Nothing that starts a thread when it is imported: threads do not come along.
_FORKS.set_forkserver_preload(
    [
        "errlock.pipeline.commands.run",
        "errlock.pipeline.collector.serving",
        "errlock.receivers.sentry",
        "errlock.exporters.file",
        "errlock.exporters.sentry",
    ]
)


class Forked:
    """`errlock` with some words, as far as `subprocess.Popen` is asked for of it."""

    def __init__(self, words: list[str], folder: Path, output: Path) -> None:
        """Run it in a folder; what it prints is added to a file."""
        self._process = _FORKS.Process(target=_run, args=(words, folder, {**os.environ}, output))
        with _without_main():
            self._process.start()

    @property
    def pid(self) -> int:
        """Of the process."""
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """How it ended, if it has."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """How it ended, once it has. Raises subprocess.TimeoutExpired."""
        self._process.join(timeout)
        if (code := self.poll()) is None:
            raise subprocess.TimeoutExpired("errlock", timeout or 0.0)
        return code

    def send_signal(self, what: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, what)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


@contextmanager
def _without_main() -> Iterator[None]:
    """A process that starts here has not the script that runs the tests: it would import it."""
    main, sys.modules["__main__"] = sys.modules["__main__"], ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _run(words: list[str], folder: Path, environment: dict[str, str], output: Path) -> None:
    """In the new process."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    with output.open("ab") as log:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(log.fileno(), stream.fileno())
    from errlock.pipeline.entry_point import main

    sys.argv = ["errlock", *words]
    sys.exit(main())
