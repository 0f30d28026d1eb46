"""``polygon-assets rollup``: years of daily bars in one file each, where there is none that is up to date.

Belongs here: showing it. Does not: how such a file is made, and when it is not (``ingest.year_files``).
"""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from polygon_assets.cli import console
from polygon_assets.cli.choices import AnyDataset, datasets
from polygon_assets.datasets import Dataset
from polygon_assets.errors import StoreError, StoreUnreachableError
from polygon_assets.settings import load_settings

if TYPE_CHECKING:  # pyarrow's import is slow
    from polygon_assets.ingest import ParquetStore


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("rollup")(rollup)


def rollup(
    dataset: AnyDataset = None,
    *,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Make all years again, also those that are up to date.")
    ] = False,
) -> None:
    """Put each year of daily bars into one file, by ticker; exit code 1 where a year cannot be read.

    scan() reads tickers from these files in a fraction of the time. Years whose days have not changed are left alone.
    Dagster's sensors do the same by themselves.
    """
    rows = [row for row in datasets(dataset) if dataset or row.window == "day"]
    settings = load_settings()
    from polygon_assets.cli.connect import open_store  # noqa: PLC0415 (pyarrow's import is slow)

    store = open_store(settings)
    if sum(_rolled_up(store, row, overwrite=overwrite) for row in rows):
        raise typer.Exit(console.FAILED)


def _rolled_up(store: "ParquetStore", row: Dataset, *, overwrite: bool) -> int:
    """Make the files that are due; how many could not be made."""
    from polygon_assets.ingest.year_files import stale_years, write_year, years  # noqa: PLC0415

    due = list(stale_years(store, row.name))
    if overwrite:
        due = sorted({int(day[:4]) for day in store.days(row.name)})
    failed = 0
    with console.progress() as shown:
        task = shown.add_task(row.name, total=len(due), note="")
        for year in due:
            try:
                made = write_year(store, row.name, year)
                console.out.print(f"{row.name} {year}: {made.days} days, {made.rows:,} rows")
            except StoreUnreachableError:
                raise
            except StoreError as error:
                failed += 1
                console.out.print(escape(str(error)), soft_wrap=True)
            shown.update(task, advance=1, note=str(year))
    if not due:
        count = len(years(store, row.name))
        console.out.print(f"{row.name}: {f'{count} years, all up to date' if count else 'nothing stored'}")
    return failed
