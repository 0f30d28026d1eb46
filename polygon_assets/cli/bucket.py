"""``polygon-assets ls``: what the bucket has against what the store has, for one month.

Belongs here: showing it. Does not: the comparison (``reading.comparison``).
"""

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.filesize import decimal

from polygon_assets.cli import console
from polygon_assets.cli.choices import OneDataset, datasets, month_days, new_york_today
from polygon_assets.datasets import Dataset
from polygon_assets.settings import Settings, load_settings

if TYPE_CHECKING:  # pyarrow's import is slow
    from polygon_assets.reading.comparison import ComparedDay

_STYLES = {"stored": "green", "new": "cyan", "replaced": "yellow", "refused": "red"}


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("ls")(ls)


def ls(
    dataset: OneDataset,
    month: Annotated[
        str | None, typer.Option(metavar="MONTH", help="YYYY-MM; by default this month.", show_default=False)
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """Show, for each trading day of a month, what the bucket has and what the store has."""
    (row,) = datasets(dataset)
    settings = load_settings()
    days = month_days(settings, row, month or f"{new_york_today():%Y-%m}")
    compared = compare(settings, row, days)
    if as_json:
        console.print_json([_plain(each) for each in compared])
        return
    columns = ("day", "bucket", "modified", "store", "rows", "standing")
    shown = console.table(f"{row.name}, {days[0][:7]}", *columns, right=("bucket", "store", "rows"))
    for each in compared:
        style = _STYLES.get(each.standing.value, "dim")
        shown.add_row(*_cells(each), f"[{style}]{each.standing.value}[/]")
    console.out.print(shown)


def compare(settings: Settings, dataset: Dataset, days: list[str]) -> "list[ComparedDay]":
    """List what covers ``days``, and compare it with the store."""
    settings.credentials  # noqa: B018 (raises before the slow imports)
    from polygon_assets.cli.connect import open_catalog, open_store, open_sync_downloader  # noqa: PLC0415
    from polygon_assets.reading.comparison import compare_days, listing_prefixes  # noqa: PLC0415

    catalog = open_catalog(settings)
    with open_sync_downloader(settings) as downloader, console.messages.status("Listing the bucket …"):
        prefixes = listing_prefixes(catalog, dataset.name, days)
        listed = [entry for prefix in prefixes for entry in downloader.list_entries(catalog.bucket, prefix)]
    return compare_days(open_store(settings), dataset.name, days, listed, catalog)


def _cells(each: "ComparedDay") -> tuple[str, ...]:
    return (
        each.day,
        decimal(each.listed.size) if each.listed else "-",
        f"{each.listed.last_modified:%Y-%m-%d %H:%M}" if each.listed else "",
        decimal(each.parquet_bytes) if each.parquet_bytes is not None else "-",
        f"{each.stored.rows:,}" if each.stored else "",
    )


def _plain(each: "ComparedDay") -> dict[str, Any]:
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
