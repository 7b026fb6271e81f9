"""The commands for operators beside a real collector."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from http_sink import http_sink
from live_errlock import CONFIG, ERRLOCK
from live_operators import Controlled, running_controlled
from live_ports import listening_port


def errlock(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """As a process of its own."""
    return subprocess.run(
        [ERRLOCK, *args], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )


def test_status_for_people(controlled: Controlled) -> None:
    done = controlled.command("status")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("errlock ")
    assert "running since 20" in lines[0]
    assert "errors: sentry -> redact -> file" in lines
    assert [line.split()[:5] for line in lines[-3:]] == [
        ["destination", "operator", "trust", "health", "queued"],
        ["file", "-", "trusted", "up", "0"],
        ["file/standby", "-", "trusted", "up", "0"],
    ]


def test_status_for_scripts(controlled: Controlled) -> None:
    done = controlled.command("status", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["state"] == "running"


def test_who_watches_sees_that_a_collector_is_gone_and_goes_on(tmp_path: Path) -> None:
    with running_controlled(tmp_path) as collector:
        words: list[str | Path] = [ERRLOCK, "status", "--watch", "--json", "-c", CONFIG]
        with subprocess.Popen(
            words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as watching:
            assert watching.stdout is not None
            assert watching.stderr is not None
            assert json.loads(watching.stdout.readline())["state"] == "running"
            collector.errlock.kill()
            collector.errlock.ended(5)
            assert b" does not answer: nobody listens there" in watching.stderr.readline()
            assert watching.poll() is None
            watching.terminate()


def test_status_with_a_token_of_ones_own(controlled: Controlled, tmp_path: Path) -> None:
    made = controlled.command("token", "add", "jane", "--role", "read")
    assert made.returncode == 0
    assert made.stderr == "the token of jane (read) is shown only now\n"
    file = tmp_path / "jane.token"
    file.write_text(made.stdout)
    url = ("--url", f"http://127.0.0.1:{controlled.errlock.control}", "--token-file", str(file))

    open_to_all = errlock(tmp_path, "status", *url)
    assert open_to_all.returncode == 2
    assert f"{file} can be read by others: chmod 600 {file}" in open_to_all.stderr

    file.chmod(0o600)
    assert errlock(tmp_path, "status", *url).returncode == 0

    assert controlled.command("token", "remove", "jane").returncode == 0
    refused = errlock(tmp_path, "status", *url)
    assert refused.returncode == 2
    assert refused.stderr == ("errlock status: expected Authorization: Bearer and a token\n")


_NO_TOKEN = (
    "not a token: it has characters that no token has (more than one line, letters that are not "
    "ASCII)"
)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"first-part\nsecond-part", _NO_TOKEN),
        ("t\N{LATIN SMALL LETTER O WITH DIAERESIS}ken".encode(), _NO_TOKEN),
        (b"\xff\xfe", _NO_TOKEN),
        (b"\n", "the token is empty"),
        (b"", "the token is empty"),
    ],
)
def test_a_file_that_holds_no_token_is_named_and_not_shown(
    tmp_path: Path, content: bytes, problem: str
) -> None:
    file = tmp_path / "jane.token"
    file.write_bytes(content)
    file.chmod(0o600)
    done = errlock(tmp_path, "status", "--token-file", str(file))
    assert (done.returncode, done.stderr) == (2, f"errlock status: {file}: {problem}\n")


def test_a_token_file_that_is_a_folder(tmp_path: Path) -> None:
    done = errlock(tmp_path, "status", "--token-file", str(tmp_path))
    assert done.returncode == 2
    assert done.stderr == f"errlock status: no token: {tmp_path}: Is a directory\n"


@pytest.mark.parametrize("host", ["local..host", "nobody.invalid"])
def test_a_host_that_is_none(controlled: Controlled, host: str) -> None:
    done = controlled.command("status", "--url", f"http://{host}:1")
    assert done.returncode == 1
    assert done.stderr == (
        f"errlock status: the collector at http://{host}:1 does not answer: "
        "no such host is known here\n"
    )


def test_tokens_are_listed_without_what_they_are(controlled: Controlled) -> None:
    token = controlled.command("token", "add", "joe@shop", "--role", "operate").stdout.strip()
    shown = controlled.command("token", "list")
    assert [line.split()[:2] for line in shown.stdout.splitlines()] == [
        ["local", "release"],
        ["joe@shop", "operate"],
    ]
    listed = controlled.command("token", "list", "--json").stdout
    assert [set(each) for each in json.loads(listed)] == [{"name", "role", "created"}] * 2
    assert token not in shown.stdout + listed
    again = controlled.command("token", "add", "joe@shop", "--role", "release")
    assert (again.returncode, again.stdout) == (2, "")
    assert controlled.command("token", "remove", "joe@shop").returncode == 0
    gone = controlled.command("token", "remove", "joe@shop")
    assert (gone.returncode, gone.stderr) == (
        1,
        "errlock token remove: 'joe@shop' has no token\n",
    )


def test_the_environment_of_the_collector_is_not_needed(
    controlled: Controlled, tmp_path: Path
) -> None:
    """Who has to act may not have the secrets that the collector runs with."""
    (tmp_path / "errlock.yaml").write_text(f"""
        exporters: {{ sentry: {{ dsn: "${{env:NOT_SET_HERE}}" }} }}
        service:
          storage: {controlled.folder / "data"}
          control: {{ endpoint: "127.0.0.1:{controlled.errlock.control}" }}
    """)
    assert errlock(tmp_path, "status", "-c", "errlock.yaml").returncode == 0


def test_where_nobody_listens(controlled: Controlled, tmp_path: Path) -> None:
    there = f"127.0.0.1:{listening_port()}"
    done = controlled.command("status", "--set", f"service.control.endpoint={there}")
    assert (done.returncode, done.stderr) == (
        1,
        (
            f"errlock status: the collector at http://{there} does not answer: nobody listens "
            "there\nerrlock distrust and errlock hold are obeyed without it\n"
        ),
    )
    without_token = errlock(tmp_path, "status")
    assert without_token.returncode == 2
    assert without_token.stderr == (
        "errlock status: no token: errlock-data/control-token is not there. Name the collector's "
        "configuration with -c. Run this where the collector runs, or name a file with "
        "--token-file\n"
    )
    no_such = errlock(tmp_path, "distrust", "sentry")
    assert no_such.returncode == 2
    assert no_such.stderr == (
        "errlock distrust: no exporter 'sentry'. Known: local\n"
        "no configuration was named: name the collector's with -c\n"
    )


def test_what_answers_but_is_no_collector(controlled: Controlled) -> None:
    health, _ = controlled.errlock.operators
    done = controlled.command("status", "--url", f"http://127.0.0.1:{health}")
    assert done.returncode == 1
    assert "what answered (HTTP 404) is not a collector of this version" in done.stderr


def test_a_wrong_url_is_a_mistake(controlled: Controlled) -> None:
    done = controlled.command("status", "--url", "localhost:13134")
    assert (done.returncode, done.stderr) == (
        2,
        "--url: expected a URL such as http://localhost:13134\n",
    )


def test_what_a_destination_refuses_for_good_is_told(tmp_path: Path) -> None:
    with http_sink(status=400) as backend:
        more = {"sentry": {"dsn": f"http://key@127.0.0.1:{backend}/1", "standby_for": "file"}}
        with running_controlled(tmp_path, more) as one:
            assert one.ask("/v1/swap", {"from": "file", "to": "sentry"}).status == 200
            for _ in range(2):
                one.send()
            one.errlock.wait_for_metric("errlock_exporter_dropped_total", 2, exporter="sentry")
            told = "2 documents for sentry lost since the start: 2 invalid"
            assert told in one.command("status").stdout.splitlines()
            there = json.loads(one.command("status", "--json").stdout)["destinations"]
            assert {each["id"]: each["dropped"] for each in there}["sentry"] == {"invalid": 2}
            lost = "sentry does not get all documents, they are lost (invalid): it refused them"
            assert one.errlock.log.count(lost) == 1
