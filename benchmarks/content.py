"""Is what a contestant wrote the content of the flat file? Only then does its time count."""

import functools
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
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
_TICK_TYPES: dict[str, pa.DataType] = {
    **dict.fromkeys(("ticker", "conditions", "id"), pa.string()),
    **dict.fromkeys(("price", "size"), pa.float64()),
    **dict.fromkeys(
        ("correction", "exchange", "participant_timestamp", "sequence_number", "sip_timestamp", "tape", "trf_id",
         "trf_timestamp"),
        pa.int64(),
    ),
}  # fmt: skip
_NOTHING: dict[pa.DataType, Any] = {pa.int64(): 0, pa.string(): ""}
_ROWS_AT_ONCE = 1_000_000
_right: set[tuple[Path, bytes]] = set()


def check_parquet(path: Path, raw: Path) -> None:
    """Compare the Parquet file with the csv.gz ``raw``, row by row, in order; columns beyond the file's are allowed.

    A file with the bytes of one that was right before is right.

    Raises:
        ContestantError: it differs.
    """
    digest = _digest(path)
    if (raw, digest) in _right:
        return
    table = pq.ParquetFile(path).read(columns=list(_TYPES))
    columns: dict[str, Any] = {name: _plain(table.column(name), kind) for name, kind in _TYPES.items()}
    if not pa.table(columns).equals(_truth(raw)):
        raise ContestantError(f"{path} does not hold the rows of {raw}")
    _right.add((raw, digest))


def check_trades(path: Path, raw: Path) -> None:
    """Compare the Parquet file with trades, likewise, a million rows at a time: neither fits into memory.

    Raises:
        ContestantError: it differs.
    """
    digest = _digest(path)
    if (raw, digest) in _right:
        return
    with pq.ParquetFile(path) as file:
        stored = _even(file.iter_batches(_ROWS_AT_ONCE, columns=list(_TICK_TYPES)))
        for number, (mine, true) in enumerate(zip_longest(stored, _even(_trades(raw)))):
            if mine is None or true is None or not _plain_trades(mine).equals(true):
                raise ContestantError(f"{path} does not hold the rows of {raw} from {number * _ROWS_AT_ONCE:,} on")
    _right.add((raw, digest))


def count_trades(raw: Path) -> int:
    """How many rows the file has."""
    return sum(len(batch) for batch in _trades(raw))


def check_records(records: Mapping[str, Sequence[Sequence[Any]]], fields: Sequence[str], raw: Path) -> None:
    """Compare the ``records`` of a few tickers, with the ``fields`` of each, with the trades in ``raw``.

    Raises:
        ContestantError: they differ.
    """
    wanted = pa.array(records)
    found: dict[str, list[Any]] = {ticker: [] for ticker in records}
    for batch in _trades(raw):
        for row in batch.filter(pc.is_in(batch.column("ticker"), wanted)).to_pylist():
            found[row["ticker"]].append([_recorded(name, row[name]) for name in fields])
    for ticker, rows in found.items():
        if not rows or rows != [list(record) for record in records[ticker]]:
            raise ContestantError(f"the records of {ticker} are not those of {raw}")


def _recorded(name: str, value: Any) -> Any:
    """As massive-speedup keeps it: identifiers are numbers, sizes have 32 bits."""
    if name == "id":
        return int(value)
    return float(np.float32(value)) if name == "size" else value


def _trades(raw: Path) -> Iterable[pa.RecordBatch]:
    convert = csv.ConvertOptions(
        column_types=_TICK_TYPES, include_columns=list(_TICK_TYPES), null_values=[], strings_can_be_null=False
    )
    return csv.open_csv(raw, convert_options=convert)


def _even(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The same rows, ``_ROWS_AT_ONCE`` at a time."""
    held: list[pa.Table] = []
    for batch in batches:
        held.append(pa.Table.from_batches([batch]))
        while sum(map(len, held)) >= _ROWS_AT_ONCE:
            whole = pa.concat_tables(held)
            yield whole.slice(0, _ROWS_AT_ONCE).combine_chunks()
            held = [whole.slice(_ROWS_AT_ONCE)]
    if sum(map(len, held)):
        yield pa.concat_tables(held).combine_chunks()


def _plain_trades(table: pa.Table) -> pa.Table:
    """As the file has them: lists of codes as text; for nothing, which peers store as null in part, 0 or empty text."""
    columns: dict[str, Any] = {}
    for name, kind in _TICK_TYPES.items():
        column: Any = table.column(name)
        if pa.types.is_list(column.type):
            column = pc.binary_join(pc.cast(column, pa.list_(pa.string())), ",")
        plain = _plain(column, kind)
        columns[name] = pc.fill_null(plain, _NOTHING[kind]) if kind in _NOTHING else plain
    return pa.table(columns)


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


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
