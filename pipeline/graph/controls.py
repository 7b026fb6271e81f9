"""The controls that a configuration puts between documents and a destination: for the journal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
    opened = {each for id_ in ids for each in _opened(id_, config.processors[id_])}
    return Way(
        destination=destination,
        pipeline=pipeline,
        on=tuple(sorted([*on, *([REDACTION] if parts else [])])),
        open=tuple(sorted(opened)),
    )


def _opened(id_: str, options: object) -> Iterator[str]:
    """What a processor leaves although it was found. A pattern may be a value: it is not shown."""
    for text in getattr(options, "safe_fields", ()):
        yield f"field {text}"
    for detector in getattr(options, "disabled_detectors", ()):
        yield f"detector {detector}"
    if getattr(options, "allowed_values", ()):
        yield f"values that {id_} allows"


def _own(part: RedactPart) -> list[str]:
    """The classes that the user's own rules find."""
    return [
        *(detector.class_ for detector in part.detectors),
        *(class_ for _, class_ in part.keys),
        *(class_ for _, class_ in part.selectors),
    ]
