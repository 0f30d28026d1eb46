"""``polygon-assets record``: tell Dagster of what is stored and what is lost, without the network."""

from collections.abc import Sequence
from contextlib import ExitStack

import dagster as dg
from rich.progress import Progress, TaskID

from polygon_assets.cli import console
from polygon_assets.cli.reaching import history_for_many, opening, reached_store
from polygon_assets.datasets import Dataset
from polygon_assets.errors import StoreError, StoreUnreachableError
from polygon_assets.ingest import ParquetStore
from polygon_assets.orchestration.assembly import scope_of
from polygon_assets.orchestration.assets.recording import Recorder, YearRecorder, record_stored
from polygon_assets.orchestration.assets.roll_up_assets import by_year_name
from polygon_assets.orchestration.partitions import partitions_of
from polygon_assets.settings import Settings
from polygon_assets.store.roll_ups import YearFile, year_file, years


def run(settings: Settings, datasets: Sequence[Dataset]) -> None:
    """Report the stored days and years of ``datasets`` to Dagster, from their own footers, and the lost days.

    That the history is the store's own has been seen to.
    """
    console.name_place(settings)
    store = reached_store(settings)
    with ExitStack() as opened:
        with opening():
            instance = opened.enter_context(history_for_many())
        shown = opened.enter_context(console.progress())
        empty = []
        for row in datasets:
            if not _record_days(settings, instance, store, row, shown):
                empty.append(row.name)
            if row.rolled_up_by_year:
                _record_years(settings, instance, store, row)
        if empty:
            console.out.print(f"Nothing stored: {', '.join(empty)}")


def _record_days(
    settings: Settings, instance: dg.DagsterInstance, store: ParquetStore, row: Dataset, shown: Progress
) -> bool:
    """Report the days of ``row``; is any stored?"""
    recorder = Recorder(instance, row, store, partitions_of(row, settings), scope_of(settings).key(row.name))
    stored = len(store.days(row.name))
    task = shown.add_task(row.name, total=stored, note="", visible=stored > 0)

    def on_day(day: str, reported: bool, task: TaskID = task) -> None:
        shown.update(task, advance=1, note=f"{day} {'reported' if reported else 'known already'}")

    reported = record_stored(recorder, row, store, on_day=on_day)
    if stored:
        console.out.print(f"{row.name}: {reported} reported, {stored - reported} left as they were")
    if recorder.remark:
        console.warn(f"{row.name}: {recorder.remark}")
    if lost := recorder.report_lost():
        console.warn(f"{row.name}: {_lost(lost)}")
    return stored > 0


def _lost(days: Sequence[str]) -> str:
    """What is said of lost ``days``."""
    if len(days) == 1:
        were, them = f"{days[0]} was", "it"
    else:
        were, them = f"{console.counted(len(days), 'day')}, {days[0]} to {days[-1]}, were", "them"
    return (
        f"{were} stored, and not any more. Dagster now shows {them} as not readable, and the sensor asks for {them} "
        "again; POLYGON_HISTORY_START lets go of days before it."
    )


def _record_years(settings: Settings, instance: dg.DagsterInstance, store: ParquetStore, row: Dataset) -> None:
    made = [file for year in years(store, row.name) if (file := _read(store, row, year))]
    reported = record_years(settings, instance, row, made)
    if made:
        name = by_year_name(row)
        console.out.print(f"{name}: {reported} reported, {len(made) - reported} left as they were")


def _read(store: ParquetStore, row: Dataset, year: int) -> YearFile | None:
    try:
        return year_file(store, row.name, year)
    except StoreUnreachableError:
        raise
    except StoreError as error:
        console.warn(str(error))
        return None


def record_years(settings: Settings, instance: dg.DagsterInstance, row: Dataset, made: Sequence[YearFile]) -> int:
    """Report years' files of ``row``; how many were not known as they are."""
    key = scope_of(settings).key(by_year_name(row))
    recorder = YearRecorder(instance, partitions_of(row, settings), key)
    return sum(recorder.record(each) for each in made)
