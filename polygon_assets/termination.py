"""SIGTERM and process exit leave no part file behind.

Python turns SIGINT into an exception, so that ``finally`` runs; SIGTERM kills at once. While a part file exists,
SIGTERM raises SystemExit(143) instead, but only where nobody else handles it. Under an event loop it comes from a
callback of its own: raised between two steps of the loop, it would lose the second, and ``asyncio.run`` would wait for
ever for the task that it was to wake. Where a library took it for a broken connection, it is raised again.
"""

import asyncio
import atexit
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

_lock = threading.RLock()  # a signal may arrive while the same thread holds it
_live: dict[Path, int] = {}
_hooked = False
_terminated = False


def _exit(signal_number: int, _frame: FrameType | None) -> None:
    global _terminated  # noqa: PLW0603 (signals belong to the process)
    _terminated = True
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        raise SystemExit(128 + signal_number) from None
    loop.call_soon_threadsafe(sys.exit, 128 + signal_number)


def exit_if_terminated() -> None:
    """Raise SystemExit(143) where SIGTERM came while a part file existed, and whoever was running kept it to itself."""
    if _terminated:
        raise SystemExit(128 + signal.SIGTERM)


def _remove_live() -> None:
    """Unlink what is left at exit: an event loop that was dropped instead of closed runs no ``finally``."""
    for path, pid in list(_live.items()):
        if pid == os.getpid():  # a forked child holds a copy of its parent's list
            path.unlink(missing_ok=True)


def guard(path: Path) -> None:
    """Have ``path`` removed if the process is terminated or exits."""
    global _hooked  # noqa: PLW0603 (signal handlers belong to the process)
    with _lock:
        if not _hooked:
            atexit.register(_remove_live)
            _hooked = True
        _live[path] = os.getpid()
        in_main = threading.current_thread() is threading.main_thread()
        if in_main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, _exit)


def release(path: Path) -> None:
    """Stop watching ``path``; with the last one, SIGTERM means again what it meant."""
    global _terminated  # noqa: PLW0603 (signals belong to the process)
    with _lock:
        _live.pop(path, None)
        if not _live:
            _terminated = False
        in_main = threading.current_thread() is threading.main_thread()
        if not _live and in_main and signal.getsignal(signal.SIGTERM) is _exit:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
