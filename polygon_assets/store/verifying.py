"""Are the stored days still what was published, and still what the vendor publishes?

Belongs here: reading everything again. Does not: repairing (ingest with ``overwrite``), or printing (``cli``).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from polygon_assets.calendars import parse_date
from polygon_assets.datasets import Dataset, get_dataset
from polygon_assets.download.listing import RemoteObject
from polygon_assets.download.s3_catalog import S3Catalog
from polygon_assets.errors import StoreError
from polygon_assets.flatfile.findings import Severity
from polygon_assets.flatfile.provenance import Provenance
from polygon_assets.flatfile.quality import DayBounds
from polygon_assets.flatfile.rows import ascending
from polygon_assets.flatfile.schema import nanoseconds_in, stored_schema, stored_type
from polygon_assets.store.parquet_store import ParquetStore, span
from polygon_assets.store.quarantine import version_of
from polygon_assets.store.s3_folder import answering


@dataclass(frozen=True)
class VerifiedDay:
    """What was found of one stored day."""

    day: str
    """YYYY-MM-DD."""
    uri: str
    rows: int
    """Rows that could be read."""
    problems: tuple[str, ...]
    """What is wrong with it; empty: it is whole."""
    outdated: bool
    """It was made under earlier rules: the next ingest converts it anew."""

    @property
    def whole(self) -> bool:
        """Is nothing wrong with it?"""
        return not self.problems


@dataclass(frozen=True)
class RemoteDifference:
    """A stored day whose source differs from what the bucket lists."""

    day: str
    stored_etag: str | None
    """None: the stored file cannot be read."""
    remote_etag: str | None
    """None: the bucket no longer lists the day."""


def verify_store(
    store: ParquetStore, dataset: str, start: str | None = None, end: str | None = None
) -> Iterator[VerifiedDay]:
    """Read every stored day of ``dataset`` from ``start`` to ``end`` (inclusive) again, oldest first.

    Checks footer, provenance, columns, the checksum of every page, row and ticker counts, order, and that all rows
    are of the day. One row group is in memory at a time.

    Raises:
        InvalidInputError: an invalid date, or ``start`` after ``end``.
    """
    first, last = span(start, end)
    for day in store.days(dataset):
        if first <= day <= last:
            yield verify_day(store, dataset, day)


def verify_day(store: ParquetStore, dataset: str, day: str) -> VerifiedDay:
    """Read the stored ``day`` again."""
    reading = _Reading(get_dataset(dataset), day)
    try:
        with answering(store.path(dataset, day)), store.open_input_file(dataset, day) as file:
            reading.read(file)
    except (OSError, ValueError, pa.ArrowException, StoreError) as error:
        reading.problems.append(f"not readable: {error}")
    if stored := reading.provenance:
        aside = sum(each.count for each in stored.findings if each.severity is Severity.ERROR)
        version = version_of(stored.source_etag, stored.schema_version)
        if aside and not store.quarantine.has_rows(dataset, day, version):
            reading.problems.append(f"{aside:,} rows were set aside, and are not in quarantine")
    return VerifiedDay(day, store.path(dataset, day), reading.rows, tuple(reading.problems), reading.outdated)


def compare_with_remote(
    store: ParquetStore, dataset: str, listed: Iterable[RemoteObject], catalog: S3Catalog
) -> Iterator[RemoteDifference]:
    """The stored days, oldest first, that are not readable, or whose ETag is not that of the listing ``listed``.

    ``listed`` must cover the keys of all stored days; entries that are no key of ``dataset`` are passed over.
    """
    etags: dict[str, str] = {}
    for entry in listed:
        if catalog.validate_key(entry.key):
            named = catalog.parse_key_metadata(entry.key)
            if named["data_type"] == dataset:
                etags[named["date"]] = entry.etag
    for day in store.days(dataset):
        try:
            stored = store.provenance(dataset, day)
        except StoreError:
            yield RemoteDifference(day, None, etags.get(day))
            continue
        if stored is not None and stored.source_etag != etags.get(day):
            yield RemoteDifference(day, stored.source_etag, etags.get(day))


class _Reading:
    """One file, read to its end, with everything that is wrong with it."""

    def __init__(self, dataset: Dataset, day: str) -> None:
        self._day = day
        self._bounds = DayBounds.of(dataset, parse_date(day))
        self.problems: list[str] = []
        self.rows = 0
        self.provenance: Provenance | None = None
        """What the footer says; None where it says nothing."""
        self._dataset = dataset
        self._time = dataset.layout.time
        self._unit = dataset.layout.granularity // nanoseconds_in(stored_type(self._time, dataset))
        """Of the stored moments, in one of the bounds'."""
        self._symbols = 0
        self._last: tuple[str, int] | None = None

    @property
    def outdated(self) -> bool:
        """Was it made under earlier rules?"""
        return self.provenance is not None and not self.provenance.is_current(self._dataset)

    def read(self, source: pa.NativeFile) -> None:
        """Read all of ``source``; what cannot be read raises, what is wrong is noted."""
        file = pq.ParquetFile(source, page_checksum_verification=True)
        provenance = self.provenance = self._read_provenance(file)
        expected = stored_schema(self._dataset)
        written: Any = pads.ParquetFileFormat().make_fragment(source)  # type: ignore[arg-type]  # takes any file
        if not _holds(file.schema_arrow.remove_metadata(), expected):
            self.problems.append(f"columns {file.schema_arrow.names} with types other than expected")
            return
        for number in range(file.num_row_groups):
            group = file.read_row_group(number)
            self._follow(group)
            if _types_agree(file.metadata, number):
                self._check_statistics(written, number, group)
            else:
                self._note("the footer names a column's type in two ways")
        if provenance:
            path = S3Catalog().get_key(self._dataset.name, self._day).partition("/")[2]  # its folder is a setting
            if not provenance.source_key.endswith(f"/{path}"):
                self._note(f"the footer names {provenance.source_key}, which is another day's or dataset's source")
            self._compare("rows", provenance.rows, self.rows)
            self._compare("symbols", provenance.symbols, self._symbols)

    def _read_provenance(self, file: pq.ParquetFile) -> Provenance | None:
        try:
            return Provenance.from_metadata(file.metadata.metadata)
        except ValueError as error:
            self.problems.append(f"provenance: {error}")
            return None

    def _follow(self, table: pa.Table) -> None:
        self.rows += table.num_rows
        if not table.num_rows:
            return
        tickers = table.column("ticker").combine_chunks().dictionary_encode()
        stamps = table.column(self._time).cast(pa.int64()).to_numpy()
        within = stamps.min() >= self._bounds.start * self._unit and stamps.max() < self._bounds.end * self._unit
        if self._dataset.day.certain and not within:
            self._note(f"rows are of another day than {self._day}")
        names, codes = tickers.dictionary, tickers.indices.to_numpy()
        rising = ascending(names)
        same = codes[1:] == codes[:-1]
        rising = rising and bool(((codes[1:] > codes[:-1]) | (same & (stamps[1:] >= stamps[:-1]))).all())
        first = (names[0].as_py(), int(stamps[0]))
        if not rising or (self._last is not None and first < self._last):
            self._note(f"rows are not sorted by ticker and {self._time}")
        self._symbols += len(names) - (self._last is not None and first[0] == self._last[0])
        self._last = (names[int(codes[-1])].as_py(), int(stamps[-1]))

    def _check_statistics(self, written: Any, number: int, group: pa.Table) -> None:
        """Would a reader that filters find row group ``number``? It passes over groups by their statistics."""
        for name in ("ticker", self._time):
            bounds: Any = pc.min_max(group.column(name))
            for value in (bounds["min"], bounds["max"]):
                found = written.subset(pads.field(name) == value).row_groups
                if number not in {each.id for each in found}:
                    self._note(f"the footer hides rows from whoever filters by {name}")

    def _compare(self, what: str, recorded: int, found: int) -> None:
        if recorded != found:
            self._note(f"the footer says {recorded:,} {what}, the file holds {found:,}")

    def _note(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)


def _types_agree(footer: pq.FileMetaData, number: int) -> bool:
    """Where a column's type in a row group is not that in the schema, looking at its statistics ends the process."""
    group, schema = footer.row_group(number), footer.schema
    return all(group.column(at).physical_type == schema.column(at).physical_type for at in range(group.num_columns))


def _holds(found: pa.Schema, expected: pa.Schema) -> bool:
    """Does a file have the table's columns, and behind them at most text that the table does not know?"""
    size = len(expected)
    unknown = [found.field(at).type for at in range(size, len(found))]
    return pa.schema([*found][:size]) == expected and all(kind == pa.string() for kind in unknown)
