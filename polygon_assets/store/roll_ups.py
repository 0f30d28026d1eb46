"""A year of daily bars in one file, by ticker: reading one ticker's twenty years opens twenty files and not 5,000.

    {store}/_by_year/{dataset}/year=YYYY/data.parquet      the stored columns and ``date``, by ticker and day

Belongs here: making and reading them. Does not: when they are made anew (``orchestration``). Each is derived from the
stored days alone and says in its footer which; it can be deleted and made again at any time.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from polygon_assets.calendars import parse_date
from polygon_assets.datasets import Dataset, get_dataset
from polygon_assets.errors import InvalidInputError, StoreError
from polygon_assets.store.parquet_store import FILE_NAME, ParquetStore, scanned_schema, span
from polygon_assets.store.s3_folder import answering
from polygon_assets.store.staging import is_full
from polygon_assets.wording import counted

ROW_GROUP_ROWS = 32 * 1024
"""Rows of a row group: one ticker's year is 250."""
SORTED_ROWS = 4_000_000
"""Rows that are sorted in memory at once, at about 200 bytes each."""
_FINGERPRINT = "polygon.days"


@dataclass(frozen=True)
class YearFile:
    """A file that was made."""

    year: int
    days: int
    """Days in it: all that were stored."""
    rows: int
    uri: str
    bytes: int
    fingerprint: str
    """Tells the days that it was made from, as they were then, from any others."""


def write_year(store: ParquetStore, dataset: str, year: int) -> YearFile:
    """Put all stored days of ``year`` into one file, published whole in place of an older one.

    Raises:
        InvalidInputError: no daily dataset, or no stored day in the year.
        StoreError: a day cannot be read, or was replaced meanwhile; what was there is still there.
    """
    row, days = get_dataset(dataset), _by_year(store, dataset).get(year)
    if not days:
        raise InvalidInputError(f"No day of {year} is stored for {dataset}; ingest it first")
    with store.staging() as folder, _made_whole(store, dataset, year, _room(folder, days)):
        staged = folder / f"{dataset}-{year}.parquet"
        fingerprint = _fingerprint(days)
        rows = _write(staged, row, store.scan_days(dataset, list(days)), fingerprint)
        if _by_year(store, dataset).get(year) != days:
            raise StoreError(f"{store.uri}: {dataset} of {year} changed while it was read. Make the year's file again.")
        size = staged.stat().st_size
        uri = store.publish_beside(staged, year_name(dataset, year), recorded=True)
    return YearFile(year, len(days), rows, uri, size, fingerprint)


def year_file(store: ParquetStore, dataset: str, year: int) -> YearFile | None:
    """The file of ``year`` as it is, from its footer; None where there is none.

    Raises:
        StoreError: its footer cannot be read, or is not the one that was published.
    """
    name = year_name(dataset, year)
    try:
        footer, size = store.footer_beside(name), store.bytes_beside(name)
    except (OSError, ValueError) as error:  # Arrow's are ValueErrors
        raise StoreError(f"{store.uri}/{name}: {error}. Make it again: polygon-assets rollup {dataset}.") from error
    if footer is None or size is None:
        return None
    fingerprint = (footer.metadata or {}).get(_FINGERPRINT.encode(), b"").decode()
    days = fingerprint.partition(" ")[0]
    return YearFile(
        year, int(days) if days.isdecimal() else 0, footer.num_rows, f"{store.uri}/{name}", size, fingerprint
    )


def stale_years(store: ParquetStore, dataset: str) -> dict[int, str]:
    """The years with stored days whose file is missing or damaged, or was made from others than are stored now.

    Oldest first, each with what tells its days, as they are stored now, from any others.
    """
    stored = _by_year(store, dataset)
    return {year: _fingerprint(stored[year]) for year in sorted(stored.keys() - _current(store, dataset, stored))}


def scan_history(store: ParquetStore, dataset: str, start: str | None = None, end: str | None = None) -> pads.Dataset:
    """The rows of ``ParquetStore.scan``, in another order: from years' files where they say what the days say.

    Opens few files for one ticker's decades, and more bytes than the days' own for a day of all tickers.

    Raises:
        InvalidInputError: no daily dataset; an invalid date, or ``start`` after ``end``.
    """
    first, last = span(start, end)
    stored = {year: days for year, days in _by_year(store, dataset).items() if first[:4] <= f"{year}" <= last[:4]}
    current = _current(store, dataset, stored)
    rest = [day for year in stored if year not in current for day in stored[year] if first <= day <= last]
    found = store.scan_days(
        dataset, rest, {year_name(dataset, year): _within(*_ends(year)) for year in sorted(current)}
    )
    return found.filter(_within(first, last)) if current and (start or end) else found


def _ends(year: int) -> tuple[str, str]:
    return f"{year:04d}-01-01", f"{year:04d}-12-31"


def _within(first: str, last: str) -> pc.Expression:
    """The rows of the days from ``first`` to ``last``."""
    date = pc.field("date")
    return (date >= pa.scalar(parse_date(first))) & (date <= pa.scalar(parse_date(last)))


def _current(store: ParquetStore, dataset: str, stored: Mapping[int, Mapping[str, str]]) -> set[int]:
    """The years of ``stored`` whose file was made from exactly these days."""
    return {year for year in years(store, dataset) if year in stored and _is_of(store, dataset, year, stored[year])}


def _is_of(store: ParquetStore, dataset: str, year: int, days: Mapping[str, str]) -> bool:
    """Was the year's file made from exactly these days? One that cannot be read was not."""
    try:
        return store.metadata_of(year_name(dataset, year)).get(_FINGERPRINT.encode()) == _fingerprint(days).encode()
    except (OSError, ValueError, StoreError):  # Arrow's are ValueErrors
        return False


def years(store: ParquetStore, dataset: str) -> list[int]:
    """The years that have a file, oldest first."""
    names = store.names(_folder(_daily(dataset).name))
    found = [name.removeprefix("year=") for name in names if name.startswith("year=")]
    return [int(year) for year in found if year.isdecimal()]


def _write(staged: Path, row: Dataset, scan: pads.Dataset, fingerprint: str) -> int:
    schema, rows = scanned_schema(row), 0
    repeated = [field.name for field in schema if field.type != pa.float64()]
    options: dict[str, Any] = {"compression": "zstd", "use_dictionary": repeated, "write_statistics": repeated}
    options["write_page_checksum"] = True
    with pq.ParquetWriter(staged, schema, store_schema=False, **options) as writer:
        for part in _parts(scan):
            table = scan.to_table(schema.names, filter=part)
            table = table.sort_by([(name, "ascending") for name in ("ticker", "date", row.layout.time)])
            writer.write_table(table, row_group_size=ROW_GROUP_ROWS)
            rows += table.num_rows
        writer.add_key_value_metadata({_FINGERPRINT: fingerprint})
    return rows


def _parts(scan: pads.Dataset) -> Iterator[Any]:
    """Filters that split the rows into ranges of tickers, each small enough to be sorted in memory."""
    fragments = {fragment: fragment.count_rows() for fragment in scan.get_fragments()}
    count = -(-sum(fragments.values()) // SORTED_ROWS)
    if count <= 1:
        yield None
        return
    tickers = max(fragments, key=fragments.__getitem__).to_table(columns=["ticker"]).column("ticker")
    bounds = sorted({tickers[len(tickers) * part // count].as_py() for part in range(1, count)})
    ticker = pc.field("ticker")
    yield ticker < bounds[0]
    for lower, upper in pairwise(bounds):
        yield (ticker >= lower) & (ticker < upper)
    yield ticker >= bounds[-1]


def _by_year(store: ParquetStore, dataset: str) -> dict[int, dict[str, str]]:
    """The stored days of each year, with what tells their files from others."""
    found: dict[int, dict[str, str]] = {}
    for day, version in store.versions(_daily(dataset).name).items():
        found.setdefault(int(day[:4]), {})[day] = version
    return found


def _fingerprint(days: Mapping[str, str]) -> str:
    """What tells these days, as they are stored now, from any others."""
    lines = (f"{day} {version}\n" for day, version in days.items())
    return f"{len(days)} {hashlib.sha256(''.join(lines).encode()).hexdigest()}"


def _room(folder: Path, days: Mapping[str, str]) -> str:
    """Where the file is made and what it takes, in words: about what its days take, of which it holds every row."""
    size = sum(int(version.split()[0]) for version in days.values())
    return f"{folder.parent}: the disk is full: the file takes about {counted(size, 'byte')}"


@contextmanager
def _made_whole(store: ParquetStore, dataset: str, year: int, room: str) -> Iterator[None]:
    """Name the store and the year where a day's file is gone or damaged, or say that the disk has no ``room``.

    Raises:
        StoreError: such a file, or a full disk; StoreUnreachableError where the store does not answer.
    """
    try:
        with answering(store.uri):
            yield
    except (OSError, pa.ArrowException) as error:
        cause = f"the file of {dataset} of {year} cannot be made"
        if isinstance(error, OSError) and is_full(error):
            raise StoreError(f"{store.uri}: {cause}: {room} ({error}). Free space, then make it again.") from error
        raise StoreError(f"{store.uri}: {cause}: {error}. Try polygon-assets verify {dataset}.") from error


def _daily(dataset: str) -> Dataset:
    row = get_dataset(dataset)
    if not row.rolled_up_by_year:
        raise InvalidInputError(f"{dataset} is no daily dataset; only those have a file for each year")
    return row


def _folder(dataset: str) -> str:
    return f"_by_year/{dataset}"


def year_name(dataset: str, year: int) -> str:
    """Name of the file of ``year`` in the store."""
    return f"{_folder(dataset)}/year={year:04d}/{FILE_NAME}"
