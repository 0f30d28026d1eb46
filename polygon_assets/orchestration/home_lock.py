"""Locks in Dagster's home, which its processes take in turn: the kernel frees them when a process ends, however."""

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Let one thread of one process at a time into the block; the others wait. The file ``lock`` stays."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


class RunLocks:
    """The runs that this process executes: each has a lock, which shows others that its process lives."""

    def __init__(self, folder: Path) -> None:
        """``folder`` is where the locks of a home's runs lie."""
        self._folder = folder
        self._held: dict[str, int] = {}
        self._changing = threading.Lock()

    def take(self, run_id: str) -> None:
        """This process executes the run from now on, until it is released or the process ends."""
        with self._changing:
            if run_id not in self._held:
                descriptor = os.open(self._path(run_id), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                fcntl.flock(descriptor, fcntl.LOCK_SH)
                self._held[run_id] = descriptor

    def release(self, run_id: str) -> None:
        """The run has ended; nothing happens where this process did not execute it."""
        with self._changing:
            descriptor = self._held.pop(run_id, None)
            if descriptor is not None:
                self.forget(run_id)
                os.close(descriptor)

    def forget(self, run_id: str) -> None:
        """Remove what a process left that has ended."""
        self._path(run_id).unlink(missing_ok=True)

    def is_alive(self, run_id: str) -> bool | None:
        """Does the process live that executes the run? None where no lock tells."""
        try:
            descriptor = os.open(self._path(run_id), os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def _path(self, run_id: str) -> Path:
        return self._folder / f".{run_id}.lock"
