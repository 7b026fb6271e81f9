"""What may come of it: ENISA's severity for each class that left in a form that tells something."""

from __future__ import annotations

from collections.abc import Iterable

from ..counted import ClassRow, Consequence, Severity
from .knowledge import CIRCUMSTANCES, harm_of, kind_of, level_of

# How much easier or harder a form makes it to tell whose value it is.
_FORM = {"clear": 1.0, "masked": 0.5, "generalised": 0.5, "pseudonym": 0.5}
_EASE = (0.25, 0.5, 0.75, 1.0)


def consequences(rows: Iterable[ClassRow]) -> list[Consequence]:
    """For each class the worst form that it left in; the worst first. Code is not about people."""
    worst: dict[str, Consequence] = {}
    for row in rows:
        if row.form not in _FORM or not row.occurrences.at_most or row.class_.startswith("code."):
            continue
        one = Consequence(
            class_=row.class_, harm=harm_of(row.class_, row.form), severity=_severity(row)
        )
        if row.class_ not in worst or _score(one) > _score(worst[row.class_]):
            worst[row.class_] = one
    return sorted(worst.values(), key=lambda each: (-_score(each), each.class_))


def _score(one: Consequence) -> float:
    return one.severity.score if one.severity else 0.0


def _severity(row: ClassRow) -> Severity | None:
    kind = kind_of(row.class_)
    if kind.data is None:
        return None
    wanted = kind.identification * _FORM[row.form]
    ease = max((each for each in _EASE if each <= wanted), default=_EASE[0])
    score = round(kind.data * ease + CIRCUMSTANCES, 2)
    return Severity(
        data=kind.data, identification=ease, circumstances=CIRCUMSTANCES, score=score,
        level=level_of(score),
    )  # fmt: skip
