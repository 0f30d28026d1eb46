"""SQL over the store, with DuckDB: one view for each data type, which reads only the days that a query asks for.

Belongs here: the views. Does not: showing results (``cli``).
"""

import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from polygon_assets.datasets import DATASETS, Dataset, no_such_dataset
from polygon_assets.errors import (
    ConfigurationMissingError,
    InvalidInputError,
    PolygonAssetsError,
    StoreError,
    StoreUnreachableError,
)
from polygon_assets.ingest import ParquetStore
from polygon_assets.store.parquet_store import FILE_NAME, scanned_schema
from polygon_assets.store.s3_reading import OF_S3

if TYPE_CHECKING:
    import duckdb

_UNKNOWN_TABLE = re.compile(r"Table with name \"?(\S+?)\"? does not exist")
_EXPLAIN = re.compile(r"^\s*EXPLAIN\s+(ANALYZE\s+)?(\((?!\s*(SELECT|WITH|FROM)\b)[^)]*\)\s*)?", re.IGNORECASE)
_OF_VALUES = ("Conversion Error", "Out of Range Error", "Invalid Input Error")
_QUERIES = frozenset({"SELECT", "MULTI"})
"""DuckDB's kinds of statements that only read; what holds a PIVOT is expanded into several, whatever it is."""
_PIVOTS = frozenset({"PIVOT", "PIVOT_WIDER", "UNPIVOT", "PIVOT_LONGER", "SELECT", "WITH", "FROM"})
"""What such a statement begins with where it only reads."""


def connect(store: ParquetStore) -> "duckdb.DuckDBPyConnection":
    """A connection of its own, in memory, with a view for each data type, stored or not.

    Files on this machine are read by DuckDB itself, ten times faster; those of an object store through Arrow, since
    DuckDB would have to download an extension.

    Raises:
        ConfigurationMissingError: DuckDB is not installed.
    """
    try:
        import duckdb  # noqa: PLC0415 (an optional part)
    except ModuleNotFoundError:
        raise ConfigurationMissingError(
            "SQL needs DuckDB: run `make install` in the checkout, or install duckdb beside this package"
        ) from None

    connection = duckdb.connect()
    for dataset in DATASETS.values():
        days = [] if "://" in store.uri else _example_first(store, dataset, store.days(dataset.name))
        if days:
            connection.execute(_view(dataset, [store.path(dataset.name, day) for day in days]))
        else:
            connection.register(dataset.name, store.scan(dataset.name))
    _lock(connection, store)
    return connection


def _lock(connection: "duckdb.DuckDBPyConnection", store: ParquetStore) -> None:
    """Let queries read the published days and nothing else: no other file, no network, no extension, no variable.

    What cannot be read cannot be written either; that days are not overwritten, the kinds of statements see to.
    """
    folders = [] if "://" in store.uri else [f"{store.uri}/{name}/" for name in DATASETS]
    folders += [_escaped(folder) for folder in folders]  # the views name them so, and are compared as they are written
    spill = Path(tempfile.gettempdir()) / f"polygon-assets-sql-{os.getuid()}"
    for setting in (
        f"allowed_directories = [{', '.join(map(_quoted, folders))}]",
        f"temp_directory = {_quoted(str(spill))}",
        "python_enable_replacements = false",
        "autoinstall_known_extensions = false",
        "autoload_known_extensions = false",
        "enable_external_access = false",
        "lock_configuration = true",
    ):
        connection.execute(f"SET {setting}")


def _example_first(store: ParquetStore, dataset: Dataset, days: list[str]) -> list[str]:
    """Put a day first whose footer can be read: DuckDB takes the columns of all from the first file.

    So one rotten file spoils only the queries that need it.
    """
    for day in reversed(days):
        try:
            store.provenance(dataset.name, day)
        except StoreError:
            continue
        return [day, *(each for each in days if each != day)]
    return []


def _view(dataset: Dataset, paths: list[str]) -> str:
    """The statement that makes the view over files, with the columns in the order of ``scan``."""
    files = ", ".join(_text(path) for path in paths)
    columns = ", ".join(f'"{name}"' for name in scanned_schema(dataset).names)
    source = f"read_parquet([{files}], hive_partitioning = true, hive_types = {{'date': DATE}})"
    return f'CREATE VIEW "{dataset.name}" AS SELECT {columns} FROM {source}'  # noqa: S608 (names of the table, escaped)


def _text(value: str) -> str:
    """``value`` as an SQL literal, a path and no pattern."""
    return _quoted(_escaped(value))


def _escaped(path: str) -> str:
    """``path``, whose ``*``, ``?`` and ``[`` are no patterns."""
    return "".join(f"[{each}]" if each in "*?[" else each for each in path)


def _quoted(value: str) -> str:
    """``value`` as an SQL literal."""
    return "'" + value.replace("'", "''") + "'"


def run(connection: "duckdb.DuckDBPyConnection", query: str) -> pa.RecordBatchReader:
    """Run ``query``, which changes nothing; its rows, batch by batch.

    Raises:
        InvalidInputError: it is no single query, names a dataset that is not there, or DuckDB cannot make sense of it.
        StoreError: a stored day cannot be read.
        StoreUnreachableError: the store's bucket does not answer.
        PolygonAssetsError: anything else that DuckDB cannot do.
    """
    import duckdb  # noqa: PLC0415 (whoever has a connection has it)

    try:
        _require_one_query(connection, query)
        reader: pa.RecordBatchReader = connection.sql(query).to_arrow_reader()
    except duckdb.Error as error:
        raise _explained(error) from error
    return pa.RecordBatchReader.from_batches(reader.schema, _batches(reader))


def _batches(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    """The batches; what DuckDB finds wrong on the way comes from Arrow as an OSError."""
    try:
        yield from reader
    except OSError as error:
        raise _explained(error) from error


def _explained(error: Exception) -> PolygonAssetsError:
    """DuckDB's error in one line, without its drawing of where in the query the fault is."""
    import duckdb  # noqa: PLC0415

    text = " ".join(str(error).split("\n\n", 1)[0].split())
    if missing := _UNKNOWN_TABLE.search(text):
        return no_such_dataset(missing[1])
    if OF_S3 in text:
        return StoreUnreachableError("A stored day", text)
    if FILE_NAME in text:
        return StoreError(f"{text}. Which days are damaged: polygon-assets verify")
    mistaken = isinstance(error, duckdb.ProgrammingError | duckdb.DataError) or text.startswith(_OF_VALUES)
    return InvalidInputError(text) if mistaken else PolygonAssetsError(text)


def _require_one_query(connection: "duckdb.DuckDBPyConnection", query: str) -> None:
    statements = connection.extract_statements(query)
    if not statements:
        raise InvalidInputError("The query is empty; ask with SELECT.")
    if len(statements) > 1:
        raise InvalidInputError(f"These are {len(statements)} statements; ask one query at a time.")
    kind = statements[0].type.name
    explained = _EXPLAIN.match(statements[0].query)
    if kind == "EXPLAIN" and explained:  # what EXPLAIN ANALYZE explains is run
        _require_one_query(connection, statements[0].query[explained.end() :])
    elif kind not in _QUERIES or (kind == "MULTI" and _first_keyword(statements[0].query) not in _PIVOTS):
        raise InvalidInputError(
            f"Only queries are run (SELECT, WITH, FROM, DESCRIBE, SUMMARIZE, SHOW, PIVOT, EXPLAIN); this is {kind}. "
            "To write a file: --output FILE."
        )


def _first_keyword(query: str) -> str:
    """The word that says what a statement is, past comments and parentheses."""
    import duckdb  # noqa: PLC0415

    tokens = duckdb.tokenize(query)
    starts = [start for start, kind in tokens if kind is not duckdb.token_type.comment and query[start] not in "(;"]
    word = re.match(r"\w+", query[starts[0] :]) if starts else None
    return word[0].upper() if word else ""
