"""What a policy did to a document, for people: `errlock explain`, `Pipeline.explain`.

This is the one place where a value as received is handed out: to whoever gave it in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..policy.plan import Explained, Form, Tree
from .errors import BrokenDocument, DropReason
from .payloads.document import Document, DocumentType, Payload


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found in a document, and what became of it."""

    path: str  # where: `exception.values[0].value`
    start: int  # its first character in the value as received
    end: int  # the character after its last one
    class_: str
    detector: str
    form: Form  # how it left
    by: str  # the id of the processor that acted; empty when it left in clear
    before: str
    after: str  # what stands in its place; empty when it was removed


@dataclass(frozen=True, slots=True)
class Explanation:
    """One document, before and after."""

    type: DocumentType
    findings: tuple[Finding, ...]
    before: Tree
    after: Tree  # None when it did not go out
    dropped: DropReason | None = None
    by: str = ""  # the id of the component that dropped it


def explanations(
    found: Sequence[tuple[Document, Sequence[tuple[Explained, str]]]], result: Payload
) -> list[Explanation]:
    """One explanation for each document with findings, and for each that does not go out.

    `found` has the documents as received, `result` the same documents after the chain.
    """
    after = (*result.contexts, *result.documents)
    return [
        Explanation(
            type=document.type,
            findings=tuple(_finding(each, by) for each, by in findings),
            before=_readable(document),
            after=None if rendered.lost else rendered.tree,
            dropped=rendered.lost,
            by=rendered.dropped_by,
        )
        for (document, findings), rendered in zip(found, after, strict=True)
        if findings or rendered.lost
    ]


def _readable(document: Document) -> Tree:
    try:
        return document.tree
    except BrokenDocument:
        return None


def _finding(each: Explained, by: str) -> Finding:
    path = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in each.path)
    return Finding(
        path=path.lstrip(".") + (" (key)" if each.is_key else ""),
        start=each.start,
        end=each.end,
        class_=each.class_,
        detector=each.detector,
        form=each.form,
        by=by,
        before=each.before,
        after=each.after,
    )
