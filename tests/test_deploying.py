"""The files in examples/deploy: each is what its reader takes, and they agree with each other."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from live_control import AUDIENCE, KEYS
from live_errlock import ERRLOCK, collector, running_errlock, sentry_at
from live_ports import listening_port

from errlock.pipeline.counters import COUNTERS
from errlock.pipeline.errors import DROP_REASONS
from errlock.policy.keyring.pseudonyms import new_key

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "examples" / "deploy"
ENVIRONMENT = {
    "SHOP_KEY": "a" * 32,
    "SENTRY_BACKEND_DSN": "https://abc@tracker.example/1",
    "ERRLOCK_LEDGER_KEY": new_key(),
}


@pytest.fixture(scope="module")
def manifests() -> dict[str, Any]:
    found = yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text())
    return {each["kind"]: each for each in found}


@pytest.fixture(scope="module")
def config() -> Any:
    return yaml.safe_load((DEPLOY / "errlock.yaml").read_text())


def test_the_configuration_is_valid() -> None:
    done = subprocess.run(
        [ERRLOCK, "validate", "-c", DEPLOY / "errlock.yaml"],
        env={**os.environ, **ENVIRONMENT},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    text = (DEPLOY / "errlock.service").read_text()
    unit = tmp_path / "errlock.service"
    unit.write_text(text.replace("/opt/errlock/bin/errlock", sys.executable))
    done = subprocess.run(
        ["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_whoever_runs_it_waits_longer_than_it_takes_to_stop(
    manifests: dict[str, Any], config: Any
) -> None:
    drains = int(config["service"]["shutdown_timeout"].removesuffix("s"))
    (line,) = (
        line
        for line in (DEPLOY / "errlock.service").read_text().splitlines()
        if line.startswith("TimeoutStopSec=")
    )
    pod = manifests["StatefulSet"]["spec"]["template"]["spec"]
    assert drains < int(line.partition("=")[2])
    assert drains < pod["terminationGracePeriodSeconds"]


def test_a_pod_runs_the_same_configuration_and_opens_what_it_opens(
    manifests: dict[str, Any], config: Any
) -> None:
    assert yaml.safe_load(manifests["ConfigMap"]["data"]["errlock.yaml"]) == config
    pod = manifests["StatefulSet"]["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    protocols = config["receivers"]["otlp"]["protocols"]
    endpoints = {
        "sentry": config["receivers"]["sentry"]["endpoint"],
        "otlp-grpc": protocols["grpc"]["endpoint"],
        "otlp-http": protocols["http"]["endpoint"],
        "metrics": config["service"]["telemetry"]["metrics"]["endpoint"],
        "health": config["service"]["health"]["endpoint"],
    }
    assert {name: f"0.0.0.0:{port}" for name, port in ports.items()} == endpoints
    for each in manifests["Service"]["spec"]["ports"]:
        assert ports[each["targetPort"]] == each["port"]
    assert pod["metadata"]["annotations"]["prometheus.io/port"] == str(ports["metrics"])


def test_the_image_is_made_of_everything_that_the_package_is_made_of() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    needed = {*project["tool"]["setuptools"]["package-dir"].values(), project["project"]["readme"]}
    lines = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    taken = {line.removeprefix("!") for line in lines if line.startswith("!")}
    assert needed | {"pyproject.toml", "constraints.txt", "LICENSE"} == taken


def test_alerts_are_about_metrics_labels_and_reasons_that_there_are(tmp_path: Path) -> None:
    """Counters are there once they have counted; all else a collector shows from the start."""
    (group,) = yaml.safe_load((DEPLOY / "alerts.yaml").read_text())["groups"]
    counters = {f"errlock_{name}_total": labels for name, (_, labels) in COUNTERS.items()}
    config = collector(sentry_at(listening_port()), {"debug": {}})
    keys = [str(key) for key in KEYS]
    config["service"]["follow"] = {"file": "none", "audience": AUDIENCE, "keys": keys}
    with running_errlock(config, tmp_path) as errlock:
        page = errlock.metrics()
    shown = set(re.findall(r"^(\w+)[{ ]", page, re.MULTILINE))
    for name, told in re.findall(r"^(\w+)\{(.*)\} ", page, re.MULTILINE):
        counters.setdefault(name, tuple(re.findall(r'(\w+)="', told)))
    for rule in group["rules"]:
        names = set(re.findall(r"\b(?:errlock|otelcol)_\w+", rule["expr"]))
        assert names <= shown | counters.keys(), rule["alert"]
        labels = {label for name in names for label in counters.get(name, ("exporter",))}
        used = set(re.findall(r"labels\.(\w+)", rule["annotations"]["summary"]))
        assert used <= labels | {"instance"}, rule["alert"]
        for reasons in re.findall(r'_dropped_total\{reason=~?"([\w|]+)"', rule["expr"]):
            assert set(reasons.split("|")) <= set(DROP_REASONS), rule["alert"]
