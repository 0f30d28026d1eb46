"""``polygon-assets record``: tell Dagster of stored days that it does not know, without the network."""

from collections.abc import Sequence

from rich.progress import TaskID

from polygon_assets.cli import console
from polygon_assets.datasets import Dataset
from polygon_assets.ingest.connections import open_store
from polygon_assets.orchestration.assembly import scope_of
from polygon_assets.orchestration.assets.recording import Recorder, record_stored
from polygon_assets.orchestration.partitions import partitions_of
from polygon_assets.serving.home import open_instance
from polygon_assets.settings import load_settings


def run(datasets: Sequence[Dataset]) -> None:
    """Report the stored days of ``datasets`` to Dagster, from their own footers."""
    settings = load_settings()
    console.name_place(settings)
    store = open_store(settings)
    with open_instance() as instance, console.progress() as shown:
        for row in datasets:
            recorder = Recorder(instance, row, store, partitions_of(row, settings), scope_of(settings).key(row.name))
            stored = len(store.days(row.name))
            task = shown.add_task(row.name, total=stored, note="")

            def on_day(day: str, reported: bool, task: TaskID = task) -> None:
                shown.update(task, advance=1, note=f"{day} {'reported' if reported else 'known already'}")

            reported = record_stored(recorder, row, store, on_day=on_day)
            console.out.print(f"{row.name}: {reported} reported, {stored - reported} left as they were")
            if recorder.remark:
                console.warn(f"{row.name}: {recorder.remark}")
