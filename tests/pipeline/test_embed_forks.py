"""What a thread of the parent was loading when it forked, the child can load, too.

Python does not let go its locks of modules in a child.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from live_control import KEYS, control_server

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

_PROGRAM = """
import importlib.abc, os, signal, sys, threading, time
from errlock.pipeline import Pipeline

how, module, folder = sys.argv[1:]

class Slowly(importlib.abc.MetaPathFinder):
    loading = threading.Event()

    def find_spec(self, name, path, target=None):
        if name == module:
            self.loading.set()
            time.sleep(0.5)

pipeline = Pipeline.default()
work = {
    "event": lambda: pipeline.scrub_event({"message": "hello"}),
    "bytes": lambda: pipeline.scrub(b'{"message": "hello"}'),
    "explain": lambda: pipeline.explain(b'{"message": "hello"}'),
}.get(how)
if how == "account":
    import sentry_sdk
    from errlock.pipeline.embed import Ledger, sentry_transport

    sentry_sdk.init(
        dsn="http://key@127.0.0.1:9/1",
        transport=sentry_transport(pipeline, ledger=Ledger(service="shop", folder=folder)),
        default_integrations=False,
    )
    work = lambda: sentry_sdk.capture_message("hello")

assert module not in sys.modules, "somebody else has loaded it before"
sys.meta_path.insert(0, Slowly())
threading.Thread(target=work, daemon=True).start()
Slowly.loading.wait()
if not (child := os.fork()):
    signal.alarm(20)
    work()
    os._exit(0)
os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0)
"""

_FOLLOWER = """
import sys, time
from errlock.pipeline.embed.control import Control, Destination

url, *keys = sys.argv[1:]
control, before = Control(url=url, audience="shop", keys=keys), set(sys.modules)
while control.trust(Destination("sentry")) != "trusted":
    time.sleep(0.01)
print(sorted(set(sys.modules) - before))
"""


@pytest.mark.parametrize(
    ("how", "module"),
    [
        ("event", "errlock.pipeline.payloads.envelope"),
        ("bytes", "errlock.pipeline.formats"),
        ("explain", "errlock.pipeline.explanation"),
        ("account", "errlock.pipeline.config.written"),
    ],
)
def test_a_child_can_load_what_a_thread_of_its_parent_was_loading(
    how: str, module: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-W", "ignore", "-c", _PROGRAM, how, module, str(tmp_path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_what_looks_hosts_up_is_loaded_before_any_thread_sends() -> None:
    program = "import sys, errlock.pipeline.embed.sentry; print('encodings.idna' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert done.stdout == b"True\n"


def test_the_thread_that_follows_loads_nothing() -> None:
    with control_server() as control:
        command = [sys.executable, "-c", _FOLLOWER, control.url, *map(str, KEYS)]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
