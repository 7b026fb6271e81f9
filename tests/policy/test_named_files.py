"""A file is read at once; a pipe as long as something comes, and never for ever."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from errlock.policy.named_files import read_file


def test_a_file_is_read_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 3_000_000)
    assert read_file(path) == read_file(path, most=3_000_000) == path.read_bytes()
    with pytest.raises(OSError, match="it has more than 2999999 bytes"):
        read_file(path, most=2_999_999)


def test_a_file_without_end_is_not_one_that_was_cut_off() -> None:
    with pytest.raises(OSError, match="it has more than"):
        read_file("/dev/zero")


def test_a_pipe_without_a_writer_is_given_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match=r"it is a pipe \(FIFO\) in which nothing comes"):
        read_file(tmp_path / "pipe", patience=0.01)


def test_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=[b"x" * 300_000])
    writer.start()
    assert read_file(tmp_path / "pipe", patience=30) == b"x" * 300_000
    writer.join()


def test_what_a_shell_puts_in_place_of_a_file_is_one() -> None:
    code = "import sys; from errlock.policy.named_files import read_file; "
    code += "print(read_file(sys.argv[1]))"
    done = subprocess.run(
        ["bash", "-c", f'"$0" -c "{code}" <(echo hello)', sys.executable],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout == "b'hello\\n'\n", done.stderr


@pytest.mark.parametrize(("path", "kind"), [("", IsADirectoryError), ("none", FileNotFoundError)])
def test_what_is_no_file_raises(tmp_path: Path, path: str, kind: type[OSError]) -> None:
    with pytest.raises(kind):
        read_file(tmp_path / path)
