"""`./dev bench [NAME …] [--json] [--quick] …`: run benchmarks, each in a process of its own."""

import subprocess
import sys
from itertools import takewhile
from pathlib import Path

HERE = Path(__file__).parent
NAMES = sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))


def main(arguments: list[str]) -> int:
    """Run the named benchmarks, or all; returns 1 when one of them failed."""
    named = list(takewhile(lambda argument: not argument.startswith("-"), arguments))
    options = arguments[len(named) :]
    if unknown := sorted(set(named) - set(NAMES)):
        print(f"no such benchmark: {', '.join(unknown)}. Known: {', '.join(NAMES)}")
        return 2
    failed = 0
    for name in named or NAMES:
        run = subprocess.run(
            [sys.executable, "-m", f"benchmarks.bench_{name}", *options],
            check=False,
            cwd=HERE.parent,
        )
        failed |= run.returncode != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
