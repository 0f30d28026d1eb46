"""Where received bytes go: memory, or a part file that is published whole or not at all.

Belongs here: files and buffers. Does not: hashing and decompression (``transfer``).
"""

import asyncio
import errno
import fcntl
import hashlib
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Protocol, Self

from polygon_assets import termination
from polygon_assets.download.service_errors import disk_fault
from polygon_assets.errors import TooSlowError, UnavailableError

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


WORTH_RESUMING = (UnavailableError, TooSlowError, asyncio.CancelledError, KeyboardInterrupt, SystemExit)
"""What leaves parts behind that the next attempt can use."""


class FileSink:
    """Writes ``.{name}.{pid}-{random}.part`` beside ``path``; publishing replaces ``path`` in one step.

    The part file is locked while it is written, which tells whoever shares the folder, in another container or on
    another machine, that it is no leftover. Leaving the block removes it, whatever happened. A path that cannot be
    written is a fault. What is not ``durable`` is whole or absent to whoever lives on, but a power cut may lose it:
    no flush to the disk is waited for. Parts of a large object are collected below ``resume_in``, on the same disk,
    where whatever interrupts leaves them for the next attempt.
    """

    def __init__(self, path: Path, *, durable: bool = True, resume_in: Path | None = None) -> None:
        """Touch nothing yet: a missing object must not leave folders behind."""
        self.path = path
        self._durable = durable
        self._resume_in = resume_in
        self._parts: PartsFile | None = None
        name = os.fsdecode(os.fsencode(path.name)[:NAME_LENGTH])
        self._part = path.parent / f".{name}.{os.getpid()}-{secrets.token_hex(4)}.part"
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        termination.guard(self._part)
        return self

    def __exit__(self, *details: object) -> None:
        # Closed and gone already when it was published; else its bytes are thrown away, so that no error matters.
        if self._parts is not None:
            self._parts.close(keep=not any(details) or isinstance(details[1], WORTH_RESUMING))
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            with suppress(OSError):
                self._part.unlink(missing_ok=True)
        termination.release(self._part)

    def restart(self) -> None:
        """Open the part file, or empty it."""
        with _local_errors(self.path):
            if self._parts is not None:
                self._parts.close(keep=False)
                self._parts = None
            if self._file is None:
                self._file = self._open()
                return
            self._file.seek(0)
            self._file.truncate()

    def write(self, data: bytes) -> None:
        """Append ``data``; of what came in parts, it stands there already."""
        if self._parts is None:
            with _local_errors(self._part):
                self._opened().write(data)

    def begin_parts(self, key: str, etag: str, size: int, part_bytes: int) -> "PartsFile":
        """The file that takes the version ``etag`` of ``key`` in parts; ``write`` is then told what it holds."""
        with _local_errors(self.path):
            layout = Parts(size, part_bytes)
            resumed = open_resumable(self._resume_in, key, etag, layout) if self._resume_in is not None else None
            self._parts = resumed or PartsFile(self._part, os.open(self._part, os.O_RDWR), layout)
            return self._parts

    def publish(self) -> None:
        """Put the bytes on disk, then under their final name."""
        termination.exit_if_terminated()
        with _local_errors(self.path):
            file, parts = self._opened(), self._parts
            file.flush()
            if self._durable:
                os.fsync(parts.descriptor if parts else file.fileno())
            with _kept_locked(file):  # closed before it is published, since closing may fail; locked until it is
                file.close()
                if parts:
                    parts.forget()
                (parts.path if parts else self._part).replace(self.path)
            if not parts:
                self._file = None
            if self._durable:
                _sync_folder(self.path.parent)

    def _open(self) -> IO[bytes]:
        if self.path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "a folder has that name", str(self.path))
        _sweep_once(self.path.parent)
        while True:
            file = self._made()
            _lock(file)
            if self._part.exists():
                return file
            file.close()  # swept between its making and its locking

    def _made(self) -> IO[bytes]:
        try:
            return self._part.open("xb", buffering=BUFFER)
        except FileNotFoundError:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            return self._part.open("xb", buffering=BUFFER)

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


BLOCK = 1024 * 1024
"""Bytes read back at once."""
FORGOTTEN_AFTER = 3 * 24 * 3600
"""Seconds after which parts that nobody came back for are removed."""


@dataclass(frozen=True)
class Parts:
    """How an object is cut."""

    size: int
    """Bytes of the whole."""
    part_bytes: int
    """Bytes of each part but the last."""

    @property
    def count(self) -> int:
        """How many there are."""
        return -(-self.size // self.part_bytes)

    def bounds(self, part: int) -> tuple[int, int]:
        """The first byte of ``part``, from 0, and the first behind it."""
        return part * self.part_bytes, min(self.size, (part + 1) * self.part_bytes)


class PartsFile:
    """A file that parts are written to in any order; with a journal of the whole ones it can outlive its process.

    The journal may run ahead of the disk when the power is cut: what is read back is verified like what comes.
    """

    def __init__(self, path: Path, descriptor: int, layout: Parts, journal: int | None = None) -> None:
        """Take over ``descriptor`` of ``path``, and ``journal`` of the file that ``_journal_of`` names."""
        self.path, self.descriptor, self.layout = path, descriptor, layout
        self._journal = journal
        self.whole = set() if journal is None else _read_journal(journal, layout)
        """The parts that are there already."""

    def write(self, offset: int, data: bytes) -> None:
        """Put ``data`` at ``offset`` of the object."""
        with _local_errors(self.path):
            view = memoryview(data)
            while view:
                written = os.pwrite(self.descriptor, view, offset)
                view, offset = view[written:], offset + written

    def mark_whole(self, part: int) -> None:
        """Say that all bytes of ``part`` were written."""
        self.whole.add(part)
        if self._journal is not None:
            with _local_errors(self.path):
                os.write(self._journal, b"%d\n" % part)

    def read(self, part: int) -> Iterator[bytes]:
        """The bytes of ``part``, in order."""
        offset, end = self.layout.bounds(part)
        while offset < end:
            with _local_errors(self.path):
                data = os.pread(self.descriptor, min(BLOCK, end - offset), offset)
            if not data:
                return  # cut meanwhile: the length tells
            yield data
            offset += len(data)

    def forget(self) -> None:
        """Remove the journal, before the file gets its final name."""
        if self._journal is not None:
            _journal_of(self.path).unlink(missing_ok=True)

    def close(self, *, keep: bool) -> None:
        """Close it; what nobody can come back for, or is not worth it, is removed."""
        with suppress(OSError):
            if self._journal is not None and not keep:
                _journal_of(self.path).unlink(missing_ok=True)
                self.path.unlink(missing_ok=True)
        for descriptor in (self.descriptor, self._journal):
            if descriptor is not None:
                with suppress(OSError):
                    os.close(descriptor)


def open_resumable(folder: Path, key: str, etag: str, layout: Parts) -> PartsFile | None:
    """The parts of the version ``etag`` of ``key`` that lie in ``folder``; None where another process is at them."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    stem = hashlib.sha256(key.encode()).hexdigest()[:16]
    path = folder / f"{stem}-{hashlib.sha256(etag.encode()).hexdigest()[:16]}.parts"
    _sweep_parts(folder, path, stem)
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
    descriptor = os.open(path, flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), path.stat()):
            return PartsFile(path, descriptor, layout, os.open(_journal_of(path), flags | os.O_APPEND, 0o600))
    except OSError:  # in use, published under our hands, or on a file system without locks
        pass
    os.close(descriptor)
    return None


def _journal_of(path: Path) -> Path:
    return path.with_suffix(".whole")


def _read_journal(journal: int, layout: Parts) -> set[int]:
    """The whole parts by a journal of the same ``layout``; one of another is begun anew."""
    head = b"%d %d\n" % (layout.size, layout.part_bytes)
    with os.fdopen(os.dup(journal), "rb") as file:
        file.seek(0)
        found = file.read()
    if not found.startswith(head):
        os.ftruncate(journal, 0)
        os.write(journal, head)
        return set()
    lines = found[len(head) :].split(b"\n")[:-1]  # a last line without its end was being written
    return {int(line) for line in lines if line.isdigit() and int(line) < layout.count}


def _sweep_parts(folder: Path, own: Path, stem: str) -> None:
    """Remove the parts of other versions of the same key, and what nobody came back for."""
    with suppress(OSError):
        for entry in folder.glob("*.parts"):
            if entry != own and (
                entry.name.startswith(f"{stem}-") or time.time() - entry.lstat().st_mtime > FORGOTTEN_AFTER
            ):
                _remove_if_abandoned(entry)
                if not entry.exists():
                    _journal_of(entry).unlink(missing_ok=True)
