"""What this machine lets a run use: cores and memory, a container's limits included, and how many workers follow.

Belongs here: looking at the machine. Does not: what the workers do (``pipeline``).
"""

import math
import os
from pathlib import Path

WORKER_BYTES = 256 * 1024**2
"""Memory that one conversion takes at most, rounded up; measured with full-size minute files."""
DOWNLOAD_BYTES = 8 * 1024**2
"""Memory that one download in flight takes at most: blocks on their way to the disk, and the network's buffers."""
_CGROUP = Path("/sys/fs/cgroup")


def workers_for(budget: int) -> int:
    """How many conversions run at once: one for each core, as far as ``budget`` bytes of memory reach; at least one."""
    return max(1, min(cores(), budget // WORKER_BYTES))


def downloads_for(budget: int, workers: int, wanted: int) -> int:
    """How many of the ``wanted`` downloads are in flight beside ``workers``; at least one."""
    return max(1, min(wanted, (budget - workers * WORKER_BYTES) // DOWNLOAD_BYTES))


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
