"""What a process has: memory, threads and open files; and what it left on disk and running."""

import gc
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from polygon_assets_tests.faults.children import memory

_KEPT = 128 * 1024**2
"""Bytes that allocators keep."""
_KEPT_FILES = 8
"""Connections of one store on S3, which Dagster's definitions hold as long as the process lives."""


@dataclass(frozen=True)
class Holdings:
    """What this process holds."""

    memory: int
    """Resident bytes, after what is free was given back."""
    threads: int
    files: int
    """Open descriptors."""

    @property
    def memory_mb(self) -> float:
        """Megabytes."""
        return self.memory / 1e6

    @classmethod
    def now(cls) -> "Holdings":
        gc.collect()
        pa.default_memory_pool().release_unused()
        status = Path("/proc/self/status").read_text()
        threads = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("Threads"))
        return cls(memory("VmRSS"), threads, len(open_files()))

    def beyond(self, before: "Holdings") -> list[str]:
        """What is more than ``before``, and more than libraries keep for the next time."""
        found = []
        if self.threads > before.threads + pa.io_thread_count() + pa.cpu_count():
            found.append(f"{self.threads} threads, {before.threads} before")
        if self.files > before.files + _KEPT_FILES:
            found.append(f"{self.files} open files, {before.files} before")
        if self.memory > before.memory + _KEPT:
            found.append(f"{self.memory:,} bytes of memory, {before.memory:,} before")
        return found


def left_behind(folder: Path) -> list[str]:
    """Files below ``folder``, but guards, which stay."""
    return [str(path) for path in folder.rglob("*") if path.is_file() and path.name != "guard.lock"]


def open_files() -> list[str]:
    """What the open descriptors of this process are, for a message."""
    names = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            names.append(str(entry.readlink()))
        except OSError:
            continue
    return sorted(names)
