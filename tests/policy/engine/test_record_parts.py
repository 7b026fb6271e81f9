"""Parts of records: the harmless are known again, and what is always found is not looked for."""

from __future__ import annotations

from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from errlock.policy.detection import Detection
from errlock.policy.engine import Engine, expected
from errlock.policy.parts import RedactPart


class Looks:
    """Gives parts in, and counts how often one was read."""

    def __init__(self) -> None:
        self._engine = Engine(Detection([RedactPart("balanced")]))
        self.read = 0

    def is_clean(self, key: str, value: str) -> bool:
        span = Span()
        attribute = span.attributes.add(key=key)
        attribute.value.string_value = value

        def load() -> Any:
            self.read += 1
            return {"attributes": {key: value}}

        return self._engine.is_clean_part("otlp_span", span.SerializeToString(), load)


def test_a_harmless_part_is_read_once() -> None:
    looks = Looks()
    assert looks.is_clean("app.note", "order 7 is ready")
    assert looks.is_clean("app.note", "order 7 is ready")
    assert looks.read == 1


def test_what_is_always_found_is_not_looked_for() -> None:
    looks = Looks()
    for number in range(1000):
        assert not looks.is_clean("app.note", f"ask bob{number}@mail.example")
    assert looks.read < 100
    # Another attribute is another matter.
    assert looks.is_clean("app.other", "order 7 is ready")


def test_an_attribute_that_is_harmless_again_is_soon_known_to_be() -> None:
    looks = Looks()
    for number in range(500):
        assert not looks.is_clean("app.note", f"ask bob{number}@mail.example")
    said = [looks.is_clean("app.note", f"order {number} is ready") for number in range(100)]
    assert said.index(True) < 2 * expected._AGAIN
    assert all(said[said.index(True) :])
