"""Every file in examples/ does what it says."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from http_sink import http_sink
from live_errlock import collector, otlp_at, running_errlock
from live_ports import listening_port
from wire import Wire

from errlock.policy.pseudonyms import new_key

EXAMPLES = Path(__file__).parent.parent / "examples"
ENV = {
    "SENTRY_DSN": "http://abc@localhost:9/1",
    "SENTRY_SHOP_DSN": "http://abc@localhost:9/2",
    "BUGSINK_DSN": "http://abc@localhost:9/3",
    "SHOP_KEY": "a" * 32,
    "BILLING_KEY": "b" * 32,
    "ERRLOCK_KEY": "",  # made by the test
}
SECRETS = (b"Winter2024!", b"jane.roe@example.com")


def errlock(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("errlock"), *arguments],
        env={**os.environ, **ENV, **env},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.name)
def test_a_configuration_is_valid(path: Path) -> None:
    done = errlock("validate", "-c", str(path), ERRLOCK_KEY=new_key())
    assert (done.returncode, done.stderr) == (0, "")


def test_every_example_is_covered() -> None:
    programs = {path.name for path in EXAMPLES.glob("*.py")}
    here = Path(__file__).read_text()
    assert [name for name in sorted(programs) if f'"{name}"' not in here] == []


def run(name: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, EXAMPLES / name],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )


def test_embedded_in_the_sentry_sdk(wire: Callable[[int], Wire]) -> None:
    with http_sink() as port:
        relay = wire(port)
        run("embed_sentry.py", SENTRY_DSN=f"http://abc@127.0.0.1:{relay.port}/1")
    assert relay.contains(b"cannot log in with password=[password]")
    assert not any(relay.contains(secret) for secret in SECRETS)


def test_embedded_in_the_opentelemetry_sdk(wire: Callable[[int], Wire], tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    port = listening_port()
    config = collector(otlp_at(port, listening_port()), {"file": {"path": str(out)}})
    config["service"]["pipelines"]["errors"]["processors"] = []
    with running_errlock(config, tmp_path / "errlock"):
        relay = wire(port)
        run("embed_opentelemetry.py", OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{relay.port}")
    assert "password=[password]" in out.read_text()
    assert not any(relay.contains(secret) for secret in SECRETS)


def test_embedded_in_logging() -> None:
    assert run("embed_logging.py").stderr == "INFO login of [email] with password=[password]\n"


def test_a_processor_of_ones_own() -> None:
    tagged, dropped = run("own_processor.py").stdout.splitlines()
    assert "'tags': {'team': 'checkout'}" in tagged
    assert "password=[password]" in tagged
    assert dropped == "None"
