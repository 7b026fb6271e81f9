"""One policy, three uses: embedded, through the collector and through `errlock scrub`."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from errlock.pipeline import Pipeline
from errlock.pipeline.collector import Collector
from errlock.pipeline.config import load
from errlock.policy.pseudonyms import new_key
from ports import free_port

SECRETS = ("hunter22correct", "jane.roe@example.com", "4111111111111111", "203.0.113.77")
EVENTS: list[dict[str, Any]] = [
    {"message": "login of jane.roe@example.com failed, password=hunter22correct", "level": "error"},
    {
        "exception": {
            "values": [
                {
                    "type": "PaymentError",
                    "value": "card 4111111111111111 declined for order 4711",
                    "stacktrace": {
                        "frames": [{"function": "pay", "vars": {"password": "'hunter22correct'"}}]
                    },
                }
            ]
        },
        "user": {"id": "4711", "email": "jane.roe@example.com", "ip_address": "203.0.113.77"},
    },
    {
        "request": {
            "url": "https://shop.example.com/users/4711?token=hunter22correct",
            "headers": [["X-Forwarded-For", "203.0.113.77"], ["Accept", "text/html"]],
        },
        "breadcrumbs": {"values": [{"message": "GET /users/jane.roe%40example.com"}]},
    },
    {"message": "nothing to see here", "tags": {"region": "eu-west-1"}},
]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "errlock.yaml"
    path.write_text(
        f"""
        receivers: {{ sentry: {{ endpoint: "localhost:{free_port()}" }} }}
        processors:
          hash: {{ classes: [pii.email, pii.user_id], key: "{new_key()}" }}
          generalize: {{ ip: {{ v4: 24, v6: 48 }} }}
          redact: {{ profile: balanced }}
        exporters: {{ file: {{ path: "{tmp_path}/out.jsonl" }} }}
        service:
          storage: memory
          telemetry: {{ metrics: {{ level: none }} }}
          health: {{ endpoint: "" }}
          pipelines:
            errors:
              receivers: [sentry]
              processors: [hash, generalize, redact]
              exporters: [file]
        """
    )
    return path


def numbered() -> list[dict[str, Any]]:
    return [{"event_id": f"{i:032x}", "timestamp": 1.5, **e} for i, e in enumerate(EVENTS, 1)]


def by_the_library(path: Path) -> list[Any]:
    pipeline = Pipeline.from_file(path)
    return [pipeline.scrub_event(event) for event in numbered()]


def by_the_command(path: Path) -> list[Any]:
    done = subprocess.run(
        [Path(sys.executable).with_name("errlock"), "scrub", "-c", path],
        input="".join(json.dumps(event) + "\n" for event in numbered()),
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


async def by_the_collector(path: Path) -> list[Any]:
    config = load([path])
    collector = Collector(config)
    await collector.start()
    port = config.receivers["sentry"].endpoint.rpartition(":")[2]  # type: ignore[attr-defined]  # a SentryConfig
    url = f"http://localhost:{port}/api/1/store/?sentry_key=abc"
    async with aiohttp.ClientSession() as session:
        for event in numbered():
            async with session.post(url, json=event) as answer:
                assert answer.status == 200
    await collector.stop()
    text = await asyncio.to_thread((path.parent / "out.jsonl").read_text)
    events = [json.loads(line)["items"][0]["json"] for line in text.splitlines()]
    return sorted(events, key=lambda event: event["event_id"])  # type: ignore[no-any-return]


async def test_the_same_policy_gives_the_same_result_everywhere(config: Path) -> None:
    library, command = by_the_library(config), by_the_command(config)
    collector = await by_the_collector(config)
    assert library == command == collector
    text = json.dumps(library)
    assert [secret for secret in SECRETS if secret in text] == []
    assert "[email:e0:" in text
    assert "203.0.113.0" in text
    assert library[3]["message"] == "nothing to see here"
