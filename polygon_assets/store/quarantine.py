"""Quarantine: refused source files, and rows that do not belong to their day, each with its findings.

    {store}/_quarantine/{dataset}/date=YYYY-MM-DD/{version}.csv.gz           a refused file, as received
    {store}/_quarantine/{dataset}/date=YYYY-MM-DD/{version}.refused.json     why
    {store}/_quarantine/{dataset}/date=YYYY-MM-DD/{version}.parquet          rows of a published day, with their lines
    {store}/_quarantine/{dataset}/date=YYYY-MM-DD/{version}.set_aside.json   why

Each record is written after its file, and deleted before it: it vouches for it.
A version is a source's ETag and the rules that it was judged under, so that what is kept of one version never
replaces what is kept of another. Belongs here: keeping and listing. Does not: judging (``quality``), or trying again
(``day_ingest``).
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from polygon_assets.datasets import get_dataset
from polygon_assets.flatfile.findings import Finding, from_json, to_json
from polygon_assets.flatfile.parquet_format import READER_VERSION
from polygon_assets.flatfile.provenance import UNREADABLE, Source, etag_stem, source_from_plain, source_to_plain
from polygon_assets.store.folders import Folder
from polygon_assets.store.local_entries import FOLDER, is_partition
from polygon_assets.store.raw_files import digest, fetch_copy
from polygon_assets.wording import counted, verb

ROOT = "_quarantine"
_SOURCE, _REFUSED = ".csv.gz", ".refused.json"
_ROWS, _REJECTED = ".parquet", ".set_aside.json"


@dataclass(frozen=True)
class QuarantinedDay:
    """What is in quarantine of one version of a day."""

    dataset: str
    day: str
    """YYYY-MM-DD."""
    refused: bool
    """True: the whole source file was refused. False: the day is published, some rows are here."""
    cause: str
    """Why, for people."""
    source: Source
    findings: tuple[Finding, ...]
    schema_version: str
    """Under which rules it was judged."""
    sha256: str
    """Of the refused file, or of the file with the rows, in hex."""
    uri: str
    """The folder that holds it."""
    reader_version: str = "1"
    """Of the reader that refused it."""

    @property
    def is_current(self) -> bool:
        """Was it judged under today's rules, and by today's reader?"""
        same_reader = not self.refused or self.reader_version == READER_VERSION
        return same_reader and self.schema_version == get_dataset(self.dataset).schema_version

    @property
    def version(self) -> str:
        """What the names of its files begin with."""
        return version_of(self.source.etag, self.schema_version)

    def to_json(self) -> str:
        """The record that is kept."""
        record = {
            "refused": self.refused,
            "cause": self.cause,
            "source": source_to_plain(self.source),
            "schema_version": self.schema_version,
            "reader_version": self.reader_version,
            "sha256": self.sha256,
            "findings": json.loads(to_json(self.findings)),
        }
        return json.dumps(record, indent=1) + "\n"


def version_of(etag: str, schema_version: str) -> str:
    """The source with ``etag`` as judged under the rules of ``schema_version``: the beginning of files' names."""
    return f"{etag_stem(etag)}.v{schema_version}"


class Stored(NamedTuple):
    """Which version of a day is stored."""

    etag: str
    schema_version: str


class Quarantine:
    """The quarantine of one store."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def days(self, dataset: str) -> list[QuarantinedDay]:
        """All that is in quarantine of ``dataset``, oldest day first."""
        kinds = self._folder.kinds(f"{ROOT}/{dataset}")
        days = [name for name, kind in kinds.items() if is_partition(name) and kind == FOLDER]
        return [each for name in days for each in self.entries(dataset, name.removeprefix("date="))]

    def unreadable(self, dataset: str, day: str) -> list[str]:
        """The names of the records of ``day`` that cannot be read: others have written them, or they are corrupt."""
        names = [name for name in self.names(dataset, day) if name.endswith((_REFUSED, _REJECTED))]
        return [name for name in names if self._record(dataset, day, name) is None]

    def names(self, dataset: str, day: str) -> list[str]:
        """The files that are kept of ``day``."""
        return self._folder.names(_place(dataset, day))

    def entries(self, dataset: str, day: str) -> tuple[QuarantinedDay, ...]:
        """What is in quarantine of ``day``, newest source first; records that cannot be read are passed over.

        As a rule one refused file at most, and the rejected rows of the stored version.
        """
        return tuple(sorted(self._records(dataset, day), key=lambda each: each.source.last_modified, reverse=True))

    def keep_source(
        self, raw: Path, dataset: str, day: str, source: Source, cause: str, findings: tuple[Finding, ...]
    ) -> None:
        """Keep the refused file ``raw``, which moves here, in place of older ones.

        The rejected rows of a day that stays published stay, too.
        """
        judged = self._judged(raw, dataset, day, source, cause, findings, refused=True)
        older = [each for each in self.entries(dataset, day) if each.refused and _is_older(each, judged)]
        self._keep(raw, _SOURCE, _REFUSED, judged)
        self._delete(dataset, day, [each.version + suffix for each in older for suffix in (_SOURCE, _REFUSED)])

    def keep_rows(
        self, rows: pa.Table, staging: Path, dataset: str, day: str, source: Source, findings: tuple[Finding, ...]
    ) -> None:
        """Keep the rejected ``rows`` of a day that is about to be published."""
        staged = staging / f"{day}.set_aside.parquet"
        pq.write_table(rows, staged, compression="zstd", compression_level=1)
        cause = f"{counted(rows.num_rows, 'row')} {verb(rows.num_rows, 'does', 'do')} not belong to {day}: rejected"
        judged = self._judged(staged, dataset, day, source, cause, findings, refused=False)
        self._keep(staged, _ROWS, _REJECTED, judged)

    def has_rows(self, dataset: str, day: str, version: str) -> bool:
        """Are the rejected rows of ``version`` kept?"""
        return {version + _ROWS, version + _REJECTED} <= set(self.names(dataset, day))

    def rows(self, entry: QuarantinedDay) -> pa.Table:
        """The rows that were rejected, with their lines; FileNotFoundError where the whole file was refused."""
        with self._folder.open(_path(entry) + _ROWS) as file:
            return pq.read_table(file)

    def has_source(self, entry: QuarantinedDay) -> bool:
        """Is the refused file here, in its full size?"""
        return self._folder.size(_path(entry) + _SOURCE) == entry.source.size

    def fetch_source(self, entry: QuarantinedDay, target: Path) -> None:
        """Bring the refused file to ``target``, which is only to be read; CorruptFileError where it has changed."""
        fetch_copy(self._folder, _path(entry) + _SOURCE, target, entry.sha256)

    def copies(self, dataset: str) -> Iterator[tuple[str, Callable[[Path], None]]]:
        """Every kept file of ``dataset``: its URI, and what brings it to a path, or says that it has changed."""
        for entry in self.days(dataset):
            name = _path(entry) + (_SOURCE if entry.refused else _ROWS)
            yield f"{self._folder.uri}/{name}", partial(self._bring, name, entry.sha256)

    def _bring(self, name: str, sha256: str, target: Path) -> None:
        fetch_copy(self._folder, name, target, sha256)

    def settle(self, dataset: str, day: str, stored: Stored, *, latest: bool) -> None:
        """Drop what means nothing beside the day that is ``stored``.

        Of rejected rows only its own stay. Where it is the ``latest`` that the vendor has, no refused file stays;
        else one of another ETag does, since it may be newer.
        """
        own = version_of(*stored)
        kept = {own + _ROWS, own + _REJECTED}
        names = set(self.names(dataset, day))
        if not latest:
            stem = f"{etag_stem(stored.etag)}.v"
            kept |= {name for name in names if _is_refusals(name) and not name.startswith(stem)}
        self._delete(dataset, day, names - kept)

    def _keep(self, staged: Path, suffix: str, record_suffix: str, judged: QuarantinedDay) -> None:
        record = staged.with_name(f"{judged.day}{record_suffix}")
        record.write_text(judged.to_json(), encoding="utf-8")
        self._folder.publish(staged, f"{_path(judged)}{suffix}")
        self._folder.publish(record, f"{_path(judged)}{record_suffix}")

    def _delete(self, dataset: str, day: str, names: Iterable[str]) -> None:
        for name in sorted(names, key=lambda name: not name.endswith((_REFUSED, _REJECTED))):
            self._folder.delete(f"{_place(dataset, day)}/{name}")

    def _judged(
        self,
        file: Path,
        dataset: str,
        day: str,
        source: Source,
        cause: str,
        findings: tuple[Finding, ...],
        *,
        refused: bool,
    ) -> QuarantinedDay:
        uri = f"{self._folder.uri}/{_place(dataset, day)}"
        version = get_dataset(dataset).schema_version
        return QuarantinedDay(
            dataset, day, refused, cause, source, findings, version, digest(file), uri, READER_VERSION
        )

    def _records(self, dataset: str, day: str) -> Iterator[QuarantinedDay]:
        for name in self.names(dataset, day):
            if name.endswith((_REFUSED, _REJECTED)) and (record := self._record(dataset, day, name)):
                yield record

    def _record(self, dataset: str, day: str, name: str) -> QuarantinedDay | None:
        """None where it cannot be read."""
        place = _place(dataset, day)
        try:
            return _read(dataset, day, f"{self._folder.uri}/{place}", self._folder.read(f"{place}/{name}"))
        except UNREADABLE:
            return None


def _read(dataset: str, day: str, uri: str, text: bytes) -> QuarantinedDay:
    record = json.loads(text)
    return QuarantinedDay(
        dataset=dataset,
        day=day,
        refused=record["refused"],
        cause=record["cause"],
        source=source_from_plain(record["source"]),
        findings=from_json(json.dumps(record["findings"])),
        schema_version=record["schema_version"],
        sha256=record["sha256"],
        uri=uri,
        reader_version=record.get("reader_version", "1"),
    )


def _place(dataset: str, day: str) -> str:
    return f"{ROOT}/{dataset}/date={day}"


def _path(entry: QuarantinedDay) -> str:
    return f"{_place(entry.dataset, entry.day)}/{entry.version}"


def _is_refusals(name: str) -> bool:
    return name.endswith((_SOURCE, _REFUSED))


def _is_older(entry: QuarantinedDay, judged: QuarantinedDay) -> bool:
    return entry.version != judged.version and entry.source.last_modified <= judged.source.last_modified
