"""``polygon-assets verify``: is the store still what was published, and still what the vendor publishes?

Belongs here: showing it. Does not: the reading and comparing (``ingest.verification``).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from polygon_assets.cli import console
from polygon_assets.cli.choices import AnyDataset, datasets
from polygon_assets.datasets import Dataset
from polygon_assets.settings import Settings, load_settings
from polygon_assets.trading_calendar import parse_date

if TYPE_CHECKING:  # pyarrow's import is slow
    from polygon_assets.ingest import ParquetStore


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("verify")(verify)


def verify(
    dataset: AnyDataset = None,
    start: Annotated[
        str | None, typer.Option(metavar="DAY", help="First day, YYYY-MM-DD; by default the oldest stored.")
    ] = None,
    end: Annotated[
        str | None, typer.Option(metavar="DAY", help="Last day, inclusive; by default the newest stored.")
    ] = None,
    *,
    remote: Annotated[
        bool, typer.Option("--remote", help="Compare ETags with the bucket's listing instead of reading files.")
    ] = False,
) -> None:
    """Read every stored day again, to its last page; exit code 1 where something has rotted.

    With --remote, no stored file is read beyond its footer: the days that the vendor has replaced since are named.
    """
    rows = datasets(dataset)
    first, last = (parse_date(day).isoformat() if day else None for day in (start, end))
    settings = load_settings()
    if remote:
        settings.credentials  # noqa: B018 (raises before anything is imported or asked)
    from polygon_assets.cli.connect import open_store  # noqa: PLC0415 (pyarrow's import is slow)

    store = open_store(settings)
    differing = sum(
        _compare(settings, store, row, first, last) if remote else _read(store, row, first, last) for row in rows
    )
    if differing:
        raise typer.Exit(console.FAILED)


def _read(store: "ParquetStore", dataset: Dataset, start: str | None, end: str | None) -> int:
    """Read the days again; how many are not whole."""
    from polygon_assets.ingest.verification import verify_day  # noqa: PLC0415

    days = [day for day in store.days(dataset.name) if (not start or day >= start) and (not end or day <= end)]
    rotten = rows = outdated = 0
    with console.progress() as shown:
        task = shown.add_task(dataset.name, total=len(days), note="")
        for day in days:
            found = verify_day(store, dataset.name, day)
            rows += found.rows
            outdated += found.outdated
            shown.update(task, advance=1, note=day)
            if not found.whole:
                rotten += 1
                console.out.print(
                    escape(f"{dataset.name} {day}: {'; '.join(found.problems)} ({found.uri})"), soft_wrap=True
                )
    verdict = (
        f"{len(days)} days, {rows:,} rows, all whole" if not rotten else f"{rotten} of {len(days)} days are rotten"
    )
    remedy = f". Fetch them again: polygon-assets ingest {dataset.name} --start DAY --overwrite" if rotten else ""
    console.out.print(f"{dataset.name}: {verdict if days else 'nothing stored'}{remedy}", soft_wrap=True)
    if outdated:
        again = f"polygon-assets ingest {dataset.name} --start {days[0]} --end {days[-1]}"
        console.out.print(f"{dataset.name}: {outdated} days were made under earlier rules; to renew them: {again}")
    return rotten


def _compare(settings: Settings, store: "ParquetStore", dataset: Dataset, start: str | None, end: str | None) -> int:
    """Compare with the bucket; how many days are to be fetched again."""
    from polygon_assets.cli.connect import open_catalog, open_sync_downloader  # noqa: PLC0415
    from polygon_assets.ingest.verification import compare_with_remote  # noqa: PLC0415

    catalog = open_catalog(settings)
    with open_sync_downloader(settings) as downloader, console.messages.status(f"{dataset.name}: listing the bucket …"):
        listed = downloader.list_entries(catalog.bucket, catalog.get_prefix(dataset.name))
    counts = {"replaced": 0, "no longer listed": 0, "not readable": 0}
    for each in compare_with_remote(store, dataset.name, listed, catalog):
        if (start and each.day < start) or (end and each.day > end):
            continue
        if each.stored_etag is None:
            kind, said = "not readable", "not readable"
        elif each.remote_etag is None:
            kind, said = "no longer listed", f"stored from {each.stored_etag}, no longer listed; the stored day stays"
        else:
            kind, said = "replaced", f"stored from {each.stored_etag}, replaced by {each.remote_etag}"
        counts[kind] += 1
        console.out.print(f"{dataset.name} {each.day}: {said}", soft_wrap=True)
    return _conclude(store, dataset, counts)


def _conclude(store: "ParquetStore", dataset: Dataset, counts: Mapping[str, int]) -> int:
    """Say what the comparison comes to; how many days are to be fetched again."""
    if not any(counts.values()):
        console.out.print(f"{dataset.name}: {len(store.days(dataset.name))} days, all as the bucket lists them")
    if replaced := counts["replaced"]:
        remedy = f"Fetch them: polygon-assets ingest {dataset.name} --start DAY"
        console.out.print(f"{dataset.name}: the vendor has replaced {replaced} days. {remedy}", soft_wrap=True)
    if rotten := counts["not readable"]:
        remedy = f"Fetch them again: polygon-assets ingest {dataset.name} --missing"
        console.out.print(f"{dataset.name}: {rotten} days are not readable. {remedy}", soft_wrap=True)
    return replaced + rotten
