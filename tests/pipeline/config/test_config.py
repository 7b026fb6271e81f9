"""Files to a checked configuration."""

from pathlib import Path
from typing import Any

import pytest
from toy_components import TOYS, ByName, ByValue, Door, Shelf, Target, Tls, Wash

from errlock.pipeline.config import Config, PipelineOptions, default_config, load, loads
from errlock.pipeline.errors import ConfigError
from errlock.pipeline.options import Duration, Secret, Size
from errlock.policy.keyring.pseudonyms import new_key

ENV = {"KEY": "0123", "HOST": "tempo:4317", "RATE": "0.25", "ON": "true", "EMPTY": "", "AGE": "7d"}


def good(text: str) -> Config:
    return loads(text, ENV, TOYS)


def problems(text: str) -> list[str]:
    """The problems, without the name of the file."""
    with pytest.raises(ConfigError) as caught:
        loads(text, ENV, TOYS)
    return [str(problem).removeprefix("config:") for problem in caught.value.problems]


def redact(options: str) -> Wash:
    found = good(f"processors: {{redact: {{{options}}}}}").processors["redact"]
    assert isinstance(found, Wash)
    return found


def target(options: str) -> Any:
    return good(f"exporters: {{target: {{endpoint: x, {options}}}}}").exporters["target"]


def test_nothing_configured_is_every_receiver_redact_and_the_local_store() -> None:
    config = default_config(TOYS)
    assert config.receivers == {"sentry": Door(), "otlp": Door()}
    assert config.processors == {"redact": Wash()}
    assert config.exporters["local"].component == Shelf()
    assert config.service.pipelines == {
        "default": PipelineOptions(
            receivers=("sentry", "otlp"), processors=("redact",), exporters=("local",)
        )
    }
    assert config.warnings == []


@pytest.mark.parametrize("text", ["", "# nothing\n", "~", "{}", "processors:\nservice:\n"])
def test_a_file_that_says_nothing_is_the_default(text: str) -> None:
    assert good(text).service == default_config(TOYS).service


def test_without_pipelines_one_takes_everything_but_standbys_and_an_exporters_own() -> None:
    config = good(
        """
        processors: {redact: , redact/strict: {profile: strict}}
        exporters:
          local:
          target: {endpoint: a, processors: [redact/strict]}
          target/standby: {endpoint: b, standby_for: target}
        """
    )
    assert config.service.pipelines["default"] == PipelineOptions(
        receivers=("sentry", "otlp"), processors=("redact",), exporters=("local", "target")
    )


def test_a_component_with_nothing_in_it_has_its_defaults() -> None:
    assert good("receivers: {sentry: , otlp: {}}").receivers == {"sentry": Door(), "otlp": Door()}


def test_nested_structs_lists_and_maps_are_decoded() -> None:
    assert redact("rules: [{type: name, pattern: x}, {type: value, above: 3}]") == Wash(
        rules=(ByName(pattern="x"), ByValue(above=3))
    )
    exporter = target("tls: {insecure: true}, headers: {a: b}, timeout: 1m, batch: 2KiB")
    assert exporter.component == Target(
        endpoint="x",
        tls=Tls(insecure=True),
        headers={"a": Secret("b")},
        timeout=Duration("60s"),
        batch=Size(2048),
    )


def test_what_a_reference_is_depends_on_what_is_wanted() -> None:
    assert redact("key: '${KEY}'").key == Secret("0123")
    assert redact("depth: '${KEY}'").depth == 123
    assert redact("rate: '${RATE}'").rate == 0.25
    assert redact("paths: '${ON}'").paths is True
    assert target("timeout: '${AGE}'").component.timeout == 7 * 86400


def test_an_optional_value_that_a_reference_leaves_empty_is_left_out() -> None:
    assert redact("key: '${EMPTY}'").key is None
    assert redact("key: '${NOPE:-}'").key is None


def test_a_secret_must_not_be_empty() -> None:
    text = "exporters: {target: {endpoint: x, headers: {a: '${EMPTY}'}}}"
    assert problems(text) == ["1: exporters.target.headers.a: expected a secret, it is empty"]


def test_a_whole_section_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "redact.yaml").write_text("profile: strict\ndepth: 3\n")
    config = good(f"processors: {{redact: '${{file:{tmp_path}/redact.yaml}}'}}")
    assert config.processors["redact"] == Wash(profile="strict", depth=3)


def test_an_exporters_delivery_options_are_not_its_own() -> None:
    exporter = target(
        "sending_queue: {queue_size: 1MiB, max_age: 1h}, retry_on_failure: {enabled: false},"
        "processors: [redact]"
    )
    assert exporter.delivery.sending_queue.queue_size == 2**20
    assert exporter.delivery.sending_queue.max_age == 3600
    assert not exporter.delivery.retry_on_failure.enabled
    assert exporter.processors == ("redact",)
    assert exporter.component == Target(endpoint="x")


def test_the_raw_configuration_keeps_references_unexpanded() -> None:
    assert good("processors: {redact: {key: '${KEY}'}}").raw == {
        "processors": {"redact": {"key": "${KEY}"}}
    }


def test_several_files_and_settings_are_merged_in_order(tmp_path: Path) -> None:
    base, over = tmp_path / "base.yaml", tmp_path / "over.yaml"
    base.write_text("processors: {redact: {classes: [a, b], profile: strict, depth: 2}}\n")
    over.write_text("processors: {redact: {classes: [c], depth: 3}}\n")
    config = load([base, over], ["processors.redact.depth=4"], {}, TOYS)
    assert config.processors["redact"] == Wash(classes=("c",), profile="strict", depth=4)


def test_a_section_with_nothing_in_it_wipes_earlier_files(tmp_path: Path) -> None:
    base, over = tmp_path / "base.yaml", tmp_path / "over.yaml"
    base.write_text("exporters: {target: {endpoint: x}}\n")
    over.write_text("exporters:\n")
    assert list(load([base, over], registry=TOYS).exporters) == ["local"]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("processors.redact.depth", "--set: expected a.b.c=value"),
        ("exporters.sentry.dsn:https://key@o1.example/1", "--set: expected a.b.c=value"),
        ("exporters.sentry.dsn https://key@o1.example/1?a=b", "--set: expected a.b.c=value"),
        ("a..b=1", "--set a..b: expected a.b.c=value"),
        (
            "processors.redact.depth=deep",
            (
                "--set processors.redact.depth: processors.redact.depth: "
                "expected a whole number (at least 1), got text"
            ),
        ),
    ],
    ids=["no value", "url", "url and more", "no name", "wrong value"],
)
def test_a_wrong_setting_is_named(setting: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load([], [setting], {}, TOYS)
    assert str(caught.value) == message


def test_every_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff")
    (tmp_path / "list").write_text("[1]")
    with pytest.raises(ConfigError) as caught:
        load([tmp_path / "none", tmp_path / "binary", tmp_path / "list"], registry=TOYS)
    assert [str(problem).replace(f"{tmp_path}/", "") for problem in caught.value.problems] == [
        "none: cannot be read: No such file or directory",
        "binary: is not UTF-8 text",
        "list: expected sections such as receivers:",
    ]


def test_every_problem_is_told_at_once_with_path_line_and_what_is_allowed() -> None:
    assert problems(
        """
receivers:
  sentry: {endpoint: 5, tls: {insecur: no}}
  ot lp:
procesors: {}
processors:
  redact:
    profile: stric
    rate: 1.5
    classes: [a, 1]
    forms: [masked, x]
    key: 3
    paths: hom
  redact/rules:
    rules: [{type: nam}, {type: value}, {}, 3]
  redcat:
exporters:
  target: {timeout: 5, batch: many, headers: [], tls: {insecure: "yes"}}
service:
  storage: 4
  pipelines:
    errors: {receivers: [sentry, sentry], processors: [redacts], exporters: []}
    "a b": {receivers: sentry}
  health: {endpoint: foo}
"""
    ) == [
        "3: receivers.sentry.endpoint: expected text, got a number: put it in quotes",
        (
            "3: receivers.sentry.tls.insecur: unknown option; did you mean 'insecure'? "
            "Known: ca_file, insecure"
        ),
        (
            "4: receivers.'ot lp': expected type or type/name: "
            "letters, digits and _, after the / also - and ."
        ),
        (
            "5: procesors: unknown section; did you mean 'processors'? "
            "Known: receivers, processors, exporters, service, incident"
        ),
        "8: processors.redact.profile: expected one of balanced, strict; did you mean 'strict'?",
        "9: processors.redact.rate: expected a number (at least 0 and at most 1)",
        "10: processors.redact.classes[1]: expected text, got a number: put it in quotes",
        "11: processors.redact.forms[1]: expected one of masked, removed",
        "12: processors.redact.key: expected text, got a number: put it in quotes",
        "13: processors.redact.paths: expected true or false or one of home; did you mean 'home'?",
        (
            "15: processors.redact/rules.rules[0].type: expected one of name, value; "
            "did you mean 'name'?"
        ),
        "15: processors.redact/rules.rules[1].above: is missing; expected a whole number",
        "15: processors.redact/rules.rules[2].type: is missing; expected one of name, value",
        "15: processors.redact/rules.rules[3]: expected a section, got a number",
        (
            "16: processors.redcat: unknown processor type 'redcat'; did you mean 'redact'? "
            "Known: redact"
        ),
        "18: exporters.target.endpoint: is missing; expected text",
        (
            "18: exporters.target.timeout: expected a duration such as 300ms, 1.5s, 2h45m, "
            "7d or 0, got a number"
        ),
        (
            "18: exporters.target.batch: expected a size such as 512KiB, 20MiB, 1.5GB "
            "or a number of bytes, got text"
        ),
        "18: exporters.target.headers: expected a map, got a list",
        "18: exporters.target.tls.insecure: expected true or false, got text",
        "20: service.storage: expected text, got a number: put it in quotes",
        "22: service.pipelines.errors.receivers[1]: receiver 'sentry' is named twice",
        (
            "22: service.pipelines.errors.processors[0]: no processor 'redacts' is configured "
            "under processors; did you mean 'redact'? Configured: redact, redact/rules, redcat"
        ),
        "22: service.pipelines.errors.exporters: expected at least one exporter",
        "23: service.pipelines.'a b'.receivers: expected a list, got text",
        "23: service.pipelines.'a b'.exporters: is missing; expected a list",
        (
            "23: service.pipelines.'a b': expected type or type/name: "
            "letters, digits and _, after the / also - and ."
        ),
        "24: service.health.endpoint: expected host:port, such as localhost:4317 or [::1]:4317",
    ]


def test_what_a_component_says_is_wrong_is_told_with_the_whole_path() -> None:
    assert problems("processors: {redact: {classes: [a, everything]}}") == [
        "1: processors.redact.classes[1]: is not a class"
    ]


def test_no_message_shows_the_value_of_an_option() -> None:
    secret = "hunter22"
    text = f"""
receivers: {secret}
processors:
  redact: {{profile: {secret}, rate: {secret}, key: [{secret}], forms: [{secret}], paths: {secret}}}
exporters:
  target: {{endpoint: {{a: {secret}}}, timeout: {secret}, batch: {secret}, headers: {secret}}}
service: {{storage: [{secret}], health: {{endpoint: {secret}}}, shutdown_timeout: {secret}}}
"""
    found = problems(text)
    assert len(found) == 14
    assert secret not in "\n".join(found)


def test_standbys_and_stricter_policies_must_be_configured() -> None:
    assert problems(
        """
        exporters:
          target: {endpoint: x, standby_for: target/a, processors: [redact, redact/strict]}
          target/b: {endpoint: x, standby_for: target/b}
        """
    ) == [
        "2: service.pipelines.default.exporters: expected at least one exporter",
        (
            "3: exporters.target.processors[1]: no processor 'redact/strict' is configured under "
            "processors; did you mean 'redact'? Configured: redact"
        ),
        (
            "3: exporters.target.standby_for: no exporter 'target/a' is configured under "
            "exporters; did you mean 'target/b'? Configured: target, target/b"
        ),
        "4: exporters.target/b.standby_for: an exporter cannot stand by for itself",
    ]


def test_what_no_pipeline_uses_is_a_warning() -> None:
    config = good(
        """
        processors: {redact: , redact/b: }
        exporters: {local: , target: {endpoint: x}}
        service: {pipelines: {a: {receivers: [otlp], exporters: [local]}}}
        """
    )
    assert [str(warning) for warning in config.warnings] == [
        "processors.redact: is not used by any pipeline",
        "processors.redact/b: is not used by any pipeline",
        "exporters.target: is not used by any pipeline",
        "service.pipelines.a: has no processor: documents leave as they came",
    ]


def test_a_receiver_whose_documents_reach_no_pipeline_is_a_warning() -> None:
    traces = "{receivers: [sentry, otlp], processors: [redact], exporters: [local]}"
    pipelines = f"service: {{pipelines: {{traces: {traces}%s}}}}"
    [warning] = loads(pipelines % "", {}).warnings
    assert str(warning) == (
        "receivers.sentry: pipelines called traces take that signal of OTLP only: what Sentry's "
        "SDKs send reaches none; call one otherwise, such as errors"
    )
    more = ", errors: {receivers: [sentry], processors: [redact], exporters: [local]}"
    assert loads(pipelines % more, {}).warnings == []


def test_a_pipeline_without_redact_is_a_warning() -> None:
    config = loads("processors: {sample: {rate: 0.5}}", {})
    [warning] = config.warnings
    assert str(warning) == (
        "service.pipelines.default: has no redact among its processors: what the others do not "
        "claim, secrets included, leaves as it came"
    )


@pytest.mark.parametrize(("mode", "warns"), [(0o600, False), (0o440, False), (0o644, True)])
def test_a_secret_that_everybody_can_read_is_told_once(
    public_folder: Path, mode: int, warns: bool
) -> None:
    path = public_folder / "key"
    path.write_text("hunter22correct")
    path.chmod(mode)
    config = loads(
        f"exporters: {{debug: {{}}, sentry: {{dsn: 'http://${{file:{path}}}@b.example/1'}}}}\n"
        f"receivers: {{otlp: {{auth: {{bearer: '${{file:{path}}}'}}}}}}"
    )
    told = (
        f"config:1: exporters.sentry.dsn: every user of this machine can read '{path}' (mode 0644)"
        ": chmod o-r it"
    )
    assert [str(each) for each in config.warnings] == ([told] if warns else [])


def test_a_secret_in_a_folder_that_nobody_else_may_enter_is_not_told(public_folder: Path) -> None:
    path = public_folder / "private" / "deeper" / "key"
    path.parent.mkdir(parents=True)
    path.write_text("hunter22correct")
    path.chmod(0o644)
    (public_folder / "link").symlink_to(path)
    options = f"exporters: {{sentry: {{dsn: 'http://${{file:{public_folder}/link}}@b.example/1'}}}}"
    assert loads(options).warnings
    path.parents[1].chmod(0o710)
    assert not loads(options).warnings


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_a_file_that_others_may_change_must_not_name_a_program(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "errlock.yaml"
    path.write_text("processors: {redact: {known_values: {command: [cat, /run/secrets/all]}}}")
    path.chmod(mode)
    with pytest.raises(ConfigError) as caught:
        load([path])
    assert str(caught.value) == (
        f"{path}: processors.redact.known_values.command: runs a program, and other users may "
        f"change this file: chmod go-w {path}"
    )
    path.chmod(0o600)
    assert load([path]).processors


def test_the_collectors_names_of_exporters_are_understood() -> None:
    config = loads(
        "exporters: {otlphttp/eu: {endpoint: 'http://tempo:4318'}, otlp_grpc: {endpoint: a:1}}"
    )
    types = {id_: type(options.component).__name__ for id_, options in config.exporters.items()}
    assert types == {"otlphttp/eu": "OtlpHttpExporterConfig", "otlp_grpc": "OtlpExporterConfig"}


def test_a_number_that_no_machine_holds_is_a_problem_and_no_accident() -> None:
    assert problems("processors: {redact: {depth: -99999999999999999999999}}") == [
        "1: processors.redact.depth: expected a whole number (at least 1)"
    ]


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("localhost:9000", "localhost:9001", True),
        ("localhost:9000", "localhost:9000", False),
        ("localhost:9000", "[::1]:9000", False),
        ("localhost:9000", ":9000", False),
        ("0.0.0.0:9000", "192.0.2.1:9000", False),
        ("0.0.0.0:9000", "[::1]:9000", True),
        ("127.0.0.1:9000", "127.0.0.2:9000", True),
        ("127.0.0.1:0", "127.0.0.1:0", True),
        ("", "", True),
    ],
)
def test_only_one_can_listen_at_an_address(one: str, other: str, both: bool) -> None:
    text = f"service: {{health: {{endpoint: '{one}'}}, control: {{endpoint: '{other}'}}}}"
    if both:
        good(text)
        return
    (told,) = problems(text)
    assert told == (
        "1: service.control.endpoint: service.health.endpoint is the same: only one can listen "
        "there"
    )


@pytest.mark.parametrize(("size", "warned"), [("1000", True), ("10KiB", False), ("1000000", False)])
def test_a_queue_of_as_many_bytes_as_the_collector_has_requests_is_told(
    size: str, warned: bool
) -> None:
    text = f"""
exporters: {{ otlp: {{ endpoint: "tempo:4317", sending_queue: {{ queue_size: {size} }} }} }}
service: {{ pipelines: {{ a: {{ receivers: [otlp], processors: [redact], exporters: [otlp] }} }} }}
"""
    told = [str(warning) for warning in loads(text, {}).warnings]
    message = (
        "config:2: exporters.otlp.sending_queue.queue_size: is in bytes, not in requests as in the "
        "collector; write 64MiB, or leave it out"
    )
    assert told == ([message] if warned else [])


def test_a_key_of_the_ledger_that_nobody_made_is_told() -> None:
    text = "service: {{ ledger: {{ key: {} }} }}"
    assert loads(text.format(new_key()), {}).warnings == []
    [warning] = loads(text.format("hunter2"), {}).warnings
    assert str(warning).startswith("config:1: service.ledger.key: is none that `errlock key new`")
    assert "hunter2" not in str(warning)
