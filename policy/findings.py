"""What detection yields: spans of text, each with its class."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start` to `end` of a string are of a class, as a detector saw."""

    start: int
    end: int
    class_: str
    detector: str
