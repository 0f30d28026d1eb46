"""``polygon-assets ingest``: a range of days, recorded in Dagster as they are stored."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

import typer
from rich.markup import escape

from polygon_assets.cli import console
from polygon_assets.datasets import get_dataset
from polygon_assets.errors import InvalidInputError
from polygon_assets.settings import Settings, load_settings
from polygon_assets.trading_calendar import parse_date


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("ingest")(ingest)


def ingest(
    dataset: Annotated[str, typer.Argument(help="Data type, for example stocks_daily.")],
    start: Annotated[str, typer.Option(help="First day, YYYY-MM-DD, inclusive.")],
    end: Annotated[str | None, typer.Option(help="Last day, inclusive; by default the start.")] = None,
    *,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Fetch and convert stored days again.")] = False,
) -> None:
    """Ingest the trading days of a range; days that are stored already cost one request each."""
    settings = load_settings()
    days = trading_days(settings, dataset, start, end or start)
    settings.credentials  # noqa: B018 (raises before Dagster's slow import)
    failed = _ingest(settings, dataset, days, overwrite=overwrite)
    if failed:
        raise typer.Exit(console.FAILED)


def trading_days(settings: Settings, dataset: str, start: str, end: str) -> list[str]:
    """The trading days from ``start`` to ``end``; a single day that is none is an error that says so."""
    from polygon_assets.download.s3_catalog import S3Catalog  # noqa: PLC0415
    from polygon_assets.errors import NotATradingDayError  # noqa: PLC0415

    closures = [day.isoformat() for day in settings.extra_closures]
    calendar = S3Catalog(settings.bucket, extra_closures=closures).get_calendar(dataset)
    days = [day.isoformat() for day in calendar.between(parse_date(start), parse_date(end))]
    if not days and start == end:
        raise NotATradingDayError(start, calendar.name)
    if not days:
        raise InvalidInputError(f"No trading day of {calendar.name} from {start} to {end}")
    if end < get_dataset(dataset).first_day.isoformat():
        raise InvalidInputError(f"{dataset} begins on {get_dataset(dataset).first_day}; {end} lies before it")
    return days


def _ingest(settings: Settings, dataset: str, days: list[str], *, overwrite: bool) -> int:
    """Ingest, show and record; the number of days that failed."""
    from polygon_assets.cli.connect import open_catalog, open_downloader, open_store  # noqa: PLC0415
    from polygon_assets.ingest import DayResult, DayStatus, ingest_days  # noqa: PLC0415 (Dagster's import is slow)
    from polygon_assets.orchestration.assets import STORED, describe  # noqa: PLC0415
    from polygon_assets.orchestration.home import open_instance  # noqa: PLC0415
    from polygon_assets.orchestration.recording import Recorder  # noqa: PLC0415

    with open_instance() as instance, ThreadPoolExecutor(1) as writer, console.progress() as shown:
        store = open_store(settings)
        recorder = Recorder(instance, dataset, store)
        task = shown.add_task(dataset, total=len(days), note="")

        def on_result(result: DayResult) -> None:
            shown.update(task, advance=1, note=escape(f"{result.day} {result.status.value}"))
            if result.status not in STORED:
                console.messages.print(escape(describe(result)), soft_wrap=True)
            writer.submit(recorder.record, result)

        async def run() -> list[DayResult]:
            async with open_downloader(settings) as downloader:
                return await ingest_days(
                    dataset,
                    days,
                    catalog=open_catalog(settings),
                    downloader=downloader,
                    store=store,
                    on_result=on_result,
                    overwrite=overwrite,
                    keep_raw=settings.keep_raw,
                )

        results = asyncio.run(run())
    counts = {status: sum(each.status is status for each in results) for status in DayStatus}
    console.out.print(
        f"{dataset}: " + ", ".join(f"{count} {status.value}" for status, count in counts.items() if count)
    )
    return sum(each.status not in STORED | {DayStatus.NOT_PUBLISHED_YET} for each in results)
