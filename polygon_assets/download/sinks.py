"""Where received bytes go: memory, or a part file that is published whole or not at all.

Belongs here: files and buffers. Does not: hashing and decompression (``receiver``).
"""

import errno
import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import IO, Protocol, Self

from polygon_assets.download import signals as termination
from polygon_assets.download.retry import disk_fault

PART_NAME = re.compile(r"\..+\.\d+-[0-9a-f]{8}\.part", re.ASCII)
BUFFER = 64 * 1024
"""Bytes collected before they are written; larger pieces, as the network's mostly are, pass it by."""
NAME_LENGTH = 180
"""Bytes of the final name that the part file repeats: with the rest it stays below 255."""
_swept: set[Path] = set()


class Sink(Protocol):
    """Takes an object's bytes in order."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def restart(self) -> None:
        """Forget all bytes; also called before the first."""

    def write(self, data: bytes) -> None:
        """Append ``data``."""

    def publish(self) -> None:
        """Say that the bytes are complete and verified."""


class MemorySink:
    """Keeps the bytes in ``buffer``, which stands at position 0 once published."""

    def __init__(self) -> None:
        """Start empty."""
        self.buffer = BytesIO()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def restart(self) -> None:
        """Forget all bytes."""
        self.buffer = BytesIO()

    def write(self, data: bytes) -> None:
        """Append ``data``."""
        self.buffer.write(data)

    def publish(self) -> None:
        """Stand at position 0."""
        self.buffer.seek(0)


class FileSink:
    """Writes ``.{name}.{pid}-{random}.part`` beside ``path``; publishing replaces ``path`` in one step.

    The part file is locked while it is written, which tells whoever shares the folder, in another container or on
    another machine, that it is no leftover. Leaving the block removes it, whatever happened. A path that cannot be
    written is a fault. What is not ``durable`` is whole or absent to whoever lives on, but a power cut may lose it:
    no flush to the disk is waited for.
    """

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        """Touch nothing yet: a missing object must not leave folders behind."""
        self.path = path
        self._durable = durable
        name = os.fsdecode(os.fsencode(path.name)[:NAME_LENGTH])
        self._part = path.parent / f".{name}.{os.getpid()}-{secrets.token_hex(4)}.part"
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        termination.guard(self._part)
        return self

    def __exit__(self, *_: object) -> None:
        # Closed and gone already when it was published; else its bytes are thrown away, so that no error matters.
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            with suppress(OSError):
                self._part.unlink(missing_ok=True)
        termination.release(self._part)

    def restart(self) -> None:
        """Open the part file, or empty it."""
        with _local_errors(self.path):
            if self._file is None:
                self._file = self._open()
            self._file.seek(0)
            self._file.truncate()

    def write(self, data: bytes) -> None:
        """Append ``data``."""
        with _local_errors(self._part):
            self._opened().write(data)

    def publish(self) -> None:
        """Put the bytes on disk, then under their final name."""
        with _local_errors(self.path):
            file = self._opened()
            file.flush()
            if self._durable:
                os.fsync(file.fileno())
            with _kept_locked(file):  # closed before it is published, since closing may fail; locked until it is
                file.close()
                self._part.replace(self.path)
            if self._durable:
                _sync_folder(self.path.parent)

    def _open(self) -> IO[bytes]:
        if self.path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "a folder has that name", str(self.path))
        self.path.parent.mkdir(parents=True, exist_ok=True)
        _sweep_once(self.path.parent)
        while True:
            file = self._part.open("xb", buffering=BUFFER)
            _lock(file)
            if self._part.exists():
                return file
            file.close()  # swept between its making and its locking

    def _opened(self) -> IO[bytes]:
        assert self._file is not None, "restart() comes first"  # noqa: S101 (an invariant of this module)
        return self._file


@contextmanager
def _local_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise disk_fault(error, path) from error


def _sync_folder(folder: Path) -> None:
    """Make the new name itself survive a power cut, where the file system can: the file is published by now."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _lock(file: IO[bytes]) -> None:
    """Say that ``file`` is in use; without a word where the file system has no locks, and nobody sweeps."""
    with suppress(OSError):
        fcntl.flock(file, fcntl.LOCK_EX)


@contextmanager
def _kept_locked(file: IO[bytes]) -> Iterator[None]:
    """Keep the lock of ``file`` beyond its closing."""
    keeper = os.dup(file.fileno())
    try:
        yield
    finally:
        os.close(keeper)


def _sweep_once(folder: Path) -> None:
    """Remove part files that nobody writes any more; once for each folder and process."""
    if folder in _swept:
        return
    _swept.add(folder)
    with suppress(OSError):  # what others left is no reason to fail
        for entry in folder.iterdir():
            if PART_NAME.fullmatch(entry.name):
                _remove_if_abandoned(entry)


def _remove_if_abandoned(part: Path) -> None:
    """Remove ``part`` where its lock is free: the kernel frees it however its writer ends, wherever that runs.

    Its process id would tell less: in another container it means another process.
    """
    with suppress(OSError):  # in use, somebody else's, gone meanwhile, or on a file system without locks
        descriptor = os.open(part, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            part.unlink()
        finally:
            os.close(descriptor)
