"""What real SDKs send is booked where it went, by what the backend answered."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import sentry_sdk
from http_sink import http_sink
from live_control import AUDIENCE, KEYS, ControlServer, bundle, online, release
from live_ports import listening_port
from metered_sink import metered_sink
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from waiting import wait_for
from wire import Wire

from errlock.ledger.embedded.handover import HandedRow, HandOver, decoded
from errlock.pipeline import Pipeline
from errlock.pipeline.config import policy
from errlock.pipeline.embed import (
    Control,
    Ledger,
    OtelMetricExporter,
    OtelSpanExporter,
    sentry_transport,
)
from errlock.pipeline.embed import ledger as embedded_ledger
from errlock.pipeline.host.file_places import put_whole
from errlock.pipeline.payloads.document import Payload
from errlock.pipeline.payloads.envelope import Envelope
from errlock.policy.keyring.pseudonyms import new_key
from errlock.processors.redact import Redact
from errlock.processors.sample import Sample
from errlock.processors.tripwire import Tripwire

STANDBY = "sentry/standby"


class Kept:
    """A ledger that keeps hand-overs in a folder, and what they say."""

    def __init__(self, folder: Path, **more: Any) -> None:
        self.folder = folder
        self.ledger = Ledger(service="shop", folder=folder, key=new_key(), every=3600, **more)

    def handovers(self) -> list[HandOver]:
        self.ledger.flush(10)
        return [decoded(path.read_bytes()) for path in sorted(self.folder.glob("*.handover"))]

    def rows(self) -> list[HandedRow]:
        return [row for each in self.handovers() for row in each.rows]

    def documents(self) -> Counter[tuple[str, str, str]]:
        found: Counter[tuple[str, str, str]] = Counter()
        for row in self.rows():
            if not row.class_:
                found[row.destination, row.type, row.outcome] += row.documents
        return found

    def withheld(self) -> Counter[tuple[str, str, str]]:
        """Of them, those that did not leave, by reason."""
        found: Counter[tuple[str, str, str]] = Counter()
        for row in self.rows():
            if row.outcome == "withheld":
                assert (row.service, row.class_, row.values) == ("shop", "", {})
                found[row.destination, row.type, row.reason] += row.documents
        return found


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path / "kept")


@contextmanager
def client(port: int, kept: Kept, pipeline: Pipeline | None = None, **more: Any) -> Iterator[None]:
    made = sentry_sdk.Client(
        dsn=f"http://key@127.0.0.1:{port}/1",
        transport=sentry_transport(pipeline or Pipeline.default(), ledger=kept.ledger, **more),
        default_integrations=False,
        auto_enabling_integrations=False,
        traces_sample_rate=1.0,
        _experiments={"transport_compression_level": 0},
    )
    try:
        with sentry_sdk.isolation_scope() as scope, sentry_sdk.new_scope() as current:
            scope.set_client(made)
            current.set_client(made)
            yield
    finally:
        made.close(timeout=10)


def test_every_kind_of_item_is_booked_as_what_it_is(kept: Kept) -> None:
    with http_sink() as port, client(port, kept):
        with sentry_sdk.start_transaction(name="checkout"):
            sentry_sdk.capture_message("mail me@example.com")
        sentry_sdk.get_client().flush(10)
    assert kept.documents() == {
        ("sentry", "event", "delivered"): 1,
        ("sentry", "transaction", "delivered"): 1,
    }
    (mail,) = [row for row in kept.rows() if row.class_ == "pii.email"]
    assert (mail.form, mail.occurrences, len(mail.values)) == ("removed", 1, 1)
    policies = {row.policy for row in kept.rows()}
    assert len(policies) == 1
    assert re.fullmatch(r"embedded:[0-9a-f]{16}", policies.pop())


def test_no_value_is_in_what_is_handed_over(kept: Kept) -> None:
    with http_sink() as port, client(port, kept):
        sentry_sdk.set_user({"id": "user-4711", "email": "me@example.com"})
        sentry_sdk.capture_message("password=hunter22correct of me@example.com")
    kept.handovers()
    stored = b"".join(path.read_bytes() for path in kept.folder.iterdir())
    assert b"pii.email" in stored
    assert [v for v in (b"hunter22", b"me@", b"user-4711") if v in stored] == []


def test_a_decoy_is_planted_and_not_counted(kept: Kept, wire: Any) -> None:
    pipeline = Pipeline(
        {"redact": Redact(), "tripwire": Tripwire(key=new_key(), share=1.0)},  # type: ignore[arg-type]  # text stands for a secret
        destination="sentry",
    )
    with http_sink() as port:
        relay: Wire = wire(port)
        with client(relay.port, kept, pipeline):
            sentry_sdk.capture_message("hello")
    assert relay.contains(b"errlock_deploy_")
    assert kept.documents() == {("sentry", "event", "delivered"): 1}
    assert [row for row in kept.rows() if row.class_.startswith("secret")] == []


def test_what_cannot_be_accounted_for_is_sent_all_the_same_and_told(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Payload) -> bytes:
        raise RuntimeError("hunter22correct")

    monkeypatch.setattr(embedded_ledger, "write_manifest", broken)
    with http_sink() as port, client(port, kept):
        sentry_sdk.capture_message("hello")
    assert kept.documents() == Counter()
    missing = [each.missing for each in kept.handovers() if each.missing is not None]
    assert sum(each.documents for each in missing) == 1


@pytest.mark.parametrize("status", [400, 413, 429, 503])
def test_what_a_backend_refused_it_has_seen(kept: Kept, status: int) -> None:
    with http_sink(status=status) as port, client(port, kept):
        sentry_sdk.capture_message("hello")
    assert kept.documents() == {("sentry", "event", "refused"): 1}


def test_what_there_is_no_connection_for_has_not_left(kept: Kept) -> None:
    with client(listening_port(), kept):
        sentry_sdk.capture_message("hello")
    assert kept.documents() == {}


def test_what_a_slow_backend_may_have_at_the_end_is_booked_once(kept: Kept) -> None:
    with metered_sink("never answers") as backend:
        with client(backend.port, kept):
            sentry_sdk.capture_message("mail me@example.com")
            backend.wait_for_bytes()
            transport: Any = sentry_sdk.get_client().transport
            queue = transport.inner._worker._queue
            sentry_sdk.get_client().close(timeout=0.1)
        assert kept.documents() == {("sentry", "event", "perhaps"): 1}
    wait_for(lambda: not queue.unfinished_tasks)  # the request has failed
    assert kept.documents() == {("sentry", "event", "perhaps"): 1}


def test_what_waited_is_booked_where_it_went(kept: Kept, fleet: ControlServer) -> None:
    control = Control(url=fleet.url, audience=AUDIENCE, keys=[str(key) for key in KEYS])
    with metered_sink() as backend, metered_sink() as other:
        standbys = {STANDBY: f"http://second@127.0.0.1:{other.port}/2"}
        with client(backend.port, kept, control=control, standbys=standbys):
            fleet.say(held=("sentry",))
            sentry_sdk.capture_message("event 1")
            fleet.wait_until_applied()
            assert kept.documents() == {}
            fleet.document = bundle(online(), release(1, {"sentry": time.time()}))
            wait_for(lambda: backend.numbers == [1], 60)
            fleet.say(distrusted=("sentry",), active={"sentry": STANDBY})
            fleet.wait_until_applied()
            sentry_sdk.capture_message("event 2")
            wait_for(lambda: other.numbers == [2], 60)
    control.close()
    assert kept.documents() == {
        ("sentry", "event", "delivered"): 1,
        (STANDBY, "event", "delivered"): 1,
    }


def test_what_the_policy_drops_is_withheld_with_its_reason(kept: Kept) -> None:
    pipeline = Pipeline({"redact": Redact(), "sample": Sample(limits={"event": "2/1h"})})
    with http_sink() as port, client(port, kept, pipeline):
        for number in range(5):
            sentry_sdk.capture_message(f"hello {number}")
        with sentry_sdk.start_transaction(name="checkout"):
            pass
    assert kept.withheld() == {("sentry", "event", "rate_limited"): 3}
    assert kept.documents() == {
        ("sentry", "event", "delivered"): 2,
        ("sentry", "transaction", "delivered"): 1,
        ("sentry", "event", "withheld"): 3,
    }


def test_what_nobody_could_judge_is_withheld(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pipeline = Pipeline.default()

    def broken(_: Payload) -> Payload:
        raise RuntimeError("hunter22correct")

    with http_sink() as port, client(port, kept, pipeline):
        sentry_sdk.capture_message("hello")
        monkeypatch.setattr(pipeline, "judge_payload", broken)
        sentry_sdk.capture_message("hello")
    assert kept.withheld() == {("sentry", "event", "processor_failed"): 1}
    assert "hunter22" not in caplog.text


def test_an_item_of_a_kind_that_no_sdk_has_is_withheld_and_the_application_told_nothing(
    kept: Kept,
) -> None:
    envelope = sentry_sdk.envelope.Envelope()
    envelope.add_item(sentry_sdk.envelope.Item(payload=b"{}", headers={"type": ["event"]}))
    with http_sink() as port, client(port, kept):
        transport = sentry_sdk.get_client().transport
        assert transport is not None
        transport.capture_envelope(envelope)
    assert kept.withheld() == {("sentry", "unknown", "processor_failed"): 1}


def test_whatever_a_hand_over_fails_of_the_same_is_handed_over_later(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failing = [True]

    def no_memory_at_first(path: Path, data: bytes) -> None:
        if failing:
            raise MemoryError("quotes a secret")
        put_whole(path, data)

    monkeypatch.setattr(embedded_ledger, "put_whole", no_memory_at_first)
    with http_sink() as port, client(port, kept):
        sentry_sdk.capture_message("hello")
    assert not kept.ledger.flush(10)
    failing.clear()
    assert kept.documents() == {("sentry", "event", "delivered"): 1}
    assert caplog.messages.count("the account cannot be handed over: MemoryError; it waits") == 1


@pytest.mark.parametrize("kind", ["tokens", "x\\nERROR forged\\u001b[2J" + "x" * 9000])
def test_who_answers_as_a_collector_writes_no_lines_into_the_log(
    caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    body = f'{{"error": "x\\nERROR forged{"x" * 9000}", "kind": "{kind}"}}'.encode()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            with server.accept()[0] as asked:
                asked.recv(65536)
                asked.sendall(b"HTTP/1.0 403 -\r\n\r\n" + body)

        answering = threading.Thread(target=answer)
        answering.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        ledger = Ledger(service="shop", to=url, token="errlock_token", every=3600)
        assert not ledger.flush(10)
        answering.join()
    (told,) = [each for each in caplog.messages if "the account cannot be handed over" in each]
    assert told.isprintable()
    assert len(told) < 300


def test_what_cannot_even_be_counted_does_not_make_the_application_fail(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: Pipeline) -> str:
        raise MemoryError("hunter22correct")

    with http_sink() as port, client(port, kept):
        monkeypatch.setattr(Pipeline, "version", property(broken))
        sentry_sdk.capture_message("hello")
    assert kept.withheld() == {}
    assert "cannot be counted: MemoryError" in caplog.text
    assert "hunter22" not in caplog.text


def test_without_the_metadata_that_tells_its_version_no_account_is_begun(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some tools that pack applications leave it out. Every document was dropped for that."""
    monkeypatch.setattr(policy, "version", lambda name: version(f"{name}-which-is-not-installed"))
    told = r"ledger: errlock's version is not known, because its metadata \(errlock-\*\.dist-info\)"
    with pytest.raises(ValueError, match=told):
        sentry_sdk.init(
            "http://key@127.0.0.1:9/1",
            transport=sentry_transport(Pipeline.default(), ledger=kept.ledger),
        )
    with pytest.raises(ValueError, match=told):
        OtelSpanExporter(OTLPSpanExporter(), Pipeline.default(), ledger=kept.ledger)


def test_what_the_sdk_drops_before_it_sends_is_withheld(kept: Kept) -> None:
    with http_sink(status=429) as port, client(port, kept):
        sentry_sdk.capture_message("hello")
        sentry_sdk.get_client().flush(10)
        for _ in range(3):  # while it was told to wait
            sentry_sdk.capture_message("hello")
    assert kept.documents() == {
        ("sentry", "event", "refused"): 1,
        ("sentry", "event", "withheld"): 3,
    }
    assert kept.withheld() == {("sentry", "event", "rate_limited"): 3}


def test_what_waits_too_long_is_withheld(kept: Kept, fleet: ControlServer) -> None:
    fleet.say(held=("sentry",))
    control = Control(
        url=fleet.url, audience=AUDIENCE, keys=[str(key) for key in KEYS], queue_size=3000
    )
    with metered_sink() as backend, client(backend.port, kept, control=control):
        for number in range(20):
            sentry_sdk.capture_message(f"event {number}")
        lost = kept.withheld()["sentry", "event", "queue_full"]
        assert 0 < lost < 20
        fleet.wait_until_applied()
        fleet.document = bundle(online(), release(1, {"sentry": time.time()}))
        wait_for(lambda: kept.documents()["sentry", "event", "delivered"] == 20 - lost, 60)
    control.close()


def test_what_waits_until_the_end_is_withheld_and_told(
    kept: Kept, fleet: ControlServer, caplog: pytest.LogCaptureFixture
) -> None:
    fleet.say(held=("sentry",))
    control = Control(url=fleet.url, audience=AUDIENCE, keys=[str(key) for key in KEYS])
    with metered_sink() as backend, client(backend.port, kept, control=control):
        for number in range(3):
            sentry_sdk.capture_message(f"event {number}")
    control.close()
    assert kept.withheld() == {("sentry", "event", "shutdown"): 3}
    assert "3 items that waited for the control document are lost" in caplog.text


@pytest.mark.parametrize(("status", "outcome"), [(200, "delivered"), (400, "perhaps")])
def test_data_points_are_booked_by_result(kept: Kept, status: int, outcome: str) -> None:
    with http_sink(status=status) as port:
        exporter = OTLPMetricExporter(f"http://127.0.0.1:{port}/v1/metrics")
        reader = PeriodicExportingMetricReader(
            OtelMetricExporter(exporter, Pipeline.default(), ledger=kept.ledger)
        )
        provider = MeterProvider([reader], shutdown_on_exit=False)
        orders = provider.get_meter("shop").create_counter("orders")
        for address in ("me@example.com", "you@example.com"):
            orders.add(1, {"user.email": address})
        provider.shutdown()
    assert kept.documents() == {("otlp", "data_point", outcome): 2}


class Fails(SpanExporter):
    def export(self, spans: Any) -> SpanExportResult:
        return SpanExportResult.FAILURE


class Raises(SpanExporter):
    def export(self, spans: Any) -> SpanExportResult:
        raise OSError("the connection failed")


@pytest.mark.parametrize("inner", [None, Fails(), Raises()], ids=["real", "fails", "raises"])
def test_spans_are_booked_by_service_and_result(kept: Kept, inner: SpanExporter | None) -> None:
    with http_sink() as port:
        inner = inner or OTLPSpanExporter(f"http://127.0.0.1:{port}/v1/traces")
        exporter = OtelSpanExporter(inner, Pipeline.default(), ledger=kept.ledger)
        provider = TracerProvider(
            resource=Resource({"service.name": "billing"}), shutdown_on_exit=False
        )
        provider.add_span_processor(BatchSpanProcessor(exporter))
        for number in range(3):
            span = provider.get_tracer("shop").start_span("pay")
            span.set_attribute("mail", f"user{number}@example.com")
            span.end()
        provider.shutdown()  # which hands over, too
    outcome = "delivered" if isinstance(inner, OTLPSpanExporter) else "perhaps"
    # The first use on a machine compiles the policy: a shutdown does not wait for that.
    wait_for(lambda: kept.documents() == {("otlp", "otlp_span", outcome): 3}, 120)
    mails = [row for row in kept.rows() if row.class_ == "pii.email"]
    assert [(row.service, row.occurrences, len(row.values)) for row in mails] == [("billing", 3, 3)]


def test_spans_that_the_policy_drops_are_withheld(kept: Kept) -> None:
    pipeline = Pipeline({"redact": Redact(), "sample": Sample(limits={"otlp_span": "1/1h"})})
    with http_sink() as port:
        inner = OTLPSpanExporter(f"http://127.0.0.1:{port}/v1/traces")
        exporter = OtelSpanExporter(inner, pipeline, ledger=kept.ledger)
        provider = TracerProvider(resource=Resource({"service.name": "shop"}))
        provider.add_span_processor(BatchSpanProcessor(exporter))
        for _ in range(3):
            provider.get_tracer("shop").start_span("pay").end()
        provider.shutdown()
    wait_for(lambda: kept.documents().total() == 3, 120)
    assert kept.withheld() == {("otlp", "otlp_span", "rate_limited"): 2}


def test_what_documents_tell_of_the_code_is_handed_over_unless_depth_is_counts(
    kept: Kept, tmp_path: Path
) -> None:
    with http_sink() as port, client(port, kept):
        sentry_sdk.capture_message("SELECT password=hunter22correct")
    names = {(each.kind, each.name) for handed in kept.handovers() for each in handed.code}
    assert ("package", "pypi:sentry-sdk") in names
    (told,) = [each for handed in kept.handovers() for each in handed.code
               if each.name == "pypi:sentry-sdk"]  # fmt: skip
    assert (told.destination, told.service, told.documents) == ("sentry", "shop", 1)
    fewer = Kept(tmp_path / "fewer", depth="counts")
    with http_sink() as port, client(port, fewer):
        sentry_sdk.capture_message("hello")
    assert fewer.documents() == {("sentry", "event", "delivered"): 1}
    assert [handed.code for handed in fewer.handovers()] == [[]]


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"to": "http://localhost:1", "token": "x", "folder": "x"},
        {"to": "http://localhost:1"},
        {"folder": "x", "token": "x"},
        {"to": "localhost", "token": "x"},
        {"to": "http://localhost:1", "token": "first\nsecond"},
        {"folder": "x", "every": 0},
        {"folder": "x", "depth": "words"},
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Ledger(service="shop", **wrong)


def test_a_destination_must_have_an_exporters_id(kept: Kept) -> None:
    with pytest.raises(ValueError, match="exporter's id"):
        sentry_transport(Pipeline.default(), ledger=kept.ledger, destination="My Sentry")
    with pytest.raises(ValueError, match="exporter's id"):
        OtelSpanExporter(Fails(), Pipeline.default(), ledger=kept.ledger, destination="a b")


def test_all_names_of_code_are_kept_in_a_folder(tmp_path: Path) -> None:
    """More of them than one hand-over takes: those that follow have nothing else."""
    kept, letters = Kept(tmp_path), "abcdefghijklmnopq"
    pipeline = Pipeline.default()
    names = [f"lib-{a}{b}{c}" for a in letters for b in letters for c in letters]
    for at in range(0, len(names), 1000):
        modules = dict.fromkeys(names[at : at + 1000], "1.0")
        note = kept.ledger.note(pipeline, Envelope.from_event({"modules": modules}))
        kept.ledger.book("sentry", note)
    assert sorted(each.name for handed in kept.handovers() for each in handed.code) == names
