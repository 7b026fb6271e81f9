"""How long does `import errlock.pipeline` take, next to a bare interpreter and to its peers?

Whole processes, median of 15, with a warm file cache. The goal is 150 ms for the import itself.
"""

import statistics
import subprocess
import sys
import time

from benchmarks.report import machine, show

STATEMENTS = {
    "nothing": "pass",
    "errlock.pipeline": "import errlock.pipeline",
    "errlock.pipeline, a default pipeline built": (
        "import errlock.pipeline as e; e.Pipeline.default()"
    ),
    "errlock.pipeline, ready for the first document": (
        "import errlock.pipeline as e; e.Pipeline.default().prepare()"
    ),
    "sentry_sdk": "import sentry_sdk",
    "opentelemetry.sdk.trace": "import opentelemetry.sdk.trace",
}
RUNS = 15


def milliseconds(statement: str) -> float:
    """The median of several processes that run one statement."""
    times = []
    for _ in range(RUNS + 1):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", statement], check=True)
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:]) * 1000


def main() -> None:
    """Measure and show."""
    bare = milliseconds("pass")
    rows = [
        {"import": name, "process ms": f"{total:.0f}", "import ms": f"{total - bare:.0f}"}
        for name, total in ((name, milliseconds(code)) for name, code in STATEMENTS.items())
    ]
    show("import time", rows, machine("msgspec", "sentry-sdk", "opentelemetry-sdk"))


if __name__ == "__main__":
    main()
