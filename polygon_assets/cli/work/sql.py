"""``polygon-assets sql``: a query over the store, shown as a table, or written batch by batch.

As CSV, JSON (an array, one object a line) or Parquet. A file appears whole or not at all.
"""

import json
import math
import os
import secrets
import stat
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from rich.text import Text

from polygon_assets.cli import console
from polygon_assets.cli.reaching import reached_store
from polygon_assets.errors import InvalidInputError
from polygon_assets.ingest import ParquetStore
from polygon_assets.ingest.connections import existing_store
from polygon_assets.reading.absent import nothing_stored, which_days
from polygon_assets.reading.previews import readable
from polygon_assets.reading.queries import connect, datasets_in, reads_no_day
from polygon_assets.reading.queries import run as run_query
from polygon_assets.settings import load_settings

if TYPE_CHECKING:
    import duckdb

TABLE = "table"
_ASK_AGAIN_AFTER = 0.1
"""Seconds: a query that is only about to begin does not hear that it is to end."""
_ASKED = 100
"""Times."""


def write(result: pa.RecordBatchReader, form: str, output: Path | None) -> int:
    """Write ``result`` as ``form`` to the file ``output``, or to standard output; how many rows there were.

    Raises:
        InvalidInputError: the form has no place for a column: two of one name, or a type that it does not know.
    """
    if form != "csv":
        _require_names(result.schema, form)
    with _target(output) as file:
        if form == "json":
            return _json(result, file)
        if form == "csv":
            with pacsv.CSVWriter(file, _in_text(result.schema.empty_table()).schema) as writer:
                return sum(_count(writer, _in_text(pa.Table.from_batches([batch]))) for batch in result)
        with _parquet(file, result.schema) as parquet:
            return sum(_count(parquet, batch) for batch in result)


def _require_names(schema: pa.Schema, form: str) -> None:
    for name in schema.names:
        if schema.names.count(name) > 1:
            raise InvalidInputError(f"Two columns are called {name!r}, of which {form} keeps one: name them with AS.")


def _in_text(table: pa.Table) -> pa.Table:
    """``table`` with text in place of what CSV does not know: lists, as those of conditions, and intervals."""
    for number, each in enumerate(table.schema):
        if pa.types.is_nested(each.type) or each.type == pa.month_day_nano_interval():
            values = table.column(number).to_pylist()
            texts = [None if value is None else json.dumps(value, default=str, ensure_ascii=False) for value in values]
            table = table.set_column(number, each.name, pa.array(texts, pa.string()))
    return table


def _parquet(file: IO[bytes], schema: pa.Schema) -> pq.ParquetWriter:
    try:
        return pq.ParquetWriter(file, schema)
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid) as error:
        columns = ", ".join(each.name for each in schema if each.type == pa.month_day_nano_interval())
        raise InvalidInputError(
            f"Parquet cannot hold {columns or 'a column'}: {error}. Cast it in the query."
        ) from None


def _count(writer: pacsv.CSVWriter | pq.ParquetWriter, batch: pa.RecordBatch | pa.Table) -> int:
    if isinstance(batch, pa.Table):
        writer.write_table(batch)
    else:
        writer.write_batch(batch)
    return batch.num_rows


def _json(result: pa.RecordBatchReader, file: IO[bytes]) -> int:
    count = 0
    file.write(b"[")
    for row in (row for batch in result for row in readable(batch).to_pylist()):
        text = json.dumps(_finite(row), default=str, ensure_ascii=False, allow_nan=False)
        file.write((",\n" if count else "\n").encode() + text.encode())
        count += 1
    file.write(b"\n]\n")
    return count


def _finite(value: Any) -> Any:
    """``value`` with null for what JSON has no number for: NaN and infinities."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    return [_finite(each) for each in value] if isinstance(value, list) else value


@contextmanager
def _target(output: Path | None) -> Iterator[IO[bytes]]:
    """A new file under a name that nobody can have guessed, renamed at the end: whatever lies there is not followed."""
    if output is None:
        target: Any = console.raw_output()
        yield target
        sys.stdout.flush()
        return
    part = output.with_name(f".polygon-assets-{secrets.token_hex(8)}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)


def require_new_place(output: Path, store_uri: str) -> None:
    """Refuse to write over what is no plain file, or into the store, whose files are not to be replaced by hand.

    Raises:
        InvalidInputError: it is a folder, a pipe or a device, or lies below the store.
    """
    kind = output.lstat().st_mode if output.is_symlink() or output.exists() else stat.S_IFREG
    if not stat.S_ISREG(kind) and not stat.S_ISLNK(kind):  # a link itself is replaced
        raise InvalidInputError(f"{output} is no plain file; name another with --output.")
    try:
        folder = output.absolute().parent.resolve()
        folder.stat()  # Python 3.13 resolves such links without an error
    except FileNotFoundError:
        raise InvalidInputError(
            f"There is no folder {output.parent}; make it, or name another with --output."
        ) from None
    except (OSError, RuntimeError) as error:  # links that lead to each other
        raise InvalidInputError(f"{output} is nowhere: {error}; name another with --output.") from error
    if "://" not in store_uri and folder.is_relative_to(Path(store_uri).resolve()):
        raise InvalidInputError(f"{output} lies in the store {store_uri}; name a file elsewhere with --output.")


def run(query: str, form: str, output: Path | None, rows: int) -> None:
    """Run ``query``; show at most ``rows`` rows, or write all of them as ``form``."""
    settings = load_settings()
    reached_store(settings)
    store = existing_store(settings)
    if output:
        require_new_place(output, store.uri)
    with connect(store, console.warn) as connection:
        _interruptible(connection, lambda: _answer(connection, store, query, form, output, rows))


def _answer(
    connection: "duckdb.DuckDBPyConnection", store: ParquetStore, query: str, form: str, output: Path | None, rows: int
) -> None:
    result = run_query(connection, query)
    if form == TABLE:
        found = _show(result, rows)
    else:
        found = write(result, form, output)
        if output:
            console.messages.print(f"{console.counted(found, 'row')} in {output}", soft_wrap=True)
    if found <= 1:  # of nothing, a sum is one row
        for remark in _absent(connection, store, query, found):
            console.warn(remark)


def _interruptible(connection: "duckdb.DuckDBPyConnection", work: Callable[[], None]) -> None:
    """Do ``work`` in another thread: Python hears of Ctrl-C only between two calls, and a query is one, of minutes."""
    with ThreadPoolExecutor(1) as thread:
        working = thread.submit(work)
        try:
            working.result()
        except KeyboardInterrupt:
            for _ in range(_ASKED):
                connection.interrupt()
                if wait([working], _ASK_AGAIN_AFTER).done:
                    raise
            os._exit(console.INTERRUPTED)  # it writes into a pipe that nobody empties


def _absent(connection: "duckdb.DuckDBPyConnection", store: ParquetStore, query: str, found: int) -> Iterator[str]:
    """What is not stored of the datasets that ``query`` names, whose answer has ``found`` rows."""
    stored = {name: store.days(name) for name in datasets_in(query)}
    unread = any(stored.values()) and reads_no_day(connection, query)
    for name, days in stored.items():
        if not days:
            yield nothing_stored(store, name, None, None)
        elif unread:
            yield f"No stored day of {name} is one that the query asks for; {which_days(days)}."
        elif not found:
            yield f"No rows. Of {name}, {which_days(days)}."


def _show(result: pa.RecordBatchReader, limit: int) -> int:
    """Show at most ``limit`` rows; how many were found, up to one more."""
    found: list[dict[str, Any]] = []
    for batch in result:
        found.extend(readable(batch.slice(0, limit + 1 - len(found))).to_pylist())
        if len(found) > limit:
            break
    numbers = tuple(field.name for field in result.schema if _is_number(field.type))
    table = console.table(None, *result.schema.names, right=numbers)
    for row in found[:limit]:
        table.add_row(*(Text("" if value is None else console.visible(str(value))) for value in row.values()))
    console.show(table)
    if len(found) > limit:
        first = "row" if limit == 1 else f"{limit} rows"
        console.messages.print(f"The first {first}; more with --rows N, all with --output FILE.")
    return len(found)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))
