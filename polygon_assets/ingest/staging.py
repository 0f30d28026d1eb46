"""Private folders for files in the making, and the removal of those that dead processes left.

Belongs here: who owns a staging folder, and whether that process still lives. Does not: what is staged.
Each run holds a lock on a file in its folder for as long as it lives. The kernel releases it however the process
ends, so that neither a reused process id nor another machine's can be mistaken for a living one.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_GUARD = "guard.lock"
_OWNER = "owner.lock"


@contextmanager
def staging_folder(root: Path) -> Iterator[Path]:
    """A folder below ``root`` for this run alone; it is removed at the end, those of dead runs at once.

    Raises:
        OSError: ``root`` cannot be written.
    """
    root.mkdir(parents=True, exist_ok=True)
    with _locked(root / _GUARD):
        _sweep(root)
        folder = Path(tempfile.mkdtemp(prefix=f"run-{os.getpid()}-", dir=root))
        owner = os.open(folder / _OWNER, os.O_RDWR | os.O_CREAT, 0o644)
        fcntl.flock(owner, fcntl.LOCK_EX)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(owner)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Nobody sweeps between the making of a folder and its locking."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _sweep(root: Path) -> None:
    for folder in root.glob("run-*"):
        if not _is_owned(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _is_owned(folder: Path) -> bool:
    try:
        descriptor = os.open(folder / _OWNER, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)
