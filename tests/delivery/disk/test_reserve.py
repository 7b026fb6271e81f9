"""The room that is held back is really there."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from errlock.delivery.disk.reserve import Reserve

SIZE = 3 * 1024 * 1024 + 5


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Its file, empty."""
    path = tmp_path / "reserve"
    path.touch()
    return path


def test_it_takes_up_what_it_holds_back(path: Path) -> None:
    reserve = Reserve(path, SIZE)
    assert not reserve.whole
    assert reserve.restore()
    assert reserve.whole
    assert path.stat().st_size == SIZE
    assert path.stat().st_blocks * 512 >= SIZE


def test_it_takes_it_up_where_nothing_can_be_allocated(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: int) -> None:
        raise OSError(errno.EOPNOTSUPP, "")

    monkeypatch.setattr(os, "posix_fallocate", refused)
    assert Reserve(path, SIZE).restore()
    assert path.stat().st_size == SIZE
    assert path.stat().st_blocks * 512 >= SIZE


def test_it_is_given_once(path: Path) -> None:
    reserve = Reserve(path, SIZE)
    reserve.restore()
    assert reserve.release()
    assert not reserve.whole
    assert path.stat().st_blocks == 0
    assert not reserve.release()
    assert reserve.restore()


def test_a_smaller_one_gives_the_rest_back(path: Path) -> None:
    Reserve(path, SIZE).restore()
    assert Reserve(path, 10).restore()
    assert path.stat().st_size == 10


def test_a_reserve_that_is_gone_with_its_folder_holds_nothing(path: Path) -> None:
    """Else the thread that writes would end of it, and nothing could be stored any more."""
    reserve = Reserve(path, SIZE)
    assert reserve.restore()
    path.unlink()
    path.parent.rmdir()
    assert not reserve.release()
    assert not reserve.restore()
    assert not reserve.whole


def test_a_reserve_that_somebody_removed_is_held_back_anew(path: Path) -> None:
    """Else nothing would be taken until a restart, however much room there is."""
    reserve = Reserve(path, SIZE)
    assert reserve.restore()
    path.unlink()
    assert not reserve.release()
    assert reserve.restore()
    assert (path.stat().st_size, path.stat().st_mode & 0o777) == (SIZE, 0o600)
