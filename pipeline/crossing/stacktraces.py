"""Stack traces as text, in the usual form of their language, to Sentry's exception values and back.

OpenTelemetry carries a stack trace as one text, "in the natural representation for the language
runtime" (semantic conventions, `exception.stacktrace`); Sentry carries frames.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..payloads.document import Tree
from . import (
    dotnet_traces,
    go_traces,
    java_traces,
    javascript_traces,
    php_traces,
    python_traces,
    ruby_traces,
)
from .raised import Raised, from_values

MAX_TEXT = 256 * 1024  # characters that are read of one text; the middle is left out

# In the order in which they are tried on a text of unknown language: the unmistakable ones first.
_READERS: dict[str, Callable[[str], Raised | None]] = {
    "python": python_traces.parse,
    "go": go_traces.parse,
    "java": java_traces.parse,
    "javascript": javascript_traces.parse,
    "csharp": dotnet_traces.parse,
    "php": php_traces.parse,
    "ruby": ruby_traces.parse,
}
_WRITERS: dict[str, Callable[[Raised], str]] = {
    "python": python_traces.render,
    "go": go_traces.render,
    "java": java_traces.render,
    "javascript": javascript_traces.render,
    "node": javascript_traces.render,
    "csharp": dotnet_traces.render,
    "php": php_traces.render,
    "ruby": ruby_traces.render,
}


def parse(text: str, platform: str | None = None) -> tuple[str, Raised] | None:
    """The platform and the exception that a text describes; None when it has no calls that we read.

    `platform` is Sentry's word for the language, where it is known: it is tried first. Never
    raises; takes time in proportion to the text.
    """
    text = _bounded(text)
    first = "javascript" if platform == "node" else platform
    for name in sorted(_READERS, key=lambda name: name != first):
        raised = _READERS[name](text)
        if raised is not None and any(found.frames for found in raised.walk()):
            return (platform if name == first and platform else name), raised
    return None


def render(values: Sequence[Tree], platform: str | None) -> str | None:
    """The text of Sentry's exception values as their language writes it.

    Unknown languages are written as Python's. None when no value has a frame: the text would say
    nothing that type and message do not.
    """
    raised = from_values(values)
    if raised is None or not any(found.frames for found in raised.walk()):
        return None
    return _WRITERS.get(platform or "", python_traces.render)(raised)


def _bounded(text: str) -> str:
    if len(text) <= MAX_TEXT:
        return text
    head = text[: MAX_TEXT // 2].rpartition("\n")[0]
    tail = text[-MAX_TEXT // 2 :].partition("\n")[2]
    return f"{head}\n{tail}"
