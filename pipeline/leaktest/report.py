"""What a run found, for people and for scripts."""

from __future__ import annotations

import fnmatch
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import Any, Literal

from ..terminal import paint, table
from .cases import Case, unpromised
from .encodings import ENCODINGS
from .kinds import Kind
from .running import Leak, Lost, Outcome
from .slots import Slot

By = Literal["class", "slot"]
_SHOWN = 20  # leaks that are written out


def row_of(case: Case, by: By) -> str:
    """The row of the matrix that a case belongs to; the vendors of API keys share one."""
    if by == "slot":
        return case.slot.id
    return (
        "secret.api_key.*" if case.kind.class_.startswith("secret.api_key.") else case.kind.class_
    )


def matrix_lines(outcome: Outcome, by: By, colours: bool, columns: int | None = None) -> list[str]:
    """Rows by class or slot, one column an encoding; leaks by number, `.` where all went well.

    In as many parts as it takes to fit into `columns`, one below the other.
    """
    tested = Counter((row_of(c, by), c.encoding.name) for c in outcome.tested)
    leaks = Counter((row_of(each.case, by), each.case.encoding.name) for each in outcome.leaks)
    names = [e.name for e in ENCODINGS if any(column == e.name for _, column in tested)]
    rows = sorted({row for row, _ in tested})
    width = max((len(row) for row in rows), default=0)
    cell = max(3, *(len(str(count)) + 1 for count in leaks.values()), 0)
    fitting = len(names) if columns is None else (columns - width) // cell
    lines: list[str] = []
    for start in range(0, len(names) or 1, max(1, fitting)):
        part = names[start : start + fitting]
        numbers = range(start + 1, start + 1 + len(part))
        lines += [""] * bool(lines)
        lines.append(" " * width + "".join(f"{i:>{cell}}" for i in numbers))
        for row in rows:
            cells = [_cell(tested[row, name], leaks[row, name], cell, colours) for name in part]
            lines.append(f"{row:{width}}{''.join(cells)}")
    legend = [f"{i} {name}" for i, name in enumerate(names, 1)]
    per_line = 4
    padded = [legend[i : i + per_line] for i in range(0, len(legend), per_line)]
    padded[-1:] = [[*each, *[""] * (per_line - len(each))] for each in padded[-1:]]
    return [*lines, "", *(line.rstrip() for line in table([tuple(each) for each in padded]))]


def _cell(tested: int, leaks: int, width: int, colours: bool) -> str:
    if not tested:
        return " " * width
    text, colour = (str(leaks), "red") if leaks else (".", "dim")
    return paint(f"{text:>{width}}", colour, colours)


def leak_lines(leaks: Sequence[Leak], colours: bool, shown: int = _SHOWN) -> list[str]:
    """Some leaks of each class, with their coordinates. Their values are made up."""
    lines = []
    for each in _of_each_class(leaks, shown):
        kind, slot, encoding = each.case.coordinates
        value = each.value.replace("\n", " ")
        value = value if len(value) <= 50 else f"{value[:49]}…"
        value = paint(value, "dim", colours)
        lines.append(f"{paint('leak', 'red', colours)}  {kind}  {slot}  {encoding}  {value}")
    if len(leaks) > shown:
        lines.append(f"... and {len(leaks) - shown:,} more: --json has them all")
    return lines


def lost_lines(lost: Sequence[Lost], colours: bool, shown: int = _SHOWN) -> list[str]:
    """Innocent values that went: where they stood, and how often. All are made up."""
    places = Counter((_place(each), each.value if each.case is None else "") for each in lost)
    lines = [
        "  ".join([paint("lost", "red", colours), place, *filter(None, [value]), f"{count:,}"])
        for (place, value), count in places.most_common(shown)
    ]
    more = len(places) - shown
    return [*lines, f"... and {more:,} more: --json has them all"] if more > 0 else lines


def _place(lost: Lost) -> str:
    """A document; the case, where the value stood in one text with its canary."""
    return lost.document if lost.case is None else "  ".join(lost.case.coordinates)


def _of_each_class(leaks: Sequence[Leak], most: int) -> list[Leak]:
    """Leaks in their order, of each class as many as of the others, or all that it has."""
    by_class: dict[str, list[int]] = {}
    for number, each in enumerate(leaks):
        by_class.setdefault(each.case.kind.class_, []).append(number)
    turns = zip_longest(*by_class.values())
    taken = [number for turn in turns for number in turn if number is not None][:most]
    return [leaks[number] for number in sorted(taken)]


def unpromised_rows(kinds: Sequence[Kind], slots: Sequence[Slot]) -> list[tuple[str, ...]]:
    """Combinations that nobody can be asked for: how many, and why."""
    reasons: Counter[str] = Counter()
    for kind in kinds:
        for slot in slots:
            for encoding in ENCODINGS:
                reason = unpromised(kind, slot, encoding)
                if reason is not None:
                    reasons[reason] += 1
    return [(f"{count:,}", reason) for reason, count in reasons.most_common()]


def as_json(outcome: Outcome, seed: int) -> dict[str, Any]:
    """Everything, for scripts."""
    return {
        "seed": seed,
        "cases": outcome.cases,
        "documents": outcome.documents,
        "withheld": outcome.withheld.total(),
        "withheld_items": dict(outcome.withheld),
        "leaks": [_leak(each) for each in outcome.leaks],
        "neighbours": {
            "count": outcome.neighbours,
            "lost": len(outcome.lost),
            "losses": [_loss(each) for each in outcome.lost],
            "kept_share": kept_share(outcome),
        },
        "matrix": _matrix(outcome, lambda case: case.kind.class_),
    }


def _leak(leak: Leak) -> dict[str, str]:
    case = leak.case
    place = {"class": case.kind.class_, "item": case.slot.document, "value": leak.value}
    return place | _coordinates(case)


def _coordinates(case: Case) -> dict[str, str]:
    return dict(zip(("kind", "slot", "encoding"), case.coordinates, strict=True))


def _loss(lost: Lost) -> dict[str, str]:
    beside = {} if lost.case is None else _coordinates(lost.case)
    return {"item": lost.document, "value": lost.value, **beside}


def _matrix(outcome: Outcome, row: Callable[[Case], str]) -> dict[str, dict[str, dict[str, int]]]:
    cells: dict[str, dict[str, dict[str, int]]] = {}
    for case in outcome.tested:
        cell = cells.setdefault(row(case), {}).setdefault(
            case.encoding.name, {"cases": 0, "leaks": 0}
        )
        cell["cases"] += 1
    for each in outcome.leaks:
        cells[row(each.case)][each.case.encoding.name]["leaks"] += 1
    return cells


def kept_share(outcome: Outcome) -> float:
    """The share of innocent neighbours that survived."""
    return 1.0 if not outcome.neighbours else 1 - len(outcome.lost) / outcome.neighbours


def chosen_slots(slots: Sequence[Slot], patterns: Sequence[str]) -> list[Slot]:
    """The slots that one of the patterns (`event/*`) matches; all without a pattern."""
    if not patterns:
        return list(slots)
    return [s for s in slots if any(fnmatch.fnmatchcase(s.id, pattern) for pattern in patterns)]
