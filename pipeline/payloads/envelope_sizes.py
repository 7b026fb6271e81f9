"""How large documents of an envelope may be: as large as Relay lets them be."""

from __future__ import annotations

from collections.abc import Mapping

from .document import DocumentType
from .envelope_documents import EnvelopeDocument

_KB, _MB = 1024, 1024 * 1024

# Bytes of one document: Relay's defaults (relay-config, 2026), sessions less, for which Relay has
# 10 MiB in all. Attachments are bounded by the envelope alone.
SIZES: Mapping[DocumentType, int] = {
    "event": _MB, "transaction": _MB, "feedback": _MB, "user_report": _MB, "raw_security": _MB,
    "log": 2 * _MB, "span": 10 * _MB, "metric": _MB, "check_in": 100 * _KB,
    "session": _MB, "sessions": _MB, "client_report": 100 * _KB,
}  # fmt: skip


def is_too_large(document: EnvelopeDocument) -> bool:
    """Whether a document is larger than one of its type may be."""
    return document.size > SIZES.get(document.type, document.size)
