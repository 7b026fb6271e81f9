"""What went in beside what came out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..payloads.document import Tree
from ..terminal import escape

# Of what an SDK sends, shown although nothing in it was changed: the evidence stays.
_EVIDENCE = frozenset({"type", "release", "name", "attempts", "amount", "function"})
# Paths are long; these parts of them say nothing that a reader needs.
_DULL = ("exception.values[0].stacktrace.", ".values")


@dataclass(frozen=True, slots=True)
class Row:
    """One value of a document, before and after. After is None when it is gone."""

    path: str
    before: str
    after: str | None

    @property
    def changed(self) -> bool:
        """Whether the policy did something to it."""
        return self.before != self.after


def rows(before: Tree, after: Tree) -> list[Row]:
    """Every value of a document that went in, with what became of it, in its order."""
    left = dict(leaves(before))
    right = dict(leaves(after))
    return [Row(path, text, right.get(path)) for path, text in left.items()]


def telling(found: Sequence[Row]) -> list[Row]:
    """Those that were changed, and a few that show that the evidence stays."""
    return [row for row in found if row.changed or _is_evidence(row.path)]


def _is_evidence(path: str) -> bool:
    place, _, name = path.rpartition(".")
    return name in _EVIDENCE and not place.startswith(("sdk", "contexts", "breadcrumbs"))


def short(path: str) -> str:
    """A path as it is shown in a narrow column."""
    for dull in _DULL:
        path = path.replace(dull, "")
    return path


def leaves(tree: Tree, path: str = "") -> Iterator[tuple[str, str]]:
    """Every scalar of a tree as text, with its path, safe for a terminal."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            if key != "_meta":
                yield from leaves(value, f"{path}.{escape(key)}" if path else escape(key))
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from leaves(value, f"{path}[{index}]")
    elif tree is not None:
        yield path, escape(tree if isinstance(tree, str) else str(tree))
