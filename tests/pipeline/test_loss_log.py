"""What is written of documents that did not go out."""

import logging

import pytest

from errlock.pipeline.loss_log import PER_MINUTE, LossLog
from errlock.pipeline.payloads.digest import keyed_digest
from errlock.pipeline.payloads.document import Document, Loss
from errlock.pipeline.payloads.envelope import Envelope
from errlock.pipeline.payloads.otlp import OtlpRequest

LOSS = Loss("event", "broken", 17, "redact", "0123456789abcdef")
SECRET = "hunter22correct"


def test_a_record_has_kind_size_reason_and_digest(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    LossLog(logging.getLogger("errlock.test")).add(LOSS)
    assert caplog.messages == [
        "redact refused a document: event, broken, 17 bytes, digest 0123456789abcdef"
    ]


def test_a_storm_is_bounded_and_the_rest_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    now = 0.0
    records = LossLog(logging.getLogger("errlock.test"), lambda: now)
    for _ in range(PER_MINUTE + 5):
        records.add(LOSS)
    assert len(caplog.messages) == PER_MINUTE
    now = 61.0
    records.add(LOSS)
    assert caplog.messages[PER_MINUTE] == "and 5 more documents were refused"


def broken(text: str) -> Document:
    body = b'{}\n{"type":"event"}\n' + text.encode() + b"\n"
    return Envelope.decode(body, "", 0).documents[0]


def test_the_same_content_has_the_same_digest_and_nobody_can_compute_it() -> None:
    one = broken(f'{{"password": "{SECRET}"').digest
    event = f'{{"password": "{SECRET}"}}'
    assert broken(event).digest() == broken(event).digest() == keyed_digest(event.encode())
    assert broken(event).digest() != broken('{"password": "x"}').digest()
    with pytest.raises(Exception, match="not JSON"):
        one()


@pytest.mark.parametrize("text", ['{"broken"', "[1]", '{"a":"\\xff"}'])
def test_what_cannot_be_read_has_a_digest_once_it_was_looked_at(text: str) -> None:
    document = broken(text)
    with pytest.raises(Exception, match="not"):
        _ = document.tree
    assert document.digest() == keyed_digest(text.encode())


def test_what_is_discarded_has_the_digest_of_what_came() -> None:
    payload = Envelope.decode(b'{}\n{"type":"teapot","length":5}\nhello\n', "", 0)
    assert payload.documents[0].digest() == keyed_digest(b"hello")


def test_a_log_record_has_one() -> None:
    def record() -> Document:
        body = b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"severityNumber":9}]}]}]}'
        return OtlpRequest.decode_json(body, "logs").documents[0]

    assert record().digest() == record().digest()
    assert len(record().digest()) == 16
