"""What a contestant says of itself, measured inside: seconds, CPU seconds, peak memory.

Imports nothing of anybody's, since peers' contestants run in another environment.
"""

import json
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Stopwatch:
    """Started when it is made."""

    def __init__(self) -> None:
        self._wall = time.perf_counter()
        self._cpu = cpu_seconds()

    def read(self) -> dict[str, float]:
        """Seconds since the start, by the clock and of CPU, programs that were started included."""
        return {"wall": time.perf_counter() - self._wall, "cpu": cpu_seconds() - self._cpu}


REPEATS = 3


def repeated(action: Callable[[], object], repeats: int = REPEATS) -> dict[str, float]:
    """Medians of doing ``action`` a few times: a backfill converts one file after the other in one process."""
    took = []
    for _ in range(repeats):
        watch = Stopwatch()
        action()
        took.append(watch.read())
    return {unit: statistics.median(each[unit] for each in took) for unit in ("wall", "cpu")}


def cpu_seconds() -> float:
    """CPU seconds of this process and of the programs it has waited for."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def peak_bytes() -> int:
    """The most memory that this process ever held (ru_maxrss would include what the process before ``exec`` held)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def answer(measured: dict[str, float], **more: Any) -> None:
    """Print the contestant's line."""
    print(json.dumps({**measured, "peak": peak_bytes(), **more}))
