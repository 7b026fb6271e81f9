"""A processor of your own, within an application: events without a message are dropped, others get
a tag. For a collector it stands in a package: see plugin/.
"""

from typing import Annotated

from msgspec import Meta

from errlock.pipeline import Pipeline
from errlock.pipeline.component import Processor, ProcessorConfig, Settings
from errlock.pipeline.errors import Drop
from errlock.pipeline.payloads.document import Document
from errlock.processors.redact import Redact


class Tag(ProcessorConfig, frozen=True, kw_only=True):
    """Tag events; drop those that have no message."""

    name: Annotated[str, Meta(description="The tag's name.")]
    value: Annotated[str, Meta(description="The tag's value.")]

    def build(self, settings: Settings) -> Processor:
        """Make the processor."""
        return Tagger(self)


class Tagger(Processor):
    """The running part."""

    def __init__(self, options: Tag) -> None:
        self._options = options

    def process(self, document: Document) -> None:
        """See `Processor.process`: a new tree, never the old one changed."""
        tree = document.tree
        if document.type != "event" or not isinstance(tree, dict):
            return
        if "message" not in tree:
            raise Drop("filtered")
        tags = tree.get("tags")
        more = {**(tags if isinstance(tags, dict) else {}), self._options.name: self._options.value}
        document.tree = {**tree, "tags": more}


pipeline = Pipeline([Tag(name="team", value="checkout"), Redact()])
print(pipeline.scrub_event({"message": "password=Winter2024!", "tags": {"plan": "gold"}}))
print(pipeline.scrub_event({"level": "error"}))
