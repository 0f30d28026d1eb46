"""``polygon-assets record``: tell Dagster of stored days that it does not know, without the network."""

import typer
from rich.progress import TaskID

from polygon_assets.cli import console
from polygon_assets.cli.choices import AnyDataset, datasets
from polygon_assets.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("record")(record)


def record(
    dataset: AnyDataset = None,
) -> None:
    """Report stored days to Dagster, from their own footers: after a lost history, or a store filled elsewhere."""
    rows = datasets(dataset)
    from polygon_assets.cli.connect import open_store  # noqa: PLC0415 (Dagster's import is slow)
    from polygon_assets.orchestration.home import open_instance  # noqa: PLC0415
    from polygon_assets.orchestration.partitions import partitions_of  # noqa: PLC0415
    from polygon_assets.orchestration.recording import Recorder, record_stored  # noqa: PLC0415

    settings = load_settings()
    store = open_store(settings)
    with open_instance() as instance, console.progress() as shown:
        for row in rows:
            recorder = Recorder(instance, row, store, partitions_of(row, settings))
            stored = len(store.days(row.name))
            task = shown.add_task(row.name, total=stored, note="")

            def on_day(day: str, reported: bool, task: TaskID = task) -> None:
                shown.update(task, advance=1, note=f"{day} {'reported' if reported else 'known already'}")

            reported = record_stored(recorder, row, store, on_day=on_day)
            console.out.print(f"{row.name}: {reported} reported, {stored - reported} left as they were")
            if recorder.remark:
                console.warn(f"{row.name}: {recorder.remark}")
