"""A collector that is told to read its configuration again, and to be stricter for a while."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from live_operators import Controlled, running_controlled
from waiting import wait_for


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Controlled]:
    folder = tmp_path_factory.mktemp("reloading")
    with running_controlled(folder, watch_config=False) as found:
        yield found


def test_a_reload_says_what_changed_and_keeps_what_people_said(collector: Controlled) -> None:
    file = collector.folder / "errlock.yaml"
    config = json.loads(file.read_text())
    nothing = collector.command("reload")
    assert (nothing.returncode, nothing.stdout, nothing.stderr) == (0, "", "nothing has changed\n")

    collector.command("hold", "file")
    config["processors"]["redact"] = {"profile": "strict"}
    config["incident"]["plans"]["other"] = {"hold": ["file"]}
    file.write_text(json.dumps(config))
    done = collector.command("reload")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "processors changed: redact\nplans added: other\n"
    assert "other:\n  hold  file\n" in collector.command("incident", "list").stdout
    status = collector.ask("/v1/status").json
    assert status["destinations"][0]["trust"]["state"] == "held"

    good = file.read_text()
    config["exporters"]["nowhere"] = {}
    file.write_text(json.dumps(config))
    refused = collector.command("reload")
    assert refused.returncode == 1
    assert refused.stderr.startswith("errlock reload: the old configuration goes on: /")
    assert "exporters.nowhere: unknown exporter type 'nowhere'" in refused.stderr
    file.write_text(good)
    collector.as_new()
    collector.wait_until_stored("out.jsonl", collector.send())


def test_a_file_that_was_cut_off_is_not_taken_for_the_defaults(collector: Controlled) -> None:
    collector.as_new()
    file = collector.folder / "errlock.yaml"
    whole = file.read_text()
    file.write_text("# the collector of the shop\n")
    refused = collector.ask("/v1/reload", {})
    file.write_text(whole)
    assert (refused.status, refused.kind) == (409, "config")
    assert "has nothing in it" in refused.json["error"]
    collector.wait_until_stored("out.jsonl", collector.send())


def test_a_pipe_in_place_of_the_file_is_told_and_holds_up_nothing(tmp_path: Path) -> None:
    with running_controlled(tmp_path) as collector:  # watches its file, too
        (tmp_path / "errlock.yaml").rename(tmp_path / "whole.yaml")
        os.mkfifo(tmp_path / "errlock.yaml")
        refused = collector.ask("/v1/reload", {})
        assert (refused.status, refused.kind) == (409, "config")
        told = "errlock.yaml: cannot be read: it is a pipe (FIFO) in which nothing comes"
        assert told in refused.json["error"]
        collector.wait_until_stored("out.jsonl", collector.send())
        collector.errlock.send(signal.SIGTERM)
        assert collector.errlock.ended(60) == 0


def test_a_plan_can_tighten_the_policy_for_a_while(collector: Controlled) -> None:
    collector.as_new()
    assert "the policy is tightened" not in collector.command("status").stdout
    assert collector.command("incident", "run", "strict").returncode == 0
    assert collector.ask("/v1/status").json["strict"] is True
    assert "the policy is tightened: everything" in collector.command("status").stdout
    collector.wait_until_stored("out.jsonl", collector.send())
    assert collector.command("incident", "relax").stdout == "the configured policy\n"
    assert collector.ask("/v1/status").json["strict"] is False


def test_what_waits_for_an_exporter_that_is_gone_is_told(tmp_path: Path) -> None:
    with running_controlled(tmp_path, watch_config=False) as collector:
        file = tmp_path / "errlock.yaml"
        whole = file.read_text()
        collector.command("hold", "file")
        for _ in range(3):
            collector.send()
        config = json.loads(whole)
        del config["exporters"]["file"]
        del config["exporters"]["file/standby"]["standby_for"]
        config["service"]["pipelines"]["errors"]["exporters"] = ["file/standby"]
        config["incident"]["plans"] = {}
        file.write_text(json.dumps(config))
        assert collector.command("reload").returncode == 0
        wait_for(lambda: collector.ask("/v1/status").json["unclaimed"] == {"file": 3})
        told = "3 documents wait for file, which is not configured"
        assert told in collector.command("status").stdout
        assert told in collector.errlock.log
        file.write_text(whole)
        assert collector.command("reload").returncode == 0
        status = collector.ask("/v1/status").json
        assert status["unclaimed"] == {}
        (found,) = [each for each in status["destinations"] if each["id"] == "file"]
        assert (found["trust"]["state"], found["queued_documents"]) == ("held", 3)
