"""``polygon-assets verify``: is the store still what was published, and still what the vendor publishes?

Belongs here: showing it. Does not: the reading and comparing (``ingest.verification``).
"""

from collections.abc import Mapping, Sequence

from polygon_assets.cli import console
from polygon_assets.datasets import Dataset
from polygon_assets.ingest import ParquetStore
from polygon_assets.ingest.connections import open_catalog, open_store, open_sync_downloader
from polygon_assets.settings import Settings
from polygon_assets.store.verifying import compare_with_remote, verify_day


def run(settings: Settings, datasets: Sequence[Dataset], start: str | None, end: str | None, *, remote: bool) -> int:
    """Read the stored days of ``datasets`` again, or compare them with the bucket; the exit code."""
    store = open_store(settings)
    differing = sum(
        _compare(settings, store, row, start, end) if remote else _read(store, row, start, end) for row in datasets
    )
    return console.FAILED if differing else 0


def _read(store: ParquetStore, dataset: Dataset, start: str | None, end: str | None) -> int:
    """Read the days again; how many are not whole."""
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
                console.out.print(f"{dataset.name} {day}: {'; '.join(found.problems)} ({found.uri})", soft_wrap=True)
    verdict = (
        f"{len(days)} days, {rows:,} rows, all whole" if not rotten else f"{rotten} of {len(days)} days are rotten"
    )
    remedy = f". Fetch them again: polygon-assets ingest {dataset.name} --start DAY --overwrite" if rotten else ""
    console.out.print(f"{dataset.name}: {verdict if days else 'nothing stored'}{remedy}", soft_wrap=True)
    if outdated:
        again = f"polygon-assets ingest {dataset.name} --start {days[0]} --end {days[-1]}"
        console.out.print(f"{dataset.name}: {outdated} days were made under earlier rules; to renew them: {again}")
    return rotten


def _compare(settings: Settings, store: ParquetStore, dataset: Dataset, start: str | None, end: str | None) -> int:
    """Compare with the bucket; how many days are to be fetched again."""
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


def _conclude(store: ParquetStore, dataset: Dataset, counts: Mapping[str, int]) -> int:
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
