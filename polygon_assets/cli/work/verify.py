"""``polygon-assets verify``: is the store still what was published, and still what the vendor publishes?

Belongs here: showing it. Does not: reading (``store.verifying``) or comparing (``reading.store_against_bucket``).
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from polygon_assets.cli import console
from polygon_assets.cli.reaching import reached_store
from polygon_assets.datasets import Dataset
from polygon_assets.download.listing import listed_days
from polygon_assets.errors import LinkInStoreError, ReplacedWhileReadError
from polygon_assets.ingest import ParquetStore
from polygon_assets.ingest.connections import open_catalog, open_sync_downloader
from polygon_assets.reading.store_against_bucket import ComparedDay, Standing, compare_days
from polygon_assets.settings import Settings
from polygon_assets.store.verifying import find_strays, record_digest, verify_day, verify_kept, verify_tables

_DIFFERING = {Standing.REPLACED: "replaced", Standing.REFUSED: "refused", Standing.KEPT: "no longer listed"}
_NOT_READABLE = "not readable"


def run(
    settings: Settings,
    datasets: Sequence[Dataset],
    start: str | None,
    end: str | None,
    last: int | None,
    *,
    remote: bool,
    everything: bool,
) -> int:
    """Read the stored days of ``datasets`` again, or compare them with the bucket; the exit code.

    ``everything``: read the tables that belong to no dataset, too.
    """
    store, differing = reached_store(settings), 0
    for row in datasets:
        compare = partial(_compare, settings) if remote else _read
        differing += compare(store, row, _span(start, end, last))
    if everything and not remote:
        differing += _read_tables(store)
    return console.FAILED if differing else 0


_Choose = Callable[[Sequence[str]], list[str]]
"""Of the stored days, those that are asked for."""


def _span(start: str | None, end: str | None, last: int | None) -> _Choose:
    def choose(stored: Sequence[str]) -> list[str]:
        days = [day for day in stored if (start or day) <= day <= (end or day)]
        return days[-last:] if last else days

    return choose


def _read_tables(store: ParquetStore) -> int:
    """Read the tables of corporate actions, and of what was found; how many are not whole."""
    found = list(verify_tables(store))
    wrong = [(uri, problem) for uri, problem in found if problem]
    for uri, problem in wrong:
        console.out.print(f"{problem} ({uri})", soft_wrap=True)
    if wrong:
        remedy = "Make them anew: polygon-assets reference --full, or verify --cross"
        console.out.print(f"{len(wrong)} of {console.counted(len(found), 'table')} are corrupt. {remedy}")
    elif found:
        console.out.print(f"{console.counted(len(found), 'table')} beside the datasets, all whole")
    return len(wrong)


def none_of(stored: Sequence[str]) -> str:
    """What to say where none of the ``stored`` days, oldest first, was asked for."""
    return f"no stored day is in that range; stored are {stored[0]} to {stored[-1]}" if stored else "nothing stored"


def _read(store: ParquetStore, dataset: Dataset, choose: _Choose) -> int:
    """Read the days again; how many are not whole."""
    hidden = _name_strays(store, dataset)
    try:
        stored = store.days(dataset.name)
    except LinkInStoreError:  # named just now
        return hidden
    days = choose(stored)
    corrupt = unread = rows = outdated = recorded = filtered = 0
    with console.progress() as shown:
        task = shown.add_task(dataset.name, total=len(days), note="")
        for day in days:
            try:
                found = verify_day(store, dataset.name, day)
            except ReplacedWhileReadError as error:
                unread += 1
                console.out.print(f"{dataset.name} {day}: {error}", soft_wrap=True)
                continue
            rows += found.rows
            outdated += found.outdated
            filtered += bool(found.filter)
            shown.update(task, advance=1, note=day)
            recorded += record_digest(store, dataset.name, found)
            if not found.whole:
                corrupt += 1
                console.out.print(f"{dataset.name} {day}: {'; '.join(found.problems)} ({found.uri})", soft_wrap=True)
    verdict = (
        f"{console.counted(len(days) - unread, 'day')}, {console.counted(rows, 'row')}, all whole"
        if not corrupt
        else f"corrupt: {corrupt} of {console.counted(len(days), 'day')}"
    )
    verdict += f"; replaced while it was read: {console.counted(unread, 'day')}" if unread else ""
    remedy = f". Fetch them again: polygon-assets ingest {dataset.name} --start DAY --overwrite" if corrupt else ""
    console.out.print(f"{dataset.name}: {verdict if days else none_of(stored)}{remedy}", soft_wrap=True)
    if filtered:
        console.out.print(
            f"{dataset.name}: some rows only, by a filter: {console.counted(filtered, 'day')}; polygon-assets status"
        )
    if recorded:
        known = "until now nothing said what it was: from now on, a change is seen"
        console.out.print(
            f"{dataset.name}: the SHA-256 of {console.counted(recorded, 'day')} is recorded; {known}", soft_wrap=True
        )
    if outdated:
        again = f"polygon-assets ingest {dataset.name} --start {days[0]} --end {days[-1]}"
        console.out.print(
            f"{dataset.name}: made under earlier rules: {console.counted(outdated, 'day')}; to renew: {again}",
            soft_wrap=True,
        )
    return corrupt + unread + hidden + _read_beside(store, dataset)


def _name_strays(store: ParquetStore, dataset: Dataset) -> int:
    """Name what does not belong into the store; how much of it stands where data should."""
    strays = find_strays(store, dataset.name)
    for stray in strays:
        console.out.print(f"{dataset.name}: {stray.uri}: {stray.what}", soft_wrap=True)
    return sum(stray.hides_data for stray in strays)


def _read_beside(store: ParquetStore, dataset: Dataset) -> int:
    """Read what lies beside the days; how many files are not whole."""
    found = list(verify_kept(store, dataset.name))
    wrong = [(uri, problem) for uri, problem in found if problem]
    for uri, problem in wrong:
        console.out.print(f"{dataset.name}: {problem} ({uri})", soft_wrap=True)
    if wrong:
        remedy = f"Years: polygon-assets rollup {dataset.name} --overwrite. Copies are replaced at the next ingest."
        console.out.print(
            f"beside the days, corrupt: {len(wrong)} of {console.counted(len(found), 'file')}. {remedy}",
            soft_wrap=True,
        )
    elif found:
        console.out.print(
            f"{dataset.name}: {console.counted(len(found), 'file')} of years, raw files and quarantine, all whole"
        )
    return len(wrong)


def _compare(settings: Settings, store: ParquetStore, dataset: Dataset, choose: _Choose) -> int:
    """Compare with the bucket; how many days are to be fetched again."""
    catalog = open_catalog(settings)
    with open_sync_downloader(settings) as downloader, console.messages.status(f"{dataset.name}: listing the bucket …"):
        listed = downloader.list_entries(catalog.bucket, catalog.get_prefix(dataset.name))
    counts = dict.fromkeys([*_DIFFERING.values(), _NOT_READABLE], 0)
    days = choose(store.days(dataset.name))
    for each in compare_days(store, dataset.name, days, listed_days(listed, catalog, dataset.name)):
        if kind := _NOT_READABLE if each.is_damaged else _DIFFERING.get(each.standing):
            counts[kind] += 1
            console.out.print(f"{dataset.name} {each.day}: {_said(each)}", soft_wrap=True)
    return _conclude(store, dataset, counts)


def _said(each: ComparedDay) -> str:
    if each.stored is None:
        return _NOT_READABLE
    if each.listed is None:
        return f"stored from {each.stored.source_etag}, no longer listed; the stored day stays"
    was_refused = ", which was refused" if each.standing is Standing.REFUSED else ""
    return f"stored from {each.stored.source_etag}, replaced by {each.listed.etag}{was_refused}"


def _conclude(store: ParquetStore, dataset: Dataset, counts: Mapping[str, int]) -> int:
    """Say what the comparison comes to; how many days are to be fetched again."""
    if not any(counts.values()):
        console.out.print(
            f"{dataset.name}: {console.counted(len(store.days(dataset.name)), 'day')}, all as the bucket lists them"
        )
    if replaced := counts["replaced"]:
        remedy = f"Fetch them: polygon-assets ingest {dataset.name} --start DAY"
        console.out.print(
            f"{dataset.name}: the vendor has replaced {console.counted(replaced, 'day')}. {remedy}", soft_wrap=True
        )
    if unreadable := counts[_NOT_READABLE]:
        remedy = f"Fetch them again: polygon-assets ingest {dataset.name} --missing"
        console.out.print(
            f"{dataset.name}: not readable: {console.counted(unreadable, 'day')}. {remedy}",
            soft_wrap=True,
        )
    return replaced + unreadable
