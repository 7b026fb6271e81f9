"""Which component types there are."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from live_errlock import ERRLOCK
from toy_components import TOYS, Shelf, Wash

from errlock.pipeline.registry import BUILT_IN, DEFAULT, KINDS, Kind, NoSuchType, Registry


def refusal(registry: Registry, kind: Kind, name: str) -> str:
    with pytest.raises(NoSuchType) as caught:
        registry.find(kind, name)
    return str(caught.value)


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path in which tests install packages."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def install(folder: Path, package: str, entry_points: str, module: str) -> None:
    name = package.replace("-", "_")
    (folder / f"{name}.py").write_text(module)
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(entry_points)
    importlib.invalidate_caches()
    sys.modules.pop(name, None)


@pytest.mark.parametrize("kind", KINDS)
def test_every_built_in_type_is_listed(kind: Kind) -> None:
    assert DEFAULT.names(kind) == sorted(BUILT_IN[kind])


def test_an_unknown_type_is_refused_with_the_nearest_and_all_known_names() -> None:
    assert refusal(DEFAULT, "processor", "redcat") == (
        "unknown processor type 'redcat'; did you mean 'redact'? "
        "Known: filter, generalize, hash, keep, redact, sample, tripwire"
    )


def test_collector_users_are_told_what_they_do_not_need() -> None:
    assert refusal(DEFAULT, "processor", "batch").startswith(
        "unknown processor type 'batch'; leave it out, every exporter has a queue of its own. Known"
    )


def test_the_collectors_names_are_aliases() -> None:
    assert DEFAULT.canonical("exporter", "otlphttp") == "otlp_http"
    assert DEFAULT.canonical("exporter", "otlp_grpc") == "otlp"
    assert DEFAULT.canonical("exporter", "sentry") == "sentry"


def test_types_are_added_and_taken_away_without_changing_the_registry() -> None:
    more = TOYS.having("exporter", "shelf", Shelf)
    assert more.find("exporter", "shelf") is Shelf
    assert more.without("exporter", "shelf").names("exporter") == TOYS.names("exporter")
    assert "shelf" not in TOYS.names("exporter")


def test_a_type_of_the_wrong_kind_is_refused() -> None:
    wrong = TOYS.having("exporter", "wash", Wash)
    assert refusal(wrong, "exporter", "wash") == (
        "exporter type 'wash' does not name a subclass of ExporterConfig"
    )


def test_another_package_adds_a_type_by_entry_point(plugin: Path) -> None:
    install(
        plugin, "errlock-kafka", "[errlock.exporters]\nkafka = errlock_kafka:Kafka\n",
        "from errlock.pipeline.component import ExporterConfig\n"
        "class Kafka(ExporterConfig, frozen=True, kw_only=True): pass\n",
    )  # fmt: skip
    assert DEFAULT.find("exporter", "kafka").__name__ == "Kafka"
    assert "kafka" in DEFAULT.names("exporter")
    assert "kafka" not in Registry(plugins=False).names("exporter")


def test_an_entry_point_that_cannot_be_loaded_names_its_package(plugin: Path) -> None:
    install(
        plugin, "errlock-broken", "[errlock.exporters]\nbroken = errlock_broken:Broken\n",
        "import no_such_module_anywhere\n",
    )  # fmt: skip
    assert refusal(DEFAULT, "exporter", "broken") == (
        "exporter type 'broken' of the package errlock-broken cannot be loaded "
        "(ModuleNotFoundError: No module named 'no_such_module_anywhere'); "
        "is it installed with its dependencies?"
    )


def test_an_entry_point_that_fails_does_not_say_of_what(plugin: Path) -> None:
    install(
        plugin, "errlock-broken", "[errlock.exporters]\nbroken = errlock_broken:Broken\n",
        "raise RuntimeError('password=hunter2')\n",
    )  # fmt: skip
    assert refusal(DEFAULT, "exporter", "broken") == (
        "exporter type 'broken' of the package errlock-broken cannot be loaded "
        "(RuntimeError); is it installed with its dependencies?"
    )


FAILING = """
from errlock.pipeline.component import Exporter, ExporterConfig

class Failing(Exporter):
    accepts = ("sentry",)

    async def start(self):
        raise ValueError("password=hunter2")

    async def export(self, payload): ...

    async def stop(self): ...

    def abort(self): ...

class Failed(ExporterConfig, frozen=True, kw_only=True):
    at: str

    def problems(self):
        return self._fail_at("problems") or ()

    def build(self, settings):
        self._fail_at("build")
        return Failing()

    def _fail_at(self, at):
        if self.at == at:
            raise ValueError("password=hunter2")
"""


@pytest.mark.parametrize(
    ("at", "line"),
    [("problems", 28), ("build", 28), ("start", 8)],
    ids=["problems", "build", "start"],
)
def test_a_component_of_another_package_that_fails_is_named_with_it(
    plugin: Path, at: str, line: int
) -> None:
    points = "[errlock.exporters]\nfailing = errlock_failing:Failed\n"
    install(plugin, "errlock-failing-plugin", points, "")
    (plugin / "errlock_failing.py").write_text(FAILING)
    (plugin / "errlock_failing_plugin-1.0.dist-info" / "top_level.txt").write_text(
        "errlock_failing"
    )
    (plugin / "errlock.yaml").write_text(
        f"""
        receivers: {{file: {{path: nothing.jsonl}}}}
        exporters: {{failing/shop: {{at: {at}}}}}
        service:
          storage: memory
          telemetry: {{metrics: {{level: none}}}}
          health: {{endpoint: ""}}
          control: {{endpoint: ""}}
          pipelines: {{errors: {{receivers: [file], exporters: [failing/shop]}}}}
        """
    )
    (plugin / "nothing.jsonl").write_text("")
    done = subprocess.run(
        [ERRLOCK, "run", "-c", "errlock.yaml"], cwd=plugin, capture_output=True, text=True,
        timeout=120, env={**os.environ, "PYTHONPATH": str(plugin)}, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.endswith(
        f"exporters.failing/shop: failed with ValueError (errlock_failing.py:{line}), "
        "in the package errlock-failing-plugin\n"
    )
    assert "hunter2" not in done.stderr
    assert "bug" not in done.stderr


def test_another_package_cannot_replace_a_built_in_type(plugin: Path) -> None:
    install(
        plugin, "errlock-evil", "[errlock.processors]\nredact = errlock_evil:Redact\n",
        "raise SystemExit('imported')\n",
    )  # fmt: skip
    assert TOYS.find("processor", "redact") is Wash


def test_a_type_of_two_packages_is_refused(plugin: Path) -> None:
    for package in ("errlock-one", "errlock-two"):
        install(plugin, package, "[errlock.exporters]\nboth = nowhere:X\n", "")
    assert refusal(DEFAULT, "exporter", "both") == (
        "exporter type 'both' is provided by errlock-one and errlock-two: uninstall one"
    )


def test_a_built_in_type_whose_dependency_is_missing_says_so() -> None:
    registry = Registry({"exporter": {"x": "no_such_package_anywhere.x:X"}}, plugins=False)
    assert refusal(registry, "exporter", "x") == (
        "exporter type 'x' cannot be loaded (No module named 'no_such_package_anywhere')"
    )
