"""``polygon-assets rollup``: years of daily bars in one file each, where there is none that is up to date.

Belongs here: showing it, and telling Dagster. Does not: how such a file is made, and when it is not
(``store.roll_ups``).
"""

from collections.abc import Sequence

from polygon_assets.cli import console
from polygon_assets.cli.full_disk import full_disk
from polygon_assets.cli.reaching import reached_store
from polygon_assets.datasets import Dataset
from polygon_assets.errors import PolygonAssetsError, StoreError, StoreUnreachableError
from polygon_assets.ingest import ParquetStore
from polygon_assets.settings import Settings, load_settings
from polygon_assets.store.roll_ups import YearFile, stale_years, write_year, years


def run(datasets: Sequence[Dataset], *, overwrite: bool) -> int:
    """Put each year of ``datasets`` into one file, where it is not up to date, and tell Dagster; the exit code."""
    settings = load_settings()
    store = reached_store(settings)
    failed = sum(not _roll_up(settings, store, row, overwrite=overwrite) for row in datasets)
    return console.FAILED if failed else 0


def _roll_up(settings: Settings, store: ParquetStore, row: Dataset, *, overwrite: bool) -> bool:
    """Make the files that are due; were all of them made, and told of?"""
    due = list(stale_years(store, row.name))
    if overwrite:
        due = sorted({int(day[:4]) for day in store.days(row.name)})
    if not due:
        count = len(years(store, row.name))
        said = f"{console.counted(count, 'year')}, all up to date" if count else "nothing stored"
        console.out.print(f"{row.name}: {said}")
    made: list[YearFile] = []
    try:
        _make(store, row, due, made)
    finally:
        told = not made or _told(settings, row, made)
    return told and len(made) == len(due)


def _make(store: ParquetStore, row: Dataset, due: Sequence[int], made: list[YearFile]) -> None:
    """Make the files of ``due``, and put those that could be into ``made``."""
    with console.progress() as shown:
        task = shown.add_task(row.name, total=len(due), note="")
        for year in due:
            try:
                made.append(file := write_year(store, row.name, year))
                days, rows = console.counted(file.days, "day"), console.counted(file.rows, "row")
                console.out.print(f"{row.name} {year}: {days}, {rows}")
            except StoreUnreachableError:
                raise
            except StoreError as error:
                console.out.print(str(error), soft_wrap=True)
            shown.update(task, advance=1, note=str(year))


def _told(settings: Settings, row: Dataset, made: Sequence[YearFile]) -> bool:
    """Tell Dagster of the files that were made; could it be told?"""
    with console.messages.status("Telling Dagster …"):
        return _tell(settings, row, made)


def _tell(settings: Settings, row: Dataset, made: Sequence[YearFile]) -> bool:
    import dagster as dg  # noqa: PLC0415 (slow, and not needed where nothing was made)
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    from polygon_assets.cli.work.record import record_years  # noqa: PLC0415
    from polygon_assets.serving.home import open_instance  # noqa: PLC0415
    from polygon_assets.serving.own_history import require_own_history  # noqa: PLC0415

    try:
        require_own_history(settings.store_uri)
        with open_instance() as instance:
            record_years(settings, instance, row, made)
    except (OSError, SQLAlchemyError, dg.DagsterError, PolygonAssetsError) as error:
        cause = full_disk(error) or f"{' '.join(str(error).split()).partition(' [SQL:')[0]}."
        console.fail(
            f"{row.name}: {console.counted(len(made), 'year')} made, but Dagster could not be told: {cause} "
            f"Mend that, then: polygon-assets record {row.name}"
        )
        return False
    return True
