"""The commands, in this process unless a process is what is tested."""

import argparse
import io
import json
import os
import stat
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import yaml
from live_errlock import ERRLOCK
from toy_components import TOYS

from errlock.pipeline.cli import _COMMANDS, main
from errlock.pipeline.config import ServiceOptions, loads

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def errlock(capsys: Capture) -> "Errlock":
    return Errlock(capsys)


class Errlock:
    """Runs commands on the toy components: `code, stdout, stderr`."""

    def __init__(self, capsys: Capture) -> None:
        self._capsys = capsys

    def __call__(self, *argv: str) -> tuple[int, str, str]:
        code = main(argv, TOYS)
        captured = self._capsys.readouterr()
        return code, captured.out, captured.err


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    path = tmp_path / "errlock.yaml"
    path.write_text(
        "processors: {redact: {key: hunter22}}\n"
        "exporters: {target: {endpoint: tempo:4317, headers: {a: hunter22}, timeout: 90s}}\n"
    )
    return path


def test_no_command_prints_the_help(errlock: Errlock) -> None:
    code, out, err = errlock()
    assert (code, err) == (2, "")
    assert out.startswith("usage: errlock [-h] [--version] COMMAND ...")


def test_an_unknown_command_gets_the_nearest_one(errlock: Errlock) -> None:
    code, out, err = errlock("vaildate")
    assert (code, out) == (2, "")
    assert err.startswith(
        "errlock: no command 'vaildate'; did you mean 'validate'? Known: run, demo, validate, "
    )
    assert err.endswith("\nSee errlock --help\n")


def test_an_unknown_option_gets_the_nearest_one(errlock: Errlock) -> None:
    assert errlock("validate", "--jsno") == (
        2,
        "",
        (
            "errlock validate: no option '--jsno'; did you mean '--json'?\n"
            "See errlock validate --help\n"
        ),
    )


def test_a_file_without_its_option_is_told(errlock: Errlock) -> None:
    assert errlock("validate", "errlock.yaml") == (
        2,
        "",
        (
            "errlock validate: an argument too many; a configuration file goes behind -c\n"
            "See errlock validate --help\n"
        ),
    )


def test_an_argument_that_may_be_a_value_is_not_shown(errlock: Errlock) -> None:
    code, out, err = errlock("exposure", "search", "hunter22")
    assert (code, out) == (2, "")
    assert "hunter22" not in err


@pytest.mark.parametrize("command", _COMMANDS)
def test_every_command_has_a_help(errlock: Errlock, command: str) -> None:
    code, out, err = errlock(command, "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"usage: errlock {command}")


def test_validate_shows_the_pipelines(errlock: Errlock, config_file: Path) -> None:
    assert errlock("validate", "-c", str(config_file)) == (
        0,
        "default: sentry, otlp -> redact -> target\nvalid\n",
        "",
    )


def test_validate_shows_which_exporters_share_an_operator(errlock: Errlock) -> None:
    exporter = "{endpoint: tempo:4317, operator: acme}"
    setting = f"exporters={{target/eu: {exporter}, target/us: {exporter}}}"
    code, out, _ = errlock("validate", "--set", setting)
    assert (code, out.splitlines()[1:]) == (0, ["operator acme: target/eu, target/us", "valid"])
    code, out, _ = errlock("validate", "--json", "--set", setting)
    assert json.loads(out)["operators"] == {"acme": ["target/eu", "target/us"]}


def test_validate_tells_warnings_and_succeeds(errlock: Errlock) -> None:
    code, out, err = errlock("validate", "--set", "processors={}")
    assert (code, out) == (0, "default: sentry, otlp -> (nothing) -> local\nvalid\n")
    assert err == (
        "warning: service.pipelines.default: has no processor: documents leave as they came\n"
    )


def test_validate_tells_of_rules_that_a_later_file_takes_away(
    tmp_path: Path, capsys: Capture
) -> None:
    files = {}
    for name in ("a", "b", "bc", "abc"):
        detectors = [f"{{id: {each}, class: custom.{each}, pattern: '{each}-9'}}" for each in name]
        files[name] = tmp_path / f"{name}.yaml"
        files[name].write_text(
            "processors:\n  redact:\n    safe_fields: [extra.a]\n"
            f"    detectors: [{', '.join(detectors)}]\n"
        )
    for names, warned in (("a b", "b"), ("a b bc", "bc"), ("a b abc", ""), ("a a", ""), ("a", "")):
        options = [word for name in names.split() for word in ("-c", str(files[name]))]
        assert main(["validate", *options]) == 0
        text = "replaces the list of an earlier file and has not all that was in it"
        where = f"{tmp_path}/{warned}.yaml:4: processors.redact.detectors"
        assert capsys.readouterr().err == (f"warning: {where}: {text}\n" if warned else "")


def test_validate_tells_every_problem_on_stderr(errlock: Errlock) -> None:
    code, out, err = errlock("validate", "--set", "a=1", "--set", "service.x=1")
    assert (code, out) == (2, "")
    assert err == (
        "--set a: a: unknown section. Known: receivers, processors, exporters, service, incident\n"
        "--set service.x: service.x: unknown option. "
        f"Known: {', '.join(sorted(ServiceOptions.__struct_fields__))}\n"
    )


def test_validate_tells_problems_as_json(errlock: Errlock) -> None:
    code, out, err = errlock("validate", "--json", "--set", "service.storage=1")
    assert (code, err) == (2, "")
    assert json.loads(out) == {
        "valid": False,
        "problems": [
            {
                "path": "service.storage",
                "message": "expected text, got a number: put it in quotes",
                "place": "--set service.storage",
            }
        ],
    }


def test_a_file_that_is_not_there_is_named(errlock: Errlock) -> None:
    assert errlock("run", "-c", "nowhere.yaml") == (
        2,
        "",
        "nowhere.yaml: cannot be read: No such file or directory\n",
    )


def test_print_config_shows_no_secret(errlock: Errlock, config_file: Path) -> None:
    code, out, _ = errlock("print-config", "-c", str(config_file))
    assert code == 0
    assert "hunter22" not in out
    printed = yaml.safe_load(out)
    assert printed["processors"]["redact"]["key"] == "[REDACTED]"
    assert printed["exporters"]["target"]["headers"] == {"a": "[REDACTED]"}
    assert printed["exporters"]["target"]["timeout"] == "90s"


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_what_print_config_prints_is_the_same_configuration(errlock: Errlock, form: str) -> None:
    text = "exporters: {target: {endpoint: 'yes', batch: 1537, timeout: 1500ms}}"
    sets = ("--set", f"exporters={text.removeprefix('exporters: ')}")
    code, out, _ = errlock("print-config", "--format", form, *sets)
    assert code == 0
    printed, meant = loads(out, {}, TOYS), loads(text, {}, TOYS)
    assert printed.exporters == meant.exporters
    assert printed.service == meant.service
    assert printed.processors == meant.processors


def test_components_are_listed_with_their_sentence(errlock: Errlock) -> None:
    assert errlock("components") == (
        0,
        (
            "receiver   otlp    Opens a door.\n"
            "receiver   sentry  Opens a door.\n"
            "processor  redact  Washes documents.\n"
            "exporter   local   Keeps documents.\n"
            "exporter   target  Sends documents away.\n"
        ),
        "",
    )


def test_the_options_of_a_component_are_shown(errlock: Errlock) -> None:
    code, out, _ = errlock("components", "target")
    assert code == 0
    assert "\n  endpoint  (text; required)\n      Where to send.\n" in out
    assert '\n  timeout  (a duration; "5s")\n      How long an attempt may take.\n' in out
    assert "\n  tls.insecure  (true or false; false)\n      Whether to talk in clear.\n" in out
    assert '\n  sending_queue.max_age  (a duration; "1d")\n' in out


def test_components_are_there_as_json(errlock: Errlock) -> None:
    code, out, _ = errlock("components", "redact", "--json")
    assert code == 0
    (redact,) = json.loads(out)
    assert (redact["kind"], redact["type"]) == ("processor", "redact")
    assert redact["options"][0] == {
        "name": "profile",
        "type": "one of balanced, strict",
        "required": False,
        "default": "balanced",
        "description": "How much goes.",
    }


def test_an_unknown_component_gets_the_nearest_one(errlock: Errlock) -> None:
    assert errlock("components", "redcat") == (
        2,
        "",
        (
            "errlock components: unknown type 'redcat'; did you mean 'redact'? "
            "Known: local, otlp, redact, sentry, target\n"
        ),
    )


def test_a_new_keyring_is_readable_by_its_owner_only(
    errlock: Errlock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ERRLOCK_KEY", raising=False)
    keyring = tmp_path / "keyring"
    code, out, err = errlock("key", "new", "--keyring", str(keyring))
    assert (code, err) == (0, f"wrote {keyring}\n")
    assert out.startswith("ERRLOCK_KEY=")
    assert stat.S_IMODE(keyring.stat().st_mode) == 0o600


def test_a_new_key_is_printed_and_different_each_time(errlock: Errlock) -> None:
    first, second = errlock("key", "new"), errlock("key", "new")
    assert (first[0], first[2]) == (0, "")
    assert first[1].startswith("ERRLOCK_KEY=")
    assert first != second


def test_a_key_that_is_printed_is_one_that_hash_takes(errlock: Errlock) -> None:
    name, _, key = errlock("key", "new")[1].strip().partition("=")
    config = loads("processors: {hash: {key: '${ERRLOCK_KEY}'}}", {name: key})
    assert list(config.processors) == ["hash"]


def test_a_keyring_is_never_replaced(errlock: Errlock, tmp_path: Path) -> None:
    keyring = tmp_path / "keyring"
    keyring.write_text("mine")
    assert errlock("key", "new", "--keyring", str(keyring)) == (
        2,
        "",
        f"errlock: {keyring}: File exists\n",
    )
    assert keyring.read_text() == "mine"


def test_a_key_of_ones_own_is_not_printed(
    errlock: Errlock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ERRLOCK_KEY", raising=False)
    made = errlock("key", "new", "--keyring", str(tmp_path / "first"))[1]
    monkeypatch.setenv("ERRLOCK_KEY", made.strip().removeprefix("ERRLOCK_KEY="))
    assert errlock("key", "new", "--keyring", str(tmp_path / "second"))[:2] == (0, "")


def test_the_key_of_a_keyring_may_be_in_a_file(
    errlock: Errlock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ERRLOCK_KEY", raising=False)
    made = errlock("key", "new", "--keyring", str(tmp_path / "first"))[1]
    key = tmp_path / "key"
    key.write_text(made.removeprefix("ERRLOCK_KEY="))
    second = str(tmp_path / "second")
    assert errlock("key", "new", "--keyring", second, "--key-file", str(key))[:2] == (0, "")
    third = ("key", "new", "--keyring", str(tmp_path / "third"), "--key-file", str(key))
    for content in (b"hunter22", b"\xff\x00"):
        key.write_bytes(content)
        told = "errlock key new: not a key: make one with `errlock key new`\n"
        assert errlock(*third) == (2, "", told)


@pytest.mark.parametrize(
    ("command", "code"),
    [("scrub 0>&- 1>&- 2>&-", 0), ("components 1>&-", 0), ("validate -c nothing.yaml 2>&-", 2)],
)
def test_a_stream_that_is_closed_is_no_accident(tmp_path: Path, command: str, code: int) -> None:
    shell = ["sh", "-c", f"exec {ERRLOCK} {command}"]
    done = subprocess.run(shell, cwd=tmp_path, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (code, b"")


def test_text_from_a_file_does_not_reach_the_terminal_raw(errlock: Errlock, tmp_path: Path) -> None:
    path = tmp_path / "evil.yaml"
    path.write_text('"\\e[31m\\u202e": 1\n')
    code, _, err = errlock("validate", "-c", str(path))
    assert code == 2
    assert "\x1b" not in err
    assert "\u202e" not in err


def test_a_terminal_that_knows_few_characters_is_no_accident() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [ERRLOCK, "components", "filter", "--json"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_importing_the_commands_loads_nothing_heavy() -> None:
    code = "import sys, errlock.pipeline.cli; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    heavy = {"aiohttp", "grpc", "google.protobuf", "cryptography", "rich", "opentelemetry.sdk"}
    assert heavy & set(run.stdout.split()) == set()


@pytest.mark.parametrize("variable", ["NO_COLOR", "TERM"])
def test_colours_are_for_terminals_that_want_them(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    from errlock.pipeline.terminal import has_colours

    _, terminal = os.openpty()
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    with os.fdopen(terminal, "w") as stream:
        assert has_colours(stream)
        monkeypatch.setenv(variable, "dumb")
        assert not has_colours(stream)
    assert not has_colours(io.StringIO())


def test_each_command_is_in_the_module_that_is_imported_for_it() -> None:
    for module in dict.fromkeys(_COMMANDS.values()):
        commands = argparse.ArgumentParser().add_subparsers()
        import_module(f"errlock.pipeline.commands.{module}").register(commands)
        assert list(commands.choices) == [name for name, at in _COMMANDS.items() if at == module]
