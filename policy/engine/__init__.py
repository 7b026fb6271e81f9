"""The fast way to what `policy.scan` finds: look at bytes first, and only where a gate says so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import lru_cache

from ..classes import CLASSES
from ..copies import Copied
from ..detection import Detection
from ..findings import Tree
from ..forks import at_first_use
from ..scan import Touched
from .gate import Gate
from .keys import Keys
from .meanings import Meanings
from .parts import Parts
from .raw import KINDS, RawLook, is_readable
from .scan import FastScan, Tools
from .texts import Texts
from .verdicts import Verdicts
from .wire import Places, WireGate, copies, made_once


@lru_cache(maxsize=16)
def _gate(detection: Detection) -> Gate:
    return Gate(*detection.rules, detection.known)


@lru_cache(maxsize=16)
def _wire_gate(detection: Detection) -> WireGate:
    return WireGate(_gate(detection).rules, detection.known)


class Engine:
    """Finds what a policy looks for in documents. Compiles when it is first used. Thread-safe."""

    def __init__(self, detection: Detection) -> None:
        self._detection = detection

    @at_first_use
    def _gate(self) -> Gate:
        return _gate(self._detection)

    @at_first_use
    def _keys(self) -> Keys:
        return Keys(self._detection)

    @at_first_use
    def _texts(self) -> Texts:
        return Texts(self._gate)

    @at_first_use
    def _tools(self) -> Tools:
        meanings = Meanings(self._detection, self._gate, self._keys)
        return Tools(self._detection, self._gate, meanings, self._texts, Verdicts())

    def prepare(self) -> None:
        """Make now what the first document would wait for. Raises EngineError."""
        with ThreadPoolExecutor(1) as beside:  # compiling leaves the interpreter to others
            if not self._reads_all:
                beside.submit(made_once)
            gate = self._gate
        if not self._reads_all and not gate.always:
            _wire_gate(self._detection)

    @at_first_use
    def _reads_all(self) -> bool:
        """Whether the policy has something to do in documents in whose bytes nothing is found."""
        detection = self._detection
        codes = any(detection.claims(name) for name in CLASSES if name.startswith("code."))
        return bool(detection.trails or detection.every_text or detection.own_keys or codes)

    @at_first_use
    def _is_idle(self) -> bool:
        """Whether there is nothing to do in documents in whose bytes nothing is found."""
        return not self._reads_all and not self._gate.always

    @at_first_use
    def _raw(self) -> RawLook | None:
        """None where a policy has something to do in every document."""
        return (
            RawLook(self._detection, self._gate, self._keys, self._texts) if self._is_idle else None
        )

    def is_clean(self, type_: str, data: bytes) -> bool:
        """Whether nothing can be found in a JSON document, known from its bytes alone.

        Also says that it is strict JSON: an object, in UTF-8. In doubt it is not clean.
        """
        raw = self._raw if type_ in KINDS else None
        self._keys.tidy()
        return raw is not None and is_readable(data) and raw.is_clean(type_, data)

    @at_first_use
    def _parts(self) -> Parts:
        return Parts(self._detection, self.scan)

    def suspicious(self, message: bytes) -> Places | None:
        """Where in OTLP's protobuf anything could be; None: anywhere.

        Raises EngineError.
        """
        if not self._is_idle:
            return None
        return _wire_gate(self._detection).places(message)

    def is_clean_part(self, type_: str, part: bytes, load: Callable[[], Tree]) -> bool:
        """Whether a part of an OTLP record holds nothing, whatever stands beside it."""
        return self._parts.is_clean(type_, part, load)

    @staticmethod
    def copies(message: bytes, values: Iterable[Copied]) -> list[int] | None:
        """Offsets into protobuf where values stand that were found elsewhere; None: anywhere."""
        return copies(message, values)

    def begun(self, type_: str, tree: Tree, only: Touched | None = None) -> FastScan:
        """A document that is to be judged, or `only` these places in it.

        Raises PolicyLimit or Unsupported when it must not go out.
        """
        self._keys.tidy()
        return FastScan(self._tools, type_, tree, only)

    def look_at(self, scans: Sequence[FastScan]) -> None:
        """Look at the texts of documents that came together, before each is judged."""
        with suppress(Exception):  # where it fails, each is asked for its own texts
            found = self._texts.of_each([scan.texts for scan in scans])
            for scan, wanted in zip(scans, found, strict=True):
                scan.wanted = wanted

    def scan(self, type_: str, tree: Tree) -> FastScan:
        """Judge a document. Raises PolicyLimit or Unsupported when it must not go out."""
        scan = self.begun(type_, tree)
        scan.judge()
        return scan
