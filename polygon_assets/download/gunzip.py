"""Streaming decompression of gzip, of any number of members, in bounded memory. No files, no network."""

from collections.abc import Iterator
from typing import Any

from isal import igzip_lib

from polygon_assets.expansion import ExpansionLimit

STEP = 64 * 1024
"""Compressed bytes taken at once: a member's end makes a copy of what is left of them."""
PIECE = 1024 * 1024
"""Decompressed bytes given at once."""
MAGIC = b"\x1f\x8b"
IsalError: type[Exception] = igzip_lib.IsalError  # type: ignore[assignment]  # its stub says: an instance


class GzipFault(Exception):  # noqa: N818 (never leaves the package: the transfer decides what it means)
    """The bytes are not one whole gzip stream, or grow beyond the limits."""


class Gunzip:
    """Decompresses what is fed to it, checking CRC and length of each member; zero padding may follow one."""

    def __init__(self, limit: ExpansionLimit | None = None) -> None:
        """Allow what ``limit`` does; None: anything."""
        self._limit = limit
        self._member: Any = None
        self._members = 0
        self._taken = 0
        self._given = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Give the decompressed bytes of ``data`` piece by piece; raises GzipFault."""
        view = memoryview(data)
        for start in range(0, len(view), STEP):
            step = bytes(view[start : start + STEP])
            self._taken += len(step)
            yield from self._step(step)

    def end(self) -> None:
        """Say that no more comes; raises GzipFault if the stream is cut or empty."""
        if self._member is not None:
            raise GzipFault("the gzip stream is cut")
        if not self._members:
            raise GzipFault("empty, where a gzip stream was expected")

    def _step(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._member is None:
                data = data.lstrip(b"\0") if self._members else data
                if not data:
                    return
                if data[:1] != MAGIC[:1]:
                    raise GzipFault("garbage after the gzip stream" if self._members else "not a gzip stream")
                self._member = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
                self._members += 1
            yield from self._pieces(data)
            if not self._member.eof:
                return
            data = self._member.unused_data
            self._member = None

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        member = self._member
        while True:
            try:
                piece: bytes = member.decompress(data, PIECE)
            except IsalError as error:
                raise GzipFault(f"damaged gzip stream: {error}") from error
            if piece:
                self._given += len(piece)
                self._check_size()
                yield piece
            if member.eof or member.needs_input:
                return
            data = b""

    def _check_size(self) -> None:
        if self._limit and (exceeded := self._limit.exceeded(self._given, self._taken)):
            raise GzipFault(exceeded)
