"""Lines of documents: cut out of chunks, and told apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from ..pipeline.errors import UNREADABLE

Format = Literal["auto", "event", "envelope", "otlp-logs", "otlp-traces", "otlp-metrics"]

_BOM = b"\xef\xbb\xbf"


class Lines:
    """Cuts chunks into lines: None for one that is too long. Blank lines are left out."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._begun = bytearray()
        self._too_long = False
        self._fed = 0
        self.ended = 0  # bytes, up to the end of the last line that came out

    def feed(self, data: bytes) -> Iterator[bytes | None]:
        """The lines that end in this chunk."""
        before, self._fed = self._fed, self._fed + len(data)
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            self._add(data[start:end])
            start = end + 1
            self.ended = before + start
            yield from self.end()
        self._add(data[start:])

    def end(self) -> Iterator[bytes | None]:
        """The line that was begun, as there is no more of it."""
        line, too_long = bytes(self._begun).strip().removeprefix(_BOM), self._too_long
        self._begun.clear()
        self._too_long = False
        if line or too_long:
            yield None if too_long else line

    def _add(self, data: bytes) -> None:
        if self._too_long or len(self._begun) + len(data) > self._longest:
            self._too_long = True
            self._begun.clear()
        else:
            self._begun += data


_names = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def seen_format(line: bytes) -> Format:
    """What a line looks like: by its first character, and by the names in an object."""
    if not line.startswith(b"{"):
        return "envelope"
    try:
        names = _names(line)
    except UNREADABLE:
        return "event"  # whose reader mends what can be mended
    if "resourceLogs" in names:
        return "otlp-logs"
    if "resourceSpans" in names:
        return "otlp-traces"
    if "resourceMetrics" in names:
        return "otlp-metrics"
    return "envelope" if "items" in names and "headers" in names else "event"
