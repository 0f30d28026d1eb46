"""What this machine lets a run use: cores, memory and threads, a container's limits included.

Threads for blocking work end with their context, even where a signal ends it.
"""

import math
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path

from polygon_assets.datasets import Dataset
from polygon_assets.flatfile.limits import Limits

_CONVERSION_BYTES, _ROW_GROUPS = 192 * 1024**2, 8
"""Memory that one conversion takes at most: libraries and buffers, and so many times the text of a row group."""
DOWNLOAD_BYTES = 8 * 1024**2
"""Memory that one download in flight takes at most: blocks on their way to the disk, and the network's buffers."""
_CGROUP = Path("/sys/fs/cgroup")


def memory_budget(limits: Limits) -> int:
    """Bytes that conversions and downloads may take at once: ``max_memory_bytes``, never more than there is."""
    there = memory_bytes()
    return there // 2 if limits.max_memory_bytes is None else min(limits.max_memory_bytes, there)


def conversion_bytes(dataset: Dataset) -> int:
    """Memory that converting a file of ``dataset`` takes at most; it does not grow with the file."""
    return _CONVERSION_BYTES + _ROW_GROUPS * dataset.row_group_bytes


def workers_for(budget: int, each: int) -> int:
    """How many conversions of ``each`` bytes run at once: one for each core, as far as ``budget`` reaches."""
    return max(1, min(cores(), budget // each))


def downloads_for(budget: int, converting: int, wanted: int) -> int:
    """How many of the ``wanted`` downloads are in flight beside ``converting`` bytes of conversions; at least one."""
    return max(1, min(wanted, (budget - converting) // DOWNLOAD_BYTES))


def cores(cgroup: Path = _CGROUP) -> int:
    """Cores that this process may use, rounded up; at least one."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _words(cgroup / "cpu.max")
    match quota:
        case [share, period] if share.isdigit() and period.isdigit() and int(period):
            return max(1, min(allowed, math.ceil(int(share) / int(period))))
    return allowed


def memory_bytes(cgroup: Path = _CGROUP) -> int:
    """Memory that this process may use: the machine's, or a container's share of it."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = _words(cgroup / "memory.max")
    return min(machine, int(limit[0])) if limit and limit[0].isdigit() else machine


def _words(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return []


@contextmanager
def worker_threads(name: str, count: int) -> Iterator[ThreadPoolExecutor]:
    """``count`` threads that have ended when the context has; calls that have not begun by then never do.

    All are started at once: an executor that starts them as calls come forgets the one in whose start a signal's
    exception arrives, although its call runs, and then nobody waits for it.
    """
    executor = ThreadPoolExecutor(count, thread_name_prefix=name)
    try:
        _start_all(executor, count)
        yield executor
    finally:
        try:
            executor.shutdown(wait=True, cancel_futures=True)
        except BaseException:  # a signal's; the calls still end before their files are removed
            executor.shutdown(wait=True, cancel_futures=True)
            raise


def _start_all(executor: ThreadPoolExecutor, count: int) -> None:
    together = threading.Barrier(count)  # a thread that waits takes no second call, so that each call starts one
    try:
        wait([executor.submit(together.wait) for _ in range(count)])
    except BaseException:  # a signal's; those that wait for the others would wait for ever
        together.abort()
        raise
