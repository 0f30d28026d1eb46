"""``polygon-assets sql``: a query over the store, shown as a table or written as CSV, JSON or Parquet.

Belongs here: the command and the table. Does not: the views (``reading.queries``), or writing (``export``).
"""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from polygon_assets.cli import console
from polygon_assets.errors import InvalidInputError
from polygon_assets.settings import load_settings

if TYPE_CHECKING:
    import pyarrow as pa


class Format(StrEnum):
    """What a result can be written as."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("sql")(sql)


def sql(
    query: Annotated[
        str, typer.Argument(metavar="QUERY", help="The query; - reads it from standard input.", show_default=False)
    ],
    form: Annotated[
        Format | None,
        typer.Option(
            "--format",
            metavar="|".join(Format),
            help="By default a table, or what --output ends in.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="File to write.", show_default=False)
    ] = None,
    rows: Annotated[int, typer.Option(metavar="N", min=1, help="Rows of a table that are shown at most.")] = 50,
) -> None:
    """Ask the store in SQL (DuckDB); each dataset is a view, and the column date limits which files are read.

    polygon-assets sql "SELECT ticker, close FROM stocks_daily WHERE date = '2026-11-20' ORDER BY volume DESC LIMIT 10"
    """
    text = sys.stdin.read() if query == "-" else query
    chosen = form or _by_ending(output)
    if chosen is Format.TABLE and output:
        raise InvalidInputError("A table is for reading: write a file as csv, json or parquet.")
    if chosen is Format.PARQUET and output is None:
        raise InvalidInputError("Parquet needs a file: --output FILE.parquet")
    from polygon_assets.cli.export import write  # noqa: PLC0415
    from polygon_assets.reading.queries import connect, run  # noqa: PLC0415
    from polygon_assets.reading.stores import existing_store  # noqa: PLC0415 (pyarrow's import is slow)

    with connect(existing_store(load_settings())) as connection:
        result = run(connection, text)
        if chosen is Format.TABLE:
            _show(result, rows)
        else:
            written = write(result, chosen.value, output)
            if output:
                console.messages.print(f"{written:,} rows in {output}", markup=False)


def _by_ending(output: Path | None) -> Format:
    if output is None:
        return Format.TABLE
    try:
        return Format(output.suffix.removeprefix("."))
    except ValueError:
        raise InvalidInputError(f"{output}: say what to write with --format csv, json or parquet.") from None


def _show(result: "pa.RecordBatchReader", limit: int) -> None:
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


def _is_number(kind: "pa.DataType") -> bool:
    import pyarrow as pa  # noqa: PLC0415

    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))
