"""Folders in which one run makes its files before they are published, and the locks by which a dead run is known.

Belongs here: making and removing them, a lock that only those can take who may write the store, and naming who keeps
it. Does not: publishing (``folders``, ``s3_folder``).
"""

import errno
import fcntl
import os
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from polygon_assets.errors import StoreBusyError, StoreError
from polygon_assets.store.local_entries import opened_folder
from polygon_assets.termination import guard, release

GUARD_TIMEOUT = 60.0
"""Seconds; what it protects takes milliseconds."""
_PAUSE = 0.02
_GUARD = "guard.lock"
_OWNER = "owner.lock"
_OPENED = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@contextmanager
def locked(folder: int, name: str, path: Path, timeout: float) -> Iterator[None]:
    """Hold the lock of the file ``name`` in the opened ``folder``; ``path`` is what it is called.

    Raises:
        StoreBusyError: somebody else has held it for ``timeout`` seconds.
        StoreError: it is no file.
    """
    descriptor = os.open(name, _OPENED, mode_for(folder), dir_fd=folder)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise StoreError(f"{path}: no file, as the guard of a staging folder must be. Remove it.")
        _close_to_readers(descriptor, mode_for(folder))
        _wait(descriptor, path, timeout)
        yield
    finally:
        os.close(descriptor)


def mode_for(folder: int) -> int:
    """Reading and writing for those who may write the opened ``folder``: whoever may read can lock."""
    writers = stat.S_IMODE(os.fstat(folder).st_mode) & 0o222
    return 0o600 | writers | writers << 1


def _close_to_readers(descriptor: int, mode: int) -> None:
    """Of a guard from an earlier version, which everybody could read."""
    found = os.fstat(descriptor)
    if found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) & ~mode:
        os.fchmod(descriptor, stat.S_IMODE(found.st_mode) & mode)


def _wait(descriptor: int, path: Path, timeout: float) -> None:
    give_up = time.monotonic() + timeout
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= give_up:
                raise StoreBusyError(
                    f"{path}: locked for {timeout:g} s by {_holder(descriptor)}. No ingest holds it longer than a "
                    f"moment: end that process, or have it ended, then try again."
                ) from None
            time.sleep(_PAUSE)
        else:
            return


def _holder(descriptor: int) -> str:
    """Who holds the lock, as far as this system tells; on Linux only, and of processes on this machine."""
    found = os.fstat(descriptor)
    inode = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    with suppress(OSError):
        for line in Path("/proc/locks").read_text(encoding="ascii", errors="replace").splitlines():
            fields = line.split()
            if fields[1:2] == ["FLOCK"] and fields[5:6] == [inode]:  # of those who wait, the second field is an arrow
                return _described(int(fields[4]))
    return "a process that this system does not name (fuser or lsof may)"


def _described(pid: int) -> str:
    """A process, its command without arguments, which may be secrets, and its user."""
    command = user = ""
    with suppress(OSError):
        name = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
        command = "".join(letter if letter.isprintable() else "?" for letter in name)
        user = f", user {Path(f'/proc/{pid}').stat().st_uid}"
    return f"process {pid} ({command or 'of another container'}{user})"


@contextmanager
def staging_folder(root: Path, timeout: float | None = None) -> Iterator[Path]:
    """A folder below ``root`` for this run alone; it is removed at the end, those of dead runs at once.

    ``timeout`` is how many seconds another process may keep ``root`` locked; None: ``GUARD_TIMEOUT``.

    Raises:
        LinkInStoreError: ``root`` is a symbolic link.
        StoreBusyError: another process keeps it locked.
        OSError: ``root`` cannot be written.
    """
    with opened_folder(root.parent, root.name, make=True) as parent:
        with locked(parent, _GUARD, root / _GUARD, GUARD_TIMEOUT if timeout is None else timeout):
            _sweep(parent)
            name = f"run-{os.getpid()}-{secrets.token_hex(8)}"
            os.mkdir(name, 0o700, dir_fd=parent)
            owner = os.open(f"{name}/{_OWNER}", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=parent)
            fcntl.flock(owner, fcntl.LOCK_EX)
        guard(root / name / _OWNER)  # SIGTERM unwinds the stack instead of ending the process on the spot
        try:
            yield root / name
        finally:
            try:
                _remove(parent, name)
            finally:
                release(root / name / _OWNER)
                os.close(owner)


def _remove(parent: int, name: str) -> None:
    """Remove it also where SIGTERM or Ctrl-C comes in the middle: that ends the first attempt, not the second."""
    try:
        shutil.rmtree(name, ignore_errors=True, dir_fd=parent)
    except BaseException:  # a signal's SystemExit or KeyboardInterrupt, which rmtree does not ignore
        shutil.rmtree(name, ignore_errors=True, dir_fd=parent)
        raise


def temporary_staging() -> AbstractContextManager[Path]:
    """A staging folder for stores that do not lie on this machine."""
    root = Path(tempfile.gettempdir()) / f"polygon-assets-staging-{os.getuid()}"
    root.mkdir(mode=0o700, exist_ok=True)
    if root.lstat().st_uid != os.getuid():
        raise PermissionError(f"{root} belongs to somebody else; set TMPDIR to a folder of your own")
    return staging_folder(root)


def _sweep(parent: int) -> None:
    """Remove the folders of dead runs; of a link that is called like one, nothing."""
    for name in os.listdir(parent):
        if name.startswith("run-") and _is_dead(parent, name):
            shutil.rmtree(name, ignore_errors=True, dir_fd=parent)


def _is_dead(parent: int, name: str) -> bool:
    try:
        folder = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
    except OSError:  # a link or a file, another user's, or gone meanwhile
        return False
    try:
        owner = os.open(_OWNER, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except FileNotFoundError:
        return True
    except OSError:  # another user's, who sweeps it; or nothing that a run has made
        return False
    finally:
        os.close(folder)
    try:
        fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        return True
    finally:
        os.close(owner)


def is_full(error: OSError) -> bool:
    """Was there no room left, on the disk or in a quota, or for a file of that size?"""
    return error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
