"""The storage is its owner's alone, and one process's at a time."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from shipping import numbered, opened, put

from errlock.delivery.disk.folder import StorageError, StorageFolder

# What a file system without locks answers, as some that are mounted over a network are.
_NO_LOCKS = """
import errno, fcntl, sys
from pathlib import Path
from errlock.delivery.disk.folder import StorageFolder

def flock(*_):
    raise OSError(errno.ENOLCK, "No locks available")

fcntl.flock = flock
try:
    StorageFolder(Path(sys.argv[1])).open()
except OSError as refused:
    print(refused.errno == errno.ENOLCK, refused.strerror)
"""


def test_a_folder_that_cannot_be_locked_is_refused(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _NO_LOCKS, str(tmp_path / "q")],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout == (
        f"True {tmp_path}/q: cannot be locked here (flock), so that another errlock could use it "
        "too: put it on a disk of this machine\n"
    )


async def test_folder_and_files_are_made_for_the_owner_alone(tmp_path: Path) -> None:
    os.umask(0)
    try:
        async with opened(tmp_path / "deep" / "q") as store:
            await put(store, numbered(1), "a")
            folder = tmp_path / "deep" / "q"
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    finally:
        os.umask(0o022)
    names = ["lock", "queue.db", "queue.db-shm", "queue.db-wal", "reserve"]
    assert files == dict.fromkeys(names, 0o600)


def test_a_folder_that_others_may_use_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "q"
    folder.mkdir()
    folder.chmod(0o750)
    with pytest.raises(StorageError) as refused:
        StorageFolder(folder).open()
    assert refused.value.strerror == f"{folder}: others may use it (mode 0750): chmod 700 it"


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "q"
    folder.mkdir(mode=0o700)
    file = folder / "queue.db"
    file.touch()
    file.chmod(0o644)
    with pytest.raises(StorageError) as refused:
        StorageFolder(folder).open()
    assert refused.value.strerror == f"{file}: others may use it (mode 0644): chmod 600 it"


@pytest.mark.parametrize("name", ["", "queue.db", "lock"])
def test_links_are_refused(tmp_path: Path, name: str) -> None:
    real = tmp_path / "real"
    real.mkdir(mode=0o700)
    folder = tmp_path / "q"
    if name:
        folder.mkdir(mode=0o700)
        (folder / name).symlink_to(real / "file")
    else:
        folder.symlink_to(real)
    with pytest.raises(StorageError, match="is a link"):
        StorageFolder(folder).open()


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "q").touch(mode=0o600)
    with pytest.raises(OSError, match="q"):
        StorageFolder(tmp_path / "q").open()


async def test_a_second_process_is_refused_until_the_first_has_gone(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from errlock.delivery.disk.folder import StorageFolder\n"
        "StorageFolder(Path(sys.argv[1])).open()"
    )
    second = [sys.executable, "-c", code, str(tmp_path / "q")]
    async with opened(tmp_path / "q"):
        refused = subprocess.run(second, capture_output=True, text=True, check=False)  # noqa: ASYNC221
        assert "another errlock uses this storage" in refused.stderr
        with pytest.raises(StorageError, match="another errlock"):
            async with opened(tmp_path / "q"):
                pass
    subprocess.run(second, check=True)  # noqa: ASYNC221
