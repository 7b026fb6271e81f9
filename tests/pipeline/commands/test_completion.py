"""What bash completes with the script of `errlock completion`: the real one."""

from __future__ import annotations

import subprocess

import pytest
from live_errlock import ERRLOCK

ASK = """
eval "$script"
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_errlock && echo "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def script() -> str:
    done = subprocess.run(
        [ERRLOCK, "completion", "bash"], capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("errlock dist", "distrust"),
        ("errlock key de", "destroy"),
        ("errlock --v", "--version"),
        ("errlock replay sentry sentry/standby --mo", "--move"),
        ("errlock replay sentry sentry/standby --policy ", "strict"),
        ("errlock exposure report -c errlock.yaml --form", "--format"),
        ("errlock run -c ", ""),
        ("errlock explain ", ""),
        ("errlock completion ", "bash"),
        ("errlock nothing x", ""),
    ],
)
def test_commands_options_and_their_values_are_completed_and_else_files(
    script: str, typed: str, offered: str
) -> None:
    done = subprocess.run(
        ["bash", "--norc", "-c", ASK, *typed.split(" ")[:1], *typed.split(" ")],
        env={"script": script},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.strip(), done.stderr) == (offered, "")
