"""An OTLP request as it came in."""

from __future__ import annotations

from .document import Document
from .otlp_documents import CONTEXTS, Content, Repairs
from .otlp_schema import Outline, holder
from .otlp_signals import Shape
from .otlp_wire import Layout


class Received:
    """Its bytes, and what was found out about them: shared by all copies of a payload."""

    __slots__ = ("_layout", "_shared", "body", "contents", "outline", "shape")

    def __init__(self, body: bytes, shape: Shape, outline: Outline) -> None:
        """`body` was checked, and this is its outline."""
        self.body = body
        self.shape = shape
        self.outline = outline
        self._layout: Layout | None = None
        self._shared: list[tuple[Document, int]] | None = None
        self.contents: dict[int, Content] = {}  # by region; of a context by ~container

    @property
    def layout(self) -> Layout:
        """Made when it is needed."""
        if self._layout is None:
            self._layout = Layout(self.body, holder(self.shape))
        return self._layout

    @property
    def shared(self) -> list[tuple[Document, int]]:
        """The contexts as they came in, without a layout; made when they are needed."""
        if self._shared is None:
            self._shared = [
                (CONTEXTS[kind](kind, Content(message, own), Repairs()), records)
                for kind, message, own, records in self.outline.shared
            ]
        return self._shared

    def record(self, region: int) -> Content:
        """The content of a record."""
        found = self.contents.get(region)
        if found is None:
            made = Content(*self.layout.record(region))
            found = self.contents.setdefault(region, made)  # another thread may have been faster
        return found

    def context(self, number: int) -> Content:
        """The content of a context."""
        found = self.contents.get(~number)
        if found is None:
            layout = self.layout
            made = Content(layout.containers[number].holder.message, layout.own(number))
            found = self.contents.setdefault(~number, made)
        return found
