"""Room on the disk: asked before a file is fetched, and for how many days at once it reaches.

A source file and its Parquet file lie side by side while one becomes the other.
"""

import shutil
from pathlib import Path

from polygon_assets.datasets import Dataset
from polygon_assets.download.transfer_options import DEFAULTS
from polygon_assets.errors import StoreError

PARQUET_PER_SOURCE_BYTE = 1.35
"""What a stored file is larger than its csv.gz; used where nothing is stored that would tell."""
PARTS_FOLDER = "downloads"
"""Beside the staging folders of runs: what is whole of large objects, for the run after one that was killed."""


def parts_folder(staging: Path) -> Path:
    """Where the parts of large objects are collected, on the disk of a run's ``staging`` folder."""
    return staging.parent / PARTS_FOLDER


def bytes_while_converting(source_bytes: int, *, filtered: bool) -> int:
    """What a source file and its Parquet file take together; of a ``filtered`` day, little is left."""
    return source_bytes if filtered else round(source_bytes * (1 + PARQUET_PER_SOURCE_BYTE))


def check_room(key: str, source_bytes: int, staging: Path, *, filtered: bool) -> None:
    """Refuse what the disk of ``staging`` cannot hold; StoreError says how much is needed."""
    needed = bytes_while_converting(source_bytes, filtered=filtered)
    free = shutil.disk_usage(staging).free + _bytes_there(staging)
    if needed > free:
        raise StoreError(
            f"{key}: the source file ({_gigabytes(source_bytes)}) and its Parquet file need {_gigabytes(needed)} in "
            f"{staging.parent}, where {_gigabytes(free)} are free. Free {_gigabytes(needed - free)}, or set "
            "POLYGON_STORE (for a store on S3: TMPDIR) to a larger disk."
        )


def days_for(dataset: Dataset, wanted: int, workers: int, staging: Path, *, filtered: bool) -> int:
    """How many of the ``wanted`` days the disk holds at once, at least one; of large ones no more than ``workers``."""
    each = max(1, bytes_while_converting(dataset.typical_bytes, filtered=filtered))
    if dataset.typical_bytes > DEFAULTS.large_object_bytes:
        wanted = min(wanted, workers)
    return max(1, min(wanted, shutil.disk_usage(staging).free // each))


def _bytes_there(staging: Path) -> int:
    """What parts of earlier runs take already."""
    folder = parts_folder(staging)
    return sum(entry.stat().st_blocks * 512 for entry in folder.glob("*.parts")) if folder.is_dir() else 0


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:,.1f} GB"
