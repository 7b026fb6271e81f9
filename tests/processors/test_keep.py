import logging
from typing import Any

import msgspec
import pytest
from plain_document import PlainDocument

from errlock.pipeline.component import Processor, Settings
from errlock.pipeline.counters import Counters
from errlock.pipeline.errors import Drop
from errlock.pipeline.payloads.document import DocumentType
from errlock.processors.keep import Keep

SETTINGS = Settings("keep", Counters(), logging.getLogger("test"))


def kept(tree: Any, *fields: str, type_: DocumentType = "event") -> Any:
    config = msgspec.convert({"fields": list(fields)}, Keep)
    assert list(config.problems()) == []
    processor = config.build(SETTINGS)
    assert isinstance(processor, Processor)
    document = PlainDocument(type_, tree)
    processor.process(document)
    return document.tree


def test_only_named_fields_and_the_structure_survive() -> None:
    tree = {
        "event_id": "a" * 32,
        "timestamp": 1.5,
        "level": "error",
        "message": "m",
        "exception": {
            "values": [
                {
                    "type": "T",
                    "value": "v",
                    "stacktrace": {"frames": [{"function": "f", "lineno": 1, "vars": {"x": 1}}]},
                }
            ]
        },
        "tags": [["release", "1"], ["secret", "x"]],
        "extra": {"a": 1},
    }
    assert kept(tree, "$error.type", "$frame.function", "tags.release") == {
        "event_id": "a" * 32,
        "timestamp": 1.5,
        "level": "error",
        "exception": {
            "values": [{"type": "T", "stacktrace": {"frames": [{"function": "f", "lineno": 1}]}}]
        },
        "tags": [["release", "1"]],
    }


def test_a_document_that_keeps_everything_is_not_changed() -> None:
    tree = {"message": "m", "extra": {"a": [1]}}
    assert kept(tree, "message", "extra") is tree


def test_attributes_are_reduced_by_key() -> None:
    tree = {
        "body": "b",
        "attributes": {"http.route": "/x", "user.email": "e"},
        "trace_id": "1" * 32,
    }
    assert kept(tree, "$log.attributes.'http.route'", type_="log_record") == {
        "attributes": {"http.route": "/x"},
        "trace_id": "1" * 32,
    }


def test_an_attachment_that_is_not_named_is_dropped() -> None:
    with pytest.raises(Drop):
        kept("text", "message", type_="attachment")
    assert kept("text", "$attachment", type_="attachment") == "text"


def test_a_wrong_selector_is_told() -> None:
    config = msgspec.convert({"fields": ["a", "*"]}, Keep)
    assert [str(found) for found in config.problems()] == [
        "fields[1]: * needs a path; for every field write **"
    ]
