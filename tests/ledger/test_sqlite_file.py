"""SQLite files of the ledger are read where nothing can be made, and while they are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from errlock.ledger.account.store import AccountStore
from errlock.ledger.needles.keys import NeedleKey
from errlock.ledger.needles.store import NeedleStore


@pytest.mark.parametrize("kind", [AccountStore, NeedleStore])
def test_reading_what_nobody_writes_makes_no_file(
    kind: type[AccountStore] | type[NeedleStore], tmp_path: Path
) -> None:
    """A copy may lie in a folder that is read-only: there SQLite fails if it wants to make one."""
    path = tmp_path / "a.db"
    kind.to_write(path).close()
    store = kind.to_read(path)
    with store.snapshot():
        assert not (store.kept() if isinstance(store, NeedleStore) else store.sums())
        assert list(tmp_path.iterdir()) == [path]
    store.close()
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_not_in_the_file_itself_yet_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    writer = NeedleStore.to_write(path)
    key, other = NeedleKey("key"), NeedleKey("other")
    writer.begin(key, (), 1.0, words=False)
    reader = NeedleStore.to_read(path)
    assert [each.key for each in reader.kept()] == [key.id]
    writer.begin(other, (), 2.0, words=False)
    assert [each.key for each in reader.kept()] == [key.id, other.id]
    reader.close()
    writer.close()
