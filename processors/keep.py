"""Let only named fields survive: an allow-list."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar

from msgspec import Meta

from ..pipeline.component import Processor, ProcessorConfig, Settings
from ..pipeline.errors import Drop, Problem
from ..pipeline.payloads.document import Document
from ..policy.allowed import AllowList
from ..policy.selectors import parse_selector
from .option_problems import selector_problem


class Keep(ProcessorConfig, frozen=True, kw_only=True):
    """Keep the named fields, and what makes a document valid (ids, times, level); no others."""

    fields: Annotated[
        tuple[str, ...],
        Meta(description="Selectors: `$error.type`, `$frame.**`, `$log.body`, `tags.release`."),
    ]

    def problems(self) -> Iterable[Problem]:
        """Selectors that cannot be read."""
        for index, text in enumerate(self.fields):
            yield from selector_problem(f"fields[{index}]", text)

    def build(self, settings: Settings) -> Processor:
        """Make the processor."""
        return _Keep(AllowList([parse_selector(text) for text in self.fields]))


class _Keep(Processor):
    contexts: ClassVar[bool] = True  # headers, resources and scopes have fields too

    def __init__(self, allowed: AllowList) -> None:
        self._allowed = allowed

    def process(self, document: Document) -> None:
        kept, tree = self._allowed.applied(document.type, document.tree)
        if not kept:
            raise Drop("filtered")
        if tree is not document.tree:
            document.tree = tree
