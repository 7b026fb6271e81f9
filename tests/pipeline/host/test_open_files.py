"""What is said where a process may open no more files."""

from __future__ import annotations

import errno
import subprocess
import sys

import pytest

from errlock.pipeline.host.open_files import Shortage


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


# Tells whether an endpoint opened with so many more files, and if not why.
_FEW_FILES = """\
import asyncio, errno, os, resource, sys
from aiohttp import web
from errlock.pipeline.http.quiet_http import QuietServer
from errlock.pipeline.http.threaded_http import ThreadedServer

async def answer(request):
    return web.Response()

async def main():
    server = ThreadedServer(
        "127.0.0.1:0", lambda: QuietServer(answer), name="few", grace=1.0, most=4
    )
    os.close(lowest := os.dup(0))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + int(sys.argv[1]), hard))
    try:
        await server.start()
        print("open" if server.port else "nowhere")
    except OSError as error:
        print(errno.errorcode[error.errno])
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    await server.stop()

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit of open files")
@pytest.mark.parametrize("left", range(8))
def test_an_endpoint_opens_or_says_that_it_cannot(left: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _FEW_FILES, str(left)],
        check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout in ("EMFILE\n", "open\n")
