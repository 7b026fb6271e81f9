"""Killed at any moment: what was acknowledged is there, and nothing else."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from shipping import balances, number_of, opened

CHILD = Path(__file__).parent / "children" / "writing.py"
SUPPORT = Path(__file__).parents[2] / "support"
KILLS = 25


@contextmanager
def writing(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The process that forks those who write."""
    environment = {**os.environ, "PYTHONPATH": str(SUPPORT)}
    child = subprocess.Popen(
        [sys.executable, str(CHILD), str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment,
    )  # fmt: skip
    with child:
        yield child
        assert child.stdin is not None
        child.stdin.close()


def told(stdout: IO[bytes]) -> Iterator[tuple[str, int]]:
    """What the process told, line by line."""
    for line in stdout:
        what, number = line.split()
        yield what.decode(), int(number)


async def test_what_was_acknowledged_is_there_after_many_kills(tmp_path: Path) -> None:
    draw = random.Random("kills")
    numbers: dict[str, set[int]] = defaultdict(set)
    folder = tmp_path / "q"
    with writing(folder) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        lines = told(child.stdout)
        for kill in range(KILLS):
            child.stdin.write(b"%d\n" % (kill * 100_000))
            child.stdin.flush()
            pid, lives = 0, draw.randrange(120)
            for what, number in lines:
                if what == "dead":
                    break
                if what == "child":
                    pid = number
                else:
                    numbers[what].add(number)
                if not lives:
                    os.kill(pid, signal.SIGKILL)
                lives -= 1
    assert len(numbers["put"]) > KILLS
    assert len(numbers["settled"]) > KILLS

    async with opened(folder) as store:
        there = {}
        for destination in "ab":
            records = await store.waiting(destination)
            found = [number_of(await store.load(record)) for record in records]
            there[destination] = set(found)
            assert len(found) == len(there[destination])
        assert numbers["put"] <= there["b"] <= numbers["putting"]
        assert numbers["put"] - numbers["settling"] <= there["a"]
        assert not there["a"] & numbers["settled"]
        assert await balances(store, "a", "b")
