"""`./dev bench [NAME …] [--json] [--quick] …`: run benchmarks, each in a process of its own."""

import os
import subprocess
import sys
from itertools import takewhile
from pathlib import Path

HERE = Path(__file__).parent
PROGRAMS = {
    path.stem.partition("_")[2]: path.stem
    for kind in ("bench", "soak", "versus", "picture")
    for path in sorted(HERE.glob(f"{kind}_*.py"))
}
# A soak takes long, what is compared with has to be there, and pictures are for the pages: these
# are run when they are named.
ALL = [name for name, program in PROGRAMS.items() if program.startswith("bench_")]


def main(arguments: list[str]) -> int:
    """Run the named benchmarks, or all; returns 1 when one of them failed."""
    named = list(takewhile(lambda argument: not argument.startswith("-"), arguments))
    options = arguments[len(named) :]
    if unknown := sorted(set(named) - set(PROGRAMS)):
        print(f"no such benchmark: {', '.join(unknown)}. Known: {', '.join(PROGRAMS)}")
        return 2
    failed = 0
    for name in named or ALL:
        run = subprocess.run(
            [sys.executable, "-m", f"benchmarks.{PROGRAMS[name]}", *options],
            check=False,
            cwd=HERE.parent,
            # What runs real collectors and backends is shared with the tests.
            env={**os.environ, "PYTHONPATH": str(HERE.parent / "tests/support")},
        )
        failed |= run.returncode != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
