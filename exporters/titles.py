"""One line that tells a person what a document is about."""

from __future__ import annotations

from collections.abc import Callable

from ..pipeline.payloads.document import Document, DocumentType, Tree

LONGEST = 200


def title(document: Document) -> str:
    """A line of at most LONGEST characters. Raises BrokenDocument."""
    tree = document.tree
    find = _FINDERS.get(document.type)
    found = find(tree) if find is not None and isinstance(tree, dict) else None
    if not found and document.type == "data_point":
        found = next(
            (_text(p.tree, "name") for p in document.parents if p.type == "otlp_metric"), ""
        )
    line = " ".join((found or document.type).split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def _text(tree: Tree, *path: str) -> str:
    """The string at a path, or an empty one."""
    for key in path:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree if isinstance(tree, str) else ""


def _event(tree: dict[str, Tree]) -> str:
    exception = tree.get("exception")
    values = exception.get("values") if isinstance(exception, dict) else exception
    # The last one is the one that was caught; those before it are its causes.
    last = values[-1] if isinstance(values, list) and values else None
    if isinstance(last, dict):
        return _joined(_text(last, "type"), _text(last, "value"))
    return (
        _text(tree, "logentry", "formatted")
        or _text(tree, "logentry", "message")
        or _text(tree, "message")
        or _text(tree, "transaction")
    )


def _log_record(tree: dict[str, Tree]) -> str:
    exception = _joined(
        _text(tree, "attributes", "exception.type"), _text(tree, "attributes", "exception.message")
    )
    return exception or _text(tree, "body") or _text(tree, "event_name")


def _joined(kind: str, text: str) -> str:
    return f"{kind}: {text}" if kind and text else kind or text


def _first(*names: str) -> Callable[[dict[str, Tree]], str]:
    return lambda tree: next((text for name in names if (text := _text(tree, name))), "")


_FINDERS: dict[DocumentType, Callable[[dict[str, Tree]], str]] = {
    "event": _event,
    "transaction": _first("transaction"),
    "span": _first("name", "description", "op"),
    "log": _first("body"),
    "metric": _first("name"),
    "check_in": lambda tree: _joined(_text(tree, "monitor_slug"), _text(tree, "status")),
    "feedback": lambda tree: _text(tree, "contexts", "feedback", "message"),
    "user_report": _first("comments"),
    "session": _first("status"),
    "otlp_span": _first("name"),
    "log_record": _log_record,
}
