"""What stack traces that are texts disclose, read as when they cross to Sentry's protocol."""

from __future__ import annotations

import re

from ...pipeline.crossing.raised import to_values
from ...pipeline.crossing.stacktraces import MAX_TEXT, parse
from .lenient import lenient
from .outline import AllRaised
from .sections import Remembered
from .stacks import Thrown, of_thrown, thrown

# Of a line that is no call, what stands before the message.
_BEFORE_MESSAGE = re.compile(r"(?:(?:Caused by|Suppressed|Wrapped by): )?[^:]*+(?:::[^:]*+)*+")


class TraceReader:
    """Reads stack traces. Safe from every thread."""

    def __init__(self, remembered: Remembered) -> None:
        self._remembered = remembered

    def section(self, type_: str, text: str, platform: str | None) -> bytes:
        """Of an exception of a type, with its trace as a text where there is one."""
        code = _code_of(text)
        return self._remembered.section(
            (type_, platform, code),
            len(type_) + len(code),
            lambda: of_thrown(_thrown(type_, text, platform)),
        )


def _thrown(type_: str, text: str, platform: str | None) -> tuple[Thrown, ...]:
    found = parse(text, platform) if text else None
    if found is None:
        return (Thrown(type_, "", ()),) if type_ else ()
    raised = lenient({"values": to_values(found[1])}, AllRaised)
    return thrown(raised)


def _code_of(text: str) -> str:
    """What is the same for the same code, whatever the message is."""
    kept = []
    for line in text[:MAX_TEXT].splitlines():
        if line[:1] not in (" ", "\t", "#"):
            before = _BEFORE_MESSAGE.match(line)
            line = before[0] if before is not None else line
        kept.append(line)
    return "\n".join(kept)
