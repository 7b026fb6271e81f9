"""A real application server for tests: gunicorn, which forks, with and without gevent.

The application runs in the Python of the tests.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from live_ports import listening_port
from pinned_packages import installed

_REQUIREMENTS = Path(__file__).with_name("gunicorn-requirements.txt")
_START_DEADLINE = 120.0  # seconds


@contextmanager
def running_gunicorn(
    application: str, arguments: Sequence[str], environment: Mapping[str, str], log: Path
) -> Iterator[int]:
    """Serve `module:callable` of tests/end_to_end/senders; the port. Stops it at the end."""
    port = listening_port()
    senders = Path(__file__).parents[1] / "end_to_end/senders"
    path = [str(Path(__file__).parent), str(senders), str(installed(_REQUIREMENTS))]
    command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}"]
    with log.open("wb") as output:
        server = subprocess.Popen(
            [*command, "--no-control-socket", *arguments, application],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path), **environment},
            stdout=output, stderr=output,
        )  # fmt: skip
        try:
            _wait_until_it_answers(server, port, log)
            yield port
        finally:
            server.terminate()
            try:
                server.wait(40)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _wait_until_it_answers(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_DEADLINE
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                return
        except urllib.error.HTTPError as answer:
            answer.close()
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"gunicorn did not start:\n{log.read_text(errors='replace')[-4000:]}")
