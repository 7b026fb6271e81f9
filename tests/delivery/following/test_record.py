"""What a follower remembers: words tighten, only releases loosen, nothing goes back."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from live_control import AUDIENCE, KEYS, online, release

from errlock.delivery.following.document import (
    MAX_NAMES,
    Refused,
    Signed,
    open_online,
    open_release,
)
from errlock.delivery.following.record import Record, RecordDamaged, RecordFile

NOW = 1_800_000_000.0


def told(record: Record, *parts: Signed, lifting: bool = False) -> Record:
    """The record after these parts."""
    for part in parts:
        if lifting:
            record = record.with_release(open_release(part, KEYS, AUDIENCE, NOW))
        else:
            record = record.with_online(open_online(part, KEYS, AUDIENCE, NOW))
    return record


def said(version: int, since: float = NOW, **what: object) -> Signed:
    return online(version, issued=NOW, since=since, **what)  # type: ignore[arg-type]  # as online


def test_a_word_stays_in_force_when_later_documents_do_not_have_it() -> None:
    record = told(Record(), said(1, distrusted=("sentry",)), said(2))
    assert record.state(["sentry"]) == "distrusted"


def test_the_online_key_cannot_make_a_word_milder() -> None:
    record = told(Record(), said(1, distrusted=("sentry",)), said(2, held=("sentry",)))
    assert record.state(["sentry"]) == "distrusted"
    record = told(Record(), said(1, held=("sentry",)), said(2, distrusted=("sentry",)))
    assert record.state(["sentry"]) == "distrusted"


def test_the_strictest_word_on_any_name_of_a_destination_counts() -> None:
    record = told(Record(), said(1, held=("sentry",), distrusted=("sentry.io",)))
    assert record.state(["sentry"]) == "held"
    assert record.state(["sentry", "sentry.io"]) == "distrusted"
    assert record.state(["otlp", "example.com"]) == "trusted"


def test_a_release_lifts_words_up_to_its_moment_and_no_later_ones() -> None:
    record = told(Record(), said(1, NOW - 60, distrusted=("sentry",), held=("otlp",)))
    record = told(record, release(1, {"sentry": NOW - 60}, issued=NOW), lifting=True)
    assert (record.state(["sentry"]), record.state(["otlp"])) == ("trusted", "held")
    record = told(record, said(2, NOW - 60, distrusted=("sentry",)))
    assert record.state(["sentry"]) == "trusted"
    record = told(record, said(3, NOW - 59, distrusted=("sentry",)))
    assert record.state(["sentry"]) == "distrusted"


def test_a_release_that_comes_first_lifts_too() -> None:
    record = told(Record(), release(1, {"sentry": NOW - 60}, issued=NOW), lifting=True)
    assert told(record, said(1, NOW - 60, distrusted=("sentry",))).state(["sentry"]) == "trusted"


def test_an_old_release_cannot_lower_what_a_newer_one_lifted() -> None:
    record = told(
        Record(),
        release(1, {"sentry": NOW - 10}, issued=NOW),
        release(2, {"sentry": NOW - 60, "otlp": NOW}, issued=NOW),
        lifting=True,
    )
    assert record.lifted == {"sentry": NOW - 10, "otlp": NOW}


@pytest.mark.parametrize("lifting", [False, True])
def test_versions_only_go_up(lifting: bool) -> None:
    def part(version: int, name: str) -> Signed:
        if lifting:
            return release(version, {name: NOW}, issued=NOW)
        return said(version, held=(name,))

    record = told(Record(), part(5, "sentry"), lifting=lifting)
    assert told(record, part(5, "sentry"), lifting=lifting) == record
    with pytest.raises(Refused, match="rolled_back"):
        told(record, part(4, "sentry"), lifting=lifting)
    with pytest.raises(Refused, match="conflicting"):
        told(record, part(5, "otlp"), lifting=lifting)


def test_names_cannot_grow_without_bound() -> None:
    def batch(version: int) -> Signed:
        return said(version, held=tuple(f"d{version}-{n}" for n in range(MAX_NAMES)))

    record = told(Record(), *map(batch, range(1, 3)))
    with pytest.raises(Refused, match="too_many_names"):
        told(record, batch(3))


ORDER = ["trusted", "held", "distrusted"]
WORDS = st.lists(
    st.tuples(
        st.sampled_from(["held", "distrusted", "lift", "nothing"]),
        st.sampled_from(["sentry", "otlp"]),
        st.integers(0, 50),
    ),
    max_size=12,
)


@settings(deadline=None, max_examples=60)
@given(WORDS)
def test_without_releases_no_state_ever_gets_milder(words: list[tuple[str, str, int]]) -> None:
    record = Record()
    for version, (what, name, ago) in enumerate(words, 1):
        before = {n: ORDER.index(record.state([n])) for n in ("sentry", "otlp")}
        kind = {what: (name,)} if what in ("held", "distrusted") else {}
        record = told(record, said(version, NOW - ago, **kind))
        assert all(ORDER.index(record.state([n])) >= before[n] for n in before)


@settings(deadline=None, max_examples=60)
@given(WORDS)
def test_what_was_said_after_the_last_lift_is_in_force(words: list[tuple[str, str, int]]) -> None:
    """Against a list of all that was said, in whatever order it came."""
    record = Record()
    for version, (what, name, ago) in enumerate(words, 1):
        if what == "lift":
            record = told(record, release(version, {name: NOW - ago}, issued=NOW), lifting=True)
        elif what != "nothing":
            record = told(record, said(version, NOW - ago, **{what: (name,)}))
    for name in ("sentry", "otlp"):
        lifted = max((NOW - ago for w, n, ago in words if (w, n) == ("lift", name)), default=0.0)
        standing = [w for w, n, ago in words if n == name and w in ORDER[1:] and NOW - ago > lifted]
        expected = max([*standing, "trusted"], key=ORDER.index)
        assert record.state([name]) == expected


@given(
    st.dictionaries(st.sampled_from("abc"), st.integers(1, 6).map(float)),
    st.dictionaries(st.sampled_from("abc"), st.integers(1, 6).map(float)),
    st.dictionaries(st.sampled_from("abc"), st.integers(1, 6).map(float)),
    st.integers(1, 6).map(float),
)
def test_what_is_of_the_future_stays_in_force_and_can_be_lifted(
    held: dict[str, float], distrusted: dict[str, float], lifted: dict[str, float], now: float
) -> None:
    before = Record(held=held, distrusted=distrusted, lifted=lifted)
    after = before.not_after(now)
    for name in "abc":
        assert after.state([name]) == before.state([name])
        lifting = release(1, {name: now + 0.5}, issued=now + 1)
        opened = open_release(lifting, KEYS, AUDIENCE, now + 1)
        assert after.with_release(opened).state([name]) == "trusted"
        word = online(1, distrusted=(name,), issued=now + 1, since=now + 0.5)
        assert told_at(after, word, now + 1).state([name]) == "distrusted"
    assert after.not_after(now + 1) is after


def told_at(record: Record, part: Signed, now: float) -> Record:
    return record.with_online(open_online(part, KEYS, AUDIENCE, now))


def test_a_record_outlives_the_process(tmp_path: Path) -> None:
    file = RecordFile(tmp_path / "folder", AUDIENCE)
    assert file.load() == Record()
    record = told(Record(), said(3, distrusted=("sentry",), active={"sentry": "standby"}))
    file.save(record)
    assert RecordFile(tmp_path / "folder", AUDIENCE).load() == record
    (path,) = (tmp_path / "folder").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600


def test_two_that_save_at_once_leave_a_whole_record(tmp_path: Path) -> None:
    """In a container each process has the same number, and one may follow in two places."""
    record = told(Record(), said(1, distrusted=tuple(f"n{n}" for n in range(900))))
    failures: list[Exception] = []

    def save() -> None:
        try:
            for _ in range(60):
                RecordFile(tmp_path, AUDIENCE).save(record)
                RecordFile(tmp_path, AUDIENCE).load()
        except (OSError, RecordDamaged) as failure:
            failures.append(failure)

    saving = [threading.Thread(target=save) for _ in range(3)]
    for thread in saving:
        thread.start()
    for thread in saving:
        thread.join()
    assert failures == []
    assert RecordFile(tmp_path, AUDIENCE).load() == record
    assert [path.name for path in tmp_path.iterdir()] == [f"control-{AUDIENCE}.json"]


def test_a_process_that_lags_behind_does_not_write_over_a_newer_record(tmp_path: Path) -> None:
    file = RecordFile(tmp_path, AUDIENCE)
    newer = told(Record(), said(3, distrusted=("sentry",)))
    file.save(newer)
    file.save(told(Record(), said(2)))
    assert file.load() == newer


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b'{"tightened": {}, "more": 1}', b"[]"])
def test_a_damaged_record_is_not_taken_for_an_empty_one(tmp_path: Path, content: bytes) -> None:
    file = RecordFile(tmp_path, AUDIENCE)
    file.save(Record())
    (path,) = tmp_path.iterdir()
    path.write_bytes(content)
    with pytest.raises(RecordDamaged):
        file.load()
