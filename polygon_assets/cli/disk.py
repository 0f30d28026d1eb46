"""Disk: how much is left where the store lies, and how much Parquet a number of source bytes becomes.

Belongs here: estimates. Does not: what is said about them.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # pyarrow's import is slow
    from polygon_assets.reading.comparison import ComparedDay

PARQUET_PER_SOURCE_BYTE = 1.35
"""What a stored file is larger than its csv.gz; used where nothing is stored that would tell."""


def free_bytes(uri: str) -> int | None:
    """Bytes left on the disk of the folder ``uri``, which need not exist yet; None for an object store."""
    if "://" in uri:
        return None
    place = Path(uri)
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free


def parquet_bytes(source_bytes: int, seen: "Sequence[ComparedDay]" = ()) -> int:
    """Estimate what ``source_bytes`` become, from the stored days in ``seen`` if there are any."""
    pairs = [(each.parquet_bytes, each.stored.source_bytes) for each in seen if each.stored and each.parquet_bytes]
    source = sum(pair[1] for pair in pairs)
    ratio = sum(pair[0] for pair in pairs) / source if source else PARQUET_PER_SOURCE_BYTE
    return round(source_bytes * ratio)
