"""What holds for every registered component, whatever it does."""

import copy
import inspect
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec
import pytest
from live_ports import listening_port

from errlock.pipeline.chain import Chain, Step
from errlock.pipeline.component import (
    ComponentConfig,
    ExporterConfig,
    Processor,
    ProcessorConfig,
    Receipt,
    ReceiverConfig,
    Settings,
)
from errlock.pipeline.config import loads
from errlock.pipeline.counters import Counters
from errlock.pipeline.errors import BrokenDocument, ExportFailed
from errlock.pipeline.payloads.document import Document, Payload
from errlock.pipeline.payloads.envelope import Envelope
from errlock.pipeline.payloads.otlp import OtlpRequest
from errlock.pipeline.registry import BUILT_IN, DEFAULT, KINDS
from errlock.policy.keyring.pseudonyms import new_key
from errlock.policy.plan import Part

SECRET = "hunter22correct"

TYPES = [(kind, name) for kind in KINDS for name in BUILT_IN[kind]]
PROCESSORS = sorted(BUILT_IN["processor"])
RECEIVERS = sorted(BUILT_IN["receiver"])
EXPORTERS = sorted(BUILT_IN["exporter"])


def options(name: str, folder: Path) -> dict[str, Any]:
    """What a component cannot do without, and addresses of this test's own."""
    (folder / "in.jsonl").touch()
    known: dict[str, dict[str, Any]] = {
        "receiver.sentry": {"endpoint": f"localhost:{listening_port()}"},
        "receiver.otlp": {
            "protocols": {
                "grpc": {"endpoint": f"localhost:{listening_port()}"},
                "http": {"endpoint": f"localhost:{listening_port()}"},
            }
        },
        "receiver.file": {"path": str(folder / "in.jsonl")},
        "processor.hash": {"key": new_key()},
        "processor.generalize": {"ip": {"v4": 24, "v6": 48}},
        "processor.keep": {"fields": ["message", "$log.body", "event_id"]},
        "processor.filter": {"drop": [{"field": "level", "in": ["debug"]}]},
        "processor.sample": {"rate": 1.0},
        "processor.tripwire": {"key": new_key(), "share": 1.0},
        "exporter.sentry": {"dsn": f"http://k@localhost:{listening_port()}/1"},
        "exporter.otlp": {"endpoint": f"localhost:{listening_port()}"},
        "exporter.otlp_http": {"endpoint": f"http://localhost:{listening_port()}"},
        "exporter.file": {"path": str(folder / "out.jsonl")},
        "exporter.local": {"path": str(folder / "store")},
    }
    return known.get(name, {})


def config(kind: str, name: str, folder: Path) -> ComponentConfig:
    """The component's options, read as from a file."""
    sections: dict[str, Any] = {"receivers": {"file": {"path": "-"}}, "processors": {"redact": {}}}
    sections["exporters"] = {"debug": {}}
    sections[f"{kind}s"] = {name: options(f"{kind}.{name}", folder)}
    sections["service"] = {"pipelines": {"test": {key: list(sections[key]) for key in sections}}}
    read = loads(json.dumps(sections), {})
    if kind == "exporter":
        return read.exporters[name].component
    return (read.receivers if kind == "receiver" else read.processors)[name]


def settings(name: str) -> Settings:
    return Settings(name, Counters(), logging.getLogger(f"errlock.{name}"))


def payloads() -> Iterator[Payload]:
    """Requests of both protocols with everything that a component may meet."""
    yield Envelope.from_event({"message": f"password={SECRET}", "level": "error"})
    yield Envelope.decode(
        b'{"event_id":"9ec79c33ec9942ab8353589fcb2e04dc"}\n'
        b'{"type":"event"}\n{"exception":{"values":[null]},"user":null,"tags":[null,["a"]]}\n'
        b'{"type":"transaction"}\n{"spans":[{"description":"GET /","data":{"a":[1,{"b":null}]}}]}\n'
        b'{"type":"check_in"}\n{"status":"ok"}\n{"type":"sessions"}\n{"aggregates":[]}\n'
        b'{"type":"statsd","length":9}\nfoo:1|c#a\n'
        b'{"type":"attachment","length":4,"filename":"a.txt"}\ntext\n'
        b'{"type":"log","item_count":2,"content_type":"application/vnd.sentry.items.log+json"}\n'
        b'{"items":[{"body":"a","timestamp":1},{"body":"b","timestamp":2}]}\n'
        b'{"type":"client_report"}\n{"discarded_events":[]}\n'
        b'{"type":"nonsense","length":2}\n{}\n',
        "shop", 0.0,
    )  # fmt: skip
    for body in (b'"text"', b"null", b'{"message":{"formatted":5}}', b'{"request":"x"}'):
        yield Envelope.decode(b'{}\n{"type":"event"}\n' + body + b"\n", "shop", 0.0)
    value = f'{{"stringValue":"password={SECRET}"}}'
    yield OtlpRequest.decode_json(
        f'{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{value}}},{{}}]}}]}}]}}'.encode(),
        "logs",
    )
    yield OtlpRequest.decode_json(
        f'{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"name":"GET /","attributes":'
        f'[{{"key":"a","value":{value}}}]}}]}}]}}]}}'.encode(),
        "traces",
    )


def fields_of(type_: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every field of a config struct and of the structs in it, with its annotation."""
    if type_ in above:
        return
    for name, hint in get_type_hints(type_, include_extras=True).items():
        yield f"{type_.__name__}.{name}", hint
        for inner in [hint, *get_args(hint)]:
            for candidate in [inner, *get_args(inner)]:
                if isinstance(candidate, type) and issubclass(candidate, msgspec.Struct):
                    yield from fields_of(candidate, (*above, type_))


@pytest.mark.parametrize(("kind", "name"), TYPES)
def test_every_option_says_what_it_is(kind: str, name: str) -> None:
    type_ = DEFAULT.find(kind, name)  # type: ignore[arg-type]  # as above
    silent = [
        path
        for path, hint in fields_of(type_)
        if not any(isinstance(m, msgspec.Meta) and m.description for m in get_args(hint)[1:])
    ]
    assert silent == []
    assert type_.__doc__


@pytest.mark.parametrize(("kind", "name"), TYPES)
def test_the_module_has_the_name_of_the_type(kind: str, name: str) -> None:
    type_ = DEFAULT.find(kind, name)  # type: ignore[arg-type]  # as above
    assert type_.__module__ == f"errlock.{kind}s.{name}"


@pytest.mark.parametrize(("kind", "name"), TYPES)
def test_a_config_is_frozen_and_its_parts_can_be_built_twice(
    kind: str, name: str, tmp_path: Path
) -> None:
    built = config(kind, name, tmp_path)
    assert list(built.problems()) == []
    assert isinstance(built, (ReceiverConfig, ProcessorConfig, ExporterConfig))
    assert built.build(settings(name)) is not built.build(settings(name))
    with pytest.raises(AttributeError):
        built.something = 1  # type: ignore[union-attr]  # that is the point


@pytest.mark.parametrize("name", PROCESSORS)
def test_a_processor_takes_every_payload_and_changes_none_in_place(
    name: str, tmp_path: Path
) -> None:
    built = config("processor", name, tmp_path)
    assert isinstance(built, ProcessorConfig)
    counters = Counters()
    chain = Chain([Step(name, built.build(settings(name)))], counters, "test")
    for payload in payloads():
        before = trees(payload)
        originals = copy.deepcopy(before)
        result = chain.run(payload)
        result.encode()
        assert trees(payload) == originals
        assert counters.total("processor_dropped", reason="processor_failed") == 0


@pytest.mark.parametrize("name", PROCESSORS)
def test_running_a_processor_twice_changes_nothing(name: str, tmp_path: Path) -> None:
    built = config("processor", name, tmp_path)
    assert isinstance(built, ProcessorConfig)
    chain = Chain([Step(name, built.build(settings(name)))], Counters(), "test")
    for payload in payloads():
        once = chain.run(payload)
        assert trees(chain.run(once)) == trees(once)


@pytest.mark.parametrize("name", PROCESSORS)
def test_a_processor_is_a_part_of_the_plan_or_judges_synchronously(
    name: str, tmp_path: Path
) -> None:
    built = config("processor", name, tmp_path)
    assert isinstance(built, ProcessorConfig)
    running = built.build(settings(name))
    assert isinstance(running, (Part, Processor))
    if isinstance(running, Processor):
        assert not inspect.iscoroutinefunction(running.process)


@pytest.mark.parametrize("name", RECEIVERS)
async def test_a_receiver_opens_and_closes_and_may_be_closed_unopened(
    name: str, tmp_path: Path
) -> None:
    built = config("receiver", name, tmp_path)
    assert isinstance(built, ReceiverConfig)
    receiver = built.build(settings(name))
    await receiver.stop()
    await receiver.stop()
    receiver = built.build(settings(name))
    await receiver.start(Nowhere())
    await receiver.stop()
    await receiver.stop()


@pytest.mark.parametrize("name", EXPORTERS)
async def test_an_exporter_needs_no_destination_to_start_and_may_stop_unstarted(
    name: str, tmp_path: Path
) -> None:
    built = config("exporter", name, tmp_path)
    assert isinstance(built, ExporterConfig)
    exporter = built.build(settings(name))
    await exporter.stop()
    await exporter.stop()
    exporter = built.build(settings(name))
    await exporter.start()
    await exporter.stop()
    await exporter.stop()


@pytest.mark.parametrize("name", EXPORTERS)
async def test_an_aborted_exporter_lets_nothing_out_and_can_be_stopped(
    name: str, tmp_path: Path
) -> None:
    built = config("exporter", name, tmp_path)
    assert isinstance(built, ExporterConfig)
    exporter = built.build(settings(name))
    exporter.abort()
    await exporter.start()
    exporter.abort()
    exporter.abort()
    payload = next(each for each in payloads() if each.protocol in exporter.accepts)
    with pytest.raises(ExportFailed) as raised:
        await exporter.export(payload)
    assert raised.value.retryable
    await exporter.stop()


class Nowhere:
    """A sink that takes everything."""

    async def accept(self, payload: Payload) -> Receipt:
        return Receipt(len(payload.documents))


def trees(payload: Payload) -> list[Any]:
    """What can be read of the documents that go out."""
    return [tree for document in payload.alive if (tree := readable(document)) is not None]


def readable(document: Document) -> Any:
    try:
        return document.tree
    except BrokenDocument:
        return None
