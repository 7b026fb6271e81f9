from typing import Annotated

from msgspec import Meta

from errlock.pipeline.component import Processor, ProcessorConfig, Settings
from errlock.pipeline.errors import Drop
from errlock.pipeline.payloads.document import Document


class Team(ProcessorConfig, frozen=True, kw_only=True):
    """Say which team an event is for; drop those of load tests."""

    name: Annotated[str, Meta(description="The team.")]

    def build(self, settings: Settings) -> Processor:
        return _Team(self.name)


class _Team(Processor):
    def __init__(self, name: str) -> None:
        self._name = name

    def process(self, document: Document) -> None:
        event = document.tree
        if document.type != "event" or not isinstance(event, dict):
            return
        if event.get("logger") == "loadtest":
            raise Drop("filtered")
        extra = event.get("extra")
        more = {**(extra if isinstance(extra, dict) else {}), "team": self._name}
        document.tree = {**event, "extra": more}
