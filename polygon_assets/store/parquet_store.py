"""``ParquetStore``: what is stored, where, and where it came from. Each file is its own record; there is no manifest.

Belongs here: the layout and everything that reads it. Does not: making files (``conversion``), or the quarantine's
and raw files' own layout (``quarantine``, ``raw_files``).
"""

import copy
import uuid
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from polygon_assets.calendars import parse_date, require_order
from polygon_assets.datasets import Dataset, get_dataset
from polygon_assets.errors import InvalidInputError, StoreError
from polygon_assets.flatfile.parquet_format import stored_schema
from polygon_assets.flatfile.provenance import Provenance
from polygon_assets.store.digests import Digests, digest_of, footer_of, is_known, open_footer
from polygon_assets.store.folders import open_folder
from polygon_assets.store.local_entries import is_partition
from polygon_assets.store.quarantine import Quarantine, QuarantinedDay
from polygon_assets.store.raw_files import RawFiles
from polygon_assets.store.s3_folder import answering
from polygon_assets.store.s3_reading import reads, settled

FILE_NAME = "data.parquet"
_ALWAYS = ("0001-01-01", "9999-12-31")
_PARTITION = pa.schema([pa.field("date", pa.date32())])


class ParquetStore:
    """Published days: ``{uri}/{dataset}/date=YYYY-MM-DD/data.parquet``."""

    def __init__(
        self,
        uri: str,
        *,
        filesystem: pafs.FileSystem | None = None,
        endpoint_url: str | None = None,
        region: str | None = None,
        access_key_id: str | None = None,
        secret_access_key: str | None = None,
    ) -> None:
        """Open the store in a folder or at ``s3://bucket/prefix``; nothing is touched before the first use.

        The other arguments are for S3 alone; without keys, those that the AWS tools would find are used.
        ``filesystem`` replaces the one that reads it.
        """
        self._folder = open_folder(
            uri,
            endpoint_url=endpoint_url,
            region=region,
            access_key_id=access_key_id,
            secret_access_key=secret_access_key,
        )
        self._given_filesystem = filesystem
        self._quarantine = Quarantine(self._folder)
        self.raw_files = RawFiles(self._folder)
        self.digests = Digests(self._folder)
        self._listed: dict[str, dict[str, str]] | None = None

    def __repr__(self) -> str:
        return f"ParquetStore({self.uri!r})"

    @property
    def _filesystem(self) -> pafs.FileSystem:
        return self._given_filesystem or self._folder.filesystem

    @property
    def uri(self) -> str:
        """Where it lies; a folder's path is absolute."""
        return self._folder.uri

    def at_one_moment(self) -> "ParquetStore":
        """The same store for one call that asks several times which days there are: each dataset is listed once."""
        same = copy.copy(self)
        same._listed = {}  # noqa: SLF001 (its own)
        return same

    def require_present(self) -> None:
        """See that the store is there, if there was one; StoreAbsentError where its disk is not mounted."""
        self._folder.require_present()

    def require_answer(self) -> None:
        """See, within seconds, that the store's bucket answers, whatever it says; if not, StoreUnreachableError."""
        self._folder.require_answer()

    def path(self, dataset: str, day: str) -> str:
        """Where ``day`` of ``dataset`` is, or would be, stored."""
        return f"{self.uri}/{_name(dataset, day)}"

    def days(self, dataset: str) -> list[str]:
        """The stored days, YYYY-MM-DD, oldest first."""
        return list(self.versions(dataset))

    def versions(self, dataset: str) -> dict[str, str]:
        """The stored days, oldest first, each with what tells its file from one that replaces it; from listings."""
        name = get_dataset(dataset).name
        if self._listed is not None and name in self._listed:
            return dict(self._listed[name])
        held = self._folder.holding(name, FILE_NAME)
        found = {each.removeprefix("date="): version for each, version in held.items() if is_partition(each)}
        if self._listed is not None:
            self._listed[name] = found
        return dict(found)

    def state(self, dataset: str, day: str) -> tuple[int | None, object]:
        """What tells the stored file from one that replaces it: its size and when it was written; from one request."""
        name = _name(dataset, day)
        with answering(f"{self.uri}/{name}"):
            found = self._filesystem.get_file_info(name)
        return found.size, found.mtime_ns

    def parquet_bytes(self, dataset: str, day: str) -> int | None:
        """Size of the stored file in bytes; None where the day is not stored."""
        return self._folder.size(_name(dataset, day))

    def provenance(self, dataset: str, day: str) -> Provenance | None:
        """Where the stored day came from; None where it is not stored.

        Raises:
            StoreError: the file is there and its footer is not readable, or not this project's.
            StoreUnreachableError: the store's bucket does not answer.
        """
        name = _name(dataset, day)
        try:
            return Provenance.from_metadata(settled(lambda: self._footer(name)))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError) as error:
            cause = f"{self.uri}/{name}: not a stored day: {str(error).rstrip('.')}"
            raise StoreError(f"{cause}. Ingest it with overwrite.") from error

    def scan(self, dataset: str, start: str | None = None, end: str | None = None) -> pads.Dataset:
        """The stored days from ``start`` to ``end`` (YYYY-MM-DD, inclusive; None: open), as one Arrow dataset.

        Column ``date`` is the partition. No file is opened before it is read.
        """
        first, last = span(start, end)
        return self.scan_days(dataset, [day for day in self.days(dataset) if first <= day <= last])

    def scan_days(
        self, dataset: str, days: Sequence[str], beside: Mapping[str, pc.Expression] | None = None
    ) -> pads.Dataset:
        """The stored ``days`` as one Arrow dataset, as ``scan`` gives it; that they are stored is not looked at.

        ``beside`` names further files of the store with a column ``date``, and what holds for all of their rows.
        """
        dates = {_name(dataset, day): pc.field("date") == pa.scalar(parse_date(day), pa.date32()) for day in days}
        files = {**(beside or {}), **dates}
        schema = scanned_schema(get_dataset(dataset))
        return SettledDataset(files, schema, self._filesystem, page_checksum_verification=True)

    def open_input_file(self, dataset: str, day: str) -> pa.NativeFile:
        """The stored file, for reading."""
        return self.open_file(_name(dataset, day))

    def _open(self, name: str) -> pa.NativeFile:
        return self._given_filesystem.open_input_file(name) if self._given_filesystem else self._folder.open(name)

    def _footer(self, name: str) -> dict[bytes, bytes]:
        with self.open_file(name) as file:
            return dict(pq.read_metadata(file).metadata or {})

    def _footer_bytes(self, name: str) -> bytes:
        with self.open_file(name) as file:
            return footer_of(file)

    def names(self, folder: str) -> list[str]:
        """What ``folder`` of the store holds, sorted; empty where it is missing."""
        return self._folder.names(folder)

    def kinds(self, folder: str) -> dict[str, str]:
        """The same names, each with what it is: a file, a folder, or something that does not belong there."""
        return self._folder.kinds(folder)

    def metadata_of(self, name: str) -> dict[bytes, bytes]:
        """The key-value metadata of a Parquet file beside the days; empty where there is no such file.

        Raises:
            ValueError: as ``footer_beside``.
        """
        footer = self.footer_beside(name)
        return dict(footer.metadata or {}) if footer else {}

    def bytes_beside(self, name: str) -> int | None:
        """Size in bytes of a file beside the days; None where there is none."""
        return self._folder.size(name)

    def footer_beside(self, name: str) -> pq.FileMetaData | None:
        """The footer of a Parquet file beside the days; None where there is no such file.

        Raises:
            ValueError: its footer is not the one that was published, or nothing was recorded of it.
        """
        try:
            footer = settled(lambda: self._footer_bytes(name))
        except FileNotFoundError:
            return None
        if not is_known(self.digests.known(name.rpartition("/")[0]), footer):
            raise ValueError(f"{self.uri}/{name}: its footer is not the one that was published")
        return pq.read_metadata(open_footer(footer))

    def open_file(self, name: str) -> pa.NativeFile:
        """A file of the store, for reading."""
        with answering(f"{self.uri}/{name}"):
            return self._open(name)

    def quarantined(self, dataset: str) -> list[QuarantinedDay]:
        """The days of which a source file was refused or rows were rejected, oldest first."""
        return self._quarantine.days(get_dataset(dataset).name)

    def refused_etag(self, dataset: str, day: str) -> str | None:
        """ETag of the source file of ``day`` that was refused under the present rules; None where none was."""
        held = self._quarantine.entries(get_dataset(dataset).name, parse_date(day).isoformat())
        return next((each.source.etag for each in held if each.refused and each.is_current), None)

    @property
    def quarantine(self) -> Quarantine:
        """What is in quarantine."""
        return self._quarantine

    def staging(self) -> AbstractContextManager[Path]:
        """A private folder from which ``publish`` can take files; folders of dead processes are swept.

        Raises:
            StoreAbsentError: the store that was in this folder is not there.
            StoreBusyError: another process keeps the staging folders locked.
        """
        return self._folder.staging()

    def publish(self, staged: Path, dataset: str, day: str) -> None:
        """Make a whole file visible as ``day``, replacing what was stored."""
        self._publish_recorded(staged, _name(dataset, day))

    def _publish_recorded(self, staged: Path, name: str) -> None:
        """Publish a Parquet file whose digest is known from before it is visible."""
        folder = name.rpartition("/")[0]
        recorded = self.digests.record(folder, digest_of(staged))
        self._folder.publish(staged, name)
        self.digests.settle(folder, recorded)

    def check_writable(self) -> None:
        """Publish a small file beside the days, and remove it again; of a store that is not begun, look at its place.

        Nothing that lasts is written: a folder with nothing in it would pass for a store, and for an empty market.

        Raises:
            OSError, StoreError: it cannot be written.
        """
        if not self._folder.is_begun():
            return
        name = f"_writable-{uuid.uuid4().hex}"
        with self.staging() as folder:
            staged = folder / "probe"
            staged.write_bytes(b"")
            self._folder.publish(staged, name)
        self._folder.delete(name)

    def publish_beside(self, staged: Path, name: str, *, recorded: bool = False) -> str:
        """Make a whole file visible under ``name``, which begins with ``_`` and so is no data; where it is.

        Of a Parquet file the digest can be ``recorded``.
        """
        if not name.startswith("_"):
            raise InvalidInputError(f"Invalid name: {name!r}; what lies beside the days begins with _")
        if recorded:
            self._publish_recorded(staged, name)
        else:
            self._folder.publish(staged, name)
        return f"{self.uri}/{name}"


_FileSystemDataset: Any = pads.FileSystemDataset  # Arrow's stubs know not that its methods can be overridden


class SettledDataset(_FileSystemDataset):  # type: ignore[misc]
    """Stored files as one dataset whose every read looks at the files as they are by then.

    Arrow's own keeps the footers that it has read, and reads the rows of a file that was replaced since by the footer
    of the one before. Where a file is replaced meanwhile, all begins again, as long as no row was given out.
    """

    def __init__(
        self, files: Mapping[str, pc.Expression], schema: pa.Schema, filesystem: pafs.FileSystem, **options: Any
    ) -> None:
        """Read ``files`` of ``filesystem``, each with what holds for its rows, under ``schema``."""
        self._files, self._options = files, options
        self._condition: pc.Expression | None = None
        self._opening: dict[str, Any] = {"schema": schema, "filesystem": filesystem}
        fresh = self._fresh()
        super().__init__(list(fresh.get_fragments()), schema, fresh.format, filesystem)

    def _fresh(self) -> pads.FileSystemDataset:
        """Arrow's own dataset of the same rows, which has read nothing yet."""
        known = pads.ParquetFragmentScanOptions(**self._options)
        found = pads.FileSystemDataset.from_paths(
            list(self._files),
            format=pads.ParquetFileFormat(default_fragment_scan_options=known),
            partitions=list(self._files.values()),
            **self._opening,
        )
        return found if self._condition is None else found.filter(self._condition)

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickled, (self._files, self._opening, self._options, self._condition)

    def filter(self, expression: pc.Expression) -> "SettledDataset":
        """The rows for which ``expression`` holds, too."""
        found: SettledDataset = super().filter(expression)
        found._files, found._opening, found._options = self._files, self._opening, self._options
        found._condition = expression if self._condition is None else self._condition & expression
        return found

    def scanner(self, *arguments: Any, **options: Any) -> pads.Scanner:
        """Arrow's own over batches that are read when it is used, once."""
        schema = self._fresh().scanner(*arguments, **options).projected_schema
        return pads.Scanner.from_batches(self.to_batches(*arguments, **options), schema=schema)

    def to_batches(self, *arguments: Any, **options: Any) -> Iterator[pa.RecordBatch]:
        """The rows, batch by batch."""

        def begin() -> tuple[pa.RecordBatch | None, Iterator[pa.RecordBatch]]:
            batches = self._fresh().to_batches(*arguments, **options)
            return next(batches, None), batches

        def batches() -> Generator[pa.RecordBatch, None, None]:
            first, rest = settled(begin)
            if first is not None:
                yield first
                yield from rest

        return reads.scanning(batches())

    def to_table(self, *arguments: Any, **options: Any) -> pa.Table:
        """The rows."""
        return settled(lambda: self._fresh().to_table(*arguments, **options))

    def take(self, *arguments: Any, **options: Any) -> pa.Table:
        """The rows at these places."""
        return settled(lambda: self._fresh().take(*arguments, **options))

    def head(self, *arguments: Any, **options: Any) -> pa.Table:
        """The first rows."""
        return settled(lambda: self._fresh().head(*arguments, **options))

    def count_rows(self, filter: Any = None, **options: Any) -> int:  # noqa: A002 (Arrow's)
        """The number of rows; Arrow's own opens a file twice, and may count one version by the footer of another."""
        options = {"columns": [], "filter": filter, **options}
        return settled(lambda: sum(batch.num_rows for batch in self._fresh().to_batches(**options)))

    def sort_by(self, *arguments: Any, **options: Any) -> Any:
        """The rows in order."""
        return settled(lambda: self._fresh().sort_by(*arguments, **options))

    def join(self, *arguments: Any, **options: Any) -> Any:
        """The rows with those of another."""
        return settled(lambda: self._fresh().join(*map(_as_arrow, arguments), **options))

    def join_asof(self, *arguments: Any, **options: Any) -> Any:
        """The rows with those of another of about their time."""
        return settled(lambda: self._fresh().join_asof(*map(_as_arrow, arguments), **options))


def _as_arrow(argument: Any) -> Any:
    return argument._fresh() if isinstance(argument, SettledDataset) else argument  # noqa: SLF001 (its own)


def _unpickled(files: Any, opening: Any, options: Any, condition: pc.Expression | None) -> SettledDataset:
    found = SettledDataset(files, **opening, **options)
    return found if condition is None else found.filter(condition)


def span(start: str | None, end: str | None) -> tuple[str, str]:
    """The first day and the last; where one is open, the first or the last that can be written.

    Raises:
        InvalidInputError: an invalid date, or ``start`` after ``end``.
    """
    require_order(start or None, end or None)
    return start or _ALWAYS[0], end or _ALWAYS[1]


def scanned_schema(dataset: Dataset) -> pa.Schema:
    """What ``scan`` gives: the stored columns and the partition's date."""
    return pa.schema([*stored_schema(dataset), *_PARTITION])


def _name(dataset: str, day: str) -> str:
    return f"{get_dataset(dataset).name}/date={parse_date(day).isoformat()}/{FILE_NAME}"
