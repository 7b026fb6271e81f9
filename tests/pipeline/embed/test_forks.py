"""What a thread of the parent was about when it forked does not hold up the child, nor the fork.

Python does not let go its locks of modules in a child.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from live_control import KEYS, control_server
from metered_sink import metered_sink

from errlock.ledger.embedded.handover import decoded

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

_PROGRAM = """
import importlib.abc, os, signal, sys, threading, time
from errlock.pipeline import Pipeline
from errlock.policy.forks import whole

whole._MOST = 60.0  # seconds, for a busy machine
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
    "otlp": lambda: pipeline.scrub(b'{"resourceLogs": []}', "otlp-logs"),
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
    signal.alarm(60)
    work()
    os._exit(0)
os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0)
"""

# A thread sanitises several documents that came together. While it is at the first, its process is
# forked: how many of them have passed some step by then?
_SEVERAL = """
import importlib, os, sys, threading, time
from errlock.pipeline import Pipeline
from errlock.pipeline.embed import Ledger, OtelSpanExporter, sentry_transport
from errlock.policy.forks import whole

whole._MOST = 60.0  # seconds, for a busy machine
how, module, class_, step, folder = sys.argv[1:]
pipeline, account = Pipeline.default(), Ledger(service="shop", folder=folder)
secret = "password=Winter2024!"

def spans():
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

    provider = TracerProvider()
    console = ConsoleSpanExporter(out=open(os.devnull, "w"))
    exporter = OtelSpanExporter(console, pipeline, ledger=account)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    for _ in range(4):
        with provider.get_tracer("shop").start_as_current_span("order") as span:
            span.record_exception(ValueError(secret))
    provider.force_flush()

def envelope():
    from sentry_sdk.envelope import Envelope

    envelope = Envelope()
    envelope.add_event({"message": secret})
    for _ in range(3):
        envelope.add_transaction({"type": "transaction", "transaction": secret})
    return envelope

def send():
    from sentry_sdk.consts import DEFAULT_OPTIONS

    options = {**DEFAULT_OPTIONS, "dsn": "http://key@127.0.0.1:9/1"}
    sentry_transport(pipeline, ledger=account)(options).capture_envelope(envelope())

def slowly(*arguments):
    if not began.is_set():
        began.set()
        while not whole._forks:
            time.sleep(0.01)
    result = original(*arguments)
    if step == "_of_exceptions":  # a generator
        result = list(result)
    passed.append(True)
    return result

work = {
    "spans": spans,
    "send": send,
    "bytes": lambda: pipeline.scrub(envelope().serialize(), "envelope"),
}[how]
work()
began, passed = threading.Event(), []
place = getattr(importlib.import_module(f"errlock.{module}"), class_)
original = getattr(place, step)
setattr(place, step, slowly)
thread = threading.Thread(target=work)
thread.start()
began.wait()
if not (child := os.fork()):
    os._exit(len(passed))
thread.join()
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), len(passed), flush=True)
os._exit(0)
"""

# As uWSGI forks its workers: in C, and no hook of Python is called.
_UNTOLD = """
import ctypes, os, signal, sys
import sentry_sdk
from errlock.pipeline import Pipeline
from errlock.pipeline.embed import Ledger, sentry_transport

dsn, folder = sys.argv[1:]
ledger = Ledger(service="shop", folder=folder)
sentry_sdk.init(
    dsn=dsn,
    transport=sentry_transport(Pipeline.default(), ledger=ledger),
    default_integrations=False,
)
fork, children = ctypes.PyDLL(None).fork, []
for number in range(2):
    children.append(fork())
    if not children[-1]:
        signal.alarm(60)
        sentry_sdk.capture_message(f"event {number}")
        sentry_sdk.flush(30)
        ledger.close()
        os._exit(0)
for child in children:
    assert os.waitpid(child, 0)[1] == 0
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
        ("otlp", "errlock.pipeline.payloads.otlp"),
        ("account", "errlock.pipeline.planting"),
    ],
)
def test_a_child_can_load_what_a_thread_of_its_parent_was_loading(
    how: str, module: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-W", "ignore", "-c", _PROGRAM, how, module, str(tmp_path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("how", "step"),
    [
        ("spans", "policy.engine.scan FastScan judge"),
        ("spans", "policy.plan Plan render"),
        ("spans", "ledger.code.otlp OtlpReader _of_exceptions"),
        ("send", "policy.engine.scan FastScan judge"),
        ("send", "policy.plan Plan render"),
        ("send", "ledger.code.sentry SentryReader pieces"),
        ("bytes", "policy.plan Plan render"),
    ],
)
def test_a_fork_waits_for_one_document_of_those_that_came_together(
    how: str, step: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-W", "ignore", "-c", _SEVERAL, how, *step.split(), str(tmp_path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    before, after = map(int, done.stdout.split())
    assert before <= 1 < after


def test_a_fork_that_no_hook_tells_of_is_noticed(tmp_path: Path) -> None:
    with metered_sink() as backend:
        dsn = f"http://key@127.0.0.1:{backend.port}/1"
        command = [sys.executable, "-W", "ignore", "-c", _UNTOLD, dsn, str(tmp_path)]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    accounts = [decoded(file.read_bytes()) for file in tmp_path.iterdir()]
    rows = [(account.process, row) for account in accounts for row in account.rows]
    delivered = [process for process, row in rows if row.outcome == "delivered" and not row.class_]
    assert len(delivered) == len(set(delivered)) == 2


def test_what_looks_hosts_up_is_loaded_before_any_thread_sends() -> None:
    program = "import sys, errlock.pipeline.embed.sentry; print('encodings.idna' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert done.stdout == b"True\n"


def test_the_thread_that_follows_loads_nothing() -> None:
    with control_server() as control:
        command = [sys.executable, "-c", _FOLLOWER, control.url, *map(str, KEYS)]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
