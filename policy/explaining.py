"""What a plan found in a document and what becomes of it, for people who ask why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .findings import Form, Mark
from .judging import Path, Site
from .parts import Part
from .rendering import Rendering


@dataclass(frozen=True, slots=True)
class Explained:
    """One finding. Holds the value as received: it is for whoever gave the document in."""

    path: Path
    is_key: bool
    start: int
    end: int
    class_: str
    detector: str
    form: Form
    part: int | None  # which part of the plan acted; None: it leaves as it is
    before: str
    after: str  # what stands in its place; empty when it is removed


def explained(parts: Sequence[Part], scope: str, sites: Sequence[Site]) -> Iterator[Explained]:
    """Every finding of a document in the order of the document."""
    rendering = Rendering(parts, scope)
    for site in sites:
        for mark in site.marks:
            before = site.view.text[mark.start : mark.end]
            act = rendering.act(mark, site)
            form, after = (mark.form, before) if act is None else act
            part = None if act is None else _claimant(parts, mark)
            yield Explained(
                site.path, site.is_key, mark.start, mark.end, mark.class_, mark.detector,
                form, part, before, after or "",
            )  # fmt: skip


def _claimant(parts: Sequence[Part], mark: Mark) -> int | None:
    return next((i for i, part in enumerate(parts) if part.form(mark.class_) is not None), None)
