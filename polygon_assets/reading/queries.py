"""SQL over the store, with DuckDB: one view for each data type, which reads only the days that a query asks for.

Belongs here: the views. Does not: showing results (``cli``).
"""

from typing import TYPE_CHECKING

import pyarrow as pa

from polygon_assets.datasets import DATASETS, Dataset
from polygon_assets.errors import ConfigurationMissingError, InvalidInputError, StoreError
from polygon_assets.ingest import ParquetStore
from polygon_assets.ingest.store import scanned_schema

if TYPE_CHECKING:
    import duckdb


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
    return connection


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
    """``value`` as an SQL literal, whose ``*``, ``?`` and ``[`` are no patterns."""
    escaped = "".join(f"[{each}]" if each in "*?[" else each for each in value)
    return "'" + escaped.replace("'", "''") + "'"


def run(connection: "duckdb.DuckDBPyConnection", query: str) -> pa.RecordBatchReader:
    """Run ``query``; its rows, batch by batch.

    Raises:
        InvalidInputError: DuckDB does not understand it, or it gives no rows; in DuckDB's words.
    """
    import duckdb  # noqa: PLC0415 (whoever has a connection has it)

    try:
        relation = connection.sql(query)
    except (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException) as error:
        raise InvalidInputError(" ".join(str(error).split())) from error
    if relation is None:
        raise InvalidInputError("The query gives no rows; ask with SELECT.")
    reader: pa.RecordBatchReader = relation.to_arrow_reader()
    return reader
