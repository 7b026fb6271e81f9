"""Whether a key lies among the files that it protects: who takes the folder would have both."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path

# A file that holds a key is small.
_LARGEST = 64 * 1024  # bytes
# What may stand within a text that is wrapped, quoted in JSON, in UTF-16 or in pairs of digits.
_BETWEEN = re.compile(rb"\\[rn]|[\s\0:]+")


def file_with_key(folder: Path, key: bytes) -> Path | None:
    """The first file that holds it: its bytes, or in base64 or hex once or twice over.

    That is also how PEM holds one, and how Kubernetes holds what holds one. Raises OSError.
    """
    forms = {key, *_encoded(key)}
    forms |= {twice for once in _encoded(key) for twice in _encoded(once)}
    forms.discard(b"")  # what base64 surely has of a few bytes: it stands everywhere
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.stat().st_size <= _LARGEST:
            data = path.read_bytes()
            text = _BETWEEN.sub(b"", data)
            if any(form in data or form in text for form in forms):
                return path
    return None


def _encoded(data: bytes) -> Iterator[bytes]:
    yield data.hex().encode()
    yield data.hex().upper().encode()
    for skipped in range(3):  # base64 depends on what stands before, and at its end on what follows
        whole = data[skipped:][: (len(data) - skipped) // 3 * 3]
        yield base64.b64encode(whole)
        yield base64.urlsafe_b64encode(whole)
