"""How large and how wrong a file may be, and how much memory a run may take."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds of one run, and of each of its conversions; a file beyond them is refused."""

    max_raw_bytes: int = 4 * 1024**3
    """Bytes that a file may decompress to; the largest real ones have some 300 MB."""
    max_ratio: float = 200.0
    """Decompressed bytes for each compressed one, beyond the first 64 MiB; real files have 3 to 8."""
    max_sort_rows: int = 20_000_000
    """Rows of an unsorted file that may be sorted in memory, at about 100 bytes each."""
    max_rejected_share: float = 0.01
    """Share of the rows, inclusive, that may be rejected as not belonging to the day."""
    max_alien_share: float = 0.5
    """Share of the rows, inclusive, that may break a rule which a file of another dataset breaks throughout."""
    max_memory_bytes: int | None = None
    """Memory for conversions and downloads at once; it bounds how many there are. None: half of the machine's."""


DEFAULT_LIMITS = Limits()
RATIO_GRACE_BYTES = 64 * 1024**2
