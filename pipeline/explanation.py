"""What a policy did to a document, for people: `errlock explain`, `Pipeline.explain`.

This is the one place where a value as received is handed out: to whoever gave it in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..policy.judging import Path
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
    safe_path: str = ""  # where, for who must see no value: without what was found in its keys


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
            findings=_findings(findings),
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


def _findings(found: Sequence[tuple[Explained, str]]) -> tuple[Finding, ...]:
    in_keys: dict[Path, list[Explained]] = {}
    for each, _ in found:
        if each.is_key:
            in_keys.setdefault(each.path, []).append(each)
    safe = {path: _safe_key(path[-1], all_) for path, all_ in in_keys.items()}
    return tuple(
        Finding(
            path=_written(each.path, each.is_key),
            start=each.start,
            end=each.end,
            class_=each.class_,
            detector=each.detector,
            form=each.form,
            by=by,
            before=each.before,
            after=each.after,
            safe_path=_written(
                [safe.get(each.path[:i], key) for i, key in enumerate(each.path, 1)], each.is_key
            ),
        )
        for each, by in found
    )


def _written(path: Sequence[str | int], is_key: bool) -> str:
    keys = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)
    return keys.lstrip(".") + (" (key)" if is_key else "")


def _safe_key(key: str | int, found: Sequence[Explained]) -> str:
    """A key with the classes of what was found in it; all of it, where that was encoded."""
    text = str(key)
    if any(text[each.start : each.end] != each.before for each in found):
        return f"[{found[0].class_}]"
    written, at = "", 0
    for each in sorted(found, key=lambda each: each.start):
        if each.end > at:
            written += f"{text[at : max(at, each.start)]}[{each.class_}]"
            at = each.end
    return written + text[at:]
