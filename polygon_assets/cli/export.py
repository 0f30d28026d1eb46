"""Writing a result batch by batch: CSV, JSON (an array, one object a line) or Parquet.

Belongs here: the formats. Does not: which result. A file appears whole or not at all.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq


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
    part = output.with_name(f".{output.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)
