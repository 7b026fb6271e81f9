"""`errlock review`: what the documents hold, what leaves in clear, and a policy for that."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from canaries import CANARIES, FRAGMENTS, found_in
from live_errlock import ERRLOCK
from on_terminal import on_a_terminal

from errlock.pipeline.cli import main

TOKEN = "q7Rk2mVx9Lp4Tz8Wb3Nc"  # made up
EVENT = {
    "message": "login failed for jane.roe@example.com",
    "user": {"id": "4711", "username": "jane"},
    "extra": {"opaque": TOKEN, "customer": {"ref": "K-1"}},
}
REPORT = """\
1 document in 1 file (event 1); pipeline default, exporter local

found
  field           class         documents  times  becomes            detectors
  $event.message  pii.email     1          1      removed by redact  email
  $user.id        pii.user_id   1          1      clear              key
  $user.username  pii.username  1          1      removed by redact  key

leaves in clear: no processor claims it
  pii.user_id  1 document  $user.id

leaves in clear and looks sensitive
  field               documents  values  why
  extra.customer.ref  1          1       its name is telling
  extra.opaque        1          1       looks like a token

proposed
  # Proposed by errlock review.
  # On top of your configuration: errlock run -c errlock.yaml -c this-file.yaml
  processors:
    # Pseudonyms still tell them apart: take a key of `errlock key new`, before redact
    # hash: { key: "${env:ERRLOCK_KEY}", classes: [pii.user_id] }
    redact:
      classes:
        # found in $user.id, and nothing claims it
        pii.user_id: replace
      selectors:
        # 1 document: its name is telling
        extra.customer.ref: custom.ref
        # 1 document: looks like a token
        extra.opaque: secret.token

leaves in clear: 1 class and 2 fields that look sensitive
"""

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def events(tmp_path: Path) -> str:
    path = tmp_path / "events.jsonl"
    path.write_text(json.dumps(EVENT))
    return str(path)


def test_the_report(events: str, capsys: Capture) -> None:
    assert main(["review", events]) == 1
    captured = capsys.readouterr()
    assert captured.out == REPORT
    assert captured.err == ""


def test_a_clean_document_is_said_to_be_clean(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "event.json"
    path.write_text('{"message": "ok"}')
    assert main(["review", str(path)]) == 0
    assert capsys.readouterr().out.endswith("\nnothing leaves in clear that looks sensitive\n")


def test_documents_may_come_from_stdin(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps(EVENT).encode())))
    assert main(["review", "-"]) == 1
    assert capsys.readouterr().out == REPORT


def test_the_proposal_is_written_and_settles_it(
    events: str, tmp_path: Path, capsys: Capture
) -> None:
    proposed = str(tmp_path / "proposed.yaml")
    assert main(["review", events, "--propose", proposed]) == 1
    captured = capsys.readouterr()
    assert captured.err == f"wrote {proposed}\n"
    assert "\nproposed\n" not in captured.out
    assert main(["validate", "-c", proposed]) == 0
    capsys.readouterr()
    assert main(["review", events, "-c", proposed]) == 0
    out = capsys.readouterr().out
    assert "extra.opaque        secret.token  1          1      removed by redact  selector" in out
    # A proposal may be written anew, but nothing else is overwritten.
    assert main(["review", events, "--propose", proposed]) == 1
    assert main(["review", events, "--propose", events]) == 2
    assert capsys.readouterr().err.endswith(
        f"--propose {events}: is there already and is no proposal\n"
    )


def test_nothing_is_written_when_there_is_nothing_to_propose(
    tmp_path: Path, capsys: Capture
) -> None:
    path, proposed = tmp_path / "event.json", tmp_path / "proposed.yaml"
    path.write_text('{"message": "ok"}')
    assert main(["review", str(path), "--propose", str(proposed)]) == 0
    assert capsys.readouterr().err == "nothing to propose\n"
    assert not proposed.exists()


def test_json_is_for_scripts(events: str, capsys: Capture) -> None:
    assert main(["review", events, "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["found"][0] == {
        "field": "$event.message",
        "class": "pii.email",
        "form": "removed",
        "by": "redact",
        "documents": 1,
        "times": 1,
        "detectors": {"email": 1},
    }
    assert [(each["class"], each["fields"]) for each in report["unclaimed"]] == [
        ("pii.user_id", ["$user.id"])
    ]
    assert [(each["field"], each["proposed"]) for each in report["candidates"]] == [
        ("extra.customer.ref", True),
        ("extra.opaque", True),
    ]
    assert report["proposal"].startswith("# Proposed by errlock review.\n")


def test_what_somebody_has_looked_at_is_ignored(events: str, capsys: Capture) -> None:
    ignored = ["--ignore", "extra.**", "--ignore", "$user.id"]
    assert main(["review", events, *ignored]) == 0
    out = capsys.readouterr().out
    assert "not looked into  1 value     extra.opaque\n" in out
    assert "pii.user_id      1 document  $user.id\n" in out
    assert main(["review", events, "--ignore", "extra..x"]) == 2
    assert capsys.readouterr().err.startswith("--ignore extra..x: ")


def test_what_cannot_be_read_is_told_and_the_rest_goes_on(
    events: str, tmp_path: Path, capsys: Capture
) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text("{hunter22")
    assert main(["review", str(tmp_path), "nowhere.json"]) == 1
    captured = capsys.readouterr()
    assert captured.out.startswith("1 document in 1 file (event 1); 2 not read; ")
    assert captured.err == (
        f"errlock review: {broken}: the event is not JSON\n"
        "errlock review: nowhere.json: No such file or directory\n"
    )


def test_when_nothing_can_be_read_that_is_no_success(capsys: Capture) -> None:
    assert main(["review", "nowhere.json"]) == 1
    assert "nothing could be read" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--pipeline", "nope"], "unknown pipeline 'nope'. Known: default\n"),
        (["--propose", "nowhere/p.yaml"], "--propose nowhere/p.yaml: there is no such folder\n"),
        (["--format", "xml"], "errlock review: argument --format: invalid choice: 'xml'"),
        (["--set", "processors.redact.profile=none"], "--set processors.redact.profile"),
    ],
)
def test_mistakes_in_usage(events: str, options: list[str], said: str, capsys: Capture) -> None:
    assert main(["review", events, *options]) == 2
    assert capsys.readouterr().err.startswith(said)


def test_of_long_tables_the_beginning_is_shown(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "event.json"
    names = [f"{first}{second}" for first in "abcdefghi" for second in ("one", "two", "six", "ten")]
    path.write_text(json.dumps({"tags": dict.fromkeys(names, "jane.roe@example.com")}))
    main(["review", str(path)])
    assert "  ... and 7 more: --all shows them\n" in capsys.readouterr().out
    main(["review", str(path), "--all"])
    assert "more: --all" not in capsys.readouterr().out


# No value is ever printed.


def planted(value: str) -> dict[str, Any]:
    """A value in every kind of place that a sender can write to, keys among them."""
    return {
        "message": value, "transaction": value, "release": value, "server_name": value,
        "logentry": {"message": value, "params": [value, {value: value}]},
        "user": {"id": value, "email": value, "ip_address": value, value: value},
        "tags": [[value, value], ["plan", value]],
        "extra": {"opaque": value, value: {value: [value, {value: 1}]}, "customer": {"ref": value}},
        "contexts": {value: {"x": value}, "state": {value: value}},
        "request": {"url": value, "headers": [[value, value]], "cookies": {value: value},
                    "data": {value: value}, "query_string": [[value, value]]},
        "modules": {value: value},
        "exception": {"values": [{"type": value, "value": value, "stacktrace": {"frames": [
            {"function": value, "context_line": value, "vars": {value: value, "x": value}}]}}]},
        "breadcrumbs": {"values": [{"message": value, "category": value, "data": {value: value}}]},
        value: {value: value},
    }  # fmt: skip


def logs(value: str) -> dict[str, Any]:
    attributes = [
        {"key": value, "value": {"stringValue": value}},
        {"key": "opaque", "value": {"stringValue": value}},
    ]
    record = {"body": {"stringValue": value}, "attributes": attributes}
    return {
        "resourceLogs": [
            {"resource": {"attributes": attributes}, "scopeLogs": [{"logRecords": [record]}]}
        ]
    }


VALUES = [*CANARIES.values(), *FRAGMENTS.values()]


@pytest.mark.parametrize(
    ("format_", "documents"),
    [
        ("event", [planted(value) for value in VALUES]),
        ("otlp-logs", [logs(value) for value in VALUES]),
        ("text", VALUES),
        ("event", [f"{value}{{" for value in VALUES]),  # cannot be read
        ("otlp-traces", [logs(value) for value in VALUES]),
    ],
    ids=["event", "otlp-logs", "text", "broken", "wrong-format"],
)
@pytest.mark.parametrize("options", [["--all"], ["--json"]], ids=["report", "json"])
def test_no_value_is_shown(
    format_: str, documents: list[Any], options: list[str], tmp_path: Path, capsys: Capture
) -> None:
    path, proposed = tmp_path / "samples", tmp_path / "proposed.yaml"
    path.write_text("".join(json.dumps(document) + "\n" for document in documents))
    minimal = ["--set", "processors.redact.profile=minimal"]
    for more in ([], minimal, ["--propose", str(proposed)]):
        main(["review", "--format", format_, str(path), *options, *more])
    captured = capsys.readouterr()
    written = proposed.read_text() if proposed.exists() else ""
    shown = [text.encode() for text in (captured.out, captured.err, written)]
    assert found_in(shown) == []
    assert "Traceback" not in captured.err


# On a terminal.


@pytest.mark.parametrize("no_color", ["", "1"])
def test_a_terminal_gets_colours_but_no_escapes_of_a_document(
    no_color: str, tmp_path: Path
) -> None:
    path = tmp_path / "event\x1b[31m.json"
    path.write_text(json.dumps({"extra": {"a\x1b[31m": TOKEN, "b\u202e": TOKEN, "größe\u0007": 1}}))
    shown = on_a_terminal([ERRLOCK, "review", path, f"{path}x"], NO_COLOR=no_color)
    assert b"\x1b[31mleaves in clear and looks sensitive\x1b[0m" in shown or no_color
    assert (b"\x1b" in shown.replace(b"\x1b[K", b"")) is not bool(no_color)
    assert b"event\x1b" not in shown
    for char in ("\u202e", "\u0007"):
        assert char.encode() not in shown


@pytest.mark.parametrize(
    ("document", "verdict"),
    [
        ({"user": {"id": "4711"}}, "leaves in clear: 1 class"),
        ({"extra": {"salary": "77000 a year"}}, "leaves in clear: 1 field that looks sensitive"),
        ({"message": "all is well"}, "nothing leaves in clear that looks sensitive"),
    ],
)
def test_the_last_line_tells_only_what_there_is(
    document: dict[str, object], verdict: str, tmp_path: Path, capsys: Capture
) -> None:
    file = tmp_path / "event.json"
    file.write_text(json.dumps(document))
    main(["review", str(file)])
    assert capsys.readouterr().out.splitlines()[-1] == verdict
