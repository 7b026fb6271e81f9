"""When a control was off is in the journal: by real reloads, starts and restarts."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from live_errlock import collector, running_errlock, sentry_at
from live_ports import listening_port
from waiting import wait_for

from errlock.ledger.controls import REDACTION, Period, Way, compare, periods
from errlock.ledger.journal.journal import Journal, latest, read

DESTINATIONS = ("file/a", "file/b")


def way(*on: str, opened: tuple[str, ...] = ()) -> Way:
    return Way(destination="sentry", pipeline="errors", on=on, open=opened)


def changed(before: Way | None, now: Way) -> dict[str, tuple[str, ...]]:
    _, changes = compare([before] if before else [], [now])
    return {change.state: change.controls for change in changes}


FULL = way("class pii.email", "class secret.password", "processor redact", REDACTION)


def test_what_stood_in_the_way_and_does_not_is_off_until_it_is_back() -> None:
    weaker = way("class secret.password", "processor redact", REDACTION)
    assert changed(FULL, weaker) == {"off": ("class pii.email",)}
    [now], _ = compare([FULL], [weaker])
    assert now.off == ("class pii.email",)
    assert changed(now, weaker) == {}
    assert changed(now, FULL) == {"on": ("class pii.email",)}


def test_without_anything_that_redacts_redaction_is_off_from_the_start() -> None:
    assert changed(None, way("processor filter")) == {"off": (REDACTION,)}
    assert changed(None, FULL) == {}


def test_a_processor_of_another_name_is_not_off_if_it_does_as_much() -> None:
    renamed = way("class pii.email", "class secret.password", "processor redact/main", REDACTION)
    assert changed(FULL, renamed) == {}
    both = way(*FULL.on, "processor filter")
    assert changed(both, FULL) == {"off": ("processor filter",)}
    assert changed(both, renamed) == {"off": ("processor filter",)}


def test_a_field_that_is_let_alone_is_a_control_that_is_off() -> None:
    opened = way(*FULL.on, opened=("field extra.note",))
    assert changed(None, opened) == {}
    assert changed(FULL, opened) == {"off": ("field extra.note",)}
    [now], _ = compare([FULL], [opened])
    assert changed(now, opened) == {}
    assert changed(now, FULL) == {"on": ("field extra.note",)}


def test_a_way_that_is_gone_ends_what_was_off_there() -> None:
    [now], _ = compare([FULL], [way("processor redact", REDACTION)])
    ways, [change] = compare([now], [])
    assert ways == []
    assert (change.state, change.controls) == ("gone", now.off)


def test_the_newest_entry_of_a_kind_is_found_from_the_end(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    assert latest(tmp_path / "journal", "policy", lambda _: True) is None
    journal.append("policy", {"number": 1})
    journal.append("minute", {"what": '"kind":"policy"', "filling": "x" * 3_000_000})
    for number in range(50):
        journal.append("minute", {"number": number, "filling": "x" * 50_000})
    journal.append("policy", {"other": 2})
    journal.close()
    found = latest(tmp_path / "journal", "policy", lambda entry: "number" in entry.body)
    assert found is not None
    assert (found.number, found.body) == (1, {"number": 1})


def config(folder: Path, port: int) -> dict[str, Any]:
    """What goes to `file/b` passes a processor of its own as well."""
    exporters: dict[str, Any] = {
        name: {"path": str(folder / f"{name[-1]}.jsonl")} for name in DESTINATIONS
    }
    exporters["file/b"]["processors"] = ["redact/more"]
    written = collector(sentry_at(port), exporters)
    written["processors"] |= {
        "redact/more": {"classes": {"pii.user_id": "replace"}},
        "filter": {"drop": [{"field": "$event.level", "equals": "debug"}]},
    }
    written["service"]["pipelines"]["errors"]["processors"] = ["filter", "redact"]
    written["service"]["storage"] = str(folder / "store")
    return written


def found(folder: Path) -> list[Period]:
    return periods(read(folder / "store" / "journal"))


def ended(folder: Path, destination: str) -> dict[str, list[bool]]:
    """Of each control, whether the times in which it was off have ended."""
    spans: dict[str, list[bool]] = {}
    for period in found(folder):
        if period.destination == destination:
            assert period.pipeline == "errors"
            assert period.until is None or period.since < period.until
            spans.setdefault(period.control, []).append(period.until is not None)
    return spans


def test_reloads_and_restarts_say_which_controls_are_off(tmp_path: Path) -> None:
    first = config(tmp_path, listening_port())
    path = tmp_path / "store" / "journal"

    def changed(processors: list[str], **redact: Any) -> dict[str, Any]:
        written = copy.deepcopy(first)
        written["service"]["pipelines"]["errors"]["processors"] = processors
        written["processors"]["redact"] = redact
        return written

    def policies() -> int:
        return sum(entry.kind == "policy" for entry in read(path))

    with running_errlock(first, tmp_path / "run") as errlock:

        def reload(written: dict[str, Any]) -> None:
            before = policies()
            errlock.write(written)
            wait_for(lambda: policies() > before, 90)

        assert found(tmp_path) == []
        reload(changed(["redact"]))  # the filter goes
        assert ended(tmp_path, "file/a") == {"processor filter": [False]}
        assert ended(tmp_path, "file/b") == {"processor filter": [False]}
        reload(changed(["filter", "redact"], classes={"pii.email": "keep"}))
        assert ended(tmp_path, "file/a") == {"processor filter": [True], "class pii.email": [False]}
        # The processor that file/b has of its own takes it out.
        assert ended(tmp_path, "file/b") == {"processor filter": [True]}
        reload(changed(["filter"]))  # nothing is looked for any more for file/a
        off = ended(tmp_path, "file/a")
        for control in (REDACTION, "processor redact", "class secret.password", "class pii.email"):
            assert off[control] == [False], control
        assert ended(tmp_path, "file/b") == {
            "processor filter": [True],
            "processor redact": [False],
        }
        reload(first)
        assert {(True,)} == set(map(tuple, ended(tmp_path, "file/a").values()))
        allowing = {"allowed_values": [r"a@x\.example"], "disabled_detectors": ["github"]}
        reload(changed(["filter", "redact"], **allowing))
        off = ended(tmp_path, "file/a")
        assert off["detector github"] == off["values that redact allows"] == [False]
        assert errlock.log.count("reloaded") >= 4
    with running_errlock(changed(["filter"]), tmp_path / "again"):
        pass
    assert ended(tmp_path, "file/a")[REDACTION] == [True, False]
    with running_errlock(first, tmp_path / "and-again"):
        pass
    assert ended(tmp_path, "file/a")[REDACTION] == [True, True]


def test_a_collector_that_never_redacts_says_so_when_it_starts(tmp_path: Path) -> None:
    written = config(tmp_path, listening_port())
    written["service"]["pipelines"]["errors"]["processors"] = ["filter"]
    with running_errlock(written, tmp_path / "run"):
        pass
    assert [(p.destination, p.control, p.until) for p in found(tmp_path)] == [
        ("file/a", REDACTION, None)
    ]
