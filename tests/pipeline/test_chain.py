"""Chains: what is judged before and after the scrub, and that everything fails closed."""

import copy
import logging
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errlock.pipeline.chain import Chain, Step, refused
from errlock.pipeline.component import Processor, Settings
from errlock.pipeline.counters import Counters
from errlock.pipeline.errors import Drop
from errlock.pipeline.payloads.document import Document
from errlock.pipeline.payloads.envelope import Envelope
from errlock.policy.plan import Part
from errlock.processors.redact import Redact

SECRET = "hunter22correct"


class Seen(Processor):
    """Remembers the trees that it was shown."""

    def __init__(self) -> None:
        self.trees: list[Any] = []

    def process(self, document: Document) -> None:
        self.trees.append(document.tree)


class DropsEvents(Processor):
    def process(self, document: Document) -> None:
        if document.type == "event":
            raise Drop("filtered")


class Raises(Processor):
    def process(self, document: Document) -> None:
        raise RuntimeError(f"I was looking at {document.tree!r}")


def part() -> Part:
    built = Redact().build(Settings("redact", Counters(), logging.getLogger("errlock.test")))
    assert isinstance(built, Part)
    return built


def chain(*does: Processor | Part, counters: Counters | None = None) -> Chain:
    steps = [Step(f"step/{index}", each) for index, each in enumerate(does)]
    return Chain(steps, counters or Counters(), "test")


CHAIN = chain(part())


def event(**fields: Any) -> Envelope:
    return Envelope.from_event({"message": f"password={SECRET}", **fields})


def test_processors_before_the_scrub_see_the_value_and_those_after_it_do_not() -> None:
    before, after = Seen(), Seen()
    chain(before, part(), after).run(event())
    assert before.trees[0]["message"] == f"password={SECRET}"
    assert after.trees[0]["message"] == "password=[password]"


def test_parts_act_where_the_first_of_them_stands() -> None:
    between = Seen()
    chain(part(), between, part()).run(event())
    assert SECRET not in str(between.trees)


def test_the_payload_that_came_in_is_left_as_it_is() -> None:
    payload = event(extra={"password": SECRET})
    tree = copy.deepcopy(payload.documents[0].tree)
    chain(part()).run(payload)
    assert payload.documents[0].tree == tree


def test_another_pipeline_gets_what_this_one_dropped() -> None:
    payload = event()
    assert chain(DropsEvents()).run(payload).alive == []
    assert len(chain(part()).run(payload).alive) == 1


def test_a_processor_that_raises_drops_the_document_and_tells_no_value(
    caplog: pytest.LogCaptureFixture,
) -> None:
    counters = Counters()
    result = chain(Raises(), part(), counters=counters).run(event())
    assert result.alive == []
    assert refused(result) == {("event", "processor_failed"): 1}
    assert counters.total("processor_dropped", reason="processor_failed", type="event") == 1
    assert "RuntimeError" in caplog.text
    assert SECRET not in caplog.text


def test_a_part_that_raises_while_it_acts_drops_the_document() -> None:
    class Broken(Part):
        def form(self, class_: str) -> Any:
            return "removed"

        def act(self, mark: Any, epoch: Any) -> str | None:
            raise ValueError(mark.value)

    result = chain(Broken()).run(event())
    assert refused(result) == {("event", "processor_failed"): 1}


def test_a_document_that_cannot_be_read_does_not_go_out() -> None:
    payload = Envelope.decode(
        b'{}\n{"type":"event","length":9}\n{"broken"\n{"type":"check_in"}\n{"status":"ok"}\n', "", 0
    )
    result = chain(part()).run(payload)
    assert [(each.type, each.lost) for each in result.documents] == [
        ("event", "broken"),
        ("check_in", None),
    ]


def test_an_unknown_item_does_not_go_out_and_is_recorded_without_its_content(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    payload = Envelope.decode(b'{}\n{"type":"teapot","length":5}\nhello\n', "", 0)
    result = chain(part()).run(payload)
    assert [each.lost for each in result.documents] == ["unsupported"]
    assert b"hello" not in result.encode()
    [record] = caplog.messages
    assert record.startswith("step/0 refused a document: unknown, unsupported, 5 bytes, digest ")


def test_attachments_go_with_their_event() -> None:
    body = (
        b'{"event_id":"9ec79c33ec9942ab8353589fcb2e04dc"}\n'
        b'{"type":"event"}\n{"message":"x"}\n'
        b'{"type":"attachment","length":3,"filename":"a.txt","content_type":"text/plain"}\nlog\n'
    )
    result = chain(DropsEvents(), part()).run(Envelope.decode(body, "", 0))
    assert [(each.type, each.lost) for each in result.documents] == [
        ("event", "filtered"),
        ("attachment", "parent"),
    ]


def test_intended_drops_are_not_refusals_and_are_only_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    result = chain(DropsEvents()).run(event())
    assert refused(result) == {}
    assert result.documents[0].dropped_by == "step/0"
    assert caplog.messages == []


def test_one_scan_serves_destinations_with_different_scopes() -> None:
    one = chain(part())
    scanned = one.scan(event())
    left, right = one.render(scanned, one.plan("a")), one.render(scanned, one.plan("b"))
    assert left.encode() == right.encode()
    assert SECRET.encode() not in left.encode()


PIECES = [
    "password", "token", "=", ":", " ", "'", '"', "{", "}", "[", "]", ",", "&", "?", "%40", "\\n",
    "hunter22X", "jane@example.com", "4111111111111111", "Bearer ", "abc123DEF456ghi789", "(", ")",
    "https://", "/home/jane/", "<", ">", "--", "GET ", "203.0.113.7", "user", "is", "\n", ";",
    "+49 30 901820", "[email]", "eyJhbGciOiJIUzI1NiJ9", "key", "name", "api_key", "&#64;", "null",
]  # fmt: skip


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.sampled_from(PIECES), max_size=40), st.lists(st.sampled_from(PIECES), max_size=8)
)
def test_running_a_chain_twice_changes_nothing(text: list[str], more: list[str]) -> None:
    joined, name = "".join(text), "".join(more[:2]) or "a"
    payload = Envelope.from_event({"message": joined, "extra": {name: "".join(more)}})
    once = CHAIN.run(payload)
    twice = CHAIN.run(once)
    assert [each.tree for each in twice.alive] == [each.tree for each in once.alive]


def test_findings_are_counted_by_class_and_form() -> None:
    counters = Counters()
    chain(part(), counters=counters).run(event(user={"email": "jane@example.com"}))
    assert counters.total("findings", **{"class": "pii.email", "form": "removed"}) == 1
