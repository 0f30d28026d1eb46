"""Are the stored days still what was published, and still what the vendor publishes?

Belongs here: reading everything again. Does not: repairing (ingest with ``overwrite``), or printing (``cli``).
"""

import errno
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from polygon_assets.calendars import parse_date
from polygon_assets.datasets import Dataset, get_dataset
from polygon_assets.download.s3_catalog import S3Catalog
from polygon_assets.errors import LinkInStoreError, StoreError
from polygon_assets.flatfile.findings import Severity
from polygon_assets.flatfile.parquet_format import nanoseconds_in, stored_schema, stored_type
from polygon_assets.flatfile.provenance import Provenance
from polygon_assets.flatfile.quality import DayBounds
from polygon_assets.flatfile.rows import ascending
from polygon_assets.store.digests import Digest, digest_of_stream
from polygon_assets.store.local_entries import FOLDER, is_partition
from polygon_assets.store.parquet_store import FILE_NAME, ParquetStore
from polygon_assets.store.quarantine import ROOT as QUARANTINE
from polygon_assets.store.quarantine import version_of
from polygon_assets.store.roll_ups import year_name, years
from polygon_assets.store.s3_folder import answering
from polygon_assets.store.s3_reading import settled
from polygon_assets.wording import counted, verb

_TABLES = ("_reference", "_cross")
"""Folders of tables, each in a folder of its own."""
_LOOKS = 3
"""At a day that is replaced while it is read."""


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
    filter: str = ""
    """Which rows of its file it holds; empty: all."""
    unrecorded: Digest | None = None
    """Its digest, where none was recorded when it was published; None: there is one, or it is not whole."""

    @property
    def whole(self) -> bool:
        """Is nothing wrong with it?"""
        return not self.problems


def verify_day(store: ParquetStore, dataset: str, day: str) -> VerifiedDay:
    """Read the stored ``day`` again, and compare it with what was published.

    Checks footer, provenance, columns, the checksum of every page, row and ticker counts, order, and that all rows
    are of the day. One row group is in memory at a time. Where it is replaced meanwhile, the new file is read.
    """
    for _ in range(_LOOKS):
        before = store.state(dataset, day)
        found = settled(lambda: _verified(store, dataset, day))
        if found.whole or store.state(dataset, day) == before:
            break
    return found


def _verified(store: ParquetStore, dataset: str, day: str) -> VerifiedDay:
    reading, place, digest = _Reading(get_dataset(dataset), day), f"{dataset}/date={day}", None
    try:
        with answering(store.path(dataset, day)), store.open_input_file(dataset, day) as file:
            reading.read(file)
            file.seek(0)
            digest = digest_of_stream(file)
    except (OSError, ValueError, pa.ArrowException, StoreError) as error:
        reading.problems.append(f"not readable: {error}")
    if stored := reading.provenance:
        rejected = sum(each.count for each in stored.findings if each.severity is Severity.ERROR)
        version = version_of(stored.source_etag, stored.schema_version)
        if rejected and not store.quarantine.has_rows(dataset, day, version):
            reading.problems.append(
                f"{counted(rejected, 'rejected row')} {verb(rejected, 'is', 'are')} not in quarantine"
            )
    known = store.digests.known(place)
    if digest and known and digest.whole not in {each.whole for each in known}:
        reading.problems.append("its bytes are not those that were published: the SHA-256 differs")
    return VerifiedDay(
        day=day,
        uri=store.path(dataset, day),
        rows=reading.rows,
        problems=tuple(reading.problems),
        outdated=reading.outdated,
        filter=reading.provenance.filter if reading.provenance else "",
        unrecorded=None if known or reading.problems else digest,
    )


def record_digest(store: ParquetStore, dataset: str, found: VerifiedDay) -> bool:
    """Record the digest of a verified day of which there is none: of a store that an earlier version made.

    What was changed before cannot be told by it. False where nothing was to be recorded.
    """
    if found.unrecorded is None:
        return False
    store.digests.record(f"{dataset}/date={found.day}", found.unrecorded)
    return True


def is_as_published(store: ParquetStore, dataset: str, day: str) -> tuple[str, ...]:
    """Read all bytes of a stored day; what is wrong with them, empty where nothing is.

    Without a recorded digest, it is verified in full.
    """
    for _ in range(_LOOKS):
        before = store.state(dataset, day)
        known = {each.whole for each in store.digests.known(f"{dataset}/date={day}")}
        if not known:
            return verify_day(store, dataset, day).problems
        try:
            if settled(lambda: _digest_of_day(store, dataset, day)).whole in known:
                return ()
        except (OSError, ValueError) as error:
            problem = f"not readable: {error}"
        else:
            problem = "its bytes are not those that were published: the SHA-256 differs"
        if store.state(dataset, day) == before:
            break
    return (problem,)


def _digest_of_day(store: ParquetStore, dataset: str, day: str) -> Digest:
    with answering(store.path(dataset, day)), store.open_input_file(dataset, day) as file:
        return digest_of_stream(file)


def verify_kept(store: ParquetStore, dataset: str) -> Iterator[tuple[str, str | None]]:
    """Read what lies beside the days of ``dataset``: files of years, raw files, quarantine.

    Each file's URI, and what is wrong with it; None: nothing.
    """
    if get_dataset(dataset).rolled_up_by_year:
        for year in years(store, dataset):
            name = year_name(dataset, year)
            yield f"{store.uri}/{name}", _table_problem(store, name)
    with ExitStack() as opened:
        folder: Path | None = None
        for kept in (store.raw_files, store.quarantine):
            for uri, bring in kept.copies(dataset):
                folder = folder or _room_for_copies(store, opened)
                problem = _copy_problem(bring, folder / "copy")
                if problem and uri not in {each for each, _ in kept.copies(dataset)}:
                    continue  # dropped meanwhile, since its day was replaced
                yield uri, problem


def _room_for_copies(store: ParquetStore, opened: ExitStack) -> Path:
    """The store's staging; where it may only be read, this machine's temporary folder."""
    try:
        return opened.enter_context(store.staging())
    except OSError as error:
        if error.errno not in {errno.EACCES, errno.EPERM, errno.EROFS}:
            raise
        return Path(opened.enter_context(TemporaryDirectory(prefix="polygon-assets-verify-")))


def verify_tables(store: ParquetStore) -> Iterator[tuple[str, str | None]]:
    """Read the tables that belong to no dataset's days: corporate actions, and what was found across datasets.

    Each file's URI, and what is wrong with it; None: nothing.
    """
    for folder in _TABLES:
        for each in store.names(folder):
            name = f"{folder}/{each}/{FILE_NAME}"
            yield f"{store.uri}/{name}", _table_problem(store, name)


def _copy_problem(bring: Callable[[Path], None], target: Path) -> str | None:
    try:
        settled(lambda: bring(target))
    except (StoreError, OSError, ValueError, KeyError) as error:
        return str(error)
    finally:
        target.unlink(missing_ok=True)
    return None


def _table_problem(store: ParquetStore, name: str) -> str | None:
    """What is wrong with a table whose digest was recorded; one that is made again meanwhile is read again."""
    read: str | None = None
    for _ in range(_LOOKS):
        try:
            found = settled(lambda: _digest_of_file(store, name)).whole
        except (OSError, ValueError) as error:
            return f"not readable: {error}"
        # After reading, since whoever made it again recorded its digest before; that of what was read may be forgotten.
        known = {each.whole for each in store.digests.known(name.rpartition("/")[0])}
        if found in known:
            return None
        if found == read:
            break
        read = found
    if not known:
        return "made by an earlier version, without a digest: it is not read until it is made again"
    return "its bytes are not those that were published: the SHA-256 differs"


def _digest_of_file(store: ParquetStore, name: str) -> Digest:
    with store.open_file(name) as file:
        return digest_of_stream(file)


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
        return self.provenance is not None and not self.provenance.has_current_rules(self._dataset)

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


@dataclass(frozen=True)
class Stray:
    """Something that is no part of a store."""

    uri: str
    what: str
    """What it is, in words."""
    hides_data: bool
    """It stands where the store's own files should: a link, or a pipe called as a day is."""


def find_strays(store: ParquetStore, dataset: str) -> list[Stray]:
    """All that lies in the folder of ``dataset`` and in its part of the quarantine without belonging there."""
    name = get_dataset(dataset).name
    return [*_of_days(store, name), *_of_quarantine(store, name)]


def _of_days(store: ParquetStore, dataset: str) -> Iterator[Stray]:
    try:
        kinds, stored = store.kinds(dataset), set(store.days(dataset))
    except LinkInStoreError as error:
        yield Stray(error.path, error.cause, hides_data=True)
        return
    for name, kind in kinds.items():
        if name.removeprefix("date=") in stored:
            continue
        if strayed := _misplaced(store, dataset, name, kind):
            yield strayed
        elif found := store.kinds(f"{dataset}/{name}").get(FILE_NAME):
            yield Stray(f"{store.uri}/{dataset}/{name}/{FILE_NAME}", f"{found}, no file", hides_data=True)


def _of_quarantine(store: ParquetStore, dataset: str) -> Iterator[Stray]:
    folder = f"{QUARANTINE}/{dataset}"
    try:
        kinds = store.kinds(folder)
    except LinkInStoreError as error:
        yield Stray(error.path, error.cause, hides_data=True)
        return
    for name, kind in kinds.items():
        if strayed := _misplaced(store, folder, name, kind):
            yield strayed
            continue
        for record in store.quarantine.unreadable(dataset, name.removeprefix("date=")):
            yield Stray(f"{store.uri}/{folder}/{name}/{record}", "no record that can be read", hides_data=False)


def _misplaced(store: ParquetStore, folder: str, name: str, kind: str) -> Stray | None:
    """What is no folder of a day; names that begin with a dot are the desktop's."""
    uri = f"{store.uri}/{folder}/{name}"
    if not is_partition(name):
        return None if name.startswith(".") else Stray(uri, f"{kind} with another name than a day's", hides_data=False)
    return None if kind == FOLDER else Stray(uri, f"{kind}, where a day's folder should be", hides_data=True)
