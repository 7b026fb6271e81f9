"""The fast way to what `policy.scan` finds: look at bytes first, and only where a gate says so."""

from __future__ import annotations

from functools import cached_property, lru_cache

from ..classes import CLASSES
from ..detection import Detection
from ..findings import Tree
from .gate import Gate
from .keys import Keys
from .raw import KINDS, RawLook, is_readable
from .scan import FastScan


@lru_cache(maxsize=16)
def _gate(detection: Detection) -> Gate:
    return Gate(*detection.rules, detection.known)


class Engine:
    """Finds what a policy looks for in documents. Compiles when it is first used. Thread-safe."""

    def __init__(self, detection: Detection) -> None:
        self._detection = detection

    @cached_property
    def _gate(self) -> Gate:
        return _gate(self._detection)

    @cached_property
    def _keys(self) -> Keys:
        return Keys(self._detection)

    @cached_property
    def _raw(self) -> RawLook | None:
        """None where a policy has something to do in every document."""
        detection = self._detection
        always = detection.trails or detection.every_text or detection.own_keys or self._gate.always
        codes = any(detection.claims(name) for name in CLASSES if name.startswith("code."))
        return None if always or codes else RawLook(detection, self._gate, self._keys)

    def is_clean(self, type_: str, data: bytes) -> bool:
        """Whether nothing can be found in a JSON document, known from its bytes alone.

        Also says that it is strict JSON: an object, in UTF-8. In doubt it is not clean.
        """
        raw = self._raw if type_ in KINDS else None
        return raw is not None and is_readable(data) and raw.is_clean(data)

    def scan(self, type_: str, tree: Tree) -> FastScan:
        """Judge a document. Raises PolicyLimit or Unsupported when it must not go out."""
        return FastScan(self._detection, self._gate, self._keys, type_, tree)
