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
    lines = [f"# {_text(document.title)}", "", f"**{_text(document.subtitle)}**", ""]
    lines += [f"- {_text(name)}: {_text(value)}" for name, value in document.about]
    for block in document.first:
        lines += ["", *_block(block)]
    for section in document.sections:
        lines += ["", f"## {section.letter}. {_text(section.title)}"]
        for block in section.blocks:
            lines += ["", *_block(block)]
    return "\n".join(lines) + "\n"


def _block(block: Block) -> Iterator[str]:
    if isinstance(block, Para):
        yield f"> **{_text(block.text)}**" if block.strength == "warning" else _text(block.text)
    elif isinstance(block, Title):
        yield f"### {_text(block.text)}"
    elif isinstance(block, Bullets):
        yield from (f"- {_text(item)}" for item in block.items)
    elif isinstance(block, Pairs):
        for name, said in block.items:
            yield f"- **{_text(name)}**" + (f" {_text(said[0])}" if said else "")
            yield from (f"  - {_text(line)}" for line in said[1:])
    elif isinstance(block, Tiles):
        for number, what, remark, _ in block.items:
            yield f"- **{_text(number)}** {_text(what)} ({_text(remark)})"
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
    yield f"**{_text(caption)}**"
    yield ""
    if not rows:
        yield _text(empty)
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
    yield _text(chart.told)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_text(cell) for cell in cells) + " |"


def _text(text: str) -> str:
    """A text that shows as it is, in one line."""
    plain = escape(" ".join(text.split()))
    if isinstance(text, Mono):
        longest = max((len(found) for found in _TICKS.findall(plain)), default=0)
        fence = "`" * (longest + 1)
        space = " " if plain.startswith("`") or plain.endswith("`") else ""
        return f"{fence}{space}{plain}{space}{fence}".replace("|", "\\|")
    escaped = _SPECIAL.sub(r"\\\1", html.escape(plain, quote=False))
    return _START.sub(lambda found: f"{found[1] or ''}\\{found[2] or found[3]}", escaped)
