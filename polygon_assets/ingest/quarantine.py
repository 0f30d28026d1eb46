"""What is kept aside: refused source files, and rows that do not belong to their day, each with its findings.

    {store}/_quarantine/{dataset}/date=YYYY-MM-DD/source.csv.gz      a refused file, as received
    {store}/_quarantine/{dataset}/date=YYYY-MM-DD/set_aside.parquet  rows of a published day, with their lines
    {store}/_quarantine/{dataset}/date=YYYY-MM-DD/findings.json      why; written last, so it vouches for the others

Belongs here: keeping and listing. Does not: judging (``quality``), or trying again (``day_ingest``).
"""

import json
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from polygon_assets.ingest.findings import Finding, from_json, to_json
from polygon_assets.ingest.folders import Folder
from polygon_assets.ingest.provenance import Source, source_from_json, source_to_json
from polygon_assets.ingest.schema import SCHEMA_VERSION

ROOT = "_quarantine"
SOURCE_FILE = "source.csv.gz"
ROWS_FILE = "set_aside.parquet"
RECORD_FILE = "findings.json"


@dataclass(frozen=True)
class QuarantinedDay:
    """What is kept aside of one day."""

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


class Quarantine:
    """The quarantine of one store."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def days(self, dataset: str) -> list[QuarantinedDay]:
        """All that is kept aside of ``dataset``, oldest day first."""
        names = [name for name in self._folder.names(f"{ROOT}/{dataset}") if name.startswith("date=")]
        held = (self.day(dataset, name.removeprefix("date=")) for name in names)
        return [each for each in held if each is not None]

    def day(self, dataset: str, day: str) -> QuarantinedDay | None:
        """What is kept aside of ``day``; None where nothing is, or its record is not readable."""
        place = _place(dataset, day)
        if self._folder.size(f"{place}/{RECORD_FILE}") is None:
            return None
        try:
            with self._folder.filesystem.open_input_stream(f"{place}/{RECORD_FILE}") as file:
                record = json.loads(file.read())
            return QuarantinedDay(
                dataset=dataset,
                day=day,
                refused=record["refused"],
                cause=record["cause"],
                source=source_from_json(json.dumps(record["source"])),
                findings=from_json(json.dumps(record["findings"])),
                schema_version=record["schema_version"],
                uri=f"{self._folder.uri}/{place}",
            )
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def keep_source(
        self, raw: Path, dataset: str, day: str, source: Source, cause: str, findings: tuple[Finding, ...]
    ) -> None:
        """Keep the refused file ``raw``, which moves here; rows set aside of a day that stays published stay, too."""
        place = _place(dataset, day)
        staged = _record(raw.parent, day, source, cause, findings, refused=True)
        self._folder.publish(raw, f"{place}/{SOURCE_FILE}")
        self._folder.publish(staged, f"{place}/{RECORD_FILE}")

    def keep_rows(
        self, rows: pa.Table, staging: Path, dataset: str, day: str, source: Source, findings: tuple[Finding, ...]
    ) -> None:
        """Keep ``rows`` that were set aside of a day that is about to be published."""
        place = _place(dataset, day)
        staged = staging / f"{day}.set_aside.parquet"
        pq.write_table(rows, staged, compression="zstd", compression_level=1)
        cause = f"{rows.num_rows:,} rows do not belong to {day} and were set aside; the others are published"
        record = _record(staging, day, source, cause, findings, refused=False)
        self._folder.publish(staged, f"{place}/{ROWS_FILE}")
        self._folder.publish(record, f"{place}/{RECORD_FILE}")
        self._folder.delete(f"{place}/{SOURCE_FILE}")

    def rows(self, dataset: str, day: str) -> pa.Table:
        """The rows of ``day`` that were set aside, with their lines; FileNotFoundError where there are none."""
        with self._folder.filesystem.open_input_file(f"{_place(dataset, day)}/{ROWS_FILE}") as file:
            return pq.read_table(file)

    def clear(self, dataset: str, day: str) -> None:
        """Drop what was kept of ``day``: it has been published whole since."""
        place = _place(dataset, day)
        if self._folder.size(f"{place}/{RECORD_FILE}") is not None:
            for name in (RECORD_FILE, ROWS_FILE, SOURCE_FILE):
                self._folder.delete(f"{place}/{name}")


def _place(dataset: str, day: str) -> str:
    return f"{ROOT}/{dataset}/date={day}"


def _record(
    staging: Path, day: str, source: Source, cause: str, findings: tuple[Finding, ...], *, refused: bool
) -> Path:
    staged = staging / f"{day}.findings.json"
    record = {
        "refused": refused,
        "cause": cause,
        "source": json.loads(source_to_json(source)),
        "schema_version": SCHEMA_VERSION,
        "findings": json.loads(to_json(findings)),
    }
    staged.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return staged
