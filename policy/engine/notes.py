"""What SDKs note in `_meta`: may it stay as it is?

It is in most events of Python's SDK, of each text that it cut and of each value that it filtered,
and names such values: a document would be read as a whole for its notes alone.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ..meta import rebuilt
from .strings import BEHIND_KEY

_KEY = b'"_meta"'
_read = msgspec.json.Decoder(dict[str, Any]).decode
_parts = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def kept_notes(data: bytes) -> range | None:
    """Where the notes of a readable document are, if nothing in them can hold a value.

    None: they cannot stay, or something else has their name. Of ASCII nothing may be escaped.
    """
    start = data.find(_KEY)
    colon = BEHIND_KEY.match(data, start + len(_KEY))
    if colon is None or data.find(_KEY, colon.end()) >= 0:
        return None
    try:
        document = _read(data)
        notes = document["_meta"]
        received = bytes(_parts(data)["_meta"])
        is_kept = rebuilt(notes, document, {}, set()) == notes
        # Of a key that is there twice only one was read.
        is_kept &= received.count(b":") == msgspec.json.encode(notes).count(b":")
    except (msgspec.MsgspecError, KeyError, RecursionError):
        return None
    return range(start, colon.end() + len(received)) if is_kept else None
