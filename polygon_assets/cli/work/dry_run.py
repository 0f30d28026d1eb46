"""``ingest --dry-run``: days, bytes, disk and time of an ingest, before anything is fetched."""

import datetime as dt
import shutil
from collections.abc import Sequence
from pathlib import Path

from rich.filesize import decimal

from polygon_assets.cli import console
from polygon_assets.cli.reaching import reached_store
from polygon_assets.cli.work.ls import compare
from polygon_assets.datasets import Dataset
from polygon_assets.filters import ALL_ROWS, RowFilter
from polygon_assets.ingest.connections import open_catalog, open_sync_downloader
from polygon_assets.ingest.room import is_large
from polygon_assets.reading.inventory import without_stored
from polygon_assets.reading.store_against_bucket import TO_FETCH, ComparedDay, Standing, is_entitled
from polygon_assets.settings import Settings

ASSUMED_RATE = 10_000_000
"""Bytes a second for the whole run; the vendor's bucket gives 0.8 to 28 million a stream."""
_HOUR = 3600
_SECONDS_A_DAY = 0.1
"""What a day costs besides its bytes."""


def free_bytes(uri: str) -> int | None:
    """Bytes left on the disk of the folder ``uri``, which need not exist yet; None for an object store."""
    if "://" in uri:
        return None
    place = Path(uri)
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free


def parquet_bytes(dataset: Dataset, source_bytes: int, seen: Sequence[ComparedDay] = ()) -> int:
    """Estimate what ``source_bytes`` of ``dataset`` become, from the stored days in ``seen`` if there are any."""
    pairs = [(each.parquet_bytes, each.stored.source_bytes) for each in seen if each.stored and each.parquet_bytes]
    source = sum(pair[1] for pair in pairs)
    ratio = sum(pair[0] for pair in pairs) / source if source else dataset.layout.parquet_per_source_byte
    return round(source_bytes * ratio)


def run(
    settings: Settings,
    dataset: Dataset,
    days: Sequence[str],
    *,
    missing: bool,
    overwrite: bool,
    row_filter: RowFilter = ALL_ROWS,
) -> None:
    """List the bucket, compare, and say what ingesting ``days`` would take; of the ``missing`` ones alone."""
    if missing:
        days = without_stored(reached_store(settings), dataset, days, row_filter)
    compared = compare(settings, dataset, days) if days else []

    def is_to_be_fetched(each: ComparedDay) -> bool:
        is_outdated = each.stored is not None and not each.stored.is_current(dataset, row_filter)
        return overwrite or each.standing in TO_FETCH or is_outdated

    wanted = [each for each in compared if each.listed and is_to_be_fetched(each)]
    size = sum(each.listed.size for each in wanted if each.listed)
    _print_days(dataset, compared, wanted, size)
    if not wanted:
        return
    largest = max(each.listed.size for each in wanted if each.listed)
    needed = parquet_bytes(dataset, size, compared) + (size if settings.keep_raw else largest)
    free = free_bytes(settings.store_uri)
    left = f"{decimal(free)} are free" if free is not None else "an object store, whose room cannot be asked for"
    console.out.print(f"disk: about {decimal(needed)} needed in {settings.store_uri}; {left}", soft_wrap=True)
    if is_large(dataset):
        whole = largest + parquet_bytes(dataset, largest, compared)
        line = f"largest day: {decimal(largest)}, with its Parquet file {decimal(whole)} while it is converted"
        console.out.print(line, soft_wrap=True)
    console.out.print(f"time: {expected_time(size, len(wanted))}")
    if free is not None and needed > free:
        console.warn("The disk will not hold it: free space, set POLYGON_STORE elsewhere, or choose fewer days.")
    _warn_of_the_plan(settings, dataset, wanted[0].day)


def expected_time(size: int, days: int) -> str:
    """How long ``size`` bytes in so many ``days`` take: as long as their download, which is slower than converting."""
    seconds = max(1, round(max(size / ASSUMED_RATE, days * _SECONDS_A_DAY)))
    about = f"{seconds / 3600:,.1f} hours" if seconds >= _HOUR else str(dt.timedelta(seconds=seconds))
    return f"about {about} at {decimal(ASSUMED_RATE)}/s"


def _print_days(dataset: Dataset, compared: Sequence[ComparedDay], wanted: Sequence[ComparedDay], size: int) -> None:
    counts = {standing: sum(each.standing is standing for each in compared) for standing in Standing}
    line = ", ".join(f"{count} {standing.value}" for standing, count in counts.items() if count)
    console.out.print(
        f"{dataset.name}: {console.counted(len(compared), 'trading day')}: {line or 'nothing to do'}", soft_wrap=True
    )
    console.out.print(f"fetch: {console.counted(len(wanted), 'day')}, {decimal(size)}")


def _warn_of_the_plan(settings: Settings, dataset: Dataset, oldest: str) -> None:
    """The listing shows what the plan may refuse: ask for the oldest day."""
    catalog = open_catalog(settings)
    with open_sync_downloader(settings) as downloader:
        if not is_entitled(downloader, catalog, dataset.name, oldest):
            console.warn(f"Your plan refuses {oldest}; polygon-assets doctor says how far back it reaches.")
