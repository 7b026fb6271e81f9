"""Is anything lost when the collector is killed again and again, and what comes twice?

Clients send numbered events with sessions over HTTP, log records and spans over gRPC, to a
collector process that is killed with SIGKILL at random moments. Its destinations answer, fail with
500 or 503, limit with 429, hang, and reset in the middle of an answer. The same as
tests/end_to_end/test_crash.py, for longer and with more load. Then a destination is distrusted
under load, by the command and by the trust file alone. Ends with 1 as soon as something does not
add up.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from crash_course import crash
from distrust_course import by_command, by_file, distrust
from live_bugsink import running_bugsink
from scripted_backend import scripted_backend

from benchmarks.options import Options, parse, progress
from benchmarks.report import machine, show

_KILLS = 60
_GRACE = 1.0  # seconds


def kills(options: Options, folder: Path) -> None:
    """The table of what became of all documents."""
    amount = 2 if options.quick else _KILLS
    progress(f"{amount} kills")
    with scripted_backend("first") as first, scripted_backend("second") as second:
        course = crash(
            folder, (first, second), amount, seed="soak", threads=2, pause=0.01, longest=1.5,
            tell=progress,
        )  # fmt: skip
    did = ", ".join(f"{manner} {n:,}" for manner, n in sorted((first.did + second.did).items()))
    about = (
        f"{course.kills} kills, {course.before_ready} of them while it started; the equation was "
        f"read {course.looks} times; {course.senders.refused:,} requests were not acknowledged; "
        f"at most {course.largest_queue:,} documents waited for a destination. "
        f"The destinations did: {did}."
    )
    explained = (
        "twice: came again to its server. answer cut: stored, but the answer never came. "
        "unbooked at kills: the server had answered and the books did not say so yet; those come "
        "twice."
    )
    notes = [about, explained]
    show("killed under load", course.rows(), machine("msgspec"), notes)


def words(options: Options, folder: Path) -> None:
    """The times of a word of distrust."""
    rows = []
    said = {"errlock distrust": by_command, "trust file": by_file}
    with running_bugsink(folder / "bugsink") as bugsink:
        for name, word in list(said.items())[: 1 if options.quick else None]:
            progress(name)
            swap = distrust(folder / word.__name__, bugsink, word, _GRACE)
            rows.append(
                {
                    "said by": name,
                    "saying it s": swap.word,
                    "last byte s": swap.last_byte,
                    "first stored s": swap.first_stored,
                    "bytes before": swap.bytes_before,
                    "bytes later": swap.bytes_after,
                    "acknowledged": swap.acknowledged,
                    "at the distrusted": swap.at_the_distrusted,
                    "at the standby": swap.at_the_standby,
                    "kept": swap.kept,
                }
            )
    note = (
        "Last byte and first stored: from when it was said; negative: before. The command's time "
        "has the start of an interpreter in it. Killed, started again and reloaded afterwards."
    )
    show("distrusted under load, a real Bugsink standing by", rows, machine("aiohttp"), [note])


def main() -> None:
    """Run both and show."""
    options = parse(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        kills(options, Path(folder) / "kills")
        words(options, Path(folder))


if __name__ == "__main__":
    main()
