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
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from polygon_assets.download.signals import guard, release

_GUARD = "guard.lock"
_OWNER = "owner.lock"
_MODE = 0o666
"""Less the user's umask: a group may share a store."""


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
        owner = os.open(folder / _OWNER, os.O_RDWR | os.O_CREAT, _MODE)
        fcntl.flock(owner, fcntl.LOCK_EX)
    guard(folder / _OWNER)  # SIGTERM unwinds the stack instead of ending the process on the spot
    try:
        yield folder
    finally:
        try:
            _remove(folder)
        finally:
            release(folder / _OWNER)
            os.close(owner)


def _remove(folder: Path) -> None:
    """Remove it also where SIGTERM or Ctrl-C comes in the middle: that ends the first attempt, not the second."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except BaseException:  # a signal's SystemExit or KeyboardInterrupt, which rmtree does not ignore
        shutil.rmtree(folder, ignore_errors=True)
        raise


def temporary_staging() -> AbstractContextManager[Path]:
    """A staging folder for stores that do not lie on this machine."""
    root = Path(tempfile.gettempdir()) / f"polygon-assets-staging-{os.getuid()}"
    root.mkdir(mode=0o700, exist_ok=True)
    if root.lstat().st_uid != os.getuid():
        raise PermissionError(f"{root} belongs to somebody else; set TMPDIR to a folder of your own")
    return staging_folder(root)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Nobody sweeps between the making of a folder and its locking."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, _MODE)
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
    except PermissionError:  # another user's, who sweeps it
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)
