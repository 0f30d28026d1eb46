"""What DuckDB reads from a csv.gz with explicit types, and what of it is stored, in the same terms."""

import gzip
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from polygon_assets.datasets import Column, Dataset

CSV_TYPES = {
    "string": "VARCHAR",
    "list<int16>": "VARCHAR",
    "float64": "DOUBLE",
    "int64": "BIGINT",
    "int16": "SMALLINT",
    "date32": "DATE",
    "timestamp[us, UTC]": "BIGINT",
    "timestamp[ns, UTC]": "BIGINT",
}
CODES = """CASE WHEN {0} = '' THEN []::SMALLINT[] ELSE string_split({0}, ',')::SMALLINT[] END"""


def meant(column: Column) -> str:
    """What a cell of the file means, in DuckDB's words."""
    if column.type == "list<int16>":
        return CODES.format(column.name)
    return f"nullif({column.name}, 0)" if column.zero_is_null else column.name


def stored(column: Column, of: str = "") -> str:
    """A stored cell of the row ``of``, moments as nanoseconds."""
    return f"epoch_ns({of}{column.name})" if column.type.startswith("timestamp") else f"{of}{column.name}"


def cells_in_file(dataset: Dataset, path: Path) -> str:
    """SQL for what is in the csv.gz, in the columns' order there."""
    known, names = {column.name: column for column in dataset.columns}, header(path)
    types = {name: CSV_TYPES[known[name].type] for name in names}
    texts = [name for name, kind in types.items() if kind == "VARCHAR"]
    cells = ", ".join(f"{meant(known[name])} AS {name}" for name in names)
    source = f"read_csv('{path}', header = true, quote = '\"', columns = {types}, force_not_null = {texts})"
    return f"SELECT {cells} FROM {source}"  # noqa: S608 (names of the table)


def in_file(dataset: Dataset, columns: list[Column], path: Path) -> list[tuple[Any, ...]]:
    """The rows that DuckDB reads from the csv.gz, as ``columns``."""
    names = ", ".join(column.name for column in columns)
    with duckdb.connect() as connection:
        return connection.execute(f"SELECT {names} FROM ({cells_in_file(dataset, path)})").fetchall()  # noqa: S608


def scanned(table: pa.Table, columns: list[Column]) -> list[tuple[Any, ...]]:
    """The rows of ``scan``, moments as nanoseconds."""
    cells = []
    for column in columns:
        values = table.column(column.name)
        if column.type.startswith("timestamp"):
            values = values.cast(pa.timestamp("ns", tz="UTC")).cast(pa.int64())
        cells.append(values.to_pylist())
    return list(zip(*cells, strict=True))


def header(path: Path) -> list[str]:
    """The columns of the file."""
    with gzip.open(path, "rt") as file:
        return file.readline().rstrip().split(",")
