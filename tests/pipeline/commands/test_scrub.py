"""`errlock scrub`: one document a line in, one a line out."""

import base64
import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from live_errlock import ERRLOCK
from toy_components import TOYS
from waiting import wait_for

from errlock.pipeline.api import Pipeline
from errlock.pipeline.cli import main
from errlock.pipeline.config import loads
from errlock.policy.keyring.epochs import ALL, Said
from errlock.policy.keyring.file import KeyringFile
from errlock.policy.keyring.keyring import new_keyring
from errlock.policy.keyring.pseudonyms import new_key

EVENT = {"event_id": "c" * 32, "message": "password=hunter22", "platform": "python"}

Scrub = Callable[..., tuple[int, list[bytes], str]]


@pytest.fixture
def scrub(capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Scrub:
    """Runs `errlock scrub` on some bytes: `code, lines, stderr`."""

    def run(data: bytes, *options: str) -> tuple[int, list[bytes], str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        code = main(["scrub", *options], TOYS)
        captured = capfdbinary.readouterr()
        return code, captured.out.split(b"\n")[:-1], captured.err.decode()

    return run


def line(event: object) -> bytes:
    return json.dumps(event).encode() + b"\n"


def test_a_line_in_is_a_line_out_in_the_same_order(scrub: Scrub) -> None:
    events = [{**EVENT, "release": f"v{i}"} for i in range(50)]
    code, lines, err = scrub(b"".join(map(line, events)))
    assert (code, err) == (0, "")
    assert [json.loads(each)["release"] for each in lines] == [f"v{i}" for i in range(50)]
    assert b"hunter22" not in b"".join(lines)


def test_the_result_is_that_of_the_library(scrub: Scrub) -> None:
    (found,) = scrub(line(EVENT))[1]
    assert json.loads(found) == Pipeline.default().scrub_event(EVENT)


def test_a_configuration_has_its_own_policy(scrub: Scrub) -> None:
    _, lines, _ = scrub(line(EVENT), "--set", "processors.redact.profile=strict")
    assert json.loads(lines[0])["message"] == "washed"


def test_a_document_that_is_dropped_is_null_and_no_failure(scrub: Scrub) -> None:
    sets = ("--set", "processors.redact.profile=strict")
    assert scrub(line({"event_id": "c" * 32}), *sets) == (0, [b"null"], "")


def test_a_processor_that_fails_lets_nothing_through(scrub: Scrub) -> None:
    sets = ("--set", "processors.redact.profile=strict")
    _, lines, err = scrub(line({**EVENT, "message": "boom", "tags": {"a": "hunter22"}}), *sets)
    assert lines == [b"null"]
    assert "hunter22" not in err


def test_a_broken_line_is_null_and_told_by_its_number_without_its_content(scrub: Scrub) -> None:
    data = line(EVENT) + b'{"message": "hunter22\n' + b"\n" + line(EVENT)
    code, lines, err = scrub(data)
    assert code == 1
    assert [each == b"null" for each in lines] == [False, True, True, False]
    assert "hunter22" not in err
    told = err.splitlines()
    assert len(told) == 2
    assert told[0].startswith("line 2: ")
    assert told[1] == "line 3: empty"


def test_the_last_line_needs_no_line_end(scrub: Scrub) -> None:
    assert len(scrub(line(EVENT) + line(EVENT).strip())[1]) == 2


def test_nothing_in_is_nothing_out(scrub: Scrub) -> None:
    assert scrub(b"") == (0, [], "")


def test_a_line_of_many_megabytes_is_one_line(scrub: Scrub) -> None:
    big = {**EVENT, "extra": {"log": "all is well. " * 300_000}}
    code, lines, err = scrub(line(EVENT) + line(big) + line(EVENT))
    assert (code, err, len(lines)) == (0, "", 3)


def test_a_line_that_is_too_large_is_not_kept_and_the_others_go_out(scrub: Scrub) -> None:
    code, lines, err = scrub(line(EVENT) + b" " * (64 << 20) + b" \n" + line(EVENT))
    assert (code, err) == (1, "line 2: larger than 64.0 MiB\n")
    assert (lines[0], lines[1]) == (lines[2], b"null")


def test_text_is_a_json_string_a_line(scrub: Scrub) -> None:
    data = b'"password=hunter22\\nsecond line"\n"all is well"\n'
    assert scrub(data, "--format", "text") == (
        0,
        [b'"password=[password]\\nsecond line"', b'"all is well"'],
        "",
    )


@pytest.mark.parametrize(
    ("format_", "broken", "message"),
    [
        ("text", b"hunter22", "not JSON"),
        ("text", b'["hunter22"]', "not a JSON string"),
        ("envelope", b"{hunter22}", "not base64"),
    ],
)
def test_a_line_that_is_not_of_its_format_says_so(
    scrub: Scrub, format_: str, broken: bytes, message: str
) -> None:
    assert scrub(broken, "--format", format_) == (1, [b"null"], f"line 1: {message}\n")


def test_half_a_character_in_text_is_no_accident(scrub: Scrub) -> None:
    assert scrub(rb'"\ud800 password=hunter22"', "--format", "text") == (
        0,
        [rb'"\\ud800 password=[password]"'],
        "",
    )


def test_whatever_fails_inside_is_null_and_told_without_its_text(
    scrub: Scrub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Pipeline, data: bytes, **__: str) -> bytes:
        raise LookupError(data)

    monkeypatch.setattr(Pipeline, "scrub", broken)
    assert scrub(line(EVENT)) == (
        1,
        [b"null"],
        "line 1: could not be judged (LookupError)\n",
    )


def test_envelopes_are_in_base64(scrub: Scrub) -> None:
    item = json.dumps(EVENT).encode()
    envelope = b'{"event_id":"%s"}\n{"type":"event","length":%d}\n%s\n' % (
        b"c" * 32,
        len(item),
        item,
    )
    code, lines, err = scrub(base64.b64encode(envelope) + b"\n", "--format", "envelope")
    assert (code, err, len(lines)) == (0, "", 1)
    clean = base64.b64decode(lines[0])
    assert json.loads(clean.split(b"\n")[2])["message"] == "password=[password]"


def test_otlp_requests_are_otlp_json(scrub: Scrub) -> None:
    record = {"body": {"stringValue": "password=hunter22"}, "severityNumber": 17}
    request = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}
    code, lines, err = scrub(line(request), "--format", "otlp-logs")
    assert (code, err, len(lines)) == (0, "", 1)
    (clean,) = json.loads(lines[0])["resourceLogs"][0]["scopeLogs"][0]["logRecords"]
    assert clean["body"] == {"stringValue": "password=[password]"}
    assert clean["severityNumber"] == 17


def test_an_unknown_pipeline_is_refused(scrub: Scrub) -> None:
    assert scrub(b"", "--pipeline", "errors") == (
        2,
        [],
        "unknown pipeline 'errors'. Known: default\n",
    )


def test_each_answer_comes_before_the_next_question() -> None:
    """A filter in a conversation must not wait for its buffer to fill."""
    filter_ = subprocess.Popen(
        [ERRLOCK, "scrub", "--format", "text"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert filter_.stdin is not None
    assert filter_.stdout is not None
    with filter_:
        for question in (b'"one"\n', b'"two"\n'):
            filter_.stdin.write(question)
            filter_.stdin.flush()
            assert filter_.stdout.readline() == question
        filter_.stdin.close()
    assert filter_.returncode == 0


def test_a_terminal_sees_how_far_it_is(scrub: Scrub, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pty.openpty()
    monkeypatch.setattr("errlock.pipeline.commands.scrub._TELL_EVERY", 0)
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        assert len(scrub(line(EVENT) * 3)[1]) == 3
        terminal.flush()
        wanted, shown = b"\r1 lines\r2 lines\r3 lines\r\x1b[K", b""
        while len(shown) < len(wanted):  # a terminal passes on what it has
            shown += os.read(ours, 4096)
    os.close(ours)
    assert shown == wanted


def test_a_reader_that_goes_away_is_no_accident() -> None:
    command = f"yes '\"x\"' | {ERRLOCK} scrub --format text | head -n 1"
    done = subprocess.run(["sh", "-c", command], capture_output=True, check=False)
    assert (done.stdout, done.stderr) == (b'"x"\n', b"")


def test_a_policy_of_the_library_and_of_a_file_are_one(tmp_path: Path) -> None:
    config = loads("processors: {redact: }", {}, TOYS)
    assert Pipeline.from_config(config).scrub_event(EVENT) == {**EVENT, "message": "washed"}


def test_a_rotation_is_taken_up_between_two_lines(tmp_path: Path) -> None:
    key = new_key()
    new_keyring(tmp_path / "keyring", key, Said())
    policy = {"processors": {"hash": {"key": key, "keyring": str(tmp_path / "keyring")}}}
    (tmp_path / "errlock.yaml").write_text(json.dumps(policy))
    with subprocess.Popen(
        [ERRLOCK, "scrub", "--format", "text", "-c", tmp_path / "errlock.yaml"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        lines, answers = process.stdin, process.stdout
        assert lines is not None
        assert answers is not None

        def shown() -> bytes:
            lines.write(b'"jane.roe@example.com"\n')
            lines.flush()
            return answers.readline()

        assert shown().startswith(b'"[email:e1:')
        KeyringFile(tmp_path / "keyring").change(lambda epochs: epochs.begun(ALL, Said()))
        wait_for(lambda: shown().startswith(b'"[email:e2:'))
    assert process.returncode == 0
