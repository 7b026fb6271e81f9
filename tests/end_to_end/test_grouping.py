"""Grouping survives: what is one issue without errlock is one issue behind it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from live_bugsink import Bugsink
from live_errlock import running_errlock
from live_ports import listening_port
from live_senders import send_errors_of_20_kinds

from errlock.policy.keyring.pseudonyms import new_key

PROCESSORS: dict[str, dict[str, Any]] = {
    "redact": {},
    "redact/strict": {"profile": "strict"},
    "hash": {"classes": ["pii.email", "pii.ip", "pii.user_id"], "key": new_key()},
    "generalize": {"email": "domain", "timestamps": "hour", "routes": True, "ids": True},
    "sample": {"rate": 1.0},
    "tripwire": {"key": new_key(), "share": 0.5},
    "keep": {"fields": ["$error.type", "$error.value", "platform"]},
    "filter": {"drop": [{"field": "$error.type", "equals": "NoSuchError"}]},
}
# Those that change what issues are grouped by, alone; the last chain has all of them.
CHAINS = [
    ["redact"],
    ["redact/strict"],
    ["generalize"],
    ["filter", "hash", "generalize", "redact", "sample", "keep", "tripwire"],
]


def test_200_errors_are_20_issues_without_errlock(bugsink: Bugsink) -> None:
    project = bugsink.project("grouping alone")
    send_errors_of_20_kinds(project.dsn)
    issues = bugsink.issues(project)
    assert [issue.events for issue in issues] == [10] * 20


@pytest.mark.parametrize("chain", CHAINS, ids="+".join)
def test_200_errors_are_20_issues_behind(
    chain: list[str], bugsink: Bugsink, tmp_path: Path
) -> None:
    project, port = bugsink.project("grouping"), listening_port()
    config = {
        "receivers": {"sentry": {"endpoint": f"127.0.0.1:{port}"}},
        "processors": {id_: PROCESSORS[id_] for id_ in chain},
        "exporters": {"sentry": {"dsn": project.dsn}},
        "service": {
            "pipelines": {
                "errors": {"receivers": ["sentry"], "processors": chain, "exporters": ["sentry"]}
            }
        },
    }
    with running_errlock(config, tmp_path):
        send_errors_of_20_kinds(f"http://key@127.0.0.1:{port}/1")
        bugsink.wait_for_events(project, 200)
    assert [issue.events for issue in bugsink.issues(project)] == [10] * 20
