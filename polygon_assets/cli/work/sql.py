"""``polygon-assets sql``: a query over the store, shown as a table, or written batch by batch.

As CSV, JSON (an array, one object a line) or Parquet. A file appears whole or not at all.
"""

import json
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from rich.text import Text

from polygon_assets.cli import console
from polygon_assets.ingest.connections import existing_store
from polygon_assets.reading.queries import connect
from polygon_assets.reading.queries import run as run_query
from polygon_assets.settings import load_settings

TABLE = "table"


def write(result: pa.RecordBatchReader, form: str, output: Path | None) -> int:
    """Write ``result`` as ``form`` to the file ``output``, or to standard output; how many rows there were."""
    with _target(output) as file:
        if form == "json":
            return _json(result, file)
        with (pacsv.CSVWriter if form == "csv" else pq.ParquetWriter)(file, result.schema) as writer:
            return sum(_count(writer, batch) for batch in result)


def _count(writer: pacsv.CSVWriter | pq.ParquetWriter, batch: pa.RecordBatch) -> int:
    if isinstance(writer, pq.ParquetWriter):
        writer.write_batch(batch)
    else:
        writer.write(batch)
    return batch.num_rows


def _json(result: pa.RecordBatchReader, file: IO[bytes]) -> int:
    count = 0
    file.write(b"[")
    for row in (row for batch in result for row in batch.to_pylist()):
        file.write((",\n" if count else "\n").encode() + json.dumps(row, default=str, ensure_ascii=False).encode())
        count += 1
    file.write(b"\n]\n")
    return count


@contextmanager
def _target(output: Path | None) -> Iterator[IO[bytes]]:
    if output is None:
        yield sys.stdout.buffer
        sys.stdout.flush()
        return
    # Its name cannot be guessed, and what stands there is never opened: a link that was planted would be followed.
    part = output.with_name(f".{output.name}.{secrets.token_hex(8)}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666), "wb") as file:
            yield file
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)


def run(query: str, form: str, output: Path | None, rows: int) -> None:
    """Run ``query``; show at most ``rows`` rows, or write all of them as ``form``."""
    with connect(existing_store(load_settings())) as connection:
        result = run_query(connection, query)
        if form == TABLE:
            _show(result, rows)
        else:
            written = write(result, form, output)
            if output:
                console.messages.print(f"{written:,} rows in {output}", markup=False)


def _show(result: pa.RecordBatchReader, limit: int) -> None:
    found: list[dict[str, Any]] = []
    for batch in result:
        found.extend(batch.slice(0, limit + 1 - len(found)).to_pylist())
        if len(found) > limit:
            break
    numbers = tuple(field.name for field in result.schema if _is_number(field.type))
    table = console.table(None, *result.schema.names, right=numbers)
    for row in found[:limit]:
        table.add_row(*(Text("" if value is None else str(value)) for value in row.values()))
    console.out.print(table)
    if len(found) > limit:
        console.messages.print(f"The first {limit} rows; more with --rows N, all with --output FILE.")


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))
