"""`errlock explain`: what would be taken out, and why."""

import io
import json
import sys
from pathlib import Path

import pytest
from live_errlock import ERRLOCK
from on_terminal import on_a_terminal

from errlock.pipeline.cli import main

EVENT = json.dumps({"message": "password=hunter22", "tags": {"a\x1b[31m": "jane@example.com"}})

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def event(tmp_path: Path) -> str:
    path = tmp_path / "event.json"
    path.write_text(EVENT)
    return str(path)


def test_each_finding_has_its_place_class_detector_and_fate(event: str, capsys: Capture) -> None:
    assert main(["explain", event]) == 0
    out = capsys.readouterr().out
    assert out.startswith("event: 2 findings\n")
    assert (
        "  message  [9:17]\n"
        "    secret.password (detector words.pair), removed by redact\n"
        "    -> [password]\n"
    ) in out


def test_a_value_as_received_is_only_shown_when_asked_for(event: str, capsys: Capture) -> None:
    main(["explain", event])
    assert "hunter22" not in capsys.readouterr().out
    main(["explain", event, "--values"])
    assert "    hunter22 -> [password]\n" in capsys.readouterr().out


IN_KEYS = {
    "extra": {
        "jane.roe@example.com": {"a": "password=Winter2024!"},
        "password=Winter2024!": "x of jane.roe@example.com",
        "to=jane.roe%40example.com": 1,
    },
    "user": {"id": "K-4711"},
}


@pytest.mark.parametrize("json_too", [(), ("--json",)], ids=["people", "scripts"])
@pytest.mark.parametrize("policy", ["{}", "{ classes: { pii.email: keep } }"])
def test_no_value_is_shown_unasked_in_a_path_or_where_it_leaves_in_clear(
    json_too: tuple[str, ...], policy: str, tmp_path: Path, capsys: Capture
) -> None:
    (tmp_path / "event.json").write_text(json.dumps(IN_KEYS))
    (tmp_path / "errlock.yaml").write_text(f"processors: {{ redact: {policy} }}\n")
    asked = ["explain", str(tmp_path / "event.json"), "-c", str(tmp_path / "errlock.yaml")]
    assert main([*asked, *json_too]) == 0
    shown = capsys.readouterr().out
    assert [value for value in ("jane", "Winter2024", "4711") if value in shown] == []
    assert "extra.[pii.email].a" in shown
    assert "extra.password=[secret.password]" in shown
    main([*asked, *json_too, "--values"])
    shown = capsys.readouterr().out
    assert [value for value in ("jane", "Winter2024", "4711") if value not in shown] == []


def test_the_event_may_come_from_stdin(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(EVENT.encode())))
    assert main(["explain"]) == 0
    assert capsys.readouterr().out.startswith("event: 2 findings\n")


def test_json_is_for_scripts_and_has_no_values_unless_asked_for(
    event: str, capsys: Capture
) -> None:
    main(["explain", event, "--json"])
    out = capsys.readouterr().out
    assert "hunter22" not in out
    (document,) = json.loads(out)
    assert (document["type"], document["dropped"]) == ("event", None)
    assert document["findings"][0] == {
        "path": "message",
        "start": 9,
        "end": 17,
        "class": "secret.password",
        "detector": "words.pair",
        "form": "removed",
        "by": "redact",
        "after": "[password]",
    }
    main(["explain", event, "--json", "--values"])
    assert json.loads(capsys.readouterr().out)[0]["findings"][0]["before"] == "hunter22"


def test_a_clean_document_has_nothing_to_explain(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "event.json"
    path.write_text('{"message": "all is well"}')
    assert main(["explain", str(path)]) == 0
    assert capsys.readouterr().out == "nothing found: it goes out as it is\n"


def test_text_is_explained_too(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "app.log"
    path.write_text("login failed password=hunter22")
    assert main(["explain", str(path), "--format", "text"]) == 0
    assert "secret.password" in capsys.readouterr().out


def test_a_broken_document_is_told_without_its_content(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "event.json"
    path.write_text("{hunter22")
    assert main(["explain", str(path)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("errlock explain: ")
    assert "hunter22" not in captured.err


def test_a_file_with_a_document_on_each_line_is_told_apart(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text(f"{EVENT}\n{EVENT}\n")
    assert main(["explain", str(path)]) == 1
    assert capsys.readouterr() == (
        "",
        (
            "errlock explain: the event is not JSON; it takes one document: "
            "`sed -n 3p FILE | errlock explain`\n"
        ),
    )


def test_no_more_is_read_than_is_needed_to_see_that_a_document_is_too_large(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = ("", "errlock explain: the document is larger than 64.0 MiB\n")
    assert main(["explain", "/dev/zero"]) == 1
    assert capsys.readouterr() == told
    with Path("/dev/zero").open("rb") as endless:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(endless))
        assert main(["explain"]) == 1
    assert capsys.readouterr() == told


def test_a_missing_file_is_named(capsys: Capture) -> None:
    assert main(["explain", "nowhere.json"]) == 2
    assert capsys.readouterr().err == "errlock: nowhere.json: No such file or directory\n"


@pytest.mark.parametrize("no_color", ["", "1"])
def test_a_terminal_gets_values_and_colours_but_no_escapes_of_the_document(
    event: str, no_color: str
) -> None:
    shown = on_a_terminal([ERRLOCK, "explain", event], NO_COLOR=no_color)
    assert b"\x1b[31ma" not in shown
    assert rb"tags.a\x1b[31m" in shown
    coloured = b"\x1b[31mhunter22\x1b[0m -> \x1b[32m[password]\x1b[0m"
    assert (coloured in shown) is not bool(no_color)
    assert (b"hunter22 -> [password]" in shown) is bool(no_color)


@pytest.mark.parametrize(
    "command",
    [
        ["explain"], ["scrub"], ["import", "relay", "-"], ["exposure", "trace"],
        ["exposure", "search", "--storage", "/", "--key-file", __file__],
    ],
)  # fmt: skip
def test_a_command_that_waits_for_what_is_typed_says_so(command: list[str]) -> None:
    shown = on_a_terminal([ERRLOCK, *command], typed=b'{"applications": {}}\n\x04')
    assert b"reading from the terminal; Ctrl-D ends it" in shown
