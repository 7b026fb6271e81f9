"""Every file in examples/ does what it says."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from http_sink import http_sink
from live_errlock import ERRLOCK, collector, otlp_at, running_errlock
from live_ports import listening_port
from wire import Wire

from errlock.policy.keyring.pseudonyms import new_key

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
        [ERRLOCK, *arguments],
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
    assert "login.failures" in out.read_text()
    assert not any(relay.contains(secret) for secret in SECRETS)


def test_embedded_in_logging() -> None:
    assert run("embed_logging.py").stderr == "INFO login of [email] with password=[password]\n"


def test_a_processor_of_ones_own() -> None:
    tagged, dropped = run("own_processor.py").stdout.splitlines()
    assert "'tags': {'plan': 'gold', 'team': 'checkout'}" in tagged
    assert "password=[password]" in tagged
    assert dropped == "None"


@pytest.fixture
def plugin(tmp_path: Path) -> dict[str, str]:
    """The environment of a process that has the package of `plugin/` installed."""
    site = tmp_path / "site"
    shutil.copytree(EXAMPLES / "plugin", site, ignore=shutil.ignore_patterns("__pycache__"))
    project = tomllib.loads((site / "pyproject.toml").read_text())["project"]
    info = site / "errlock_shop-1.0.dist-info"
    info.mkdir()
    name = f"Name: {project['name']}\nVersion: {project['version']}\n"
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\n{name}")
    (info / "entry_points.txt").write_text(
        "".join(
            f"[{group}]\n" + "".join(f"{name} = {where}\n" for name, where in points.items())
            for group, points in project["entry-points"].items()
        )
    )
    return {"PYTHONPATH": str(site)}


def test_the_tests_of_the_package_pass(plugin: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "-p", "no:cacheprovider", "."],
        cwd=plugin["PYTHONPATH"],
        env={**os.environ, **plugin},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_collector_runs_what_a_package_adds(
    plugin: dict[str, str], wire: Callable[[int], Wire], tmp_path: Path
) -> None:
    assert "Tell a webhook of each error" in errlock("components", "webhook", **plugin).stdout
    events = tmp_path / "events.jsonl"
    events.write_text(
        '{"event_id":"9ec79c33ec9942ab8353589fcb2e04dc","level":"fatal","message":"hello"}\n'
        '{"event_id":"0af7651916cd43dd8448eb211c80319c","logger":"loadtest"}\n'
    )
    with http_sink() as port:
        relay = wire(port)
        config = {
            "receivers": {"file": {"path": str(events)}},
            "processors": {"team": {"name": "checkout"}, "redact": {}},
            "exporters": {"webhook": {"url": f"http://127.0.0.1:{relay.port}/"}},
            "service": {
                "storage": str(tmp_path / "data"),
                "telemetry": {"metrics": {"level": "none"}},
                "health": {"endpoint": ""},
                "control": {"endpoint": ""},
            },
        }
        (tmp_path / "errlock.yaml").write_text(json.dumps(config))
        done = errlock("run", "-c", str(tmp_path / "errlock.yaml"), **plugin)
    assert done.returncode == 0, done.stderr
    assert relay.contains(b'[{"id": "9ec79c33ec9942ab8353589fcb2e04dc", "level": "fatal"}]')
    assert not relay.contains(b"0af7651916cd43dd8448eb211c80319c")


def test_the_page_on_extending_shows_the_files_of_the_package() -> None:
    page = (EXAMPLES.parent / "docs" / "extending.md").read_text()
    for name in ("errlock_shop/team.py", "errlock_shop/webhook.py", "pyproject.toml"):
        assert f"\n{(EXAMPLES / 'plugin' / name).read_text()}```" in page, name
