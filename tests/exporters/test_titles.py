import pytest
from line_payload import Line
from sanitised_payloads import envelope, event, logs, metrics, spans

from errlock.exporters.titles import LONGEST, title
from errlock.pipeline.payloads.document import DocumentType, Tree


@pytest.mark.parametrize(
    ("type_", "tree", "line"),
    [
        ("event", event(), "PaymentError: card [card] refused"),
        ("event", {"exception": [{"type": "A"}, {"type": "B", "value": "c"}]}, "B: c"),
        ("event", {"logentry": {"message": "no %s", "formatted": "no luck"}}, "no luck"),
        ("event", {"message": "two\nlines\tand tabs"}, "two lines and tabs"),
        ("event", {"transaction": "/cart"}, "/cart"),
        ("event", {}, "event"),
        ("event", ["not", "an", "object"], "event"),
        ("transaction", {"transaction": "/cart"}, "/cart"),
        ("span", {"op": "db", "description": "SELECT"}, "SELECT"),
        ("log", {"body": "hello"}, "hello"),
        ("check_in", {"monitor_slug": "nightly", "status": "ok"}, "nightly: ok"),
        ("feedback", {"contexts": {"feedback": {"message": "It broke"}}}, "It broke"),
        ("user_report", {"comments": "It broke"}, "It broke"),
        ("log_record", {"body": {"a": 1}, "event_name": "click"}, "click"),
        (
            "log_record",
            {"body": "x", "attributes": {"exception.type": "E", "exception.message": "m"}},
            "E: m",
        ),
        ("session", {"sid": "1"}, "session"),
        ("attachment", "text", "attachment"),
    ],
)
def test_a_title_tells_what_it_is_about(type_: DocumentType, tree: Tree, line: str) -> None:
    assert title(Line(type_, tree)) == line


def test_real_payloads_have_titles() -> None:
    found = [title(p.documents[0]) for p in (envelope(), logs(), spans(), metrics())]
    assert found == [
        "PaymentError: card [card] refused",
        "payment refused",
        "GET /cart",
        "carts.open",
    ]


def test_a_title_is_cut() -> None:
    line = title(Line("log", {"body": "x" * 1000}))
    assert len(line) == LONGEST
    assert line.endswith("x…")
