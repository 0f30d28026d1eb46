"""What is kept aside: refused source files, and rows that do not belong to their day, each with its findings.

    {store}/_quarantine/{dataset}/date=YYYY-MM-DD/{version}.csv.gz          a refused file, as received
    {store}/_quarantine/{dataset}/date=YYYY-MM-DD/{version}.parquet         rows of a published day, with their lines
    {store}/_quarantine/{dataset}/date=YYYY-MM-DD/{version}.findings.json   why; written last: it vouches for the file

A version is a source's ETag and the rules that it was judged under, so that what is kept of one version never
replaces what is kept of another. Belongs here: keeping and listing. Does not: judging (``quality``), or trying again
(``day_ingest``).
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from polygon_assets.ingest.findings import Finding, from_json, to_json
from polygon_assets.ingest.folders import Folder
from polygon_assets.ingest.provenance import Source, etag_stem, source_from_json, source_to_json
from polygon_assets.ingest.schema import SCHEMA_VERSION

ROOT = "_quarantine"
_SOURCE, _ROWS, _RECORD = ".csv.gz", ".parquet", ".findings.json"


@dataclass(frozen=True)
class QuarantinedDay:
    """What is kept aside of one version of a day."""

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
    uri: str
    """The folder that holds it."""

    @property
    def is_current(self) -> bool:
        """Was it judged under today's rules?"""
        return self.schema_version == SCHEMA_VERSION

    @property
    def version(self) -> str:
        """What the names of its files begin with."""
        return version_of(self.source.etag, self.schema_version)

    def to_json(self) -> str:
        """The record that is kept."""
        record = {
            "refused": self.refused,
            "cause": self.cause,
            "source": json.loads(source_to_json(self.source)),
            "schema_version": self.schema_version,
            "findings": json.loads(to_json(self.findings)),
        }
        return json.dumps(record, indent=1) + "\n"


def version_of(etag: str, schema_version: str) -> str:
    """The source with ``etag`` as judged under the rules of ``schema_version``: the beginning of files' names."""
    return f"{etag_stem(etag)}.v{schema_version}"


class Quarantine:
    """The quarantine of one store."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def days(self, dataset: str) -> list[QuarantinedDay]:
        """All that is kept aside of ``dataset``, oldest day first."""
        names = [name for name in self._folder.names(f"{ROOT}/{dataset}") if name.startswith("date=")]
        return [each for name in names for each in self.held(dataset, name.removeprefix("date="))]

    def held(self, dataset: str, day: str) -> tuple[QuarantinedDay, ...]:
        """What is kept aside of ``day``; records that cannot be read are passed over.

        At most one refused file, and the rows set aside of the stored version.
        """
        return tuple(self._records(dataset, day))

    def keep_source(
        self, raw: Path, dataset: str, day: str, source: Source, cause: str, findings: tuple[Finding, ...]
    ) -> None:
        """Keep the refused file ``raw``, which moves here, in place of one refused earlier.

        Rows set aside of a day that stays published stay, too.
        """
        earlier = [each.version for each in self.held(dataset, day) if each.refused]
        self._keep(raw, _SOURCE, self._judged(dataset, day, source, cause, findings, refused=True))
        for version in earlier:
            if version != version_of(source.etag, SCHEMA_VERSION):
                self._delete(_place(dataset, day), [version + _RECORD, version + _SOURCE])

    def keep_rows(
        self, rows: pa.Table, staging: Path, dataset: str, day: str, source: Source, findings: tuple[Finding, ...]
    ) -> None:
        """Keep ``rows`` that were set aside of a day that is about to be published."""
        staged = staging / f"{day}.set_aside.parquet"
        pq.write_table(rows, staged, compression="zstd", compression_level=1)
        cause = f"{rows.num_rows:,} rows do not belong to {day} and were set aside; the others are published"
        self._keep(staged, _ROWS, self._judged(dataset, day, source, cause, findings, refused=False))

    def rows(self, held: QuarantinedDay) -> pa.Table:
        """The rows that were set aside, with their lines; FileNotFoundError where the whole file was refused."""
        with self._folder.filesystem.open_input_file(_path(held) + _ROWS) as file:
            return pq.read_table(file)

    def has_source(self, held: QuarantinedDay) -> bool:
        """Is the refused file here, in its full size?"""
        return self._folder.size(_path(held) + _SOURCE) == held.source.size

    def fetch_source(self, held: QuarantinedDay, target: Path) -> None:
        """Bring the refused file to ``target``, which is only to be read."""
        self._folder.copy_to(_path(held) + _SOURCE, target)

    def settle(self, dataset: str, day: str, etag: str) -> None:
        """Drop all that was kept of ``day`` but the rows set aside of the source with ``etag``, which is stored now."""
        place = _place(dataset, day)
        names = self._folder.names(place)
        stored = version_of(etag, SCHEMA_VERSION)
        aside = bool(names) and any(each.version == stored and not each.refused for each in self.held(dataset, day))
        kept = {stored + _ROWS, stored + _RECORD} if aside else set()
        self._delete(place, sorted(set(names) - kept, key=lambda name: not name.endswith(_RECORD)))

    def _keep(self, staged: Path, suffix: str, judged: QuarantinedDay) -> None:
        record = staged.with_name(f"{judged.day}{_RECORD}")
        record.write_text(judged.to_json(), encoding="utf-8")
        self._folder.publish(staged, f"{_path(judged)}{suffix}")
        self._folder.publish(record, f"{_path(judged)}{_RECORD}")

    def _delete(self, place: str, names: Iterable[str]) -> None:
        """Delete files, in this order: records first, since they vouch for the others."""
        for name in names:
            self._folder.delete(f"{place}/{name}")

    def _judged(
        self, dataset: str, day: str, source: Source, cause: str, findings: tuple[Finding, ...], *, refused: bool
    ) -> QuarantinedDay:
        uri = f"{self._folder.uri}/{_place(dataset, day)}"
        return QuarantinedDay(dataset, day, refused, cause, source, findings, SCHEMA_VERSION, uri)

    def _records(self, dataset: str, day: str) -> Iterator[QuarantinedDay]:
        place = _place(dataset, day)
        for name in self._folder.names(place):
            if name.endswith(_RECORD):
                try:
                    with self._folder.filesystem.open_input_stream(f"{place}/{name}") as file:
                        yield _read(dataset, day, f"{self._folder.uri}/{place}", file.read())
                except (FileNotFoundError, ValueError, KeyError, TypeError):
                    continue


def _read(dataset: str, day: str, uri: str, text: bytes) -> QuarantinedDay:
    record = json.loads(text)
    return QuarantinedDay(
        dataset=dataset,
        day=day,
        refused=record["refused"],
        cause=record["cause"],
        source=source_from_json(json.dumps(record["source"])),
        findings=from_json(json.dumps(record["findings"])),
        schema_version=record["schema_version"],
        uri=uri,
    )


def _place(dataset: str, day: str) -> str:
    return f"{ROOT}/{dataset}/date={day}"


def _path(held: QuarantinedDay) -> str:
    return f"{_place(held.dataset, held.day)}/{held.version}"
