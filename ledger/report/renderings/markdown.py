"""The report as Markdown (GitHub's flavour), every text escaped."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence

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

_SPECIAL = re.compile(r"([\\`*_{}\[\]#|~])")
_START = re.compile(r"^(\d+)([.)])(?=\s|$)|^([+=-])")
_TICKS = re.compile(r"`+")


def markdown(document: Document) -> str:
    """The whole document."""
    lines = [f"# {in_markdown(document.title)}", "", f"**{in_markdown(document.subtitle)}**", ""]
    lines += [f"- {in_markdown(name)}: {in_markdown(value)}" for name, value in document.about]
    for block in document.first:
        lines += ["", *_block(block)]
    for section in document.sections:
        lines += ["", f"## {section.letter}. {in_markdown(section.title)}"]
        for block in section.blocks:
            lines += ["", *_block(block)]
    return "\n".join(lines) + "\n"


def _block(block: Block) -> Iterator[str]:
    if isinstance(block, Para):
        yield (
            f"> **{in_markdown(block.text)}**"
            if block.strength == "warning"
            else in_markdown(block.text)
        )
    elif isinstance(block, Title):
        yield f"### {in_markdown(block.text)}"
    elif isinstance(block, Bullets):
        yield from (f"- {in_markdown(item)}" for item in block.items)
    elif isinstance(block, Pairs):
        for name, said in block.items:
            yield f"- **{in_markdown(name)}**" + (f" {in_markdown(said[0])}" if said else "")
            yield from (f"  - {in_markdown(line)}" for line in said[1:])
    elif isinstance(block, Tiles):
        for number, what, remark, _ in block.items:
            yield f"- **{in_markdown(number)}** {in_markdown(what)} ({in_markdown(remark)})"
    elif isinstance(block, Code):
        yield from ("```sh", escape(block.text).replace("```", "` ` `"), "```")
    elif isinstance(block, Table):
        yield from _table(block.caption, block.heads, block.rows, block.numbers, block.empty)
    else:
        yield from _chart(block)


def _table(
    caption: str,
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    numbers: Sequence[int],
    empty: str,
) -> Iterator[str]:
    yield f"**{in_markdown(caption)}**"
    yield ""
    if not rows:
        yield in_markdown(empty)
        return
    yield _row(heads)
    yield "|" + "|".join(" ---: " if i in numbers else " --- " for i in range(len(heads))) + "|"
    yield from (_row(row) for row in rows)


def _chart(chart: Timeline | Bars) -> Iterator[str]:
    """Its numbers: a chart is for the eye, and Markdown has none."""
    series = chart.rows if isinstance(chart, Timeline) else chart.parts
    rows = [
        [label, *(f"{each.values[i]:,}" for each in series)]
        for i, label in enumerate(chart.labels)
        if any(each.values[i] for each in series)
    ]
    heads = ["", *(each.name for each in series)]
    yield from _table(chart.title, heads, rows, range(1, len(heads)), "Nothing.")
    yield ""
    yield in_markdown(chart.told)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(in_markdown(cell) for cell in cells) + " |"


def in_markdown(text: str) -> str:
    """A text that shows as it is, in one line."""
    plain = escape(" ".join(text.split()))
    if isinstance(text, Mono):
        longest = max((len(found) for found in _TICKS.findall(plain)), default=0)
        fence = "`" * (longest + 1)
        space = " " if plain.startswith("`") or plain.endswith("`") else ""
        return f"{fence}{space}{plain}{space}{fence}".replace("|", "\\|")
    escaped = _SPECIAL.sub(r"\\\1", html.escape(plain, quote=False))
    return _START.sub(lambda found: f"{found[1] or ''}\\{found[2] or found[3]}", escaped)
