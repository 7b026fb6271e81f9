"""Names of fields: selectors that mean exactly these."""

import pytest

from errlock.pipeline.review.fields import FieldName, Leaf, Walk
from errlock.policy.findings import Tree
from errlock.policy.selectors import parse_selector

EVENT: Tree = {
    "message": "m",
    "user": {"id": "1", "geo": {"city": "c"}},
    "tags": [["plan", "gold"], ["203.0.113.7", "x"]],
    "request": {"headers": [["Cookie", "c"]], "data": {"a.b": 1}},
    "breadcrumbs": {"values": [{"message": "b", "data": {"url": "u"}}]},
    "exception": {
        "values": [{"value": "v", "stacktrace": {"frames": [{"vars": {"x": "1", "it's": "2"}}]}}]
    },
    "extra": {"list": ["one", ["two"]], "2bbd582e-c7aa-4ba7-ade0-b0adcdba3c2e": "x"},
    "contexts": {"a": {"b": {"c": {"d": {"e": {"f": {"g": "deep"}}}}}}},
}
NAMES = [
    "$event.message", "$user.id", "$user.geo.city", "tags.plan", "tags.*", "$http.headers.Cookie",
    "$http.data.'a.b'", "$breadcrumb.message", "$breadcrumb.data.url", "$error.value",
    "$frame.vars.x", "$frame.vars.*", "extra.list.*", "extra.list.*.*", "extra.*",
    "contexts.a.b.c.d.e.**",
]  # fmt: skip


def leaves(tree: Tree, type_: str = "event") -> list[Leaf]:
    return Walk(type_, tree).leaves


def test_a_field_is_named_from_the_nearest_node_that_selectors_know() -> None:
    assert [str(leaf.name) for leaf in leaves(EVENT)] == NAMES


def test_each_name_is_a_selector_that_means_its_field() -> None:
    for leaf in leaves(EVENT):
        assert parse_selector(str(leaf.name)).matches(leaf.trail), leaf.name


@pytest.mark.parametrize(
    ("type_", "tree", "name"),
    [
        ("log_record", {"body": "b"}, "$log.body"),
        ("log_record", {"attributes": {"http.url": "u"}}, "$log.attributes.'http.url'"),
        ("otlp_span", {"events": [{"attributes": {"a": "b"}}]}, "$span.events.*.attributes.a"),
        ("resource", {"attributes": {"host.name": "h"}}, "$resource.attributes.'host.name'"),
        ("data_point", {"attributes": {"a": "b"}}, "$data_point.attributes.a"),
        ("transaction", {"message": "m"}, "$event.message"),
        ("attachment", "text", "$attachment"),
        ("raw_security", {"csp-report": {"referrer": "r"}}, "csp-report.referrer"),
    ],
)
def test_every_kind_of_document_has_names(type_: str, tree: Tree, name: str) -> None:
    (leaf,) = leaves(tree, type_)
    assert str(leaf.name) == name
    assert parse_selector(name).matches(leaf.trail)


def test_a_field_that_only_its_last_key_names_cannot_be_addressed_alone() -> None:
    (leaf,) = leaves({"comments": "x"}, "user_report")
    assert (str(leaf.name), leaf.name.addressable) == ("comments", False)
    assert leaf.name.label == "comments (user_report)"


def test_what_holds_a_value_says_what_it_is() -> None:
    (leaf,) = leaves({"attributes": {"member_ref": {"value": "K1"}}}, "log")
    assert (str(leaf.name), leaf.keys[-1]) == ("$log.attributes.member_ref.value", "member_ref")


def test_keys_that_the_policy_found_are_not_shown() -> None:
    walk = Walk("event", {"extra": {"jane": "x"}}, [("extra", "jane")])
    assert [str(leaf.name) for leaf in walk.leaves] == ["extra.*"]


def test_what_the_policy_says_of_itself_is_no_field() -> None:
    assert leaves({"_meta": {"message": {"": {"rem": []}}}}) == []


@pytest.mark.parametrize(
    ("one", "other", "covers"),
    [
        (("a", None), ("a", "b"), True),
        (("a", None), ("a", None), False),
        (("a", None), ("a", "b", "c"), False),
        (("a", "c"), ("a", "b"), False),
    ],
)
def test_a_general_name_covers_what_it_means_too(
    one: tuple[str | None, ...], other: tuple[str | None, ...], covers: bool
) -> None:
    assert FieldName("frame", one).covers(FieldName("frame", other)) is covers
