"""Each file in tests/bad_configs has one mistake, and on top the exact message about it."""

import subprocess
from pathlib import Path

import pytest
from live_errlock import ERRLOCK

from errlock.pipeline.cli import main

FOLDER = Path(__file__).parents[2] / "bad_configs"
NAMES = sorted(path.name for path in FOLDER.glob("*.yaml"))


def expected(name: str) -> str:
    """The comment lines at the top that start with the file's name."""
    lines = (FOLDER / name).read_text().splitlines()
    marked = [line.removeprefix("# ") for line in lines if line.startswith(f"# {name}:")]
    assert marked, f"{name} does not say what the message is"
    return "".join(f"{line}\n" for line in marked)


@pytest.mark.parametrize("name", NAMES)
def test_a_mistake_has_its_exact_message_and_exit_code_2(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(FOLDER)
    assert main(["validate", "-c", name]) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", expected(name))


@pytest.mark.parametrize("command", ["validate", "run", "print-config", "scrub"])
def test_every_command_refuses_a_mistake_in_the_same_words(command: str) -> None:
    name = "several_problems.yaml"
    done = subprocess.run(
        [ERRLOCK, command, "-c", name],
        cwd=FOLDER, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (2, "", expected(name))


def test_there_are_enough_mistakes() -> None:
    assert len(NAMES) >= 50
