"""``polygon-assets ingest``: which days, and what is said before and after.

Belongs here: options. Does not: the run itself (``ingesting``), or the estimate (``plan``).
"""

from typing import Annotated

import typer

from polygon_assets.cli import console
from polygon_assets.cli.choices import OneDataset, datasets, published_days, trading_days
from polygon_assets.datasets import Dataset
from polygon_assets.errors import InvalidInputError
from polygon_assets.settings import Settings, load_settings


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("ingest")(ingest)


def ingest(
    dataset: OneDataset,
    start: Annotated[
        str | None, typer.Option(metavar="DAY", help="First day, YYYY-MM-DD, inclusive.", show_default=False)
    ] = None,
    end: Annotated[str | None, typer.Option(metavar="DAY", help="Last day, inclusive; by default the start.")] = None,
    last: Annotated[
        int | None,
        typer.Option("--last", metavar="N", min=1, help="The last N trading days that have ended.", show_default=False),
    ] = None,
    *,
    missing: Annotated[
        bool,
        typer.Option("--missing", help="Only days that are not stored, or not readable; alone: of the whole history."),
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Fetch and convert stored days again.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would take; fetch nothing.")] = False,
) -> None:
    """Bring trading days into the store, and tell Dagster; stored days cost one request each.

    Ctrl-C ends it at any point with exit code 130; call it again to go on where it stopped.
    """
    (row,) = datasets(dataset)
    settings = load_settings()
    days = _chosen(settings, row, start, end, last, missing=missing)
    settings.credentials  # noqa: B018 (raises before Dagster's slow import)
    if missing:
        days = _without_stored(settings, row, days)
    if dry_run:
        from polygon_assets.cli.plan import print_plan  # noqa: PLC0415 (pyarrow's import is slow)

        print_plan(settings, row, days, overwrite=overwrite)
        return
    from polygon_assets.cli.ingesting import run  # noqa: PLC0415 (pyarrow's and Dagster's imports are slow)

    code = run(settings, row, days, overwrite=overwrite) if days else _nothing(row)
    if code:
        raise typer.Exit(code)


def _chosen(
    settings: Settings, dataset: Dataset, start: str | None, end: str | None, last: int | None, *, missing: bool
) -> list[str]:
    """The days that the options name."""
    if last is not None and (start or end):
        raise InvalidInputError("--last counts from yesterday: give it without --start and --end.")
    if end and not start:
        raise InvalidInputError("--end needs --start.")
    if start:
        return trading_days(settings, dataset, start, end or start)
    if last is None and not missing:
        raise InvalidInputError("Say which days: --start DAY [--end DAY], --last N or --missing.")
    days = [day.isoformat() for day in published_days(settings, dataset)]
    return days[-last:] if last is not None else days


def _without_stored(settings: Settings, dataset: Dataset, days: list[str]) -> list[str]:
    from polygon_assets.cli.connect import open_store  # noqa: PLC0415 (pyarrow's import is slow)
    from polygon_assets.reading.inventory import readable_days  # noqa: PLC0415

    stored = readable_days(open_store(settings), dataset)
    return [day for day in days if day not in stored]


def _nothing(dataset: Dataset) -> int:
    console.out.print(f"{dataset.name}: nothing is missing")
    return 0
