import pytest

from errlock.pipeline.errors import RefusedPayload
from errlock.pipeline.payloads.envelope import Envelope
from errlock.pipeline.payloads.envelope_sizes import SIZES
from errlock.receivers.sentry_admission import COUNTS, Pressure, check


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def envelope(*types: str) -> Envelope:
    made = Envelope("shop", 1.0, {})
    for type_ in types:
        made.add(type_, {"a": 1})
    return made


@pytest.mark.parametrize("type_", ["event", "transaction", "feedback", "user_report", "check_in"])
def test_a_document_up_to_its_limit_is_let_in(type_: str) -> None:
    overhead = len(b'{"a":""}')
    limit = next(size for name, size in SIZES.items() if name == type_)
    fits, large = Envelope("shop", 1.0, {}), Envelope("shop", 1.0, {})
    fits.add(type_, {"a": "x" * (limit - overhead)})
    large.add(type_, {"a": "x" * (limit - overhead + 1)})
    check(fits)
    with pytest.raises(RefusedPayload) as caught:
        check(large)
    assert str(caught.value) == f"an item of type {type_} has more than {limit} bytes"


@pytest.mark.parametrize("type_", ["session", "sessions", "client_report"])
def test_so_many_and_no_more(type_: str) -> None:
    limit = next(count for name, count in COUNTS.items() if name == type_)
    check(envelope(*[type_] * limit))
    with pytest.raises(RefusedPayload) as caught:
        check(envelope(*[type_] * (limit + 1)))
    assert str(caught.value) == f"more than 100 items of type {type_}"


@pytest.mark.parametrize("types", [("event", "event"), ("event", "transaction")])
def test_an_envelope_has_one_event(types: tuple[str, ...]) -> None:
    with pytest.raises(RefusedPayload, match=r"^more than one event in an envelope$"):
        check(envelope(*types))


def test_pressure_ends_by_itself() -> None:
    clock = Clock()
    pressure = Pressure(clock)
    assert pressure.header is None
    pressure.seen()
    assert (pressure.header or "").startswith("10:transaction;")
    clock.now += 9.5
    assert (pressure.header or "").startswith("1:transaction;")
    clock.now += 1
    assert pressure.header is None


def test_under_pressure_errors_stay() -> None:
    pressure = Pressure(Clock())
    made = envelope("event", "session", "check_in", "client_report")
    assert pressure.shed(made) == {}
    pressure.seen()
    assert pressure.shed(made) == {"session": 1}
    assert [each.type for each in made.alive] == ["event", "check_in", "client_report"]
    assert pressure.shed(made) == {}
