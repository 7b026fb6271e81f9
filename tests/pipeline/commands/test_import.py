"""`errlock import`: processors on stdout, what is missing on stderr."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from live_errlock import ERRLOCK

from errlock.pipeline.api import Pipeline
from errlock.pipeline.cli import main
from errlock.pipeline.commands.import_ import TOOLS

Capture = pytest.CaptureFixture[str]

FILES = {
    "relay": '{"applications": {"extra.cart": ["@anything:remove"]}}',
    "gitleaks": "[[rules]]\nid = 'acme-token'\nregex = '''acme_[0-9]{6}'''\n",
    "otel": "allow_all_keys: true\nblocked_values: ['acme_[0-9]{6}']\n",
    "eventscrubber": "{'denylist': ['cart'], 'recursive': True}",
}


@pytest.mark.parametrize("tool", TOOLS)
def test_the_output_is_a_configuration(tool: str, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "policy").write_text(FILES[tool])
    assert main(["import", tool, str(tmp_path / "policy")]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    config = tmp_path / "errlock.yaml"
    config.write_text(captured.out)
    event = {"extra": {"cart": "acme_123456"}}
    result = Pipeline.from_file(config).scrub_event(event)
    assert "123456" not in json.dumps(result)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_policy_on_stdin_is_read(tool: str) -> None:
    done = subprocess.run(
        [ERRLOCK, "import", tool, "-"],
        input=FILES[tool],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "processors:" in done.stdout


def test_the_output_names_the_processors_in_order(tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "pii.json"
    file.write_text('{"applications": {"$string": ["@ip:hash"]}}')
    assert main(["import", "relay", str(file)]) == 0
    captured = capsys.readouterr()
    assert captured.out == (
        "# service.pipelines.<name>.processors: [hash, redact]\n"
        "processors:\n  hash:\n    key: ${env:ERRLOCK_KEY}\n    classes:\n    - pii.ip\n"
        "  redact: {}\n"
    )
    assert captured.err == (
        "note: hashes become keyed pseudonyms: set ERRLOCK_KEY to a key from `errlock key new`\n"
    )


def test_what_is_left_out_is_told_and_the_exit_code_is_1(tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "pii.json"
    file.write_text('{"applications": {"$string": ["@email", "@nope"]}}')
    assert main(["import", "relay", str(file)]) == 1
    captured = capsys.readouterr()
    assert "pii.email: replace" in captured.out
    assert captured.err == "left out: applications.$string[1]: there is no rule '@nope'\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"{",
            "expected JSON, as a project's configuration is; Relay's config.yml has no policy",
        ),
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"{}", "expected `applications` of a piiConfig, or data scrubbing settings"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(
    content: bytes, message: str, tmp_path: Path, capsys: Capture
) -> None:
    file = tmp_path / "pii.json"
    file.write_bytes(content)
    assert main(["import", "relay", str(file)]) == 2
    assert capsys.readouterr() == ("", f"{file}: {message}\n")


def test_a_file_that_is_not_there_is_told(capsys: Capture) -> None:
    assert main(["import", "relay", "nowhere.json"]) == 2
    assert capsys.readouterr() == ("", "errlock: nowhere.json: No such file or directory\n")


def test_an_unknown_tool_is_refused(capsys: Capture) -> None:
    assert main(["import", "presidio", "x"]) == 2
    assert "invalid choice: 'presidio'" in capsys.readouterr().err
