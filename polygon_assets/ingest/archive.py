"""A csv.gz as blocks of whole lines, in bounded memory: decompression, its errors and limits.

Belongs here: gzip, the header line, line ends. Does not: what a field means (``flat_file``).
"""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from isal import igzip, isal_zlib

from polygon_assets.errors import ArchiveError, HeaderError, RowError
from polygon_assets.ingest.limits import RATIO_GRACE_BYTES, Limits

BLOCK_BYTES = 4 * 1024**2
"""Raw bytes of a block, hence of a row group: about 50,000 rows, so that one ticker reads little."""
MAX_HEADER_BYTES = 64 * 1024
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
        """The bytes, up to and including a line end; at the end of the file it may be missing."""
        return memoryview(self.buffer)[self.start : self.end]

    @property
    def ends_line(self) -> bool:
        """Does it end with a line end?"""
        return self.buffer.endswith((b"\n", b"\r"), self.start, self.end)

    def starts_with(self, prefix: bytes) -> bool:
        """Are its first bytes ``prefix``?"""
        return self.buffer.startswith(prefix, self.start, self.end)

    def lines_before(self, byte: bytes) -> int | None:
        """How many line ends stand before the first ``byte``; None where there is no such byte."""
        found = self.buffer.find(byte, self.start, self.end)
        return None if found < 0 else self.buffer.count(b"\n", self.start, found)


class Archive:
    """One csv.gz, read once from its start to its verified end."""

    def __init__(self, path: Path, source: str, limits: Limits) -> None:
        """``source`` is what errors call the file."""
        self._path = path
        self._source = source
        self._limits = limits
        self._compressed = path.stat().st_size
        self._raw = 0
        # As large as a file of this size is likely to need: clearing a whole block costs more than parsing a small one.
        self._buffer = bytearray(min(BLOCK_BYTES, FIRST_RATIO * self._compressed + MAX_HEADER_BYTES))
        self._view = memoryview(self._buffer)

    def blocks(self, header: tuple[str, ...]) -> Iterator[Block]:
        """Yield the lines after the header line, which must be exactly ``header``.

        Raises:
            ArchiveError: not one whole gzip stream (of one or several members), or beyond the limits.
            HeaderError: another header line.
            RowError: a line longer than a block.
        """
        if not self._compressed:
            raise ArchiveError(self._source, "the file is empty, which no gzip archive is")
        with igzip.open(self._path, "rb") as file:  # type: ignore[no-untyped-call]
            filled, ended = self._fill(file, 0)
            start = self._check_header(header, filled)
            while True:
                end = filled if ended else self._buffer.rfind(b"\n", start, filled) + 1
                if not ended and end <= start:
                    raise RowError(self._source, f"a line is longer than {BLOCK_BYTES:,} bytes")
                if end > start:
                    yield Block(self._buffer, start, end)
                if ended:
                    return
                left = filled - end
                self._view[:left] = self._view[end:filled]
                filled, ended = self._fill(file, left)
                start = 0

    def _fill(self, file: BinaryIO, filled: int) -> tuple[int, bool]:
        """Read until the buffer is full; give the bytes in it and whether the file has ended."""
        while filled < BLOCK_BYTES:
            if filled == len(self._buffer):
                self._grow()
            try:
                got = file.readinto(self._view[filled:])  # type: ignore[attr-defined]
            except _DAMAGED as error:
                raise ArchiveError(self._source, f"not one whole gzip archive: {error}") from error
            if not got:
                return filled, True
            filled += got
            self._raw += got
            self._check_size()
        return filled, False

    def _grow(self) -> None:
        """Twice the buffer, at most a block; what it holds stays."""
        larger = bytearray(min(BLOCK_BYTES, 2 * len(self._buffer)))
        larger[: len(self._buffer)] = self._buffer
        self._buffer, self._view = larger, memoryview(larger)

    def _check_size(self) -> None:
        if self._raw > self._limits.max_raw_bytes:
            cause = f"decompresses to more than {self._limits.max_raw_bytes:,} bytes"
            raise ArchiveError(self._source, f"{cause}; raise max_raw_bytes if it is genuine")
        if self._raw > max(RATIO_GRACE_BYTES, self._limits.max_ratio * self._compressed):
            cause = f"decompresses to more than {self._limits.max_ratio:g} times its {self._compressed:,} bytes"
            raise ArchiveError(self._source, f"{cause}; raise max_ratio if it is genuine")

    def _check_header(self, header: tuple[str, ...], filled: int) -> int:
        """Compare the header line before anything is parsed; give where the rows start."""
        end = self._buffer.find(b"\n", 0, min(filled, MAX_HEADER_BYTES))
        start = end + 1 if end >= 0 else filled
        line = bytes(self._buffer[: min(start, MAX_HEADER_BYTES)]).removesuffix(b"\n").removesuffix(b"\r")
        if line != ",".join(header).encode():
            text = line[:500].decode("utf-8", "backslashreplace")
            raise HeaderError(self._source, expected=header, found=[repr(name)[1:-1] for name in text.split(",")])
        return start
