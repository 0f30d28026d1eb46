"""``polygon-assets rollup``: years of daily bars in one file each, where there is none that is up to date.

Belongs here: showing it. Does not: how such a file is made, and when it is not (``ingest.year_files``).
"""

from collections.abc import Sequence

from polygon_assets.cli import console
from polygon_assets.datasets import Dataset
from polygon_assets.errors import StoreError, StoreUnreachableError
from polygon_assets.ingest import ParquetStore
from polygon_assets.ingest.connections import open_store
from polygon_assets.settings import load_settings
from polygon_assets.store.roll_ups import stale_years, write_year, years


def run(datasets: Sequence[Dataset], *, overwrite: bool) -> int:
    """Put each year of ``datasets`` into one file, where it is not up to date; the exit code."""
    store = open_store(load_settings())
    failed = sum(_rolled_up(store, row, overwrite=overwrite) for row in datasets)
    return console.FAILED if failed else 0


def _rolled_up(store: ParquetStore, row: Dataset, *, overwrite: bool) -> int:
    """Make the files that are due; how many could not be made."""
    due = list(stale_years(store, row.name))
    if overwrite:
        due = sorted({int(day[:4]) for day in store.days(row.name)})
    failed = 0
    with console.progress() as shown:
        task = shown.add_task(row.name, total=len(due), note="")
        for year in due:
            try:
                made = write_year(store, row.name, year)
                console.out.print(
                    f"{row.name} {year}: {console.counted(made.days, 'day')}, {console.counted(made.rows, 'row')}"
                )
            except StoreUnreachableError:
                raise
            except StoreError as error:
                failed += 1
                console.out.print(str(error), soft_wrap=True)
            shown.update(task, advance=1, note=str(year))
    if not due:
        count = len(years(store, row.name))
        said = f"{console.counted(count, 'year')}, all up to date" if count else "nothing stored"
        console.out.print(f"{row.name}: {said}")
    return failed
