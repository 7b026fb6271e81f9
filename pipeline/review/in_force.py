"""The policy in force: what one exporter of one pipeline gets of a payload, and what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from ...policy.classes import matches
from ...policy.detection import Detection
from ...policy.findings import FORMS, Form, Tree
from ...policy.parts import Part, RedactPart, form_of
from ...policy.plan import Explained
from ..api import Pipeline
from ..chain import Chain, Step
from ..component import ProcessorConfig
from ..config import Config
from ..counters import Counters
from ..errors import BrokenDocument, DropReason
from ..payloads.document import Document, DocumentType, Payload

_LEFT_BEFORE = "placeholder"  # the detector's name for what a former chain left


@dataclass(frozen=True, slots=True)
class Found:
    """One finding. Its value is not kept."""

    path: tuple[str | int, ...]
    is_key: bool
    class_: str
    detector: str
    form: Form
    by: str  # the id of the processor that acts; empty when it leaves in clear


@dataclass(frozen=True, slots=True)
class Judged:
    """One document: as received, as it leaves, and what was found in it."""

    type: DocumentType
    before: Tree  # None when it cannot be read
    after: Tree  # None when it does not go out
    found: tuple[Found, ...]
    lost: DropReason | None = None
    by: str = ""  # the id of the processor that dropped it


class PolicyInForce:
    """A pipeline's processors and those of one exporter of it, without sampling.

    What sampling lets through is chance: another time it is another document.
    """

    def __init__(self, config: Config, pipeline: str | None, exporter: str | None) -> None:
        """Compile. Raises ConfigError when there is no such pipeline or exporter."""
        policy = Pipeline.from_config(_unsampled(config), pipeline=pipeline, exporter=exporter)
        pipelines = config.service.pipelines
        self.config = config
        self.pipeline = pipeline if pipeline is not None else next(iter(pipelines))
        self.exporter = exporter if exporter is not None else pipelines[self.pipeline].exporters[0]
        self._chain = policy._chain
        self._stricter = policy._stricter
        own = config.exporters[self.exporter].processors
        self._ids = (*pipelines[self.pipeline].processors, *own)
        stricter_parts = self._stricter.parts if self._stricter else []
        self._parts_by_chain = (self._chain.parts, stricter_parts)
        self.detection = Detection(self._parts)
        # Processors of which none looks for anything let out everything: that has to be told, too.
        self._onlooker = None if self._parts else Chain([Step("", Part())], Counters(), "review")

    @property
    def processors(self) -> Mapping[str, ProcessorConfig]:
        """The processors in force by id, the exporter's own last."""
        return {id_: self.config.processors[id_] for id_ in self._ids}

    def form_of(self, class_: str) -> Form:
        """The form in which a class leaves: the one that tells least."""
        forms = [form_of(parts, class_) for parts in self._parts_by_chain]
        return max(forms, key=FORMS.index)

    def keeps(self, class_: str) -> bool:
        """Whether somebody wrote that this class stays."""
        written = [part for part in self._parts if isinstance(part, RedactPart)]
        return self.form_of(class_) == "clear" and any(
            method == "keep" and matches(class_, rule)
            for part in written
            for rule, method in part.classes
        )

    @property
    def _parts(self) -> Sequence[Part]:
        return [part for parts in self._parts_by_chain for part in parts]

    def cut(self, text: str) -> str:
        """A text without what a policy left in place of values."""
        for held in reversed(self.detection.placeholders(text)):
            text = f"{text[: held.start]} {text[held.end :]}"
        return text

    def judge(self, payload: Payload) -> list[Judged]:
        """Every document of a payload, contexts first. The payload is left as it is."""
        before = (*payload.contexts, *payload.documents)
        found, after = _through(self._chain, payload)
        if self._stricter is not None:
            later, after = _through(self._stricter, after)
            found = [self._joined(*each) for each in zip(found, later, strict=True)]
        if self._onlooker is not None:
            found, _ = _through(self._onlooker, payload)
        ends = (*after.contexts, *after.documents)
        return [
            Judged(
                type=document.type,
                before=_readable(document),
                after=None if end.lost else _readable(end),
                found=tuple(each for each in own if each.detector != _LEFT_BEFORE),
                lost=end.lost,
                by=end.dropped_by,
            )
            for document, own, end in zip(before, found, ends, strict=True)
        ]

    def _joined(self, first: list[Found], later: list[Found]) -> list[Found]:
        """The findings of both chains: the later one judges what the first lets out in clear."""
        seen = {(each.path, each.is_key) for each in later if each.form != "clear"}
        kept = [
            each for each in first if each.form != "clear" or (each.path, each.is_key) not in seen
        ]
        known = {(each.path, each.is_key, each.class_) for each in kept}
        return kept + [each for each in later if (each.path, each.is_key, each.class_) not in known]


def _through(chain: Chain, payload: Payload) -> tuple[list[list[Found]], Payload]:
    scanned = chain.scan(payload)
    found = [[_found(each, by) for each, by in findings] for _, findings in chain.explain(scanned)]
    return found, chain.render(scanned, chain.plan(""))


def _found(each: Explained, by: str) -> Found:
    return Found(each.path, each.is_key, each.class_, each.detector, each.form, by)


def _readable(document: Document) -> Tree:
    try:
        return document.tree
    except BrokenDocument:
        return None


def _unsampled(config: Config) -> Config:
    from ...processors.sample import Sample

    def without(ids: Sequence[str]) -> tuple[str, ...]:
        return tuple(id_ for id_ in ids if not isinstance(config.processors[id_], Sample))

    pipelines = {
        name: msgspec.structs.replace(options, processors=without(options.processors))
        for name, options in config.service.pipelines.items()
    }
    exporters = {
        id_: replace(
            options,
            delivery=msgspec.structs.replace(
                options.delivery, processors=without(options.processors)
            ),
        )
        for id_, options in config.exporters.items()
    }
    service = msgspec.structs.replace(config.service, pipelines=pipelines)
    return replace(config, service=service, exporters=exporters)
