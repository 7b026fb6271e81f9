"""Texts with what must go of them and what must stay."""

from __future__ import annotations

from collections.abc import Iterable

from engine_twins import difference
from scrubbing import scrubbed_text

# A text, the parts that must be gone, the parts that must stay.
Row = tuple[str, list[str], list[str]]


def hold(text: str, gone: list[str], stay: list[str]) -> None:
    """Raise AssertionError unless only what is sensitive goes."""
    left = scrubbed_text(text)
    assert [part for part in gone if part in left] == []
    assert [part for part in stay if part not in left] == []


def seen_otherwise(rows: Iterable[Row]) -> list[object]:
    """What the engine sees in them otherwise than the walk."""
    found = [difference("default", "event", {"message": text}) for text, _, _ in rows]
    return [each for each in found if each is not None]
