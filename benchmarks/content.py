"""Is what a contestant wrote the content of the flat file? Only then does its time count."""

import functools
import hashlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv

from benchmarks.processes import ContestantError

_TYPES: dict[str, pa.DataType] = {
    "ticker": pa.string(),
    **dict.fromkeys(("volume", "open", "close", "high", "low"), pa.float64()),
    "window_start": pa.int64(),
    "transactions": pa.int64(),
}
_NANOSECONDS = pa.timestamp("ns", tz="UTC")
_right: set[tuple[Path, bytes]] = set()


def check_parquet(path: Path, raw: Path) -> None:
    """Compare the Parquet file with the csv.gz ``raw``, row by row, in order; columns beyond the file's are allowed.

    A file with the bytes of one that was right before is right.

    Raises:
        ContestantError: it differs.
    """
    digest = hashlib.sha256(path.read_bytes()).digest()
    if (raw, digest) in _right:
        return
    table = pq.ParquetFile(path).read(columns=list(_TYPES))
    columns: dict[str, Any] = {name: _plain(table.column(name), kind) for name, kind in _TYPES.items()}
    if not pa.table(columns).equals(_truth(raw)):
        raise ContestantError(f"{path} does not hold the rows of {raw}")
    _right.add((raw, digest))


def _plain(column: Any, kind: pa.DataType) -> Any:
    if pa.types.is_timestamp(column.type):
        return pc.cast(pc.cast(column, _NANOSECONDS), pa.int64())
    return pc.cast(column, kind)


@functools.lru_cache(maxsize=2)
def _truth(raw: Path) -> pa.Table:
    """The rows as pyarrow reads them in one go."""
    convert = csv.ConvertOptions(column_types=_TYPES, null_values=[], strings_can_be_null=False)
    return csv.read_csv(raw, convert_options=convert)


def check_bytes(path: Path, original: Path) -> None:
    """Compare a downloaded file with what was uploaded.

    Raises:
        ContestantError: it differs.
    """
    if path.stat().st_size != original.stat().st_size or path.read_bytes() != original.read_bytes():
        raise ContestantError(f"{path} is not {original}")
