"""However hostile documents are, what is kept of their code is bounded and loses nothing else."""

from __future__ import annotations

import json
import random
import sqlite3
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from code_event import EVENT, MENTIONED, deliver, mentioned, rows, sent

from errlock.ledger.account.account import Account
from errlock.ledger.account.store import AccountStore
from errlock.ledger.code import booking, sections, tables
from errlock.ledger.code.disclosed import disclosed
from errlock.ledger.code.reading import CodeReader, Pieces
from errlock.ledger.code.sections import LAST_LINE, Mention, mask, pack, ranges
from errlock.ledger.code.tables import DAY, MONTH, NameKey, Place, Shown
from errlock.ledger.exposed import Learner
from errlock.ledger.options import AccountOptions
from errlock.pipeline.payloads.envelope import Envelope

NOON = 1_790_000_000.0
MEGABYTE = "x" * 2**20


def event(**parts: Any) -> Envelope:
    return Envelope.from_event(json.dumps({**EVENT, **parts}).encode(), "7")


def test_ten_thousand_frames_are_read_up_to_a_thousand() -> None:
    frames = [
        {"filename": f"a{n}/b.py", "lineno": 2 * n, "context_line": "x"} for n in range(10_000)
    ]
    found = mentioned(
        event(exception={"values": [{"type": "E", "stacktrace": {"frames": frames}}]})
    )
    files = [each for each in found if each[0] == "file"]
    assert len(files) == 1000
    assert ("file", "a9999/b.py", "", (19998, 19999)) in files


def test_many_packages_are_other_from_some_number_on() -> None:
    found = mentioned(event(modules={f"package-{n}-x": "1.0" for n in range(5000)}))
    packages = [each for each in found if each[0] == "package"]
    assert len(packages) == 2001
    assert ("package", "other", "", ()) in packages


def test_names_of_a_megabyte_are_other_and_are_not_remembered() -> None:
    frame = {"filename": MEGABYTE, "module": MEGABYTE, "lineno": 1, "context_line": MEGABYTE}
    raised = {"type": MEGABYTE, "module": MEGABYTE, "stacktrace": {"frames": [frame]}}
    payload = event(
        modules={MEGABYTE: MEGABYTE}, server_name=MEGABYTE, release=MEGABYTE,
        transaction=f"/{MEGABYTE}", exception=raised, request={"url": f"http://{MEGABYTE}"},
        breadcrumbs=[{"category": "query", "message": f"SELECT {MEGABYTE} FROM t"}],
    )  # fmt: skip
    assert sum(len(piece) for _, piece in CodeReader().pieces(payload)) < 4000
    kept = {name for kind, name, *_ in mentioned(payload) if kind in ("exception", "file", "route")}
    assert kept == {"other"}


def test_a_document_with_junk_in_any_places_is_read() -> None:
    dice = random.Random(3)
    junk: list[Any] = [None, 7, -1, 1e300, True, "", "x", MEGABYTE[:5000], "\ud83d"]
    junk += [[], [[]], {}, {"values": {}}]

    def spoilt(tree: Any) -> Any:
        if dice.random() < 0.03:
            return dice.choice(junk)
        if isinstance(tree, dict):
            return {key: spoilt(value) for key, value in tree.items()}
        return [spoilt(each) for each in tree] if isinstance(tree, list) else tree

    reader, names = CodeReader(), set()
    for _ in range(500):
        payload = event(**{key: spoilt(part) for key, part in EVENT.items()})
        names |= {each[:2] for each in mentioned(payload, reader)}
    assert names >= {each[:2] for each in MENTIONED}


@pytest.mark.parametrize("line", [-5, 0, 2**31, 2**70])
def test_lines_that_no_file_has_are_none(line: int) -> None:
    frame = {"filename": "a.py", "lineno": line, "context_line": "x", "pre_context": ["y"] * 10}
    found = mentioned(event(exception={"values": [{"stacktrace": {"frames": [frame]}}]}))
    files = [each for each in found if each[0] == "file"]
    assert [lines for *_, lines in files] in ([()], [(LAST_LINE, LAST_LINE + 1)])


def test_numbers_of_lines_come_back() -> None:
    dice = random.Random(1)
    for _ in range(300):
        wanted = set(dice.choices(range(400), k=dice.randrange(200)))
        borders = ranges(mask(border for line in wanted for border in (line, line + 1)))
        found = [range(a, b) for a, b in zip(borders[::2], borders[1::2], strict=True)]
        assert [line for each in found for line in each] == sorted(wanted)
    assert ranges(mask(b for line in range(0, 9000, 2) for b in (line, line + 1))) == (0, 8999)


def shown(name: str, day: int = 0, lines: int = 0) -> tuple[Place, NameKey, Shown]:
    start = int(NOON) // MONTH * MONTH + day * DAY
    place = Place(start, "sentry", "shop", "prod")
    return place, NameKey("file", name, "own"), Shown(1, start + 1.0, start + 2.0, lines)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AccountStore]:
    opened = AccountStore.to_write(tmp_path / "ledger.db")
    yield opened
    opened.close()


def kept(store: AccountStore) -> dict[str, tuple[int, int]]:
    """Names with their documents and numbers of lines."""
    found = disclosed(store.code, None, 0, 2**40)
    return {each.name: (each.documents, each.line_count) for each in found}


def test_names_above_the_limit_are_other(
    store: AccountStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "MOST_NAMES", 3)
    for _ in range(2):
        store.add([], {}, [shown(f"{letter}.py") for letter in "abcdef"])
    names = {"a.py": (2, 0), "b.py": (2, 0), "c.py": (2, 0), "other": (6, 0)}
    assert kept(store) == names


def test_rows_of_a_day_above_the_limit_are_other(
    store: AccountStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "MOST_ROWS", 4)
    for _ in range(2):
        store.add([], {}, [shown(f"{letter}.py") for letter in "abcdef"])
    store.add([], {}, [shown("z.py", day=1)])
    found = kept(store)
    assert {name for name in found if found[name][0] == 2} == {"a.py", "b.py", "c.py", "d.py"}
    assert found["other"] == (4, 0)
    assert found["z.py"] == (1, 0)


def test_days_become_months_and_are_forgotten(store: AccountStore) -> None:
    for day in range(40):
        store.add([], {}, [shown("a.py", day, 1 << day), shown("b.py", day)])
    before = kept(store)
    assert before == {"a.py": (40, 40), "b.py": (40, 0)}
    start = int(NOON) // MONTH * MONTH
    told: list[dict[str, Any]] = []
    assert store.compact_code(start + MONTH, told.append)
    assert not store.compact_code(start + MONTH, told.append)
    assert kept(store) == before
    assert [(each["start"], each["days"]) for each in told] == [(start, 30)]
    assert told[0]["documents"] == {"sentry": 60}
    store.forget(start + MONTH)
    assert kept(store) == {"a.py": (10, 10), "b.py": (10, 0)}
    store.forget(start + 2 * MONTH)
    assert kept(store) == {}
    assert not store.code.has_before(2**40)


def test_a_transaction_that_fails_leaves_nothing_behind(store: AccountStore) -> None:
    broken = Shown(None, 1.0, 1.0)  # type: ignore[arg-type]
    with pytest.raises(sqlite3.IntegrityError):
        store.add([], {}, [shown("a.py"), (*shown("b.py")[:2], broken)])
    store.add([], {}, [shown("a.py")])
    assert kept(store) == {"a.py": (1, 0)}


def test_what_cannot_be_written_waits_and_is_not_counted_twice(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    account = Account(
        path, AccountOptions(), lambda *_: None, lambda: NOON, learner=Learner(CodeReader())
    )
    account.write()
    assert account._store is not None
    account._store._db.execute("PRAGMA busy_timeout = 10")
    payload = sent(EVENT)
    other = sqlite3.connect(path)
    other.execute("BEGIN IMMEDIATE")
    for _ in range(2):
        deliver(account, payload)
        account.write()
    assert rows(path) == []
    other.rollback()
    other.close()
    deliver(account, payload)
    account.close()
    assert {each.documents for each in rows(path)} == {3}


def test_what_has_no_room_while_nothing_can_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, Any]] = []
    monkeypatch.setattr(booking, "_MOST_BYTES", 10)
    account = Account(
        tmp_path / "ledger.db", AccountOptions(), lambda *entry: told.append(entry), lambda: NOON,
        learner=Learner(CodeReader()),
    )  # fmt: skip
    deliver(account, sent(EVENT))
    account.close()
    assert rows(tmp_path / "ledger.db") == []
    (gap,) = [body for kind, body in told if kind == "gap"]
    assert gap["why"] == ["the code that they disclose could not be written"]


@pytest.mark.parametrize(
    "part",
    [
        lambda text: {"server_name": text},
        lambda text: {"release": text},
        lambda text: {"contexts": {"runtime": {"name": text}}},
        lambda text: {"modules": {text: "1"}},
        lambda text: {"transaction": f"/{text}"},
        lambda text: {"breadcrumbs": [{"category": "query", "message": f"SELECT {text}"}]},
        lambda text: {"exception": [{"stacktrace": {"frames": [{"pre_context": [text] * 9}]}}]},
    ],
)
def test_however_long_texts_are_only_so_much_is_remembered(
    part: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sections, "_MOST_BYTES", 1 << 20)
    reader = CodeReader()
    sent_one = [event(**part(f"x{number}" * 5000)) for number in range(200)]  # 4 MB and more
    tracemalloc.start()
    for payload in sent_one:
        reader.pieces(payload)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 3 << 20


def test_names_with_many_lines_are_not_all_in_memory_at_once() -> None:
    booked = booking.Bookings()
    place = Place(int(NOON) // DAY * DAY, "sentry", "shop", "production")
    lines = (LAST_LINE, LAST_LINE + 1)
    for number in range(20_000):
        pieces = pack([Mention("file", f"a{number}.py", lines=lines), Mention("file", "b.py")])
        counted: Pieces = {("event", piece): 1 for piece in pieces}
        assert booked.add(place, counted, {"event": 1}, NOON)
    seen: Counter[str] = Counter()
    tracemalloc.start()
    for _, name, shown in booking.names_in(booked.take()):
        seen[name.name] += shown.documents
    assert tracemalloc.get_traced_memory()[1] < 80 << 20  # all at once it would be twice that
    tracemalloc.stop()
    assert len(seen) == 20_001
    assert seen.pop("b.py") == 20_000
    assert set(seen.values()) == {1}
