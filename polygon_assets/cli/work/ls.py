"""``polygon-assets ls``: what the bucket has against what the store has, for one month.

Belongs here: showing it. Does not: the comparison (``reading.store_against_bucket``).
"""

import datetime as dt
from typing import Any

from rich.filesize import decimal
from rich.text import Text

from polygon_assets.cli import console
from polygon_assets.cli.reaching import reached_store
from polygon_assets.datasets import Dataset, expected_by
from polygon_assets.download.listing import listed_days
from polygon_assets.ingest.connections import open_catalog, open_sync_downloader
from polygon_assets.reading.inventory import DayState
from polygon_assets.reading.store_against_bucket import ComparedDay, Standing, compare_days, listing_prefixes
from polygon_assets.settings import Settings

_STYLES = {"stored": "green", "new": "cyan", "replaced": "yellow", "refused": "red"}


def run(settings: Settings, dataset: Dataset, days: list[str], *, as_json: bool) -> None:
    """Show, for each of ``days``, which are of one month, what the bucket has and what the store has."""
    compared = compare(settings, dataset, days, beyond_the_calendar=True)
    unknown = sorted({each.day for each in compared} - set(days))
    if as_json:
        console.print_json([_plain(each) for each in compared])
        return
    columns = ("day", "bucket", "modified", "store", "rows", "standing")
    shown = console.table(f"{dataset.name}, {days[0][:7]}", *columns, right=("bucket", "store", "rows"))
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
    settings: Settings, dataset: Dataset, days: list[str], *, beyond_the_calendar: bool = False
) -> list[ComparedDay]:
    """List what covers ``days``, and compare it with the store.

    ``beyond_the_calendar``: so are days that are listed in their months without being among them.
    """
    catalog = open_catalog(settings)
    with open_sync_downloader(settings) as downloader, console.messages.status("Listing the bucket …"):
        prefixes = listing_prefixes(catalog, dataset.name, days)
        listed = [entry for prefix in prefixes for entry in downloader.list_entries(catalog.bucket, prefix)]
    found = listed_days(listed, catalog, dataset.name)
    if beyond_the_calendar:
        months = {day[:7] for day in days}
        days = sorted({*days, *(day for day in found if day[:7] in months)})
    return compare_days(reached_store(settings), dataset.name, days, found)


def _cells(each: ComparedDay) -> tuple[str, ...]:
    return (
        each.day,
        decimal(each.listed.size) if each.listed else "-",
        f"{each.listed.last_modified:%Y-%m-%d %H:%M}" if each.listed else "",
        decimal(each.parquet_bytes) if each.parquet_bytes is not None else "-",
        f"{each.stored.rows:,}" if each.stored else "",
    )


def _plain(each: ComparedDay) -> dict[str, Any]:
    return {
        "day": each.day,
        "standing": each.standing.value,
        "bucket_bytes": each.listed.size if each.listed else None,
        "bucket_etag": each.listed.etag if each.listed else None,
        "last_modified": each.listed.last_modified.isoformat() if each.listed else None,
        "store_bytes": each.parquet_bytes,
        "store_etag": each.stored.source_etag if each.stored else None,
        "rows": each.stored.rows if each.stored else None,
    }
