"""Decoys: unique to a destination and a week, nobody else's form, and known again by the key."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from errlock.policy.detection import Detection
from errlock.policy.keyring.decoys import Decoys, digest, week_name, week_of
from errlock.policy.keyring.pseudonyms import new_key
from errlock.policy.parts import RedactPart
from errlock.policy.plan import Plan, Subject

KEY = new_key()
WEEK = week_of(datetime(2026, 11, 26, tzinfo=UTC).timestamp())


def decoys(*keys: str, own: dict[str, list[dict[str, str]]] | None = None) -> Decoys:
    return Decoys(keys, "deploy_key", own or {}, ["sentry", "tempo"])


@pytest.mark.parametrize(
    ("moment", "name"),
    [
        ("2026-11-22T23:59:59", "2026-W47"),
        ("2026-11-23T00:00:00", "2026-W48"),
        ("2026-11-29T23:59:59", "2026-W48"),
        ("2027-01-03T12:00:00", "2026-W53"),
        ("1970-01-05T00:00:00", "1970-W02"),
    ],
)
def test_a_week_is_that_of_iso_8601(moment: str, name: str) -> None:
    assert week_name(week_of(datetime.fromisoformat(f"{moment}+00:00").timestamp())) == name


def test_each_destination_and_week_has_a_decoy_of_its_own_and_every_collector_the_same() -> None:
    made = {
        decoys(KEY).of(destination, week)["deploy_key"]
        for destination in ("sentry", "tempo")
        for week in range(WEEK - 100, WEEK)
    }
    assert len(made) == 200
    assert decoys(KEY).of("sentry", WEEK) == decoys(KEY).of("sentry", WEEK)
    assert decoys(new_key()).of("sentry", WEEK) != decoys(KEY).of("sentry", WEEK)


def test_a_decoy_is_known_again_in_any_text_for_ten_years_and_after_its_key_was_replaced() -> None:
    newer = decoys(new_key(), KEY)
    for destination, week in (("sentry", WEEK + 1), ("tempo", WEEK), ("sentry", WEEK - 520)):
        token = decoys(KEY).of(destination, week)["deploy_key"]
        assert newer.origins(f"export KEY='{token}'; run", WEEK) == {(destination, week)}
        assert decoys(new_key()).origins(token, WEEK) == set()
        assert newer.origins(token[:-1], WEEK) == set()


def test_own_decoys_take_turns_and_only_their_long_values_say_anything() -> None:
    own = {"sentry": [{"ID": f"canary-number-{n}-of-us", "REGION": "eu-west-1"} for n in range(3)]}
    mine = decoys(KEY, own=own)
    turns = [mine.of("sentry", WEEK + n)["ID"] for n in range(6)]
    assert turns[:3] == turns[3:]
    assert len(set(turns)) == 3
    assert list(mine.of("tempo", WEEK)) == ["deploy_key"]
    assert mine.origins("id=canary-number-1-of-us", WEEK) == {("sentry", None)}
    assert mine.origins("eu-west-1", WEEK) == set()
    assert "canary" not in repr(mine)


def test_the_digest_is_not_the_value_and_differs_from_value_to_value() -> None:
    assert digest("a") != digest("b")
    assert len(digest("a")) == 32


def test_a_made_decoy_is_a_secret_to_every_policy_and_of_no_vendors_form() -> None:
    detection = Detection([RedactPart()])
    plan = Plan([RedactPart()])
    for week in range(WEEK - 300, WEEK):
        token = decoys(KEY).of("sentry", week)["deploy_key"]
        for text in (token, f"https://example.com/?key={token}&x=1", f'"{token}"'):
            spans = [each for each in detection.spans(text, None) if token in text]
            vendors = {s.detector for s in spans if s.class_.startswith("secret.api_key")}
            assert vendors == {"errlock.decoy"}
        (findings,) = plan.detect([Subject("event", {"message": f"got {token} here"})])
        assert not isinstance(findings, Exception)
        rendered = plan.render(Subject("event", {"message": f"got {token} here"}), findings)
        assert token not in str(rendered.tree)
