"""Reading samples: what is one document, and what cannot be read."""

import base64
import json
from pathlib import Path

import pytest

from errlock.pipeline.api import Format
from errlock.pipeline.payloads.envelope import Envelope
from errlock.pipeline.payloads.envelope_lines import write_envelope
from errlock.pipeline.review import samples
from errlock.pipeline.review.samples import Unreadable, payloads

EVENT = '{"message": "hello"}'
ENVELOPE = b'{"sent_at":"2026-11-23T18:31:07Z"}\n{"type":"event"}\n{"message":"hello"}\n'
LOGS = json.dumps(
    {
        "resourceLogs": [
            {"scopeLogs": [{"logRecords": [{"body": {"stringValue": "hello"}}]}]},
        ]
    }
)


def read(
    *paths: Path | str, format_: Format = "event"
) -> tuple[list[tuple[int, list[str]]], list[str]]:
    """The documents by line with their types, and what could not be read."""
    read_: list[tuple[int, list[str]]] = []
    damages = []
    for _, line, payload in payloads([str(path) for path in paths], format_):
        if isinstance(payload, Unreadable):
            damages.append(str(payload))
        else:
            read_.append((line, [document.type for document in payload.documents]))
    return read_, damages


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "samples"


def test_a_file_is_one_document(path: Path) -> None:
    path.write_text('{\n  "message":\n  "hello"\n}\n')
    assert read(path) == ([(0, ["event"])], [])


def test_or_one_on_each_line(path: Path) -> None:
    path.write_text(f"{EVENT}\n\n{EVENT}\n{{broken\n{EVENT}")
    assert read(path) == (
        [(1, ["event"]), (3, ["event"]), (5, ["event"])],
        [f"{path}:4: the event is not JSON"],
    )


def test_a_broken_first_line_does_not_hide_the_others(path: Path) -> None:
    path.write_text(f"{{broken\n{EVENT}\n{EVENT}")
    assert read(path) == (
        [(2, ["event"]), (3, ["event"])],
        [f"{path}:1: the event is not JSON"],
    )


def test_an_envelope_is_a_file_or_base64_on_a_line(path: Path) -> None:
    path.write_bytes(ENVELOPE)
    assert read(path, format_="envelope") == ([(0, ["event"])], [])
    path.write_bytes(base64.b64encode(ENVELOPE) + b"\nno base64!\n")
    assert read(path, format_="envelope") == ([(1, ["event"])], [f"{path}:2: not base64"])


def test_an_envelope_is_a_line_of_the_file_exporter(path: Path) -> None:
    line = write_envelope(Envelope.decode(ENVELOPE, "shop", 1.0))
    path.write_bytes(line + b"\n" + line + b"\n{}\n")
    assert read(path, format_="envelope") == (
        [(1, ["event"]), (2, ["event"])],
        [f"{path}:3: not a line of the file exporter"],
    )
    assert read(path) == (
        [(3, ["event"])],
        [f"{path}:{n}: is no event: see --format envelope" for n in (1, 2)],
    )


def test_requests_of_otlp(path: Path) -> None:
    path.write_text(LOGS)
    assert read(path, format_="otlp-logs") == ([(1, ["log_record"])], [])


def test_of_text_each_line_is_a_document(path: Path) -> None:
    path.write_text('login failed\n\n"a JSON\\nstring"\n"no JSON\n')
    found = [payload for _, _, payload in payloads([str(path)], "text")]
    messages = [e.documents[0].tree["message"] for e in found if isinstance(e, Envelope)]  # type: ignore[index, call-overload]  # an event's tree is an object
    assert messages == ["login failed", "a JSON\nstring", '"no JSON']


def test_a_folder_is_read_with_all_below_it(tmp_path: Path) -> None:
    (tmp_path / "b" / "c").mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    for name in ("a.json", "b/c/d.json", ".hidden", ".git/config"):
        (tmp_path / name).write_text(EVENT)
    assert [name for name, _, _ in payloads([str(tmp_path)], "event")] == [
        f"{tmp_path}/a.json",
        f"{tmp_path}/b/c/d.json",
    ]


def test_what_cannot_be_read_is_told_and_the_rest_goes_on(tmp_path: Path, path: Path) -> None:
    path.write_text(EVENT)
    empty, binary = tmp_path / "empty", tmp_path / "binary"
    empty.touch()
    binary.write_bytes(b"\xff\xfe\0\0canary-7731")
    _, damages = read(tmp_path / "nowhere", empty, binary, path)
    assert damages == [
        f"{tmp_path}/nowhere: No such file or directory",
        f"{empty}: is empty",
        f"{binary}: the event is not JSON",
    ]


def test_what_is_no_event_is_not_taken_for_one(path: Path) -> None:
    path.write_text(LOGS)
    assert read(path) == ([], [f"{path}:1: is no event: see --format otlp-logs"])
    path.write_bytes(ENVELOPE)
    assert read(path)[1] == [f"{path}:1: is no event: see --format envelope"]


def test_a_request_of_another_signal_is_not_taken_for_an_empty_one(path: Path) -> None:
    path.write_text(LOGS)
    assert read(path, format_="otlp-traces") == (
        [],
        [f"{path}:1: holds no document of this format"],
    )


def test_what_is_too_large_is_not_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "LARGEST", 30)
    path.write_text(f"{EVENT}\n" + '{"message": "' + "x" * 90 + '"}\n' + f"{EVENT}\n")
    assert read(path) == (
        [(1, ["event"]), (3, ["event"])],
        [f"{path}:2: the line is too large"],
    )
    path.write_text("{\n" + " " * 40 + "}")
    assert read(path) == ([], [f"{path}: is too large"])
