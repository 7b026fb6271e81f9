import json
from collections.abc import Sequence
from typing import Annotated, ClassVar
from urllib.parse import urlsplit

from msgspec import Meta

from errlock.exporters.http import HttpClient, failed
from errlock.pipeline.component import Delivered, Exporter, ExporterConfig, Settings
from errlock.pipeline.options import Secret
from errlock.pipeline.payloads.document import DocumentType, Payload, Protocol


class Webhook(ExporterConfig, frozen=True, kw_only=True):
    """Tell a webhook of each error: its id and its level."""

    url: Annotated[Secret, Meta(description="Where to post.")]

    def hosts(self) -> list[str]:
        return [urlsplit(self.url.reveal()).hostname or ""]

    def build(self, settings: Settings) -> Exporter:
        return _Webhook(self.url.reveal())


class _Webhook(Exporter):
    accepts: ClassVar[Sequence[Protocol]] = ("sentry",)
    supported: ClassVar[frozenset[DocumentType] | None] = frozenset({"event"})

    def __init__(self, url: str) -> None:
        self._url = url
        self._client = HttpClient(timeout=10, headers={"Content-Type": "application/json"})

    async def start(self) -> None:
        await self._client.start()

    async def export(self, payload: Payload) -> Delivered:
        events = [(event.event_id, event.tree) for event in payload.alive]
        told = [
            {"id": id_, "level": tree.get("level", "error")}
            for id_, tree in events
            if isinstance(tree, dict)
        ]
        answer = await self._client.post(self._url, json.dumps(told).encode(), {})
        if not 200 <= answer.status < 300:
            raise failed(answer)
        return Delivered(len(events))

    def abort(self) -> None:
        self._client.abort()

    async def stop(self) -> None:
        await self._client.stop()
