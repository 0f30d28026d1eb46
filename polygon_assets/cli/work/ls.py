"""``polygon-assets ls``: what the bucket has against what the store has.

Belongs here: showing it. Does not: the comparison (``reading.store_against_bucket``).
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from rich.filesize import decimal
from rich.text import Text

from polygon_assets.cli import console
from polygon_assets.cli.arguments import AskedDays
from polygon_assets.cli.reaching import reached_store
from polygon_assets.datasets import Dataset, expected_by
from polygon_assets.download.listing import listed_days
from polygon_assets.ingest.connections import open_catalog, open_sync_downloader
from polygon_assets.reading.inventory import DayState
from polygon_assets.reading.store_against_bucket import ComparedDay, Standing, compare_days, listing_prefixes
from polygon_assets.settings import Settings

_STYLES = {"stored": "green", "new": "cyan", "replaced": "yellow", "refused": "red"}


def run(settings: Settings, asked: Sequence[tuple[Dataset, AskedDays]], *, as_json: bool) -> None:
    """Show, for the days asked of each dataset, what the bucket has and what the store has."""
    found = [(row, days, compare(settings, row, days.days, others=days)) for row, days in asked]
    if as_json:
        console.print_json([_plain(row, each) for row, _, compared in found for each in compared])
    else:
        for row, days, compared in found:
            _show(row, days, compared)


def _show(dataset: Dataset, asked: AskedDays, compared: Sequence[ComparedDay]) -> None:
    unknown = sorted({each.day for each in compared} - set(asked.days))
    columns = ("day", "bucket", "modified", "store", "rows", "standing")
    shown = console.table(f"{dataset.name}, {asked.called}", *columns, right=("bucket", "store", "rows"))
    now = dt.datetime.now(dt.UTC)
    for each in compared:
        style = _STYLES.get(each.standing.value, "dim")
        beyond = ", no trading day" if each.day in unknown else ""
        shown.add_row(*_cells(each), Text(_standing(each, now) + beyond, style))
    console.show(shown)
    if unknown:
        named = f"polygon-assets ingest {dataset.name} --start {unknown[0]} --any-day"
        console.messages.print(
            f"{console.counted(len(unknown), 'day')} that the calendar does not know; to have one: {named}"
        )


def _standing(each: ComparedDay, now: dt.datetime) -> str:
    """How a day stands, in words; one that is not over, or whose file is not due, lacks nothing yet."""
    if each.standing is Standing.ABSENT and now < expected_by(dt.date.fromisoformat(each.day)):
        return DayState.WAITING.value
    return each.standing.value


def compare(
    settings: Settings, dataset: Dataset, days: Sequence[str], *, others: AskedDays | None = None
) -> list[ComparedDay]:
    """List what covers ``days``, and compare it with the store.

    ``others``: so are listed days from its first to its last that are not among ``days``.
    """
    catalog = open_catalog(settings)
    prefixes = listing_prefixes(catalog, dataset.name, days)
    with open_sync_downloader(settings) as downloader, console.messages.status("Listing the bucket …"):
        listed = [entry for prefix in prefixes for entry in downloader.list_entries(catalog.bucket, prefix)]
    found = listed_days(listed, catalog, dataset.name)
    if others:
        days = sorted({*days, *(day for day in found if others.first <= day <= others.last)})
    return compare_days(reached_store(settings), dataset.name, days, found)


def _cells(each: ComparedDay) -> tuple[str, ...]:
    return (
        each.day,
        decimal(each.listed.size) if each.listed else "-",
        f"{each.listed.last_modified:%Y-%m-%d %H:%M}" if each.listed else "",
        decimal(each.parquet_bytes) if each.parquet_bytes is not None else "-",
        f"{each.stored.rows:,}" if each.stored else "",
    )


def _plain(dataset: Dataset, each: ComparedDay) -> dict[str, Any]:
    return {
        "dataset": dataset.name,
        "day": each.day,
        "standing": each.standing.value,
        "bucket_bytes": each.listed.size if each.listed else None,
        "bucket_etag": each.listed.etag if each.listed else None,
        "last_modified": each.listed.last_modified.isoformat() if each.listed else None,
        "store_bytes": each.parquet_bytes,
        "store_etag": each.stored.source_etag if each.stored else None,
        "rows": each.stored.rows if each.stored else None,
    }
