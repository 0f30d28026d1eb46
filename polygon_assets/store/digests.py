"""Digests of published files, kept beside them and not in them, so that they cannot be corrupted together.

    {store}/_digests/{dataset}/date=YYYY-MM-DD/{milliseconds}-{SHA-256 of the file}-{SHA-256 of its footer}

An empty file is a record: its name says all. It is made before the file is published, so that a crash leaves a digest
too many, never one too few; two processes that publish at once each add their own. A publication removes those that
were made more than a day before its own. Checksums of pages do not see a changed footer or page header: this does.
"""

import hashlib
import io
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from polygon_assets.store.folders import Folder

ROOT = "_digests"
_NAME = re.compile(r"(\d{13})-([0-9a-f]{64})-([0-9a-f]{64})")
_TAIL = 8
"""The length of the footer in four bytes, and PAR1."""
_CHUNK = 4 * 1024**2
_KEPT_MILLISECONDS = 24 * 3600 * 1000


@dataclass(frozen=True)
class Digest:
    """What a published Parquet file was, byte for byte."""

    whole: str
    """SHA-256 of the file, in hex."""
    footer: str
    """SHA-256 of its footer alone, for readers that read little else."""
    made: int = 0
    """Unix milliseconds at which it was recorded."""

    @property
    def name(self) -> str:
        """Of its record."""
        return f"{self.made}-{self.whole}-{self.footer}"


class Digests:
    """The records of one store."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def record(self, name: str, digest: Digest) -> Digest:
        """Say that the file in the folder ``name`` of the store may be this one, from now on."""
        recorded = Digest(digest.whole, digest.footer, time.time_ns() // 1_000_000)
        self._folder.mark(f"{ROOT}/{name}/{recorded.name}")
        return recorded

    def known(self, name: str) -> list[Digest]:
        """What the file in the folder ``name`` may be, oldest first; empty where nothing was recorded."""
        matches = (_NAME.fullmatch(each) for each in self._folder.names(f"{ROOT}/{name}"))
        return sorted((Digest(each[2], each[3], int(each[1])) for each in matches if each), key=lambda each: each.made)

    def settle(self, name: str, published: Digest) -> None:
        """Forget what was recorded over a day before ``published``; the younger may be of who publishes now."""
        for each in self.known(name):
            if each.made < published.made - _KEPT_MILLISECONDS:
                self._folder.delete(f"{ROOT}/{name}/{each.name}")


def digest_of(path: Path) -> Digest:
    """The digest of a Parquet file on this machine."""
    with path.open("rb") as file:
        return _digest(file, path.stat().st_size)


def digest_of_stream(file: pa.NativeFile) -> Digest:
    """The digest of a Parquet file of the store, read to its end."""
    return _digest(file, file.size())


def footer_of(file: pa.NativeFile) -> bytes:
    """The footer of a Parquet file, as it stands at its end; ValueError where there is none."""
    size = file.size()
    file.seek(max(0, size - _TAIL))
    tail: bytes = file.read(_TAIL)
    length = _footer_length(tail, size)
    file.seek(size - _TAIL - length)
    return bytes(file.read(length)) + tail


def is_known(digests: Iterable[Digest], footer: bytes) -> bool:
    """Is ``footer``, as ``footer_of`` gives it, that of one of the files?"""
    found = hashlib.sha256(footer).hexdigest()
    return any(each.footer == found for each in digests)


def _digest(file: IO[bytes] | Any, size: int) -> Digest:
    whole, read = hashlib.sha256(), 0
    last = b""
    while chunk := file.read(_CHUNK):
        whole.update(chunk)
        read += len(chunk)
        last = bytes(last[-_TAIL:]) + bytes(chunk)
    try:
        length = _footer_length(last[-_TAIL:], size) + _TAIL
    except ValueError:  # no Parquet file, which no reader will take for one
        return Digest(whole.hexdigest(), hashlib.sha256().hexdigest())
    if length > len(last):
        file.seek(size - length)
        last = bytes(file.read(length))
    return Digest(whole.hexdigest(), hashlib.sha256(last[-length:]).hexdigest())


def _footer_length(tail: bytes, size: int) -> int:
    length = int.from_bytes(tail[:4], "little")
    if tail[4:] != b"PAR1" or length > size - _TAIL:
        raise ValueError("it does not end as a Parquet file does")
    return length


def open_footer(footer: bytes) -> io.BytesIO:
    """A file that holds ``footer`` alone, for reading what it says."""
    return io.BytesIO(b"PAR1" + footer)
