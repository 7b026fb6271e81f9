"""What stack traces that are texts disclose, read as when they cross to Sentry's protocol."""

from __future__ import annotations

import re

from ...pipeline.crossing.raised import to_values
from ...pipeline.crossing.stacktraces import MAX_TEXT, parse
from .lenient import lenient
from .outline import AllRaised, Raised
from .sections import Remembered, pack
from .stacks import of_group

# Of a line that is no call, what stands before the message.
_BEFORE_MESSAGE = re.compile(r"(?:(?:Caused by|Suppressed|Wrapped by): )?[^:]*+(?:::[^:]*+)*+")


class TraceReader:
    """Reads stack traces. Safe from every thread."""

    def __init__(self, remembered: Remembered) -> None:
        self._remembered = remembered

    def pieces(self, type_: str, text: str, platform: str | None) -> tuple[bytes, ...]:
        """Of an exception of a type, with its trace as a text where there is one."""
        code = _code_of(text)
        key = (type_, platform, code)
        found = self._remembered.get(key)
        if found is None:
            made = pack(of_group(_raised(type_, text, platform)))
            found = self._remembered.keep(key, len(type_) + len(code), made)
        return found


def _raised(type_: str, text: str, platform: str | None) -> AllRaised | None:
    found = parse(text, platform) if text else None
    if found is None:
        return AllRaised(values=(Raised(type_),))
    return lenient({"values": to_values(found[1])}, AllRaised)


def _code_of(text: str) -> str:
    """What is the same for the same code, whatever the message is."""
    kept = []
    for line in text[:MAX_TEXT].splitlines():
        if line[:1] not in (" ", "\t", "#"):
            before = _BEFORE_MESSAGE.match(line)
            line = before[0] if before is not None else line
        kept.append(line)
    return "\n".join(kept)
