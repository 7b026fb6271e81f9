from typing import Any

import pytest

from errlock.policy.conditions import selected
from errlock.policy.selectors import parse_selector

EVENT: dict[str, Any] = {
    "message": "m",
    "extra": {"a.b": "dotted", "b": "eb", "deep": {"b": "db", "zz": 1}},
    "tags": {"foo": "t", "1": "one"},
    "user": {"email": "e"},
    "request": {"headers": {"Cookie": "c"}, "data": "d"},
    "exception": {
        "values": [
            {"type": "T", "value": "v", "stacktrace": {"frames": [{"vars": {"x": "fv"}}]}},
        ]
    },
    "breadcrumbs": {"values": [{"message": "bm"}]},
    "pairs": [["Authorization", "pv"], ["x", "y"]],
}


def found(selector: str, tree: Any = EVENT, type_: str = "event") -> list[Any]:
    return list(selected(parse_selector(selector), type_, tree))


@pytest.mark.parametrize(
    ("selector", "values"),
    [
        ("$error.value", ["v"]),
        ("exception.values.*.value", ["v"]),
        ("values.0.value", ["v"]),
        ("$frame.vars.x", ["fv"]),
        ("$frame.vars.*", ["fv"]),
        ("$http.headers.cookie", ["c"]),
        ("$user.email", ["e"]),
        ("$breadcrumb.message", ["bm"]),
        ("$event.message", ["m"]),
        ("extra.'a.b'", ["dotted"]),
        ("extra.b", ["eb"]),
        ("extra.**.b", ["db"]),
        ("tags.'1'", ["one"]),
        ("pairs.authorization", ["pv"]),
        ("$number", [1]),
        ("$string && extra.**", ["dotted", "eb", "db"]),
        ("extra.** && !(extra.deep.** || $object)", ["dotted", "eb"]),
        ("$string && (tags.foo | user.email)", ["t", "e"]),
    ],
)
def test_a_selector_means(selector: str, values: list[Any]) -> None:
    assert found(selector) == values


def test_two_stars_are_one_level_or_more() -> None:
    assert found("extra.** && $string") == ["dotted", "eb", "db"]
    assert EVENT["extra"] not in found("extra.**")


def test_otlp_documents_are_addressed_by_their_type() -> None:
    record = {"body": "b", "attributes": {"http.url": "u"}}
    assert found("$log.body", record, "log_record") == ["b"]
    assert found("$log.attributes.'http.url'", record, "log_record") == ["u"]
    assert found("$span.attributes.**", {"attributes": {"k": "v"}}, "otlp_span") == ["v"]
    assert found("$resource.attributes.*", {"attributes": {"k": "v"}}, "resource") == ["v"]


@pytest.mark.parametrize(
    ("selector", "message"),
    [
        ("*", "* needs a path; for every field write **"),
        ("a.**.b.**", "a path can hold ** only once"),
        ("a..b", "unexpected '.' at character 3 of a selector"),
        ("a b", "unexpected 'b' at character 2 of a selector"),
        ("(a", "a selector's bracket is not closed"),
        ("", "a selector ends where a field is expected"),
        ("ä", "cannot read character 1 of a selector"),
    ],
)
def test_a_wrong_selector_says_what_is_wrong(selector: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_selector(selector)
    assert str(caught.value) == message


def test_an_unknown_type_is_named() -> None:
    with pytest.raises(ValueError, match=r"^unknown type \$frames in a selector\. Known: array, "):
        parse_selector("$frames.x")
