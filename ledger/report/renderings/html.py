"""The report as one HTML file without scripts. Texts are set in elements, never into markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from importlib import resources
from xml.etree.ElementTree import Element, SubElement, tostring

from ....pipeline.terminal import escape
from ..pages.blocks import (
    Bars,
    Block,
    Bullets,
    Code,
    Document,
    Mono,
    Pairs,
    Para,
    Table,
    Tiles,
    Timeline,
    Title,
)
from .svg import bars, swatch, timeline

# No script, nothing from elsewhere, no form to send.
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)
_BLANK = re.compile(r"(\[only you know: [^\]]*\]|^only you know$)")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d(?::\d\d)?)")


def html(document: Document) -> bytes:
    """The whole document, in UTF-8."""
    root = Element("html", {"lang": "en"})
    head = SubElement(root, "head")
    SubElement(head, "meta", {"charset": "utf-8"})
    SubElement(head, "meta", {"http-equiv": "Content-Security-Policy", "content": _POLICY})
    SubElement(head, "meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"})
    SubElement(head, "meta", {"name": "referrer", "content": "no-referrer"})
    SubElement(head, "meta", {"name": "color-scheme", "content": "light dark"})
    _add(head, "title", f"{document.title}, {document.subtitle}")
    SubElement(head, "style").text = style()
    body = SubElement(root, "body")
    _header(body, document)
    main = SubElement(body, "main")
    _blocks(SubElement(main, "div", {"class": "first"}), document.first)
    for section in document.sections:
        part = SubElement(main, "section", {"id": section.letter})
        heading = SubElement(part, "h2")
        _add(heading, "span", section.letter, "letter").tail = f" {escape(section.title)}"
        _blocks(part, section.blocks)
    text: str = tostring(root, encoding="unicode", method="html")
    return f"<!DOCTYPE html>\n{text}\n".encode()


def style() -> str:
    """The style sheet."""
    return (resources.files(__package__) / "report.css").read_text("utf-8")


def _header(body: Element, document: Document) -> None:
    header = SubElement(body, "header")
    _add(header, "h1", document.title)
    _add(header, "p", document.subtitle, "window")
    about = SubElement(header, "dl", {"class": "about"})
    for name, value in document.about:
        pair = SubElement(about, "div")
        _add(pair, "dt", name)
        _add(pair, "dd", value)
    contents = SubElement(header, "nav", {"aria-label": "Sections"})
    for section in document.sections:
        link = _add(contents, "a", section.letter)
        link.set("href", f"#{section.letter}")
        _add(link, "span", section.title)


def _blocks(parent: Element, blocks: Iterable[Block]) -> None:
    for block in blocks:
        _block(parent, block)


def _block(parent: Element, block: Block) -> None:
    if isinstance(block, Para):
        _add(parent, "p", block.text, "" if block.strength == "plain" else block.strength)
    elif isinstance(block, Title):
        _add(parent, "h3", block.text)
    elif isinstance(block, Bullets):
        _list(parent, block.items)
    elif isinstance(block, Pairs):
        _pairs(parent, block)
    elif isinstance(block, Tiles):
        _tiles(parent, block)
    elif isinstance(block, Code):
        _add(SubElement(parent, "pre"), "code", block.text)
    elif isinstance(block, Table):
        _table(parent, block)
    else:
        _chart(parent, block)


def _list(parent: Element, items: Iterable[str]) -> None:
    made = SubElement(parent, "ul")
    for item in items:
        _add(made, "li", item)


def _pairs(parent: Element, block: Pairs) -> None:
    made = SubElement(parent, "dl", {"class": "pairs"})
    for name, said in block.items:
        pair = SubElement(made, "div")
        _add(pair, "dt", name)
        for line in said:
            _add(pair, "dd", line)


def _tiles(parent: Element, block: Tiles) -> None:
    made = SubElement(parent, "ul", {"class": "tiles"})
    for number, what, remark, alarm in block.items:
        tile = SubElement(made, "li", {"class": "alarm"} if alarm else {})
        _add(tile, "b", number)
        _add(tile, "span", what)
        _add(tile, "small", remark)


def _table(parent: Element, block: Table) -> None:
    if not block.rows:
        _add(parent, "h3", block.caption)
        _add(parent, "p", block.empty, "small")
        return
    made = SubElement(parent, "table")
    _add(made, "caption", block.caption)
    row = SubElement(SubElement(made, "thead"), "tr")
    for number, head in enumerate(block.heads):
        _add(row, "th", head, "number" if number in block.numbers else "").set("scope", "col")
    body = SubElement(made, "tbody")
    for cells in block.rows:
        row = SubElement(body, "tr")
        for number, cell in enumerate(cells):
            made_cell = _add(row, "td", cell, "number" if number in block.numbers else "")
            made_cell.set("data-head", block.heads[number])  # for phones, where heads are beside


def _chart(parent: Element, chart: Timeline | Bars) -> None:
    figure = SubElement(parent, "figure")
    _add(figure, "figcaption", chart.title)
    if isinstance(chart, Bars) and len(chart.parts) > 1:
        legend = SubElement(figure, "ul", {"class": "legend"})
        for number, part in enumerate(chart.parts):
            item = SubElement(legend, "li")
            item.append(swatch(number))
            item[-1].tail = f" {part.name}"
    figure.append(timeline(chart) if isinstance(chart, Timeline) else bars(chart))
    _add(figure, "p", chart.told, "small")


def _add(parent: Element, tag: str, text: str, class_: str = "") -> Element:
    """An element with a text in it. Blanks that people have to fill are marked."""
    element = SubElement(parent, tag, {"class": class_} if class_ else {})
    plain = escape(" ".join(text.split()))
    if isinstance(text, Mono):
        SubElement(element, "code").text = plain
        return element
    if tag == "td" and (time := _TIME.fullmatch(plain)):  # two lines at most
        for part in time.groups():
            SubElement(element, "span", {"class": "whole"}).text = part
        element[0].tail = " "
        return element
    first, *rest = _BLANK.split(plain) if tag in ("p", "li", "dd", "td") else [plain]
    element.text = first
    for blank, after in _couples(rest):
        mark = SubElement(element, "mark")
        mark.text, mark.tail = blank, after
    return element


def _couples(parts: Sequence[str]) -> Iterable[tuple[str, str]]:
    return zip(parts[::2], parts[1::2], strict=True)
