"""`writing.py FOLDER`: forks a process for each line it reads, which writes until it is killed.

What it does it tells before (`putting 7`) and after (`put 7`), each in one write. Events go to `a`
and `b`; every second one is delivered to `a` then. Importing once and forking makes many kills
quick.
"""

from __future__ import annotations

import asyncio
import os
import sys
from itertools import count
from pathlib import Path

from shipping import deliver, numbered, opened, put

_AT_ONCE = 8


def tell(what: str, number: int) -> None:
    os.write(1, f"{what} {number}\n".encode())


async def write(folder: Path, first: int) -> None:
    numbers = count(first)
    async with opened(folder) as store:

        async def work() -> None:
            for number in numbers:
                tell("putting", number)
                record, _ = await put(store, numbered(number, "x" * (number % 7000)), "a", "b")
                tell("put", number)
                if number % 2:
                    tell("settling", number)
                    await deliver(store, record)
                    tell("settled", number)

        tell("open", 0)
        await asyncio.gather(*(work() for _ in range(_AT_ONCE)))


def main() -> None:
    folder = Path(sys.argv[1])
    for line in sys.stdin:
        child = os.fork()
        if not child:
            asyncio.run(write(folder, int(line)))
            os._exit(0)
        tell("child", child)
        os.waitpid(child, 0)
        tell("dead", child)


main()
