"""How large and how wrong a file may be, and how much memory a run may take."""

from dataclasses import dataclass

from polygon_assets.datasets import Dataset
from polygon_assets.expansion import ExpansionLimit

LEAST_RAW_BYTES = 4 * 1024**3
"""Every file may decompress to that much; the largest real ones of bars have some 300 MB."""
TYPICAL_FILES = 40
"""A file may decompress to so many times what its dataset's files typically have compressed: ten times the usual."""


@dataclass(frozen=True)
class Limits:
    """Bounds of one run, and of each of its conversions; a file beyond them is refused."""

    max_raw_bytes: int | None = None
    """Bytes that a file may decompress to. None: 4 GiB, or more where the dataset's files are typically large."""
    max_ratio: float = 200.0
    """Decompressed bytes for each compressed one, beyond the first 64 MiB; real files have 3 to 8."""
    max_sort_rows: int = 20_000_000
    """Rows of an unsorted file that may be sorted in memory, at about 100 bytes each."""
    max_rejected_share: float = 0.01
    """Share of the rows, inclusive, that may be rejected as not belonging to the day."""
    max_alien_share: float = 0.5
    """Share of the rows, inclusive, that may break a rule which a file of another dataset breaks throughout."""
    accept_unterminated: bool = False
    """Publish, with a finding, a file whose last line has no newline, though its last number may have been cut."""
    max_memory_bytes: int | None = None
    """Memory for conversions and downloads at once; it bounds how many there are. None: half of the machine's."""

    def expansion_of(self, dataset: Dataset) -> ExpansionLimit:
        """What a file of ``dataset`` may decompress to."""
        most = self.max_raw_bytes or max(LEAST_RAW_BYTES, TYPICAL_FILES * dataset.typical_bytes)
        return ExpansionLimit(most, self.max_ratio, "max_raw_bytes", "max_ratio")


DEFAULT_LIMITS = Limits()
