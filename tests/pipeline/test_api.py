"""The library: `Pipeline`."""

import base64
import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
from waiting import wait_for

import errlock.pipeline
import errlock.pipeline.embed
from errlock.pipeline import ConfigError, Pipeline, RefusedPayload
from errlock.pipeline.component import ProcessorConfig
from errlock.pipeline.options import Secret
from errlock.policy import engine
from errlock.policy.engine.databases import EngineError
from errlock.policy.keyring import pseudonyms
from errlock.policy.keyring.epochs import ALL, Said
from errlock.policy.keyring.file import KeyringFile
from errlock.policy.keyring.keyring import new_keyring
from errlock.policy.keyring.pseudonyms import KeyringError, new_key
from errlock.processors.hash import Hash
from errlock.processors.keep import Keep
from errlock.processors.redact import Redact

SECRET = "hunter22correct"
EVENT: dict[str, Any] = {
    "event_id": "9ec79c33ec9942ab8353589fcb2e04dc",
    "message": f"login failed password={SECRET}",
    "tags": {"region": "eu"},
}


PROCESSORS = "processors such as Redact() (Pipeline.from_config takes a mapping)"


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline.default()


def test_the_public_names_are_these() -> None:
    assert sorted(errlock.pipeline.__all__) == [
        "ConfigError", "Format", "Pipeline", "Problem", "RefusedPayload",
    ]  # fmt: skip


def test_a_name_that_is_not_there_is_none_for_type_checkers_either() -> None:
    """`./dev check` refuses an `ignore` that ignores nothing."""
    with pytest.raises(AttributeError):
        _ = errlock.pipeline.Pipelin  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        _ = errlock.pipeline.embed.sentry_transprot  # type: ignore[attr-defined]


def test_an_event_comes_back_sanitised_and_is_itself_left_alone(pipeline: Pipeline) -> None:
    event = copy.deepcopy(EVENT)
    clean = pipeline.scrub_event(event)
    assert clean is not None
    assert clean["message"] == "login failed password=[password]"
    assert clean["tags"] == {"region": "eu"}
    assert event == EVENT


def test_an_event_as_bytes(pipeline: Pipeline) -> None:
    clean = pipeline.scrub(json.dumps(EVENT).encode(), format="event")
    assert clean is not None
    assert json.loads(clean)["message"] == "login failed password=[password]"


def test_an_envelope_as_bytes(pipeline: Pipeline) -> None:
    body = b'{}\n{"type":"event"}\n' + json.dumps(EVENT).encode() + b"\n"
    clean = pipeline.scrub(body, format="envelope")
    assert clean is not None
    assert SECRET.encode() not in clean
    assert b"login failed" in clean


def test_otlp_json_as_bytes(pipeline: Pipeline) -> None:
    record = {"body": {"stringValue": f"password={SECRET}"}, "severityNumber": 9}
    request = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}
    clean = pipeline.scrub(json.dumps(request).encode(), format="otlp-logs")
    assert clean is not None
    log = json.loads(clean)["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]
    assert log["body"] == {"stringValue": "password=[password]"}


def test_text(pipeline: Pipeline) -> None:
    assert pipeline.scrub_text(f"password={SECRET} rejected") == "password=[password] rejected"
    assert pipeline.scrub(f"pwd={SECRET}".encode(), format="text") == b"pwd=[password]"


def test_what_cannot_be_read_is_refused_without_its_value(pipeline: Pipeline) -> None:
    with pytest.raises(RefusedPayload) as refusal:
        pipeline.scrub(f'{{"password": "{SECRET}"'.encode())
    assert SECRET not in str(refusal.value)


def test_an_envelope_of_which_nothing_may_go_out_is_none(pipeline: Pipeline) -> None:
    body = b'{}\n{"type":"replay_video","length":3}\nabc\n'
    assert pipeline.scrub(body, format="envelope") is None


def test_processors_can_be_given_as_objects() -> None:
    clean = Pipeline([Keep(fields=("message",)), Redact()]).scrub_event(EVENT)
    assert clean is not None
    assert "tags" not in clean
    assert clean["message"] == "login failed password=[password]"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("errlock.yaml", "list of processors; Pipeline.from_file reads a configuration"),
        (Path("errlock.yaml"), "list of processors; Pipeline.from_file reads a configuration"),
        (Redact(), "list of processors such as [Redact()], got an object of Redact"),
        ([Redact], f"{PROCESSORS}, got the class Redact"),
        ([{"redact": {}}], f"{PROCESSORS}, got an object of dict"),
        ({"redact": {}}, f"{PROCESSORS}, got an object of dict"),
    ],
)
def test_what_is_no_list_of_processors_is_refused(given: Any, told: str) -> None:
    with pytest.raises(TypeError) as error:
        Pipeline(given)
    assert str(error.value) == f"expected {'' if told.startswith('proc') else 'a '}{told}"


def test_an_event_that_cannot_be_read_does_not_go_out(pipeline: Pipeline) -> None:
    deep: Any = SECRET
    for _ in range(200):
        deep = [deep]
    assert pipeline.scrub_event({"extra": {"deep": deep}}) is None


def test_text_that_is_none_is_refused_without_its_bytes(pipeline: Pipeline) -> None:
    with pytest.raises(RefusedPayload, match="not UTF-8") as refusal:
        pipeline.scrub(SECRET.encode() + b"\xff", format="text")
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__


def test_an_unknown_format_is_told_with_the_known_ones(pipeline: Pipeline) -> None:
    with pytest.raises(ValueError, match=r"unknown format 'xml'\. Known: event, envelope"):
        pipeline.scrub(b"", format="xml")  # type: ignore[arg-type]  # that is the point


def test_a_key_may_be_given_as_text() -> None:
    key = new_key()
    hashing = Pipeline([Hash(key=key)])  # type: ignore[arg-type]  # as people write it
    assert hashing.scrub_text("jane@example.com") == Pipeline([Hash(key=Secret(key))]).scrub_text(
        "jane@example.com"
    )


@pytest.mark.parametrize(
    ("processor", "problem"),
    [
        (
            Redact(profile="strickt"),  # type: ignore[arg-type]
            "profile: expected one of ",
        ),
        (
            Redact(classes={"pii.email": "hunter2"}),  # type: ignore[dict-item]
            "classes.'pii.email': expected one of replace, mask, remove, keep",
        ),
        (Redact(detectors=["hunter2"]), "detectors[0]: expected a section, got text"),  # type: ignore[arg-type]
        (Redact(known_values="hunter2"), "known_values: expected a section, got text"),  # type: ignore[arg-type]
        (Hash(key=Secret("hunter2"), classes=5), "classes: expected a list"),  # type: ignore[arg-type]
    ],
    ids=["word", "in a map", "in a list", "section", "beside a secret"],
)
def test_an_option_of_no_known_value_is_refused_in_code_too(
    processor: ProcessorConfig, problem: str
) -> None:
    with pytest.raises(ConfigError) as error:
        Pipeline([processor])
    told = str(error.value)
    assert told.startswith(f"processors.{type(processor).__name__.lower()}/0.{problem}")
    assert "hunter2" not in told
    assert "strickt" not in told


def test_options_that_cannot_be_used_are_told_with_their_path() -> None:
    with pytest.raises(ConfigError) as error:
        Pipeline([Redact(classes={"nonsense": "replace"})])
    assert str(error.value.problems[0]).startswith("processors.redact/0.classes")


def test_a_policy_from_a_file_is_that_of_the_pipeline_and_exporter_named(tmp_path: Path) -> None:
    path = tmp_path / "errlock.yaml"
    path.write_text(
        """
        receivers: { sentry: }
        processors:
          redact: { profile: minimal }
          redact/strict: { profile: strict }
        exporters:
          debug:
          debug/strict: { processors: [redact/strict] }
        service:
          pipelines:
            errors: { receivers: [sentry], processors: [redact], exporters: [debug, debug/strict] }
        """
    )
    event = {"message": "hello jane@example.com"}
    lenient = Pipeline.from_file(path).scrub_event(event)
    strict = Pipeline.from_file(path, exporter="debug/strict").scrub_event(event)
    assert lenient is not None
    assert lenient["message"] == "hello jane@example.com"
    assert strict is not None
    assert strict["message"] == "hello [email]"
    with pytest.raises(ConfigError, match=r"exporter 'sentry'\. Known: debug, debug/strict"):
        Pipeline.from_file(path, exporter="sentry")
    with pytest.raises(ConfigError, match=r"unknown pipeline 'logs'\. Known: errors"):
        Pipeline.from_file(path, pipeline="logs")


def test_a_policy_may_be_a_mapping_such_as_a_frameworks_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BADGE", r"B-\d{4}")
    badge = {"id": "badge", "class": "custom.badge", "pattern": "${env:BADGE}"}
    pipeline = Pipeline.from_config({"processors": {"redact": {"detectors": (badge,)}}})
    assert pipeline.scrub_text("B-4711 of jane@example.com") == "[custom.badge] of [email]"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"processors": {"redact": {"profil": "strict"}}}, "did you mean 'profile'"),
        ({"processors": {"redact": Redact}}, "^expected what a file can hold"),
        ({1: {}}, "1: unknown section"),
    ],
)
def test_a_mapping_that_is_no_configuration_is_refused(given: Any, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        Pipeline.from_config(given)


@pytest.mark.parametrize(
    ("given", "told"), [("errlock.yaml", "an object of str"), (None, "an object of NoneType")]
)
def test_what_is_no_mapping_is_refused_with_what_reads_it(given: Any, told: str) -> None:
    expected = rf"^expected a mapping \(Pipeline.from_file reads a file\), got {told}$"
    with pytest.raises(TypeError, match=expected):
        Pipeline.from_config(given)


def test_what_was_prepared_is_not_made_with_the_first_document(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def late(_: object) -> None:
        raise EngineError("made with the first document")

    stricter = {"processors": ["redact/strict"], "path": "out.jsonl"}
    badge = {"id": "badge", "class": "custom.badge", "pattern": r"B-\d{4}"}
    config = {
        "processors": {"redact": {"detectors": [badge]}, "redact/strict": {"profile": "strict"}},
        "exporters": {"file": stricter},
        "service": {
            "pipelines": {
                "errors": {"receivers": ["sentry"], "processors": ["redact"], "exporters": ["file"]}
            }
        },
    }
    prepared, other = Pipeline.from_config(config), Pipeline.from_config(config)
    prepared.prepare()
    monkeypatch.setattr(engine, "_gate", late)
    assert prepared.scrub_text("B-4711") == "[custom.badge]"
    assert other.scrub_text("B-4711") is None


def test_every_format_of_the_command_line_is_one_of_the_library(pipeline: Pipeline) -> None:
    event = json.dumps(EVENT).encode()
    envelope = b'{}\n{"type":"event"}\n' + event + b"\n"
    empty = b'{"resourceLogs":[]}'
    assert pipeline.scrub(envelope, "envelope")
    assert base64.b64encode(pipeline.scrub(event, "event") or b"")
    assert pipeline.scrub(empty, "otlp-logs") is None


def keyring(folder: Path) -> tuple[KeyringFile, Pipeline]:
    key, path = new_key(), folder / "keyring"
    new_keyring(path, key, Said())
    hashing = Hash(key=Secret(key), keyring=str(path))
    return KeyringFile(path), Pipeline({"hash": hashing}, destination="sentry")


def test_an_application_takes_up_what_becomes_of_its_keyring(tmp_path: Path) -> None:
    file, pipeline = keyring(tmp_path)

    def shown() -> str:
        return str(pipeline.scrub_text("jane.roe@example.com"))

    first = shown()
    assert first.startswith("[email:e1:")
    file.change(lambda epochs: epochs.begun(ALL, Said()))
    wait_for(lambda: shown().startswith("[email:e2:"))
    file.change(lambda epochs: epochs.destroyed("e2", "sentry", Said()))
    wait_for(lambda: shown().startswith("[email:e3:"))
    assert file.read().epochs.keys["e2"] == {}


def test_a_document_is_in_one_epoch_whatever_is_rotated_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("errlock.policy.keyring.keyring._LOOK_EVERY", 0.0)
    file, pipeline = keyring(tmp_path)
    normalised = pseudonyms.normalised

    def rotating(class_: str, value: str) -> str:
        file.change(lambda epochs: epochs.begun(ALL, Said()))
        return normalised(class_, value)

    monkeypatch.setattr(pseudonyms, "normalised", rotating)
    text = pipeline.scrub_text("from jane.roe@example.com to john@example.com")
    assert text is not None
    assert len(re.findall(":e1:", text)) == 2
    assert ":e1:" not in str(pipeline.scrub_text("jane.roe@example.com"))


def test_a_keyring_that_cannot_be_written_stops_who_needs_a_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, path = new_key(), tmp_path / "keyring"
    new_keyring(path, key, Said())

    def refused(*_: object) -> None:
        raise KeyringError("the keyring file cannot be written: a read-only file system")

    monkeypatch.setattr(KeyringFile, "change", refused)
    with pytest.raises(ConfigError) as caught:
        Pipeline({"hash": Hash(key=Secret(key), keyring=str(path))})
    assert str(caught.value) == (
        "processors.hash.keyring: the keyring file cannot be written: a read-only file system"
    )


def test_what_cannot_have_a_pseudonym_any_more_does_not_go_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("errlock.policy.keyring.keyring._LOOK_EVERY", 0.0)
    file, pipeline = keyring(tmp_path)
    assert pipeline.scrub_text("jane.roe@example.com") is not None
    file.change(lambda epochs: epochs.destroyed("e1", ALL, Said()))

    def refused(*_: object) -> None:
        raise KeyringError("the keyring file cannot be written: the disk is full")

    monkeypatch.setattr(KeyringFile, "change", refused)
    assert pipeline.scrub_text("jane.roe@example.com") is None
    assert pipeline.scrub_text("nobody") == "nobody"
    assert "the disk is full" in caplog.text
    assert "jane.roe" not in caplog.text
