"""What a policy did to a document, for people: `errlock explain`, `Pipeline.explain`.

This is the one place where a value as received is handed out: to whoever gave it in.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..policy.plan import Form, Tree
from .errors import DropReason
from .payloads.document import DocumentType


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
