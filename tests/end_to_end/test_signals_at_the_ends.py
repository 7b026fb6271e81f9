"""A collector that is signalled while it starts, or when it has stopped."""

from __future__ import annotations

import signal
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from live_errlock import collector, running_errlock, sentry_at, started_errlock
from live_ports import listening_port

# Signals itself as soon as its configuration was read, before anything of it is open.
_SIGNALLED = """\
import os, signal, sys
from errlock.pipeline.collector import collector, serving
from errlock.pipeline.cli import main

class Signalled(collector.Collector):
    def __init__(self, config):
        os.kill(os.getpid(), signal.{name})
        super().__init__(config)

serving.Collector = Signalled
sys.exit(main(sys.argv[1:]))
"""


def command(what: signal.Signals) -> list[str | Path]:
    return [sys.executable, "-c", _SIGNALLED.format(name=what.name)]


def config() -> dict[str, object]:
    found = collector(sentry_at(listening_port()), {"file": {"path": "out.jsonl"}})
    found["service"]["storage"] = "data"
    return found


@pytest.mark.parametrize("what", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_in_good_order(what: signal.Signals, tmp_path: Path) -> None:
    with started_errlock(config(), tmp_path, command=command(what)) as errlock:
        assert errlock.ended(60) == 0
        assert errlock.log.count("stopping:") == 1
        assert errlock.log.endswith("errlock.collector: stopped\n")


def test_it_reads_its_configuration_again_once_it_runs(tmp_path: Path) -> None:
    with running_errlock(config(), tmp_path, command=command(signal.SIGHUP)) as errlock:
        errlock.wait_for_log(lambda log: "reloaded: nothing has changed" in log)


# Told to reload after it has stopped, when only the process has not ended yet.
_TOLD_LATE = """\
import os, signal, sys
from errlock.pipeline.cli import main

code = main(sys.argv[1:])
os.kill(os.getpid(), signal.SIGHUP)
sys.exit(code)
"""


def test_told_to_reload_after_it_has_stopped_it_ends_in_good_order(tmp_path: Path) -> None:
    late: list[str | Path] = [sys.executable, "-c", _TOLD_LATE]
    with running_errlock(config(), tmp_path, command=late) as errlock:
        errlock.send(signal.SIGTERM)
        assert errlock.ended(60) == 0


# Told to reload each time that something else becomes of being told so.
_TOLD_BETWEEN = """\
import os, signal, sys
from errlock.pipeline.cli import main

signal_ = signal.signal

def signalled(which, what):
    before = signal_(which, what)
    if which == signal.SIGHUP:
        os.kill(os.getpid(), which)
    return before

signal.signal = signalled
sys.exit(main(sys.argv[1:]))
"""


def test_there_is_no_moment_in_which_a_reload_ends_it(tmp_path: Path) -> None:
    between: list[str | Path] = [sys.executable, "-c", _TOLD_BETWEEN]
    with running_errlock(config(), tmp_path, command=between) as errlock:
        errlock.wait_for_log(lambda log: "reloaded: nothing has changed" in log)
        errlock.send(signal.SIGTERM)
        assert errlock.ended(60) == 0


# Told to stop when it is about to import a module that every command needs.
_TOLD_EARLY = """\
import os, signal, sys

class Importing:
    def find_spec(self, name, path, target=None):
        if name == "errlock.pipeline.registry":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Importing())
from errlock.pipeline.entry_point import main
sys.exit(main())
"""


def test_ctrl_c_before_anything_is_there_to_stop_ends_it_without_a_word() -> None:
    # Wherever the tests run.
    listening = f"import signal; signal.signal(2, signal.default_int_handler)\n{_TOLD_EARLY}"
    told = subprocess.run(
        [sys.executable, "-c", listening, "--help"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (told.returncode, told.stdout, told.stderr) == (-signal.SIGINT, "", "")


def test_in_the_background_of_a_shell_ctrl_c_is_not_for_it() -> None:
    ignoring = f"import signal; signal.signal(2, signal.SIG_IGN)\n{_TOLD_EARLY}"
    told = subprocess.run(
        [sys.executable, "-c", ignoring, "--version"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (told.returncode, told.stderr) == (0, "")


def test_the_command_begins_there() -> None:
    [found] = entry_points(group="console_scripts", name="errlock")
    assert found.value == "errlock.pipeline.entry_point:main"
