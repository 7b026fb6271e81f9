"""What commands write: results on stdout, everything else on stderr, nothing that acts on a
terminal. Text that came out of a document or a file may hold escape sequences.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from datetime import UTC, datetime
from typing import IO

# Control, format (bidirectional overrides too), surrogate and private characters, line separators.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_SIZES = (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10))
_CODES = {"red": "31", "green": "32", "yellow": "33", "dim": "2", "bold": "1"}


def escape(text: str, keep: str = "") -> str:
    """Text with what a terminal would act upon written out: `\\x1b`, `\\u202e`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char if char in keep or unicodedata.category(char) not in _UNSAFE else _written_out(char)
        for char in text
    )


def _written_out(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")


def out(text: str = "") -> None:
    """Write a line of the result."""
    sys.stdout.write(f"{escape(text, keep=chr(10))}\n")


def err(text: str) -> None:
    """Write a line of everything else."""
    sys.stderr.write(f"{escape(text, keep=chr(10))}\n")


def read_stdin(most: int = -1) -> bytes:
    """Standard input, of which so many bytes are wanted at `most`."""
    tell_reading()
    return sys.stdin.buffer.read(most)


def tell_reading() -> None:
    """Say that a command waits for what is typed: else it looks as if it had stopped."""
    if sys.stdin.isatty():
        err("reading from the terminal; Ctrl-D ends it")


def fill_closed_streams() -> None:
    """Have nothing in the place of each standard stream that was closed (`>&-`).

    Else the next file or connection would get its number, and what libraries write to stderr.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nothing = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: that one
            setattr(sys, name, open(nothing, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def has_colours(stream: IO[str]) -> bool:
    """Whether to colour: on a terminal, unless NO_COLOR (https://no-color.org) says not to."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, colour: str, on: bool) -> str:
    """Text, escaped, in a colour if `on`."""
    return f"\x1b[{_CODES[colour]}m{escape(text)}\x1b[0m" if on else escape(text)


def table(rows: list[tuple[str, ...]], gap: int = 2) -> list[str]:
    """Lines with aligned columns; the last column is not padded."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)] if rows else []
    return [
        "".join(f"{cell:{width + gap}}" for cell, width in zip(row, widths, strict=False)) + row[-1]
        for row in rows
    ]


def plural(number: int, noun: str) -> str:
    """`1 value`, `1,200 values`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def size(amount: int) -> str:
    """A number of bytes for people: `1.5 MiB`."""
    for unit, length in _SIZES:
        if amount >= length:
            return f"{amount / length:.1f} {unit}"
    return f"{amount} B"


def span(seconds: float) -> str:
    """A span of time for people, to the two units that matter: `3m 4s`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [f"{days}d", f"{hours}h", f"{minutes}m", f"{rest}s"]
    first = next((i for i, part in enumerate(parts) if part[0] != "0"), 3)
    return " ".join(parts[first : first + 2])


def moment(seconds: float) -> str:
    """A time in seconds since the epoch, for people: `2026-11-26 12:30:05Z`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
