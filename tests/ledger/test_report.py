"""The report of what a destination received: its numbers, its bounds, and what it says it knows."""

from __future__ import annotations

import fcntl
import re
import shlex
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from abandoned import abandon
from toy_ledger import NOON, ToyLedger, found

from errlock.ledger.account.figures import Figures, Series
from errlock.ledger.account.store import DAY, HOUR, MINUTE, AccountStore
from errlock.ledger.code.tables import NameKey, Place, Shown
from errlock.ledger.needles.keys import NeedleKey
from errlock.ledger.needles.needles import Needles
from errlock.ledger.needles.store import NeedleSeries
from errlock.ledger.options import NeedleOptions
from errlock.ledger.report.counted import Count
from errlock.ledger.report.model import Report
from errlock.ledger.report.wording import duration
from errlock.pipeline.cli import main
from errlock.policy.keyring.pseudonyms import new_key


def at(seconds: float = 0) -> str:
    """A time since noon, as a user writes it."""
    return (datetime.fromtimestamp(NOON, UTC) + timedelta(seconds=seconds)).isoformat()


def asked(ledger: ToyLedger, *options: str, since: float = -HOUR, until: float = DAY) -> list[str]:
    return [
        "exposure", "report", "--journal", str(ledger.folder / "journal"),
        "--since", at(since), "--until", at(until), *(options or ("--destination", "sentry")),
    ]  # fmt: skip


def report_of(ledger: ToyLedger, *options: str, **window: float) -> Report:
    """What the command tells machines. The record has to be whole."""
    output = ledger.folder / "report.json"
    assert main([*asked(ledger, *options, **window), "-o", str(output)]) == 0
    return msgspec.json.decode(output.read_bytes(), type=Report)


def exactly(number: int) -> Count:
    return Count(at_least=number, at_most=number)


def forms(report: Report) -> dict[tuple[str, str], Count]:
    return {(row.class_, row.form): row.occurrences for row in report.classes}


def test_counts_are_those_of_the_destination_and_the_window(tmp_path: Path) -> None:
    ledger = ToyLedger(tmp_path)
    for minute in range(4):
        ledger.deliver(2, found("pii.email", "clear", 3, [minute, 9]), people=[minute])
        ledger.deliver(5, destination="standby")
        ledger.wait(MINUTE)
    ledger.close()
    report = report_of(ledger, since=MINUTE, until=3 * MINUTE)
    assert report.volume.documents == exactly(4)
    assert report.volume.bytes == exactly(4000)
    assert forms(report) == {("pii.email", "clear"): exactly(6)}
    assert report.subjects.about is not None
    assert report.subjects.about.estimate == 2
    assert report.clock.first_delivery == datetime.fromtimestamp(NOON + MINUTE, UTC)
    assert report.clock.last_delivery == datetime.fromtimestamp(NOON + 2 * MINUTE, UTC)


def test_a_window_is_widened_to_whole_minutes(tmp_path: Path) -> None:
    ledger = ToyLedger(tmp_path)
    ledger.deliver()
    ledger.wait(MINUTE)
    ledger.close()
    report = report_of(ledger, since=30, until=45)
    assert report.clock.window.since == datetime.fromtimestamp(NOON, UTC)
    assert report.clock.window.until == datetime.fromtimestamp(NOON + MINUTE, UTC)
    assert report.volume.documents == exactly(1)


@pytest.mark.parametrize("ahead", [HOUR, 365 * DAY])
def test_what_left_after_a_clock_that_was_ahead_was_put_right_is_counted(
    tmp_path: Path, ahead: int
) -> None:
    ledger = ToyLedger(tmp_path)
    ledger.deliver(5)
    ledger.wait(ahead)
    ledger.deliver(3)
    ledger.wait(MINUTE - ahead)
    ledger.trust("sentry", "distrusted")
    ledger.wait(MINUTE)
    ledger.deliver(7)
    ledger.wait(1)
    ledger.close()
    # Nobody knows which of the last two came when: they are in the minute that was ahead.
    report = report_of(ledger, until=3 * MINUTE)
    assert report.volume.documents == Count(at_least=5, at_most=15)
    assert report.clock.last_delivery == datetime.fromtimestamp(NOON + 2 * MINUTE, UTC)
    assert "edges" in [each.kind for each in report.uncertainty]
    assert sum(each.documents.at_most for each in report.volume.over_time) == 15


def test_what_a_clock_that_was_ahead_has_booked_is_in_a_report_until_now(tmp_path: Path) -> None:
    ledger = ToyLedger(tmp_path)
    ledger.now = time.time()
    ledger.deliver(5)
    ledger.wait(30 * DAY)
    ledger.deliver(3)
    ledger.deliver(1, service="only then")
    ledger.wait(MINUTE - 30 * DAY)
    ledger.deliver(7)
    ledger.wait(1)
    ledger.close()
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    asked = ["--journal", str(tmp_path / "journal"), "--destination", "sentry"]
    assert main(["exposure", "report", *asked, "-o", str(first)]) == 0
    report = msgspec.json.decode(first.read_bytes(), type=Report)
    assert report.volume.documents == exactly(16)
    (told,) = [each.text for each in report.uncertainty if each.kind == "clock"]
    assert f"booked up to {report.clock.window.until:%Y-%m-%d %H:%M} UTC" in told
    # The command in it, which has the end of its window, counts the same.
    assert main([*shlex.split(report.identity.query)[1:], "-o", str(second)]) == 0
    again = msgspec.json.decode(second.read_bytes(), type=Report)
    assert again.volume == report.volume


def test_what_an_application_with_a_slow_clock_handed_over_is_counted(tmp_path: Path) -> None:
    ledger = ToyLedger(tmp_path)
    ledger.deliver(5)
    ledger.close()
    store = AccountStore.to_write(tmp_path / "ledger.db")
    late = NOON - 1000 * DAY
    series = Series("sentry", "event", "shop", "prod", "embedded:1")
    minute = int(NOON) // MINUTE * MINUTE
    store.add([(minute - 7 * DAY, series, Figures(3, 0, 0, 0, 0, late, late + 20))], {})
    store.close()
    output = tmp_path / "report.json"
    for since in (-30 * DAY, -2000 * DAY):
        main([*asked(ledger, since=since), "-o", str(output)])
        report = msgspec.json.decode(output.read_bytes(), type=Report)
        # By its clock it was long before, by ours in that week.
        at_least = 5 if since > -1000 * DAY else 8
        assert report.volume.documents == Count(at_least=at_least, at_most=8)
        assert sum(each.documents.at_most for each in report.volume.over_time) == 8


def test_several_destinations_are_one_answer(tmp_path: Path) -> None:
    ledger = ToyLedger(tmp_path)
    ledger.deliver(2, people=[1, 2])
    ledger.deliver(3, destination="sentry/eu", people=[2, 3])
    ledger.close()
    report = report_of(ledger, "--destination", "sentry", "--destination", "sentry/eu")
    assert report.volume.documents == exactly(5)
    assert report.subjects.about is not None
    assert report.subjects.about.estimate == 3


def test_joined_rows_across_the_edge_give_bounds(tmp_path: Path) -> None:
    ledger = ToyLedger(tmp_path, minutes="1h", hours="1h")
    for hour in (0, 20):
        ledger.deliver(2, people=[hour, hour + 1])
        ledger.wait(hour * HOUR + HOUR)
        ledger.deliver(3, people=[hour, 7])
        ledger.wait(2 * DAY if hour else 18 * HOUR)
    ledger.close()
    # The first two lie in the one day, the others in the next one: each day is one row.
    report = report_of(ledger, since=30 * MINUTE, until=4 * DAY)
    assert report.clock.window.coarsest == DAY
    assert report.clock.window.crossing == 1
    assert report.volume.documents == Count(at_least=5, at_most=10)
    assert report.subjects.about is not None
    assert (report.subjects.about.at_least, report.subjects.about.at_most) == (3, 5)
    assert "edges" in [each.kind for each in report.uncertainty]


def test_a_joined_row_that_lies_in_the_window_is_exact(tmp_path: Path) -> None:
    ledger = ToyLedger(tmp_path, minutes="1h", hours="1h")
    ledger.deliver(2)
    ledger.wait(MINUTE)
    ledger.deliver(3)
    ledger.wait(3 * DAY)
    ledger.deliver()
    ledger.wait(HOUR)
    ledger.close()
    report = report_of(ledger, since=0, until=2 * MINUTE)
    assert report.clock.window.coarsest == DAY
    assert report.volume.documents == exactly(5)


def test_what_may_have_arrived_is_in_the_upper_bound(tmp_path: Path) -> None:
    ledger = ToyLedger(tmp_path)
    ledger.deliver(2, found("pii.email", "clear", 2, [1, 2]))
    ledger.deliver(3, found("pii.email", "clear", 3, [3]), outcome="perhaps")
    ledger.deliver(4, outcome="refused")
    ledger.withhold(5, "sampled")
    ledger.close()
    report = report_of(ledger)
    assert report.volume.documents == Count(at_least=6, at_most=9)
    assert report.volume.refused == exactly(4)
    assert report.volume.perhaps == Count(at_least=0, at_most=3)
    assert forms(report) == {("pii.email", "clear"): Count(at_least=2, at_most=5)}
    [kept] = report.withheld.whole_documents
    assert (kept.type, kept.reason, kept.documents) == ("event", "sampled", exactly(5))
    assert main([*asked(ledger), "-o", str(tmp_path / "report.md")]) == 0
    shown = (tmp_path / "report.md").read_text()
    assert "- **6 to 9** documents (" in shown
    assert "\n6 to 9 documents, 0 secrets in clear, " in shown  # under the chart, as in the tile
    assert "; shown are the upper bounds.\n" in shown


def test_what_sampling_left_out_is_counted_exactly(tmp_path: Path) -> None:
    ledger = ToyLedger(tmp_path)
    ledger.deliver(2)
    ledger.withhold(7, "sampled")
    ledger.withhold(4, "filtered")
    ledger.close()
    assert report_of(ledger).volume.sampled == exactly(7)


def test_without_a_key_values_are_not_told_apart(tmp_path: Path) -> None:
    ledger = ToyLedger(tmp_path)
    ledger.deliver(1, found("pii.user_id", "removed", 1))
    ledger.close()
    report = report_of(ledger)
    assert report.subjects.about is None
    assert "no key" in [each.kind for each in report.uncertainty]


def test_containment_is_the_word_that_was_not_taken_back(tmp_path: Path) -> None:
    ledger = ToyLedger(tmp_path)
    ledger.deliver()
    ledger.trust("sentry", "held")
    ledger.wait(MINUTE)
    ledger.trust("sentry", "trusted")
    ledger.wait(MINUTE)
    ledger.trust("standby", "distrusted")
    ledger.trust("sentry", "distrusted")
    ledger.wait(1)
    ledger.deliver(2)
    ledger.close()
    clock = report_of(ledger).clock
    assert clock.contained_at == datetime.fromtimestamp(NOON + 2 * MINUTE, UTC)
    assert clock.contained_by == "jane"
    assert clock.after_containment == exactly(2)


def test_a_word_taken_back_contains_nothing(tmp_path: Path) -> None:
    ledger = ToyLedger(tmp_path)
    ledger.trust("sentry", "distrusted")
    ledger.trust("sentry", "trusted")
    ledger.close()
    assert report_of(ledger).clock.contained_at is None


def test_a_word_that_could_not_be_taken_back_still_holds(tmp_path: Path) -> None:
    ledger = ToyLedger(tmp_path)
    ledger.trust("sentry", "distrusted")
    ledger.wait(MINUTE)
    ledger.trust("sentry", "trusted")
    word = {"state": "trusted", "by": "jane", "why": "", "since": ledger.now}
    ledger.tell("trust", what="not_loosened", words={"sentry": word})
    ledger.close()
    assert report_of(ledger).clock.contained_at == datetime.fromtimestamp(NOON, UTC)


def test_tokens_and_failovers_are_told_in_words(tmp_path: Path) -> None:
    ledger = ToyLedger(tmp_path)
    jane, ann = {"name": "jane", "role": "operate"}, {"name": "ann", "role": "read"}
    ledger.tell("token", added=[jane], removed=[ann], tokens=[{**jane, "sha256": "67a414d8a67e"}])
    for to in ("standby", None):
        ledger.tell("route", failover="sentry", to=to, before=None, by="health")
    ledger.close()
    said = [each for each in report_of(ledger).measures if each.kind in ("token", "route")]
    assert [each.text for each in said] == [
        "token of jane (operate) added, token of ann (read) removed",
        "standby gets what comes in for sentry",
        "sentry gets its own again",
    ]


def test_a_destroyed_key_is_told_first(tmp_path: Path) -> None:
    ledger = ToyLedger(tmp_path)
    ledger.deliver(1, found("pii.user_id", "pseudonym:e1", 1, [1]))
    key = {"epoch": "e1", "destination": "sentry", "keyring": "k", "by": "jane", "why": "breach"}
    ledger.tell("key", did="made", **key)
    ledger.wait(MINUTE)
    ledger.tell("key", did="destroyed", **key)
    ledger.tell("key", did="destroyed", **(key | {"destination": "standby"}))
    ledger.close()
    report = report_of(ledger)
    [told] = report.withheld.pseudonym_keys
    assert told.made_at == datetime.fromtimestamp(NOON, UTC)
    assert told.destroyed_at == datetime.fromtimestamp(NOON + MINUTE, UTC)
    kept = next(answer for answer in report.summary if "kept" in answer.ask)
    assert "key of pseudonyms e1 for sentry was destroyed" in kept.say[1]
    assert not [each for each in report.outputs.tasks if each.kind == "key"]


def test_pseudonyms_whose_key_is_left_are_a_ticket(tmp_path: Path) -> None:
    ledger = ToyLedger(tmp_path)
    ledger.deliver(1, found("pii.user_id", "pseudonym:e1", 1, [1]))
    ledger.deliver(1, found("pii.user_id", "pseudonym:e1", 1, [1]), destination="standby")
    key = {"epoch": "e1", "keyring": "k", "by": "jane", "why": ""}
    ledger.tell("key", did="made", destination=None, **key)
    ledger.tell("key", did="destroyed", destination="sentry", **key)
    ledger.close()
    report = report_of(ledger, "--destination", "sentry", "--destination", "standby")
    (ticket,) = [each for each in report.outputs.tasks if each.kind == "key"]
    assert "key destroy --keyring FILE --destination standby: " in ticket.text


def test_a_draft_has_what_was_done_and_not_who_looked(tmp_path: Path) -> None:
    ledger = ToyLedger(tmp_path)
    ledger.deliver(2)
    ledger.trust("sentry", "distrusted")
    replay = {"source": "sentry", "target": "standby", "move": True, "documents": 3, "moved": 3}
    for state in ("begins", "done"):
        ledger.tell("replay", id="a", state=state, **replay)
    ledger.tell("replay", id="b", state="begins", **replay)
    ledger.tell("search", what="report", destination="sentry", values=8, sent=0, maybe=0)
    ledger.close()
    report = report_of(ledger)
    (said,) = [each.say for each in report.outputs.article_33 if each.ask == "(d) Measures"]
    assert [line.partition(": ")[2] for line in said[:3]] == [
        "sentry distrusted",
        "replay done: what waited at sentry moved to standby; 3 documents, 3 moved",
        "replay begins: what waited at sentry moved to standby",
    ]
    assert not any("8 values" in line for line in said)


def test_measures_are_what_somebody_did_and_the_same_search_once(tmp_path: Path) -> None:
    ledger = ToyLedger(tmp_path)
    ledger.deliver(1)
    ledger.trust("sentry", "distrusted")
    for second in (1, 1, 2):  # a fleet has it in each record
        time_ = f"2026-09-21T12:00:0{second}Z"
        ledger.tell("search", what="search", time=time_, destination=None, values=8, by="jane",
                    sent=0, maybe=0)  # fmt: skip
    ledger.tell("process", state="began", service="shop")
    ledger.tell("gap", what="rows")
    ledger.close()
    assert main([*asked(ledger), "-o", str(tmp_path / "report.md")]) == 0
    text = (tmp_path / "report.md").read_text()
    (measures,) = re.findall(r"\n## L\. .*?\n## M\.", text, re.DOTALL)
    assert measures.count("search of 8 values") == 1
    assert "0 perhaps (2 times, last 2026-09-21 12:00 UTC) | jane" in measures
    assert "sentry distrusted" in measures
    assert "hands over its account" not in measures
    assert "missing from the record: rows" not in measures


def test_what_is_missing_again_and_again_is_one_line_on_the_first_page(tmp_path: Path) -> None:
    ledger = ToyLedger(tmp_path)
    ledger.deliver(1)
    for _ in range(3):
        since = ledger._written()
        ledger.wait(MINUTE)
        ledger.tell("gap", what="rows", since=since, until=ledger._written())
    ledger.close()
    report = report_of(ledger)
    (asked,) = [answer for answer in report.summary if answer.ask == "What do we not know?"]
    (told,) = [line for line in asked.say if "Missing" in line]
    span = "(3 times, 2026-09-21 12:00 UTC to 2026-09-21 12:03 UTC)"
    assert told == f"Missing from the record: rows {span}."
    assert len([each for each in report.uncertainty if each.kind == "gap"]) == 3


def test_a_control_that_was_off_is_told_with_what_left_meanwhile(tmp_path: Path) -> None:
    ledger = ToyLedger(tmp_path)
    ledger.deliver()
    ledger.wait(MINUTE)
    ledger.control("off", "class pii.email", "processor redact")
    ledger.control("off", "class pii.email", destination="standby")
    ledger.deliver(7)
    ledger.wait(HOUR)
    ledger.control("on", "class pii.email", "processor redact")
    ledger.deliver()
    ledger.close()
    [off] = report_of(ledger).withheld.controls_off
    assert (off.destination, off.pipeline) == ("sentry", "errors")
    assert off.controls == ["class pii.email", "processor redact"]
    assert off.since == datetime.fromtimestamp(NOON + MINUTE, UTC)
    assert off.until == datetime.fromtimestamp(NOON + MINUTE + HOUR, UTC)
    assert off.documents == exactly(7)


def test_the_urgent_secrets_come_first_and_one_time_codes_last(tmp_path: Path) -> None:
    ledger = ToyLedger(tmp_path)
    ledger.deliver(
        9,
        found("secret.otp", occurrences=9),
        found("secret.session", occurrences=5),
        found("secret.private_key", occurrences=1),
        found("secret.password", "removed", 3),
    )
    ledger.close()
    report = report_of(ledger)
    assert [each.class_ for each in report.secrets] == [
        "secret.private_key",
        "secret.session",
        "secret.otp",
    ]
    assert report.outputs.tasks[0].priority == 1


def test_what_the_record_lacks_is_told(tmp_path: Path) -> None:
    ledger = ToyLedger(tmp_path)
    ledger.tell("gap", what="documents that were delivered and not booked", since=at(-60))
    ledger.wait(MINUTE)
    ledger.tell("start", errlock="0.1.0", key=None)
    ledger.close()
    kinds = [each.kind for each in report_of(ledger, since=-DAY).uncertainty]
    assert kinds[:4] == ["before the record", "gap", "no collector", "no collector"]
    assert {"detection", "bypass", "partial"} <= set(kinds)


def test_where_documents_may_be_missing_numbers_are_the_least(tmp_path: Path) -> None:
    ledger = ToyLedger(tmp_path)
    ledger.deliver(3, found("pii.email", "clear", 3))
    ledger.tell("gap", what="needles of what was delivered last may be missing", since=at(-60))
    ledger.tell("gap", what="an embedded process had no room", documents=0, since=at(-60))
    ledger.account.write()
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # as long as a collector runs
        assert report_of(ledger).summary[0].say[0].startswith("3 documents, ")
    abandon(ledger.account)  # which leaves what a kill -9 does
    ledger.journal.close()
    report = report_of(ledger)  # before another one finds the gap
    assert report.summary[0].say[0].startswith("At least 3 documents, ")
    [unknown] = [each for each in report.uncertainty if each.kind == "no collector"]
    assert unknown.text.startswith("No collector runs here, and the last one did not say that")
    ledger = ToyLedger(tmp_path)
    ledger.close()
    report = report_of(ledger)
    assert report.summary[0].say[0].startswith("At least 3 documents, ")
    assert "has gaps in which more may have left" in report.summary[0].say[-1]
    assert main([*asked(ledger), "-o", str(tmp_path / "report.md")]) == 0
    assert "\nAt least 3 documents, 0 secrets in clear, " in (tmp_path / "report.md").read_text()
    assert "Our record has gaps" in report.outputs.article_33[2].say[-1]


def test_an_inventory_is_told_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ledger = ToyLedger(tmp_path / "store")
    (tmp_path / "ledger.key").write_text(key := new_key())
    needles = Needles(tmp_path / "store/needles.db", key, NeedleOptions(), ledger.journal.append)
    needles.write(NOON)
    for name, form, certain in (
        ("sent", "clear", True),
        ("perhaps", "clear", False),
        ("kept", "removed", True),
    ):
        fingerprint = NeedleKey(key).fingerprint("secret.token", f"{name}-8f3b6c02d41a9e77")
        series = NeedleSeries("sentry", "secret.token", form, "shop", certain)
        needles.note(series, [fingerprint], NOON)
    needles.close(NOON + HOUR)
    ledger.wait(2 * HOUR)
    ledger.deliver()
    other = Needles(
        tmp_path / "store/needles.db", new_key(), NeedleOptions(), ledger.journal.append
    )
    other.write(NOON + 2 * HOUR)
    other.close(NOON + 3 * HOUR)
    ledger.close()
    inventory = tmp_path / ".env"
    names = ("sent", "perhaps", "kept", "never")
    inventory.write_text("".join(f"{name}_KEY={name}-8f3b6c02d41a9e77\n" for name in names))
    options = ("--inventory", str(inventory), "--key-file", str(tmp_path / "ledger.key"))
    report = report_of(ledger, "--destination", "sentry", *options)
    assert report.inventory is not None
    told = {row.name: (row.group, row.priority) for row in report.inventory.rows}
    assert told == {
        "sent_KEY": ("rotate", 1),
        "perhaps_KEY": ("rotate", 2),
        "kept_KEY": ("not_needed", 0),
        "never_KEY": ("not_seen", 0),
    }
    first = next(answer for answer in report.summary if "replaced" in answer.ask)
    assert first.say[:3] == [
        "Of your inventory of 4: sent_KEY left in clear.",
        "Of your inventory of 4: perhaps_KEY may have left in clear.",
        "Not known (no detector claimed it, so it may have left all the same): never_KEY.",
    ]
    assert first.say[3:] == [
        "Of some of the time nothing can be said (2 gaps: section G).",
        "Detectors saw no secret leave in clear.",
    ]
    last = next(answer for answer in report.summary if "done next" in answer.ask)
    assert "Replace, of your inventory: sent_KEY and perhaps_KEY (section G)." in last.say
    tickets = [(each.title, each.priority) for each in report.outputs.tasks]
    assert ("Replace sent_KEY of your inventory", 1) in tickets
    assert ("Replace perhaps_KEY of your inventory", 2) in tickets
    for form in ("md", "html"):
        output = tmp_path / f"report.{form}"
        assert main([*asked(ledger, "--destination", "sentry", *options), "-o", str(output)]) == 0
        assert "8f3b6c02d41a9e77" not in output.read_text()
    assert (
        "- **0** secrets that detectors saw in clear (2 of your inventory may have left)"
        in (tmp_path / "report.md").read_text()
    )
    assert (tmp_path / "store/searches").exists()
    (tmp_path / "ledger.key").write_text(new_key())
    capsys.readouterr()
    assert main([*asked(ledger, "--destination", "sentry", *options), "-o", str(output)]) == 2
    refused = f"errlock: {ledger.folder}: has no needles under the keys that were given\n"
    assert capsys.readouterr().err.endswith(refused)


def test_what_comes_once_is_told_as_one(tmp_path: Path) -> None:
    ledger = ToyLedger(tmp_path)
    ledger.deliver(1, found("pii.email", "removed", 1, [1]), people=[1])
    ledger.close()
    report = report_of(ledger, until=90.0)
    said = {answer.ask: answer.say for answer in report.summary}
    assert said["What did they get?"][0].startswith("1 document, ")
    withheld = "1 value of secrets, financial and personal data, 100.0% of all that was found"
    assert said["What was kept from them?"][0] == f"{withheld}, did not leave in clear."
    assert main([*asked(ledger, until=90.0), "-o", str(tmp_path / "report.md")]) == 0
    first_page = (tmp_path / "report.md").read_text().partition("### Only you know")[0]
    assert not re.search(r"\b1 (?:documents|values|kinds|places)\b|\(\)", first_page)


def test_a_time_of_seconds_is_told_in_seconds() -> None:
    assert [duration(each) for each in (0, 7, 60, 3599, 3600, 90_000)] == [
        "0 s", "7 s", "1 min", "59 min", "1 h 0 min", "1 d 1 h",
    ]  # fmt: skip


def test_gaps_of_the_needles_are_those_of_all_destinations(tmp_path: Path) -> None:
    ledger = ToyLedger(tmp_path / "store")
    (tmp_path / "ledger.key").write_text(key := new_key())
    for began in (NOON, NOON + 2 * HOUR):
        append = ledger.journal.append
        needles = Needles(tmp_path / "store/needles.db", key, NeedleOptions(), append)
        needles.write(began)
        needles.close(began + HOUR)
    ledger.deliver()
    ledger.wait(HOUR + 2 * MINUTE)  # no needles are kept
    ledger.deliver(3, destination="standby")
    ledger.wait(MINUTE)
    ledger.close()
    (tmp_path / ".env").write_text("KEY=8f3b6c02d41a9e77\n")
    options = ("--inventory", str(tmp_path / ".env"), "--key-file", str(tmp_path / "ledger.key"))
    for named, documents in (("sentry",), []), (("standby",), [3]), (("sentry", "standby"), [3]):
        to = [word for name in named for word in ("--destination", name)]
        held = report_of(ledger, *to, *options).inventory
        assert held is not None
        assert [gap.documents for gap in held.gaps] == documents


def test_what_was_learnt_of_the_code_is_told(tmp_path: Path) -> None:
    ledger = ToyLedger(tmp_path)
    ledger.deliver()
    ledger.close()
    day = int(NOON // DAY * DAY)
    store = AccountStore.to_write(tmp_path / "ledger.db")
    for destination, kind, name, detail, lines in (
        ("sentry", "package", "django", "5.0.1", 0),
        ("sentry", "file", "shop/pay.py", "", 0b1110),
        ("standby", "package", "flask", "3.0.0", 0),
    ):
        for service in ("shop", "billing"):
            place = Place(day, destination, service, "prod")
            key = NameKey(kind, name, detail)  # type: ignore[arg-type]  # a kind of name
            store.add([], {}, [(place, key, Shown(2, NOON, NOON + 60, lines))])
    store.close()
    code = report_of(ledger).code
    assert [(each.kind, each.names, each.lines) for each in code.kinds] == [
        ("package", 1, 0),
        ("file", 1, 3),
    ]
    [package] = [each for each in code.names if each.kind == "package"]
    assert (package.name, package.detail, package.documents) == ("django", "5.0.1", 4)
    assert package.services == ["billing (prod)", "shop (prod)"]


def test_what_applications_say_of_themselves_is_told_as_that(tmp_path: Path) -> None:
    ledger = ToyLedger(tmp_path)
    ledger.deliver(3)
    ledger.deliver(2, policy="embedded:0123456789abcdef")
    ledger.tell("gap", what="an embedded process ended", service="shop", since=at(-60))
    ledger.close()
    report = report_of(ledger)
    assert report.volume.documents == exactly(5)
    texts = {each.kind: each.text for each in report.uncertainty}
    assert texts["embedded"].startswith("2 documents counted by the word of applications")
    assert texts["gap"] == "Missing from the record: an embedded process ended (in shop)."


def test_one_ticket_says_what_several_types_of_documents_hold(tmp_path: Path) -> None:
    ledger = ToyLedger(tmp_path)
    ledger.deliver(1, found("pii.user_id", "clear", 1), people=[7])
    line = found("pii.user_id", "clear", 2, type_="transaction")
    ledger.deliver(1, line, people=[7], type_="transaction")
    ledger.close()
    tasks = report_of(ledger).outputs.tasks
    assert [(each.title, each.text) for each in tasks if each.kind == "fix"] == [
        (
            "Keep user ids of shop (prod) from leaving",
            "3 occurrences in documents of type transaction and event.",
        )
    ]
    assert main([*asked(ledger), "-o", str(tmp_path / "report.md")]) == 0
    assert "- **1** person (by what names them)\n" in (tmp_path / "report.md").read_text()


def test_a_gap_of_code_alone_is_told_as_such(tmp_path: Path) -> None:
    ledger = ToyLedger(tmp_path)
    ledger.tell("gap", what="no room", documents=0, names=7, service="shop", since=at(-60))
    ledger.tell("gap", what="no room", documents=12, names=0, service="shop", since=at(-60))
    ledger.close()
    texts = [each.text for each in report_of(ledger).uncertainty if each.kind == "gap"]
    assert texts == [
        "Missing from the record: no room, 7 names of code (in shop).",
        "Missing from the record: no room: 12 (in shop).",
    ]


A_TIME = "expected a time such as 2026-11-26T09:00Z"
FACTS = """
incident: Breach at the tracker
revision: 2
aware_at: 2026-09-22T08:00Z
operator: {name: Tracker Inc., credentials: [GitHub integration]}
"""


def test_facts_give_deadlines_and_fill_blanks(tmp_path: Path) -> None:
    ledger = ToyLedger(tmp_path)
    ledger.close()
    facts = tmp_path / "facts.yaml"
    facts.write_text(FACTS)
    blank = report_of(ledger)
    report = report_of(ledger, "--destination", "sentry", "--facts", str(facts))
    assert all(each.due is None for each in blank.clock.deadlines)
    due = {(each.regime, each.duty.split()[0]): each.due for each in report.clock.deadlines}
    aware = datetime(2026, 9, 22, 8, tzinfo=UTC)
    assert due["GDPR", "notification"] == aware + timedelta(hours=72)
    assert due["NIS2", "early"] == aware + timedelta(hours=24)
    assert due["NIS2", "final"] == datetime(2026, 10, 25, 8, tzinfo=UTC)
    assert len(report.only_you_know) == len(blank.only_you_know) - 4
    assert report.facts.revision == "2"
    assert "Replace GitHub integration" in [each.title for each in report.outputs.tasks]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("aware_at: soon", f"facts.yaml: aware_at: {A_TIME}"),
        (
            "dpo: {names: Max}",
            "facts.yaml: dpo.names: there is no such fact; did you mean name? Known: name, contact",
        ),
        (
            "rotated: [{at: 2026-09-22}]",
            "facts.yaml: rotated[0]: Object missing required field `what`",
        ),
        ("[", "facts.yaml: it is not YAML in UTF-8"),
        ("[" * 5000, "facts.yaml: it is not YAML in UTF-8"),
        ("author: Jane\nauthor: Max", "facts.yaml: line 2: author is written twice"),
        ("aware_at: 2026-13-45", f"facts.yaml: aware_at: {A_TIME}"),
        ("aware_at: 9999-12-31", f"facts.yaml: aware_at: {A_TIME}"),
        ("aware_at: 0001-01-01T00:00+02:00", f"facts.yaml: aware_at: {A_TIME}"),
        ("aware_at: " + "9" * 5000, f"facts.yaml: aware_at: {A_TIME}"),
        ("vendor_window: {since: soon}", f"facts.yaml: vendor_window.since: {A_TIME}"),
        ("rotated: [{what: x, at: soon}]", f"facts.yaml: rotated[0].at: {A_TIME}"),
    ],
)
def test_wrong_facts_are_told_by_their_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, told: str
) -> None:
    ledger = ToyLedger(tmp_path)
    ledger.close()
    facts = tmp_path / "facts.yaml"
    facts.write_text(text)
    assert main(asked(ledger, "--destination", "sentry", "--facts", str(facts))) == 2
    assert capsys.readouterr().err == f"{tmp_path}/{told}\n"


def test_a_damaged_record_is_told_on_the_first_page(tmp_path: Path) -> None:
    ledger = ToyLedger(tmp_path)
    ledger.deliver()
    ledger.close()
    journal = tmp_path / "journal"
    journal.write_bytes(journal.read_bytes().replace(b'"kind":"policy"', b'"kind":"purge"'))
    output = tmp_path / "report.md"
    assert main([*asked(ledger), "-o", str(output)]) == 1
    first = output.read_text().partition("## A.")[0]
    assert "was damaged or tampered with" in first


def test_the_report_says_up_to_where_a_head_vouches(tmp_path: Path) -> None:
    ledger = ToyLedger(tmp_path)
    ledger.deliver()
    ledger.wait(MINUTE)
    head = str(ledger.head)
    ledger.close()
    (proof,) = report_of(ledger, "--destination", "sentry", "--head", head).evidence
    assert (proof.vouched_to, proof.vouched_by) == (3, "a head kept elsewhere")
    assert f"--head {head}" in proof.command
    assert proof.entries == 4


HOSTILE = "<script>alert(1)</script>\x1b]52;c;x\x07 \u202egnp.exe | `x` [a](javascript:b)\n# =cmd()"


def test_hostile_names_and_reasons_show_as_they_are(tmp_path: Path) -> None:
    ledger = ToyLedger(tmp_path)
    ledger.deliver(1, found("pii.email"), service=HOSTILE)
    ledger.trust("sentry", "distrusted", HOSTILE)
    ledger.close()
    output = tmp_path / "report.md"
    assert main([*asked(ledger), "-o", str(output)]) == 0
    text = output.read_text()
    assert "alert" in text
    for raw in ("<script", "\x1b", "\u202e", "[a](javascript", "\n# =cmd", " | `x`"):
        assert raw not in text
    assert output.stat().st_mode & 0o077 == 0


def test_a_mistyped_destination_is_refused_not_cleared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = ToyLedger(tmp_path)
    ledger.policy({"redact": {}}, "sentry", "idle")
    ledger.deliver(1)
    ledger.close()
    assert main(asked(ledger, "--destination", "idle")) == 0  # it was there and got nothing
    capsys.readouterr()
    assert main(asked(ledger, "--destination", "sentri")) == 2
    told = "--destination: the record knows no destination or operator 'sentri'; did you mean "
    told += "'sentry'? "
    assert capsys.readouterr() == ("", f"{told}Known: idle, sentry\n")


def test_a_window_must_not_be_empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ledger = ToyLedger(tmp_path)
    ledger.close()
    assert main(asked(ledger, since=10, until=10)) == 2
    assert capsys.readouterr().err == "--since: is not before --until\n"


def test_a_missing_account_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ledger = ToyLedger(tmp_path)
    ledger.close()
    (tmp_path / "ledger.db").unlink()
    assert main(asked(ledger)) == 2
    told: Any = capsys.readouterr().err
    assert "ledger.db: cannot be read as an account" in told


def test_an_operator_means_all_its_exporters(tmp_path: Path) -> None:
    ledger = ToyLedger(tmp_path / "store")
    ledger.deliver(2)
    ledger.deliver(3, destination="sentry/eu")
    ledger.deliver(5, destination="standby")
    ledger.trust("sentry.io", "distrusted")
    ledger.close()
    config = tmp_path / "errlock.yaml"
    config.write_text(f"""
exporters:
  sentry: {{ dsn: "https://key@o1.ingest.us.sentry.io/1" }}
  sentry/eu: {{ dsn: "https://key@o1.ingest.de.sentry.io/2" }}
service: {{ storage: {tmp_path / "store"} }}
""")
    output = tmp_path / "report.json"
    asked = ["exposure", "report", "-c", str(config), "--destination", "sentry.io"]
    window = ["--since", at(-HOUR), "--until", at(HOUR)]
    assert main([*asked, *window, "-o", str(output)]) == 0
    report = msgspec.json.decode(output.read_bytes(), type=Report)
    assert report.destinations == ["sentry", "sentry/eu"]
    assert report.volume.documents == exactly(5)
    assert [each.hosts for each in report.backends] == [
        ["o1.ingest.us.sentry.io"],
        ["o1.ingest.de.sentry.io"],
    ]
    assert report.clock.contained_by == "jane"
    assert main([*asked, "-o", str(output)]) == 0
    report = msgspec.json.decode(output.read_bytes(), type=Report)
    assert (
        timedelta(days=90)
        <= report.clock.window.until - report.clock.window.since
        < timedelta(days=91)
    )


def test_an_operator_means_exporters_that_were_taken_out_since(tmp_path: Path) -> None:
    ledger = ToyLedger(tmp_path / "store")
    content: dict[str, Any] = {"exporters": {"sentry": {}, "standby": {}}}
    operators = {"sentry": ["sentry.io"], "standby": ["shop.example"]}
    ledger.tell("policy", sha256="1", content=content, operators=operators)
    ledger.deliver(2)
    ledger.deliver(5, destination="standby")
    ledger.wait(MINUTE)
    content = {"exporters": {"sentry/eu": {}}}
    ledger.tell("policy", sha256="2", content=content, operators={"sentry/eu": ["sentry.io"]})
    ledger.deliver(3, destination="sentry/eu")
    ledger.trust("sentry.io", "distrusted")
    ledger.close()
    report = report_of(ledger, "--destination", "sentry.io")
    assert report.destinations == ["sentry", "sentry/eu"]
    assert report.volume.documents == exactly(5)
    assert report.clock.contained_by == "jane"
    assert [each.operators for each in report.backends] == [["sentry.io"], ["sentry.io"]]


def test_who_lacks_the_collectors_environment_has_a_report_without_hosts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = ToyLedger(tmp_path / "data")
    ledger.deliver(2)
    ledger.close()
    config = tmp_path / "errlock.yaml"
    config.write_text(
        f"service: {{storage: {ledger.folder}}}\n"
        "exporters: {sentry: {dsn: '${env:ERRLOCK_TEST_NO_SUCH_DSN}'}}\n"
    )
    options = ["-c", str(config), "--since", at(-HOUR), "--until", at(DAY), "--format", "json"]
    assert main(["exposure", "report", "--destination", "sentry", *options]) == 0
    shown = capsys.readouterr()
    report = msgspec.json.decode(shown.out, type=Report)
    assert (report.volume.documents, report.backends[0].configured) == (exactly(2), False)
    assert "ERRLOCK_TEST_NO_SUCH_DSN" in shown.err
    assert "knows no hosts, and operators as the journal has them" in shown.err
    assert main(["exposure", "report", "--destination", "sentry.io", *options]) == 2
    assert "the record knows no destination or operator 'sentry.io'" in capsys.readouterr().err
    storage = ["--storage", str(ledger.folder), "--destination", "sentry"]
    assert main(["exposure", "report", *storage, "-c", str(tmp_path / "mistyped.yaml")]) == 2
    assert "mistyped.yaml: cannot be read" in capsys.readouterr().err


def test_a_name_that_tells_no_format_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = ToyLedger(tmp_path)
    ledger.close()
    output = tmp_path / "report.docx"
    assert main([*asked(ledger), "-o", str(output)]) == 2
    told = "--output: ends in none of md, html, pdf, json, csv: name a --format\n"
    assert capsys.readouterr().err == told
    assert not output.exists()
    assert main([*asked(ledger), "-o", str(output), "--format", "md"]) == 0
