"""Copies of what was judged sensitive: of thousands of values, in every encoding, overlapping."""

from __future__ import annotations

import base64
import html
import json
import time
from collections.abc import Callable
from random import Random
from typing import Any
from urllib.parse import quote

import engine_twins as twins
import pytest

from errlock.pipeline import Pipeline
from errlock.policy.findings import Mark, merge
from errlock.policy.plan import Findings, Subject
from errlock.processors.redact import Redact

_WRITTEN: tuple[Callable[[str], str], ...] = (
    lambda value: f"saw {value}!",
    lambda value: quote(f"saw {value}!", safe=""),
    lambda value: json.dumps(json.dumps({"saw": value}, ensure_ascii=True)),
    lambda value: "".join(f"\\u{ord(char):04x}" for char in value),
    lambda value: base64.b64encode(f"it was {value}, they say".encode()).decode(),
    lambda value: html.escape(f"<a title='{value}'>", quote=True),
    lambda value: repr({"saw": [1, value]}),
)


def _vars(values: list[str]) -> dict[str, Any]:
    frames = [{"function": "f", "vars": {f"v{n}": value}} for n, value in enumerate(values)]
    return {"exception": {"values": [{"type": "E", "stacktrace": {"frames": frames}}]}}


def _value(random: Random, number: int) -> str:
    letters = random.choice(("abcXYZ019", "ab1", "0123456789", "aé'\" \\x1", "key=/:_-.7"))
    return f"{''.join(random.choices(letters, k=random.randrange(5, 20)))}{number}q"


@pytest.mark.parametrize("count", [65, 200, 2000])
def test_copies_of_however_many_fields_are_removed_and_the_document_goes_out(count: int) -> None:
    pipeline = Pipeline(
        {"redact": Redact(profile="strict", selectors={"$frame.vars.**": "remove"})}
    )
    values = [f"q7Zk{n:05d}xT9w" for n in range(count)]
    copied = Random(count).sample(values, 40)
    said = {str(n): _WRITTEN[n % len(_WRITTEN)](value) for n, value in enumerate(copied)}
    clean = pipeline.scrub_event(_vars(values) | {"extra": said})
    assert clean is not None
    frames = clean["exception"]["values"][0]["stacktrace"]["frames"]
    assert {each for frame in frames for each in frame["vars"].values()} == {None}
    assert clean["extra"].keys() == said.keys()
    for number, value in enumerate(copied):
        left = clean["extra"][str(number)] or ""  # nothing, if it was no more than that
        assert value not in left
        assert left != said[str(number)]


@pytest.mark.parametrize("policy", ["fields", "selectors", "strict", "hash"])
@pytest.mark.parametrize("count", [3, 70])
def test_both_see_the_same_copies(policy: str, count: int) -> None:
    random = Random(f"{policy} {count}")
    for _ in range(2):
        values = [_value(random, number) for number in range(count)]
        values += [value[random.randrange(4) : random.randrange(7, 12)] for value in values]
        said = [each(random.choice(values)) for each in _WRITTEN for _ in range(2)]
        said += [random.choice(values)[:-3] + random.choice(values) for _ in range(4)]
        tree = _vars(values) | {
            "message": " ".join(said),
            "tags": {f"t{n}": text for n, text in enumerate(said)},
            "extra": {f"password{n}": value for n, value in enumerate(values[::3])},
        }
        assert twins.difference(policy, "event", tree) is None
        assert twins.raw_difference(policy, "event", json.dumps(tree).encode()) is None


def test_of_overlapping_copies_nothing_is_left() -> None:
    """What one of them begins with is where another one ends."""
    values = {"token": "Tr0ub4dor-9", "password": "is9is: T", "secret": "9; and 4 more"}
    text = "this9is: Tr0ub4dor-9; and 4 more that is all"
    clean = Pipeline.default().scrub_event({"extra": values, "message": text})
    assert clean is not None
    assert clean["message"].startswith("th[")
    assert clean["message"].endswith("] that is all")
    assert not any(each in clean["message"] for each in ("r0ub", "and 4", "dor"))


def test_findings_that_overlap_in_a_chain_take_no_longer() -> None:
    """Eight times as many: some eight times as long, and not 64."""

    def seconds(count: int) -> float:
        text = "x" * (15 * count)
        marks = [Mark(15 * n, 15 * n + 18, "pii.name", "copy", "v") for n in range(count)]
        start = time.thread_time()
        assert len(merge(marks, text)) == 1
        return time.thread_time() - start

    small = min(seconds(5000) for _ in range(3))
    assert min(seconds(40_000) for _ in range(3)) < 24 * small


def test_records_are_searched_for_what_was_found_in_their_resource_and_in_them() -> None:
    outer = [f"q7Zk{n:05d}xT9w" for n in range(100)]
    inner = [f"b3Rm{n:05d}yU2v" for n in range(100)]
    text = f"{outer[7]} and {inner[7]} and b3Rm00007yU2other"
    made: list[dict[str, Any]] = [
        {"attributes": {f"password{n}": value for n, value in enumerate(values)}}
        for values in (outer, inner)
    ]
    resource = Subject("resource", made[0])
    records = [
        Subject("log_record", {"body": text, **attributes}, (resource,))
        for attributes in (made[1], {})
    ]
    for plan in (twins.twins("strict").engine, twins.twins("strict").walk):
        both = plan.detect([resource, *records])[1:]
        found = []
        for result in both:
            assert isinstance(result, Findings)
            bodies = [site for site in result.sites if "body" in site.path]
            found.append({mark.value for site in bodies for mark in site.marks})
        assert found == [{outer[7], inner[7]}, {outer[7]}]


def test_a_variable_that_a_selector_removes_leaves_the_names_of_the_program() -> None:
    pipeline = Pipeline({"redact": Redact(selectors={"$frame.vars.**": "remove"})})
    tree = _vars(["'/app/shop/orders7.py'", "'Orders.pay#7'", "'big-corp-7'"])
    frame = tree["exception"]["values"][0]["stacktrace"]["frames"][0]
    frame |= {"filename": "/app/shop/orders7.py", "function": "Orders.pay#7"}
    tree["message"] = "big-corp-7 in /app/shop/orders7.py"
    clean = pipeline.scrub_event(tree)
    assert clean is not None
    assert clean["message"] == " in "
    left = clean["exception"]["values"][0]["stacktrace"]["frames"][0]
    assert (left["filename"], left["function"]) == ("/app/shop/orders7.py", "Orders.pay#7")
    assert set(left["vars"].values()) == {None}
