"""Content encodings, undone piece by piece, so that a bomb is noticed before it is big.

`gzip` (RFC 1952, several members too), `deflate` (RFC 9110: zlib; many clients send it raw),
`br` (RFC 7932) and `zstd` (RFC 8878, several frames too, a window of at most 8 MiB as RFC 9659
demands).
"""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator

PIECE = 64 * 1024  # bytes of output at a time
ZSTD_WINDOW = 8 * 1024 * 1024
# zstandard cannot bound its output. The densest input is 4 bytes for a block of 128 KiB, so this
# many bytes of input at a time become 8 MiB at most.
ZSTD_SLICE = 256


class BrokenEncoding(Exception):  # noqa: N818  a fact about data
    """The body is not what its Content-Encoding says. Holds nothing of the body."""


class Decompressor(ABC):
    """Undoes one encoding of one body."""

    @abstractmethod
    def feed(self, data: bytes) -> Iterator[bytes]:
        """The output for more input, in pieces. To be exhausted. Raises BrokenEncoding."""

    @abstractmethod
    def finish(self) -> None:
        """Say that the input has ended. Raises BrokenEncoding when it ended too early."""


class _Zlib(Decompressor):
    """gzip and deflate."""

    def __init__(self, *, gzip: bool) -> None:
        self._gzip = gzip
        self._head = b""
        self._inner = zlib.decompressobj(zlib.MAX_WBITS | 16) if gzip else None

    def _begin(self, data: bytes) -> bytes:
        """Choose between zlib and raw deflate by the first two bytes (RFC 1950, 2.2)."""
        self._head += data
        if len(self._head) < 2:
            return b""
        method, flags = self._head[0], self._head[1]
        has_header = method & 0x0F == 8 and (method << 8 | flags) % 31 == 0
        self._inner = zlib.decompressobj(zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS)
        return self._head

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self._inner is None:
            data = self._begin(data)
        # With a full piece zlib may hold back more output although it took all the input.
        full = False
        while self._inner is not None and (data or full):
            if self._inner.eof:
                if not self._gzip:
                    raise BrokenEncoding
                self._inner = zlib.decompressobj(zlib.MAX_WBITS | 16)
            try:
                piece = self._inner.decompress(data, PIECE)
            except zlib.error:
                raise BrokenEncoding from None
            full = len(piece) == PIECE and not self._inner.eof
            data = self._inner.unconsumed_tail or self._inner.unused_data
            yield piece

    def finish(self) -> None:
        if self._inner is None or not self._inner.eof:
            raise BrokenEncoding


class _Brotli(Decompressor):
    def __init__(self) -> None:
        import brotli  # type: ignore[import-untyped]  # it has no stubs

        self._error = brotli.error
        self._inner = brotli.Decompressor()

    def feed(self, data: bytes) -> Iterator[bytes]:
        while True:
            try:
                piece = self._inner.process(data, output_buffer_limit=PIECE)
            except self._error:
                raise BrokenEncoding from None
            yield piece
            # With a full piece there may be more, although all the input was taken.
            if self._inner.can_accept_more_data() and (
                len(piece) < PIECE or self._inner.is_finished()
            ):
                return
            data = b""

    def finish(self) -> None:
        if not self._inner.is_finished():
            raise BrokenEncoding


class _Zstandard(Decompressor):
    def __init__(self) -> None:
        import zstandard

        self._error = zstandard.ZstdError
        self._frames = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW)
        self._inner = self._frames.decompressobj()

    def feed(self, data: bytes) -> Iterator[bytes]:
        for at in range(0, len(data), ZSTD_SLICE):
            slice_ = data[at : at + ZSTD_SLICE]
            while slice_:
                if self._inner.eof:
                    self._inner = self._frames.decompressobj()
                try:
                    yield self._inner.decompress(slice_)
                except self._error:
                    raise BrokenEncoding from None
                slice_ = self._inner.unused_data

    def finish(self) -> None:
        if not self._inner.eof:
            raise BrokenEncoding


DECOMPRESSORS: dict[str, Callable[[], Decompressor]] = {
    "gzip": lambda: _Zlib(gzip=True),
    "x-gzip": lambda: _Zlib(gzip=True),
    "deflate": lambda: _Zlib(gzip=False),
    "br": _Brotli,
    "zstd": _Zstandard,
}
