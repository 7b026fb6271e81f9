"""Types of option values that YAML has no word for: durations, sizes, secrets, PEM files."""

from __future__ import annotations

import errno
import hashlib
import re
from pathlib import Path
from typing import Any

from ..policy.named_files import read_file

# No more files may be opened: by this process, in the whole system.
OUT_OF_FILES = frozenset({errno.EMFILE, errno.ENFILE})

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|ns|s|m|h|d)")
_SECONDS = {
    "ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0,
}  # fmt: skip
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(B|KB|MB|GB|KiB|MiB|GiB)?")
_BYTES = {
    "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30,
}  # fmt: skip


class Duration(float):
    """A span of time in seconds, written as in Go (`300ms`, `1.5s`, `2h45m`, `0`), or `7d`."""

    def __new__(cls, text: str | float) -> Duration:
        """Parse. Raises ValueError with what is allowed."""
        if text in (0, "0") and not isinstance(text, bool):
            return super().__new__(cls, 0.0)
        if isinstance(text, Duration):
            return super().__new__(cls, float(text))
        if not isinstance(text, str) or not text or _DURATION.sub("", text):
            raise ValueError("expected a duration such as 300ms, 1.5s, 2h45m, 7d or 0")
        return super().__new__(
            cls, sum(float(amount) * _SECONDS[unit] for amount, unit in _DURATION.findall(text))
        )


class Size(int):
    """A number of bytes, written `20MiB`, `1.5GB` or as a plain number."""

    def __new__(cls, text: str | int) -> Size:
        """Parse. Raises ValueError with what is allowed."""
        if isinstance(text, int) and not isinstance(text, bool) and text >= 0:
            return super().__new__(cls, text)
        found = _SIZE.fullmatch(text) if isinstance(text, str) else None
        if found is None:
            raise ValueError("expected a size such as 512KiB, 20MiB, 1.5GB or a number of bytes")
        return super().__new__(cls, round(float(found[1]) * _BYTES[found[2] or "B"]))


class Secret:
    """A string that is never shown: printed, logged and exported as `[REDACTED]`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        if not isinstance(value, str):
            raise ValueError("expected a string")
        self._value = value

    def reveal(self) -> str:
        """The value, for the one place that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "[REDACTED]"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


class PemFile:
    """The path of a file of certificates or keys, and by a digest what is in it when this is made.

    Equal are only the same path with the same content: where a file was renewed under its name,
    options that name it have changed.
    """

    __slots__ = ("_digest", "path")

    def __init__(self, path: str | Path) -> None:
        """Look at the file; that it cannot be read is a content, too.

        Raises ValueError: also when no more files may be opened, which says nothing about this one.
        """
        if not isinstance(path, (str, Path)) or not str(path):
            raise ValueError("expected a path")
        self.path = Path(path)
        try:
            self._digest = hashlib.sha256(read_file(self.path, patience=0)).digest()
        except OSError as error:
            if error.errno in OUT_OF_FILES:
                raise ValueError("cannot be looked at: too many open files") from None
            self._digest = b""

    def __str__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        return f"PemFile({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, PemFile) and other.path == self.path and other._digest == self._digest
        )

    def __hash__(self) -> int:
        return hash((self.path, self._digest))


def decode_option(type_: type, value: Any) -> Any:
    """The `dec_hook` of msgspec for these types. Raises ValueError, which never has the value."""
    if type_ in (Duration, Size, Secret, PemFile):
        return type_(value)
    raise NotImplementedError(type_)
