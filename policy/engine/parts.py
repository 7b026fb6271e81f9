"""Parts of records: is there anything in them, whatever stands beside them?

What is harmless is remembered: the same few hundred attributes make up most of what is sent. So are
attributes that never are: their records are judged as a whole, and to judge such a part alone
before that is for nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from ..detection import Detection
from ..findings import Tree
from ..forks import whole
from ..named import NAMING
from .expected import Expected
from .scan import FastScan

# So many parts of so many bytes at most: half a megabyte.
_MOST, _LONGEST = 2048, 256
_KEY_TAG, _VALUE_TAG = b"\n", b"\x12"  # of KeyValue
_ATTRIBUTES = "attributes"


class Parts:
    """Looks at parts under one policy."""

    def __init__(self, detection: Detection, scan: Callable[[str, Tree], FastScan]) -> None:
        self._detection = detection
        self._scan = scan
        self._clean: dict[tuple[str, bytes], None] = {}
        self._expected = Expected()  # in attributes of a name

    def is_clean(self, type_: str, part: bytes, load: Callable[[], Tree]) -> bool:
        """See `Engine.is_clean_part`. In doubt it is not clean."""
        name = (type_, part)
        if name in self._clean:
            return True
        about = (type_, _key_of(part))
        if self._expected.is_found(about):
            return False
        is_clean = self._is_clean(type_, load)
        self._expected.note(about, found=not is_clean)
        if not is_clean:
            return False
        if len(part) <= _LONGEST:
            if len(self._clean) >= _MOST:
                self._clean.clear()
            self._clean[name] = None
        return True

    def _is_clean(self, type_: str, load: Callable[[], Tree]) -> bool:
        whole.pause()
        try:
            tree = load()
            scan = self._scan(type_, tree)
        except Exception:  # noqa: BLE001  fails closed: whoever judges it all will say why
            return False
        if any(site.marks for site in scan.sites) or scan.finish():
            return False
        return not self._says_of_others(tree)

    def _says_of_others(self, tree: Tree) -> bool:
        """Whether an attribute gives others their names, or a name to whoever it is about."""
        attributes = tree.get(_ATTRIBUTES) if isinstance(tree, dict) else None
        if not isinstance(attributes, dict):
            return False
        for key in attributes:
            class_ = self._detection.key_class(key) or ""
            if key.casefold() in NAMING or (class_.startswith("pii.") and class_ != "pii.ip"):
                return True
        return False


def _key_of(part: bytes) -> bytes:
    """The key of an attribute; of other fields their tag, and of those with long contents, too."""
    if len(part) > 4 and part[2:3] == _KEY_TAG and part[4 + part[3] : 5 + part[3]] == _VALUE_TAG:
        return part[4 : 4 + part[3]]
    return part[:1]
