"""``polygon-assets record``: tell Dagster of stored days that it does not know, without the network."""

from typing import Annotated

import typer
from rich.progress import TaskID

from polygon_assets.cli import console
from polygon_assets.datasets import DATASETS, get_dataset
from polygon_assets.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("record")(record)


def record(
    dataset: Annotated[str | None, typer.Argument(help="Data type; all of them unless given.")] = None,
) -> None:
    """Report stored days to Dagster, from their own footers: after a lost history, or a store filled elsewhere."""
    names = [get_dataset(dataset).name] if dataset else list(DATASETS)
    from polygon_assets.cli.connect import open_store  # noqa: PLC0415 (Dagster's import is slow)
    from polygon_assets.orchestration.home import open_instance  # noqa: PLC0415
    from polygon_assets.orchestration.recording import record_stored  # noqa: PLC0415

    store = open_store(load_settings())
    with open_instance() as instance, console.progress() as shown:
        for name in names:
            task = shown.add_task(name, total=len(store.days(name)), note="")

            def on_day(day: str, reported: bool, task: TaskID = task) -> None:
                shown.update(task, advance=1, note=f"{day} {'reported' if reported else 'known already'}")

            reported = record_stored(instance, name, store, on_day=on_day)
            console.out.print(f"{name}: {reported} reported, {len(store.days(name)) - reported} left as they were")
