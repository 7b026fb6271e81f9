"""Killing a process proves little about a disk: the system still writes what it was given.

So system calls are traced, and only writes that a sync followed are taken for written.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from power_cut import STRACE, Disk, replay
from shipping import balances, number_of, opened

CHILD = Path(__file__).parent / "children" / "writing.py"
SUPPORT = Path(__file__).parents[2] / "support"
ACKNOWLEDGED = 60  # puts that are waited for
CUTS = 6


def trace(folder: Path, to: Path) -> None:
    """Let a traced process write until so much was acknowledged, then kill it."""
    child = subprocess.Popen(
        [*STRACE, "-o", str(to), sys.executable, str(CHILD), str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(SUPPORT)},
    )  # fmt: skip
    with child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(b"0\n")
        child.stdin.flush()
        pid, left = 0, ACKNOWLEDGED
        for line in child.stdout:
            what, number = line.split()
            if what == b"child":
                pid = int(number)
            left -= what == b"put"
            if not left:
                os.kill(pid, signal.SIGKILL)
                break
        child.stdin.close()
        child.stdout.read()


async def test_what_was_acknowledged_is_there_after_a_power_cut(tmp_path: Path) -> None:
    folder = tmp_path / "q"
    async with opened(folder):  # made before, and closed
        pass
    disk = Disk({str(path): bytearray(path.read_bytes()) for path in folder.iterdir()})
    trace(folder, tmp_path / "trace")

    put: set[int] = set()
    begun: set[int] = set()
    settled: set[int] = set()
    cuts = 0
    for told in replay(tmp_path / "trace", disk):
        what, number = told.data.split()
        {b"putting": begun, b"put": put, b"settled": settled}.get(what, set()).add(int(number))
        if what == b"put" and len(put) == 1:
            assert disk.syncs > 0
        if what == b"put" and len(put) % (ACKNOWLEDGED // CUTS) == 1:
            cuts += 1
            disk.save(tmp_path / f"cut {cuts}")
            async with opened(tmp_path / f"cut {cuts}") as store:
                waiting = {d: await store.waiting(d) for d in "ab"}
                there = {
                    d: {number_of(await store.load(record)) for record in records}
                    for d, records in waiting.items()
                }
                assert put <= there["b"] <= begun
                assert not settled & there["a"]
                assert await balances(store, "a", "b")
    assert cuts >= CUTS
