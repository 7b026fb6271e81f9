"""Known values: the application's own secrets, found wherever they stand.

They are taken from the environment, from files or from a command when the policy is built, and
matched literally in every view of a text, so percent-encoded and escaped ones are found too;
inside longer base64 they are matched in each of its three alignments.
"""

from __future__ import annotations

import base64
import fnmatch
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import re2

from .linear import compile_linear
from .named_files import read_file

MIN_LENGTH = 8
COMMAND_SECONDS = 10

# What stands in settings of secret-sounding names without being one.
_WORDS = frozenset(
    """password passw0rd changeme undefined production staging development localhost disabled
    enabled required optional username postgres postgresql anonymous redacted filtered default
    testing internal""".split()  # noqa: SIM905  a list of words reads best as text
)


class KnownValues:
    """Literals to remove. Holds the values, so it is never shown."""

    def __init__(self, values: Iterable[str]) -> None:
        """Take the usable values; `ignored` counts those that are too short or too common."""
        given = {value.strip() for value in values}
        given.discard("")
        usable = {value for value in given if _usable(value)}
        self.count = len(usable)
        self.ignored = len(given) - len(usable)
        forms = {form for value in usable for form in _forms(value)}
        self.literals = tuple(sorted(forms, key=_longest_first))  # what is looked for
        options = re2.Options()
        options.log_errors = False
        options.max_mem = 1 << 26  # there may be many, and long ones
        pattern = "|".join(map(re2.escape, self.literals))
        self._pattern = compile_linear(pattern, options) if self.literals else None

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where known values stand in a text."""
        if self._pattern is not None:
            for match in self._pattern.finditer(text):
                yield match.span()

    def __repr__(self) -> str:
        return f"KnownValues({self.count} values)"


def _usable(value: str) -> bool:
    if len(value) < MIN_LENGTH or value.casefold() in _WORDS or len(set(value)) < 3:
        return False
    return not (value.isalpha() and value.islower() and len(value) < 12) and not (
        value.isdigit() and len(value) < 12
    )


def _longest_first(literal: str) -> tuple[int, str]:
    return -len(literal), literal


def _forms(value: str) -> Iterator[str]:
    yield value
    data = value.encode()
    for before in range(3):
        # The characters that depend on the neighbours are left out at both ends.
        encoded = base64.b64encode(b"\0" * before + data).decode().rstrip("=")
        start = (0, 2, 3)[before]
        end = len(encoded) if (before + len(data)) % 3 == 0 else len(encoded) - 1
        inner = encoded[start:end]
        if len(inner) >= MIN_LENGTH:
            yield inner
            yield inner.replace("+", "-").replace("/", "_")
    if len(data) >= MIN_LENGTH:
        yield data.hex()


def from_environment(patterns: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """The values of the variables whose names match one of the patterns (`*_TOKEN`)."""
    return [
        value
        for name, value in environment.items()
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
    ]


def from_file(path: Path) -> list[str]:
    """One value a line; `NAME=value` lines give the value. Raises OSError."""
    values = []
    for line in read_file(path).decode().splitlines():
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.partition("=")
        named = equals and name.replace("_", "").removeprefix("export ").isalnum() and value
        values.append((value if named else line).strip("\"'"))
    return values


def from_command(argv: Sequence[str]) -> list[str]:
    """The lines that a command prints. It is run without a shell. Raises OSError or ValueError."""
    try:
        done = subprocess.run(  # noqa: S603  the operator's own configuration names the command
            argv, capture_output=True, timeout=COMMAND_SECONDS, check=False, text=True
        )
    except subprocess.TimeoutExpired:
        raise ValueError(f"the command did not end within {COMMAND_SECONDS} s") from None
    if done.returncode != 0:
        raise ValueError(f"the command ended with {done.returncode}")
    return done.stdout.splitlines()
