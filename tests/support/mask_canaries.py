"""A policy for tests that are not about detection: it masks exactly the canaries."""

from __future__ import annotations

from typing import Any, ClassVar

from canaries import CANARIES

from errlock.pipeline.api import Pipeline
from errlock.pipeline.component import Processor, ProcessorConfig, Settings
from errlock.pipeline.payloads.document import Document

MASK = "[masked]"


class MaskCanaries(ProcessorConfig, frozen=True, kw_only=True):
    """Replaces every canary by `[masked]`, in keys and values, in documents and contexts."""

    def build(self, settings: Settings) -> Processor:
        return _Masker()


class _Masker(Processor):
    contexts: ClassVar[bool] = True

    def process(self, document: Document) -> None:
        document.tree = _masked(document.tree)


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        for core in CANARIES.values():
            value = value.replace(core, MASK)
        return value
    if isinstance(value, list):
        return [_masked(each) for each in value]
    if isinstance(value, dict):
        return {_masked(key): _masked(each) for key, each in value.items()}
    return value


def masking() -> Pipeline:
    """A pipeline with that policy."""
    return Pipeline({"mask": MaskCanaries()})


class Failing(ProcessorConfig, frozen=True, kw_only=True):
    """A processor with a fault: it raises with what it was given in its text."""

    def build(self, settings: Settings) -> Processor:
        return _Faulty()


class _Faulty(Processor):
    def process(self, document: Document) -> None:
        raise RuntimeError(str(document.tree))


def failing() -> Pipeline:
    """A pipeline that can judge nothing."""
    return Pipeline({"faulty": Failing()})
