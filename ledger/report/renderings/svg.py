"""Draws charts as SVG: ink only, told apart by texture, so that paper and night show the same.

Bars stand in percent of the width, texts in pixels: a chart fits a page and a phone alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from xml.etree.ElementTree import Element, SubElement

from ....pipeline.terminal import escape
from ..pages.blocks import Bars, Mark, Timeline

_TEXT = 12  # pixels
_LETTER = 6.5  # how wide one is, about
_NARROWEST = 340  # how wide a chart is on a phone
_LINE = 17
_ROW = 46  # the height of a timeline's bars
_BAR = 14
_GAP = 9
# How the parts of a bar look: the more they tell, the more ink. The first is the whole colour.
_TEXTURES = ("ink", "hatch", "dots", "lines", "outline")
_numbers = count()  # ids of patterns: charts of one page share a name space


class _Sheet:
    """A drawing that grows downwards."""

    def __init__(self, title: str, told: str) -> None:
        self.name = f"c{next(_numbers)}"
        self.root = Element("svg", {"role": "img", "aria-labelledby": f"{self.name}-told"})
        words = SubElement(self.root, "title", {"id": f"{self.name}-told"})
        words.text = escape(f"{title}. {told}")
        self._patterns = SubElement(self.root, "defs")
        self.height = 0.0

    def text(
        self, text: str, x: str, y: float, anchor: str = "start", *, faint: bool = False
    ) -> None:
        """A line of text; `y` is where it stands."""
        element = SubElement(
            self.root, "text",
            {"x": x, "y": f"{y:.1f}", "font-size": str(_TEXT), "fill": "currentColor",
             "font-family": "sans-serif", "text-anchor": anchor},
        )  # fmt: skip
        if faint:
            element.set("fill-opacity", "0.7")
        element.text = escape(text)

    def bar(self, x: float, y: float, width: float, height: float, texture: str) -> Element:
        """A rectangle; `x` and `width` in percent."""
        return SubElement(
            self.root, "rect",
            {"x": f"{x:.3f}%", "y": f"{y:.1f}", "width": f"{width:.3f}%",
             "height": f"{height:.1f}", **self._look(texture)},
        )  # fmt: skip

    def line(self, x: tuple[float, float], y: tuple[float, float], dash: str = "") -> None:
        """A thin line; `x` in percent."""
        element = SubElement(
            self.root, "line",
            {"x1": f"{x[0]:.3f}%", "x2": f"{x[1]:.3f}%", "y1": f"{y[0]:.1f}", "y2": f"{y[1]:.1f}",
             "stroke": "currentColor", "stroke-width": "1"},
        )  # fmt: skip
        if dash:
            element.set("stroke-dasharray", dash)

    def finished(self, width: str = "100%") -> Element:
        """The drawing, as high as it has become."""
        self.root.set("width", width)
        # Typst refuses a drawing without a height, and a chart of what left in clear may be empty.
        self.root.set("height", f"{max(1.0, self.height):.0f}")
        self.root.set("xmlns", "http://www.w3.org/2000/svg")
        return self.root

    def _look(self, texture: str) -> dict[str, str]:
        if texture == "ink":
            return {"fill": "currentColor"}
        if texture == "band":
            return {"fill": "currentColor", "fill-opacity": "0.14"}
        look = {"stroke": "currentColor", "stroke-width": "0.8"}
        if texture == "outline":
            return {**look, "fill": "none"}
        return {**look, "fill": f"url(#{self._pattern(texture)})"}

    def _pattern(self, texture: str) -> str:
        name = f"{self.name}-{texture}"
        if any(each.get("id") == name for each in self._patterns):
            return name
        size = {"width": "5", "height": "5", "patternUnits": "userSpaceOnUse", "id": name}
        pattern = SubElement(self._patterns, "pattern", size)
        ink = {"stroke": "currentColor", "stroke-width": "1.6"}
        if texture == "hatch":
            pattern.set("patternTransform", "rotate(45)")
            SubElement(pattern, "line", {"x1": "1", "x2": "1", "y1": "0", "y2": "5", **ink})
        elif texture == "dots":
            SubElement(
                pattern, "circle", {"cx": "2.5", "cy": "2.5", "r": "1.1", "fill": "currentColor"}
            )
        else:
            ink["stroke-width"] = "0.8"
            SubElement(pattern, "line", {"x1": "0", "x2": "5", "y1": "2", "y2": "2", **ink})
        return name


def timeline(chart: Timeline, width: str = "100%") -> Element:
    """Rows of bars, with what happened marked across all of them."""
    sheet = _Sheet(chart.title, chart.told)
    top = _mark_texts(sheet, chart.marks)
    bottom = top + len(chart.rows) * (_LINE + _ROW + _GAP)
    for mark in chart.marks:
        if mark.end is not None:
            wide = max(0.4, (mark.end - mark.start) * 100)
            sheet.bar(
                mark.start * 100, top, min(wide, 100 - mark.start * 100), bottom - top, "band"
            )
    y = float(top)
    for row in chart.rows:
        largest = max(row.values, default=0)
        sheet.text(f"{row.name}: {sum(row.values):,}", "0", y + _TEXT)
        sheet.text(f"most {largest:,}", "100%", y + _TEXT, "end", faint=True)
        y += _LINE + _ROW
        _columns(sheet, row.values, largest, y)
        sheet.line((0, 100), (y, y))
        for mark in chart.marks:
            if mark.end is None:  # not across the texts
                sheet.line((mark.start * 100,) * 2, (y - _ROW, y), "4 3")
        y += _GAP
    _ticks(sheet, chart.labels, bottom + _TEXT - 4)
    sheet.height = bottom + _LINE
    return sheet.finished(width)


def _mark_texts(sheet: _Sheet, marks: Sequence[Mark]) -> int:
    """A line for each, beside where it happened, or two; how high they are together."""
    y = 0
    for mark in marks:
        anchor = "end" if mark.start > 0.5 else "start"
        at = mark.end if mark.end is not None and anchor == "end" else mark.start
        place = f"{at * 100:.2f}%"
        room = (at if anchor == "end" else 1 - at) * _NARROWEST
        wide = len(mark.text) * _LETTER
        if wide > room:  # the edge would cut it off
            over = wide / 2 <= min(at, 1 - at) * _NARROWEST
            sheet.text(mark.text, place if over else "0", y + _TEXT, "middle" if over else "start")
            sheet.text("↓", place, y + _LINE + _TEXT, "middle")
            y += _LINE
        else:
            arrow = f"{mark.text} ↓" if anchor == "end" else f"↓ {mark.text}"
            sheet.text(arrow, place, y + _TEXT, anchor)
        y += _LINE
    return y + (6 if marks else 0)


def _columns(sheet: _Sheet, values: Sequence[int], largest: int, bottom: float) -> None:
    step = 100 / max(1, len(values))
    for number, value in enumerate(values):
        if value:  # however small: it must be seen
            height = max(1.5, value / largest * _ROW)
            sheet.bar(number * step + step * 0.1, bottom - height, step * 0.8, height, "ink")


def _ticks(sheet: _Sheet, labels: Sequence[str], y: float) -> None:
    if labels:
        sheet.text(labels[0], "0", y, faint=True)
    if len(labels) > 1:
        sheet.text(labels[-1], "100%", y, "end", faint=True)


def bars(chart: Bars, width: str = "100%") -> Element:
    """Bars under their labels."""
    sheet = _Sheet(chart.title, chart.told)
    longest = max(chart.totals, default=0)
    y = 0.0
    for number, (label, total) in enumerate(zip(chart.labels, chart.totals, strict=True)):
        sheet.text(label, "0", y + _TEXT)
        sheet.text(f"{total:,}", "100%", y + _TEXT, "end", faint=True)
        y += _LINE
        x = 0.0
        for part, texture in zip(chart.parts, _TEXTURES, strict=False):
            share = part.values[number] / ((total if chart.share else longest) or 1) * 100
            if share:
                sheet.bar(x, y, max(share, 0.4), _BAR, texture)
            x += share
        y += _BAR + _GAP
    sheet.height = y
    return sheet.finished(width)


def swatch(number: int) -> Element:
    """A small piece of the part of that number, for a legend."""
    sheet = _Sheet("", "")
    sheet.root.attrib = {"aria-hidden": "true"}
    sheet.root.remove(sheet.root[0])
    sheet.bar(3, 0.5, 94, 10, _TEXTURES[number])
    sheet.height = 11
    return sheet.finished("20")
