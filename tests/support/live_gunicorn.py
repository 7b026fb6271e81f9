"""A real application server for tests: gunicorn, which forks, with and without gevent.

Installed under `.cache/`, once for each set of pinned versions; the application runs in the
Python of the tests.
"""

from __future__ import annotations

import fcntl
import hashlib
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

_REQUIREMENTS = Path(__file__).with_name("gunicorn-requirements.txt")
_CACHE = Path(__file__).parents[2] / ".cache"
_START_DEADLINE = 120.0  # seconds


@contextmanager
def running_gunicorn(
    application: str, arguments: Sequence[str], environment: Mapping[str, str], log: Path
) -> Iterator[int]:
    """Serve `module:callable` of tests/end_to_end/senders; the port. Stops it at the end."""
    port = listening_port()
    senders = Path(__file__).parents[1] / "end_to_end/senders"
    path = [str(Path(__file__).parent), str(senders), str(_installed())]
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


def _installed() -> Path:
    key = hashlib.sha256(_REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()[:12]
    home = _CACHE / f"gunicorn-{key}"
    _CACHE.mkdir(exist_ok=True)
    with (_CACHE / f"{home.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test sessions may start at once
        if not (home / "ready").exists():
            done = subprocess.run(
                [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps",
                 "--target", home, "--requirement", _REQUIREMENTS],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            if done.returncode:
                raise RuntimeError(f"pip failed:\n{done.stderr[-4000:]}")
            (home / "ready").touch()
    return home


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
