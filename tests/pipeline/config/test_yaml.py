"""YAML as configuration needs it."""

import pytest

from errlock.pipeline.config.yaml import Parsed, merge, parse, show_path
from errlock.pipeline.errors import ConfigError


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, "f.yaml")
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("on", "on"), ("off", "off"), ("yes", "yes"), ("no", "no"), ("n", "n"),
        ("true", True), ("False", False), ("~", None), ("", None), ("null", None),
        ("12", 12), ("-3", -3), ("0x1f", 31), ("0o14", 12), ("0123", 123),
        ("1e3", 1000.0), (".5", 0.5), ("1_000", "1_000"), ("1:30", "1:30"),
        ("2024-01-01", "2024-01-01"), ("localhost:4317", "localhost:4317"), ("'12'", "12"),
        ("-.inf", "-.inf"), (".nan", ".nan"),
    ],
)  # fmt: skip
def test_plain_scalars_follow_the_core_schema_of_yaml_1_2(written: str, value: object) -> None:
    found = parse(f"a: {written}\n", "f.yaml").tree
    assert found == {"a": value}
    assert type(found["a"]) is type(value)


def test_a_key_is_text_as_written() -> None:
    assert parse("{on: 1, 12: 2, true: 3}", "f.yaml").tree == {"on": 1, "12": 2, "true": 3}


def test_each_value_knows_its_line() -> None:
    places = parse("a:\n  b:\n    - 1\n    - 2\n", "f.yaml").places
    assert places["a", "b"] == "f.yaml:2"
    assert places["a", "b", 1] == "f.yaml:4"


def test_every_key_that_is_written_twice_is_refused() -> None:
    assert problems("a:\n  redact: 1\n  redact: 2\nb: 1\nb: 2\n") == [
        "f.yaml:3: a.redact: written twice",
        "f.yaml:5: b: written twice",
    ]


def test_a_merge_key_adds_what_is_not_written() -> None:
    text = "base: &base {x: 1, y: 2}\nmine:\n  <<: *base\n  y: 3\n"
    assert parse(text, "f.yaml").tree["mine"] == {"x": 1, "y": 3}


def test_the_first_of_several_merged_maps_wins() -> None:
    text = "a: &a {x: 1}\nb: &b {x: 2, y: 2}\nc: {<<: [*a, *b]}\n"
    assert parse(text, "f.yaml").tree["c"] == {"x": 1, "y": 2}


SINGLE = "expected a single document in the stream, but found another document"
TAG = "a tag (!…) is not allowed; put what begins with ! in quotes"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: !!python/name:x y", f"f.yaml:1: a: {TAG}"),
        ("a: !mine x", f"f.yaml:1: a: {TAG}"),
        ("a: !Winter2024", f"f.yaml:1: a: {TAG}"),  # a password, as all that follow
        (
            "a: !Winter!2024",
            (
                "f.yaml:1: not valid YAML: found undefined tag handle; "
                "put what begins with ! in quotes"
            ),
        ),
        (
            "a: {b: 1, c: &Winter2024}",
            "f.yaml:1: not valid YAML: an anchor of nothing; put what begins with & in quotes",
        ),
        ("a: &x [*x]", "f.yaml:1: a[0]: an alias of what it stands in"),
        ("? [1]\n: 2", "f.yaml:1: a key must be text"),
        ("a: {<<: 3}", "f.yaml:1: a: '<<' takes a section"),
        ("a: [1\nb: 2", "f.yaml:2: not valid YAML: expected ',' or ']', but got ':'"),
        (
            "a: *x",
            "f.yaml:1: not valid YAML: found undefined alias; put what begins with * in quotes",
        ),
        ("a: 1\n---\nb: 1", f"f.yaml:2: not valid YAML: {SINGLE}"),
        ("[" * 5000, "f.yaml: nested too deeply"),
        ("a: \x00", "f.yaml: not valid YAML: a control character"),
    ],
)  # fmt: skip
def test_what_configuration_has_no_use_for_is_refused(text: str, message: str) -> None:
    assert problems(text) == [message]


def test_aliases_cannot_blow_a_small_file_up() -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    assert problems("\n".join(lines)) == ["f.yaml: more than 100000 values"]


def test_later_maps_merge_and_later_lists_replace() -> None:
    base = parse("a: {x: [1, 2], y: 1}\nb: 1\n", "base.yaml")
    over = parse("a:\n  x: [3]\n", "over.yaml")
    merged = merge(base, over)
    assert merged.tree == {"a": {"x": [3], "y": 1}, "b": 1}
    assert merged.places["a", "x", 0] == "over.yaml:2"
    assert ("a", "x", 1) not in merged.places
    assert merged.places["a", "y"] == "base.yaml:1"


def test_null_wipes_what_was_there_and_an_empty_map_keeps_it() -> None:
    base = Parsed({"a": {"x": 1}})
    assert merge(base, Parsed({"a": None})).tree == {"a": None}
    assert merge(base, Parsed({"a": {}})).tree == {"a": {"x": 1}}


def test_paths_are_written_as_people_do() -> None:
    assert show_path(("exporters", "otlp/eu", "processors", 1)) == "exporters.otlp/eu.processors[1]"
    assert show_path(("a", "b c\x1b")) == r"a.'b c\x1b'"
