"""The controls that a configuration puts between documents and a destination: for the journal."""

from __future__ import annotations

from collections.abc import Sequence

from ...ledger.controls import REDACTION, Way
from ...policy.classes import CLASSES
from ...policy.parts import Part, RedactPart, form_of
from ..config import Config
from .tightening import STRICT


def way(config: Config, pipeline: str, destination: str, parts: Sequence[Part]) -> Way:
    """What stands in the way from a pipeline to a destination. `parts` are all on that way.

    The strict profile of an incident is none of it: that it was put there and taken away again
    is an entry of its own.
    """
    ids = [
        id_
        for id_ in (
            *config.service.pipelines[pipeline].processors,
            *config.exporters[destination].processors,
        )
        if id_ != STRICT
    ]
    own = {class_ for part in parts if isinstance(part, RedactPart) for class_ in _own(part)}
    protected = [each for each in {*CLASSES, *own} if form_of(parts, each) != "clear"]
    on = [f"processor {id_}" for id_ in ids] + [f"class {each}" for each in protected]
    opened = {
        f"field {text}"
        for id_ in ids
        for text in getattr(config.processors[id_], "safe_fields", ())
    }
    return Way(
        destination=destination,
        pipeline=pipeline,
        on=tuple(sorted([*on, *([REDACTION] if parts else [])])),
        open=tuple(sorted(opened)),
    )


def _own(part: RedactPart) -> list[str]:
    """The classes that the user's own rules find."""
    return [
        *(detector.class_ for detector in part.detectors),
        *(class_ for _, class_ in part.keys),
        *(class_ for _, class_ in part.selectors),
    ]
