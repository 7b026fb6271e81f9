"""A review: what is found, what leaves in clear, what is proposed, and that the proposal works."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from errlock.pipeline.config import load, loads
from errlock.pipeline.review import tally
from errlock.pipeline.review.candidates import rows
from errlock.pipeline.review.in_force import PolicyInForce
from errlock.pipeline.review.proposing import covered, proposal
from errlock.pipeline.review.reviewing import Review, review
from errlock.policy.keyring.pseudonyms import new_key
from errlock.policy.selectors import parse_selector

TOKENS = [
    "q7Rk2mVx9Lp4Tz8Wb3Nc", "x4Gd8sJw1Hy6Ke5Uf2Qa", "b9Zt3nPc7Xm1Vr6Lg4Sh", "w2Df8kTq5Jy9Bs3Mx7Ne",
    "h6Cv1pRz4Wg8Lt2Ka9Ud", "m3Xs7bQf5Ny1Ge8Hj4Tw",
]  # fmt: skip
NAMES = ["Jane Roe", "Max Muster", "Ana Lopes", "Kai Berg", "Liv Holm", "Tom Reed"]

Reviewer = Callable[..., Review]


@pytest.fixture
def reviewed(tmp_path: Path) -> Reviewer:
    """Reviews documents under a policy, and what was proposed for it on top if there is some."""

    def run(
        documents: Sequence[Any], config: str = "", proposed: str | None = None, ignore: str = ""
    ) -> Review:
        samples = tmp_path / "samples.jsonl"
        samples.write_text("".join(json.dumps(document) + "\n" for document in documents))
        files = []
        for name, text in (("errlock.yaml", config or "{}"), ("proposed.yaml", proposed or "{}")):
            (tmp_path / name).write_text(text)
            files.append(tmp_path / name)
        policy = PolicyInForce(load(files), None, None)
        ignored = [parse_selector(ignore)] if ignore else []
        return review(policy, [str(samples)], "event", ignored)

    return run


def found(seen: Review) -> set[tuple[str, str, str, str, int]]:
    return {
        (str(row.field), row.class_, row.form, row.by, times.documents)
        for row, times in rows(seen.tally).items()
    }


def fields(seen: Review) -> set[str]:
    return {str(each.field) for each in seen.leaving.candidates}


def events(**extra: Sequence[Any]) -> list[dict[str, Any]]:
    """Six events with these values in `extra`."""
    return [{"extra": {key: values[i] for key, values in extra.items()}} for i in range(6)]


# What is found.


def test_what_is_found_is_told_with_its_fate(reviewed: Reviewer) -> None:
    event = {
        "user": {"email": "jane.roe@example.com", "ip_address": "203.0.113.7"},
        "breadcrumbs": {"values": [{"message": "mail=jane.roe@example.com"}] * 2},
    }
    seen = reviewed([event, event], "processors: { generalize: {}, redact: {} }")
    assert found(seen) == {
        ("$user.email", "pii.email", "removed", "redact", 2),
        ("$user.ip_address", "pii.ip", "generalised", "generalize", 2),
        ("$breadcrumb.message", "pii.email", "removed", "redact", 2),
    }
    times = {str(row.field): each.times for row, each in rows(seen.tally).items()}
    assert times["$breadcrumb.message"] == 4
    assert not seen.anything_leaves


def test_keys_that_are_data_are_one_field(reviewed: Reviewer) -> None:
    names = [f"{first}{second}" for first in "abcd" for second in ("rq", "st", "uv", "wx")]
    seen = reviewed([{"extra": {"by": {name: "jane.roe@example.com"}}} for name in names])
    assert found(seen) == {("extra.by.*", "pii.email", "removed", "redact", 16)}


def test_a_key_that_holds_a_value_is_not_shown(reviewed: Reviewer) -> None:
    seen = reviewed([{"extra": {"carts": {"jane.roe@example.com": 3, "maxmuster": TOKENS[0]}}}])
    assert found(seen) == {("extra.carts.*", "pii.email", "removed", "redact", 1)}
    assert fields(seen) == {"extra.carts.*"}


def test_a_stricter_exporter_is_seen_to(reviewed: Reviewer) -> None:
    config = """
processors: { redact: { profile: minimal }, redact/strict: { profile: strict } }
exporters: { local: { processors: [redact/strict] } }
service: { pipelines: { p: { receivers: [otlp], processors: [redact], exporters: [local] } } }
"""
    event = {"user": {"email": "jane.roe@example.com"}, "server_name": "db-1.internal"}
    assert found(reviewed([event], config)) == {
        ("$user.email", "pii.email", "removed", "redact/strict", 1),
        ("$event.server_name", "code.host", "removed", "redact/strict", 1),
    }


def test_sampling_hides_nothing(reviewed: Reviewer) -> None:
    event = {"user": {"email": "jane.roe@example.com"}}
    seen = reviewed([event] * 4, "processors: { sample: { rate: 0 }, redact: {} }")
    assert found(seen) == {("$user.email", "pii.email", "removed", "redact", 4)}


def test_what_does_not_go_out_is_counted(reviewed: Reviewer) -> None:
    config = "processors: { filter: { drop: [ { field: level, equals: debug } ] }, redact: {} }"
    seen = reviewed([{"level": "debug", "extra": {"x": TOKENS[0]}}, {"level": "error"}], config)
    assert seen.tally.dropped == {("event", "filtered", "filter"): 1}
    assert not seen.anything_leaves


# What leaves in clear.


def test_a_class_that_nothing_claims(reviewed: Reviewer) -> None:
    event = {"user": {"id": "4711"}}
    seen = reviewed([event])
    [unclaimed] = seen.leaving.unclaimed
    assert (unclaimed.class_, [str(name) for name in unclaimed.fields]) == (
        "pii.user_id",
        ["$user.id"],
    )
    kept = reviewed([event], "processors: { redact: { classes: { pii.user_id: keep } } }")
    assert not kept.anything_leaves
    assert [each.class_ for each in kept.leaving.kept] == ["pii.user_id"]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (TOKENS, "looks like a token"),
        (["jane.roe@intranet"] * 6, "looks like an e-mail address, but is none"),
        (["1234 5678 9012 3456"] * 6, "a long number without a valid check digit"),
        ([423456789012345] * 6, "a long number without a valid check digit"),
        ([f"M-10{i}237" for i in range(6)], "6 different ids in 6 values"),
        ([100_000 + i for i in range(6)], "6 different ids in 6 values"),
        (NAMES, "6 different names in 6 values"),
    ],
)
def test_a_field_whose_values_look_sensitive(
    reviewed: Reviewer, values: list[Any], reason: str
) -> None:
    [candidate] = reviewed(events(opaque=values)).leaving.candidates
    assert (str(candidate.field), candidate.documents) == ("extra.opaque", 6)
    assert candidate.reasons == (reason,)


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("salary", ["high"] * 6), ("customer_no", ["K1"] * 6), ("gender", ["f", "m"] * 3),
        ("income", [51_000] * 6),
    ],
)  # fmt: skip
def test_a_field_whose_name_is_telling(reviewed: Reviewer, key: str, values: list[Any]) -> None:
    [candidate] = reviewed(events(**{key: values})).leaving.candidates
    assert candidate.reasons == ("its name is telling",)


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("request_no", [f"M-10{i}237" for i in range(6)]),  # a program's own ids
        ("state", ["M-100237"] * 6),  # the same in all documents
        ("display", ["Jane Roe"] * 6),
        ("salary", ["None", "<Form salary>", "", "null", "unknown", "[Filtered]"]),
        ("trace", ["2bbd582e-c7aa-4ba7-ade0-b0adcdba3c2e"] * 6),
        ("password", TOKENS),  # these are found
    ],
)
def test_a_field_that_tells_nothing(reviewed: Reviewer, key: str, values: list[Any]) -> None:
    assert fields(reviewed(events(**{key: values}))) == set()


def test_few_values_say_nothing_by_being_different(reviewed: Reviewer) -> None:
    assert fields(reviewed(events(opaque=[f"M-10{i}237" for i in range(6)])[:4])) == set()


def test_only_the_first_values_are_compared(
    reviewed: Reviewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tally, "_MOST_COMPARED", 5)
    [candidate] = reviewed(events(opaque=[f"M-10{i}237" for i in range(6)])).leaving.candidates
    assert candidate.reasons == ("5 different ids in 5 values",)


def test_beyond_so_many_fields_there_is_one_name_for_the_rest(
    reviewed: Reviewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tally, "_MOST_FIELDS", 2)
    seen = reviewed([{"extra": {f"{name}_id": TOKENS[0] for name in ("aa", "bb", "cc", "dd")}}])
    assert fields(seen) == {"extra.aa_id", "extra.bb_id", "extra.*"}


def test_free_text_is_named(reviewed: Reviewer) -> None:
    seen = reviewed([{"exception": {"values": [{"value": "the cart of Jane is not there"}]}}])
    assert [(str(name), count) for name, count in seen.leaving.prose] == [("$error.value", 1)]
    assert not seen.anything_leaves


def test_what_somebody_decided_is_no_candidate(reviewed: Reviewer) -> None:
    documents = events(opaque=TOKENS)
    safe = reviewed(documents, "processors: { redact: { safe_fields: [extra.opaque] } }")
    ignored = reviewed(documents, ignore="extra.opaque")
    for seen in (safe, ignored):
        assert not seen.anything_leaves
        assert {str(name): n for name, n in seen.tally.safe.items()} == {"extra.opaque": 6}


# What is proposed.

MIXED = [
    {
        "message": f"job {TOKENS[i][::-1]} was refused by the other side",
        "user": {"id": str(4711 + i), "username": "x"},
        "tags": {"member": f"M-10{i}237"},
        "extra": {
            "opaque": TOKENS[i], "display": NAMES[i], "income": 51_000 + i, "religion": f"r{i}x",
            "contact": "jane.roe@intranet", "customer": {"ref": f"K{i}"},
            "acct": "1234 5678 9012 3456", "http.x": TOKENS[i],
        },
        "exception": {"values": [{"stacktrace": {"frames": [{"vars": {"blob": TOKENS[i]}}]}}]},
    }
    for i in range(6)
]  # fmt: skip
HASH = f"""
processors: {{ hash: {{ key: "{new_key()}" }}, redact/eu: {{}} }}
exporters: {{ local: }}
service:
  pipelines: {{ p: {{ receivers: [otlp], processors: [hash, redact/eu], exporters: [local] }} }}
"""
POLICIES = {
    "default": "",
    "minimal": "processors: { redact: { profile: minimal } }",
    "custom-kept": "processors: { redact: { classes: { custom: keep, secret.token: keep } } }",
    "hash": HASH,
    "no-redact": "processors: { generalize: {} }",
    "no-redact-in-pipeline": """
processors: { generalize: {} }
service: { pipelines: { p: { receivers: [otlp], processors: [generalize], exporters: [local] } } }
""",
}


@pytest.mark.parametrize("config", POLICIES.values(), ids=list(POLICIES))
def test_with_the_proposal_in_force_what_it_takes_is_covered(
    reviewed: Reviewer, config: str
) -> None:
    before = reviewed(MIXED, config)
    proposed = proposal(before)
    assert proposed is not None
    taken = {str(each.field) for each in before.leaving.candidates if covered(each)}
    assert taken >= {
        "tags.member", "extra.opaque", "extra.display", "extra.income", "extra.religion",
        "extra.contact", "extra.customer.ref", "extra.acct", "extra.'http.x'", "$frame.vars.blob",
    }  # fmt: skip
    after = reviewed(MIXED, config, proposed)
    assert fields(after) == fields(before) - taken == {"$event.message"}
    assert after.leaving.unclaimed == ()
    assert {name for name, *_ in found(after)} >= taken


@pytest.mark.parametrize("name", [name for name in POLICIES if name != "no-redact-in-pipeline"])
def test_the_proposal_is_a_configuration_by_itself(reviewed: Reviewer, name: str) -> None:
    proposed = proposal(reviewed(MIXED, POLICIES[name]))
    assert proposed is not None
    assert loads(proposed, {}).processors


def test_each_line_says_why(reviewed: Reviewer) -> None:
    documents = [
        {"user": {"id": "4711"}, "extra": {"opaque": TOKENS[i], "religion": f"r{i}x"},
         "message": f"job {TOKENS[i][::-1]} was refused by the other side"}
        for i in range(6)
    ]  # fmt: skip
    assert proposal(reviewed(documents)) == (
        """\
# Proposed by errlock review.
# On top of your configuration: errlock run -c errlock.yaml -c this-file.yaml
processors:
  # Pseudonyms still tell them apart: take a key of `errlock key new`, before redact
  # hash: { key: "${env:ERRLOCK_KEY}", classes: [pii.user_id] }
  redact:
    classes:
      # found in $user.id, and nothing claims it
      pii.user_id: replace
    keys:
      # extra.religion: its name is telling
      '(?i)^religion$': custom.religion
    selectors:
      # 6 documents: looks like a token
      extra.opaque: secret.token
      # 6 documents: looks like a token
      # Decide: this takes all of the field.
      # $event.message: secret.token
"""
    )


def test_ids_become_pseudonyms_where_there_is_a_key(reviewed: Reviewer) -> None:
    proposed = proposal(reviewed(MIXED, HASH))
    assert proposed is not None
    assert "redact/eu:" in proposed
    assert "tags.member: pii.user_id" in proposed
    assert "# hash" not in proposed


def test_what_takes_more_than_it_should_is_left_to_people(reviewed: Reviewer) -> None:
    """`extra.*` would take the plan with it."""
    documents = [{"extra": {f"{i}cart": TOKENS[i], "plan": "gold"}} for i in range(6)]
    proposed = proposal(reviewed(documents))
    assert proposed is not None
    assert "      # 'extra.*': secret.token\n" not in proposed
    assert "# 'extra.*': secret.token\n" in proposed
    assert loads(proposed).processors == loads("").processors


def test_nothing_to_propose(reviewed: Reviewer) -> None:
    assert proposal(reviewed([{"message": "all is well"}])) is None


BARE = """
exporters: { debug: {} }
service: { pipelines: { default: { receivers: [sentry], processors: [%s], exporters: [debug] } } }
receivers: { sentry: {} }
processors: { filter: { drop: [ { type: [span] } ] } }
"""


@pytest.mark.parametrize("processors", ["", "filter"])
def test_processors_that_look_for_nothing_let_out_everything_and_that_is_told(
    processors: str, reviewed: Reviewer
) -> None:
    documents = [{"message": "password=Winter2024!", "user": {"email": "jane.roe@example.com"}}]
    seen = reviewed(documents, BARE % processors)
    assert [each.class_ for each in seen.leaving.unclaimed] == ["pii.email", "secret.password"]
    assert not seen.leaving.kept
    proposed = proposal(seen)
    assert proposed is not None
    again = reviewed(documents, BARE % processors, proposed)
    assert not again.anything_leaves
    assert {each[2:4] for each in found(again)} == {("removed", "redact")}
