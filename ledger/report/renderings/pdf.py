"""The report as PDF, set by Typst: texts go to it as data, which is never read as markup."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from importlib import resources
from typing import Any
from xml.etree.ElementTree import Element, tostring

from ....pipeline.terminal import escape
from ..pages.blocks import Bars, Document, Mono, Timeline
from .svg import bars, swatch, timeline

_WIDTH = "690"  # of a chart, in its own pixels: its texts are then as large as small print


class NoTypesetter(Exception):  # noqa: N818  the outcome of an attempt
    """The extra that sets PDFs is not installed."""


def pdf(document: Document) -> bytes:
    """The whole document. Raises NoTypesetter."""
    try:
        import typst
    except ImportError:
        raise NoTypesetter("a PDF needs Typst: pip install 'errlock[pdf]'") from None
    template = (resources.files(__package__) / "report.typ").read_bytes()
    data = json.dumps(_plain(document), ensure_ascii=False)
    made: bytes = typst.compile(template, sys_inputs={"report": data})
    return made


def _plain(value: Any) -> Any:
    """A part of the document as JSON has it."""
    if isinstance(value, Mono):
        return {"mono": _text(value)}
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Timeline | Bars):
        return _chart(value)
    if isinstance(value, int | None):
        return value
    if hasattr(value, "__dataclass_fields__"):
        return {"kind": type(value).__name__, **_fields(value)}
    return [_plain(each) for each in value]


def _fields(value: Any) -> Mapping[str, Any]:
    return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}


def _chart(chart: Timeline | Bars) -> Mapping[str, Any]:
    drawn = timeline(chart, _WIDTH) if isinstance(chart, Timeline) else bars(chart, _WIDTH)
    parts = chart.parts if isinstance(chart, Bars) else ()
    return {
        "kind": type(chart).__name__,
        "title": _text(chart.title),
        "told": _text(chart.told),
        "legend": [[_text(part.name), _svg(swatch(i))] for i, part in enumerate(parts)],
        "drawing": _svg(drawn),
    }


def _svg(drawing: Element) -> str:
    return tostring(drawing, encoding="unicode")


def _text(text: str) -> str:
    return escape(" ".join(text.split()))
