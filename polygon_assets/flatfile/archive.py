"""A csv.gz as blocks of whole lines, in bounded memory: decompression, its errors and limits.

Belongs here: gzip, the header line, newlines. Does not: what a field means (``header``, ``parsing``).
"""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

from isal import igzip, isal_zlib

from polygon_assets.errors import ArchiveError, RowError
from polygon_assets.expansion import ExpansionLimit

BLOCK_BYTES = 4 * 1024**2
"""Raw bytes of a block, hence of a row group: about 50,000 rows, so that one ticker reads little."""
MAX_HEADER_BYTES = 64 * 1024
PADDING = 128
"""Bytes of a buffer behind its last block, which ``kernel`` may read."""
FIRST_RATIO = 4
"""Bytes of the first buffer for each compressed one; real files decompress to three to five times their size."""
_DAMAGED: tuple[type[Exception], ...] = (EOFError, gzip.BadGzipFile, isal_zlib.error)  # type: ignore[assignment]


@dataclass(frozen=True)
class Block:
    """Whole lines of the file: ``buffer[start:end]``, valid until the next block is asked for."""

    buffer: bytearray
    start: int
    end: int

    @property
    def data(self) -> memoryview:
        """The bytes, up to and including a newline; at the end of the file it may be missing."""
        return memoryview(self.buffer)[self.start : self.end]

    @property
    def ends_with_newline(self) -> bool:
        """Does it end with a newline?"""
        return self.buffer.endswith((b"\n", b"\r"), self.start, self.end)

    def starts_with(self, prefix: bytes) -> bool:
        """Are its first bytes ``prefix``?"""
        return self.buffer.startswith(prefix, self.start, self.end)

    def lines_before(self, byte: bytes) -> int | None:
        """How many newlines stand before the first ``byte``; None where there is no such byte."""
        found = self.buffer.find(byte, self.start, self.end)
        return None if found < 0 else self.buffer.count(b"\n", self.start, found)


class Archive:
    """One csv.gz, read once from its start to its verified end; a context manager."""

    def __init__(self, path: Path, source: str, limit: ExpansionLimit, *, block_bytes: int = BLOCK_BYTES) -> None:
        """``source`` is what errors call the file."""
        self._source = source
        self._limit = limit
        self._block_bytes = block_bytes
        self._compressed = path.stat().st_size
        self._raw = 0
        # As large as a file of this size is likely to need: clearing a whole block costs more than parsing a small one.
        self._hold(min(block_bytes, FIRST_RATIO * self._compressed + MAX_HEADER_BYTES))
        self._start = self._filled = 0
        self._ended = False
        self._file: BinaryIO = igzip.open(path, "rb")  # type: ignore[no-untyped-call]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def header(self) -> list[str]:
        """Read the names in the header line, which is the first; once, before the blocks.

        Raises:
            ArchiveError: as for ``blocks``.
        """
        if not self._compressed:
            raise ArchiveError(self._source, "the file is empty, which no gzip archive is")
        self._fill()
        end = self._buffer.find(b"\n", 0, min(self._filled, MAX_HEADER_BYTES))
        self._start = end + 1 if end >= 0 else self._filled
        line = bytes(self._buffer[: min(self._start, MAX_HEADER_BYTES)]).removesuffix(b"\n").removesuffix(b"\r")
        return [repr(name)[1:-1] for name in line.decode("utf-8", "backslashreplace").split(",")]

    def blocks(self) -> Iterator[Block]:
        """Yield the lines after the header line.

        Raises:
            ArchiveError: not one whole gzip stream (of one or several members), or beyond the limits.
            RowError: a line longer than a block.
        """
        while True:
            end = self._filled if self._ended else self._buffer.rfind(b"\n", self._start, self._filled) + 1
            if not self._ended and end <= self._start:
                raise RowError(self._source, f"a line is longer than {self._block_bytes:,} bytes")
            if end > self._start:
                yield Block(self._buffer, self._start, end)
            if self._ended:
                return
            left = self._filled - end
            self._view[:left] = self._view[end : self._filled]
            self._start, self._filled = 0, left
            self._fill()

    def _fill(self) -> None:
        """Read until the buffer is full, or the file has ended."""
        while self._filled < self._block_bytes:
            if self._filled == len(self._view):
                self._grow()
            try:
                got = self._file.readinto(self._view[self._filled :])  # type: ignore[attr-defined]
            except _DAMAGED as error:
                raise ArchiveError(self._source, f"not one whole gzip archive: {error}") from error
            if not got:
                self._ended = True
                return
            self._filled += got
            self._raw += got
            self._check_size()

    def _grow(self) -> None:
        """Twice the buffer, at most a block; what it holds stays."""
        smaller = self._view
        self._hold(min(self._block_bytes, 2 * len(smaller)))
        self._view[: len(smaller)] = smaller

    def _hold(self, size: int) -> None:
        """Take a buffer for ``size`` bytes of lines."""
        self._buffer = bytearray(size + PADDING)
        self._view = memoryview(self._buffer)[:size]

    def _check_size(self) -> None:
        if exceeded := self._limit.exceeded(self._raw, self._compressed):
            raise ArchiveError(self._source, exceeded)
