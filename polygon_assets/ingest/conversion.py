"""One csv.gz → one Parquet file, streaming: the steps of the other modules in their order.

Belongs here: the sequence, and writing Parquet. Does not: where either file lies or is published (``store``).
"""

import datetime as dt
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pyarrow as pa
import pyarrow.parquet as pq

from polygon_assets.datasets import Dataset
from polygon_assets.errors import UnusableDayError
from polygon_assets.ingest.arrow_arrays import array, dictionary_array
from polygon_assets.ingest.batch import Batch
from polygon_assets.ingest.findings import Finding
from polygon_assets.ingest.flat_file import FlatFile
from polygon_assets.ingest.limits import DEFAULT_LIMITS, Limits
from polygon_assets.ingest.option_tickers import TYPES, parse_option_tickers
from polygon_assets.ingest.ordering import OrderCheck, OutOfOrderError, sorted_batches
from polygon_assets.ingest.provenance import Provenance, Source
from polygon_assets.ingest.quality import ALIEN, SET_ASIDE, DayQuality
from polygon_assets.ingest.schema import SOURCE_LINES, writer_options, written_schema

_MICROSECONDS_PER_MINUTE = 60_000_000
MAX_SET_ASIDE_ROWS = 250_000
"""Held in memory until the file has ended; of the largest real files, one in a hundred rows is a tenth of that."""


class CancelledConversionError(Exception):
    """The caller gave up; a signal inside this room, never an outcome."""


@dataclass(frozen=True)
class Conversion:
    """A Parquet file that is whole, and what is to be said about it."""

    provenance: Provenance
    set_aside: pa.Table | None
    """The rows that were not published, with their lines, as in the file; None where there are none."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found, set-aside rows included."""
        return self.provenance.findings


def convert(
    raw: Path,
    target: Path,
    dataset: Dataset,
    day: dt.date,
    source: Source,
    *,
    limits: Limits = DEFAULT_LIMITS,
    cancelled: threading.Event | None = None,
) -> Conversion:
    """Write the flat file ``raw`` as Parquet to ``target``; the same bytes in give the same bytes out.

    An error leaves ``target`` unusable, and the caller removes it.

    Raises:
        ContentError: the day is unusable; the message says where and why.
        OSError: this machine could not read or write.
    """
    job = _Job(raw, target, dataset, day, source, limits, cancelled or threading.Event())
    try:
        return job.run(in_order=True)
    except OutOfOrderError:
        return job.run(in_order=False)


@dataclass(frozen=True)
class _Job:
    raw: Path
    target: Path
    dataset: Dataset
    day: dt.date
    source: Source
    limits: Limits
    cancelled: threading.Event

    def run(self, *, in_order: bool) -> Conversion:
        quality = DayQuality(self.dataset, self.day)
        order = OrderCheck(quality.tally)
        batches: Iterable[Batch] = self._admitted(quality)
        if not in_order:
            quality.tally.note("unsorted")
            batches = self._sorted(batches)
        rows = 0
        options = writer_options(self.dataset)
        pool = pa.system_memory_pool()
        with pq.ParquetWriter(self.target, written_schema(self.dataset), memory_pool=pool, **options) as writer:
            for batch in batches:
                quality.examine(batch)
                order.follow(batch)
                writer.write_batch(self._to_arrow(batch, quality), row_group_size=max(len(batch), 1))
                rows += len(batch)
            self._require_usable(rows, quality)
            findings = quality.tally.findings()
            provenance = Provenance.of(self.source, rows=rows, symbols=order.symbols, findings=findings)
            writer.add_key_value_metadata(provenance.to_metadata())
        return Conversion(provenance, self._set_aside(quality))

    def _admitted(self, quality: DayQuality) -> Iterator[Batch]:
        file = FlatFile(self.raw, self.dataset, self.source.key, self.limits)
        for batch in file:
            if self.cancelled.is_set():
                raise CancelledConversionError
            admitted = quality.admit(batch)
            if quality.tally.count(*SET_ASIDE) > MAX_SET_ASIDE_ROWS:
                self._refuse_set_aside(f"more than {MAX_SET_ASIDE_ROWS:,} rows", quality)
            if len(admitted):
                yield admitted
        if not file.ends_line:
            cause = "the last line has no line end: the file was cut, and so may be the last number"
            raise UnusableDayError(self.source.key, cause, quality.tally.findings())

    def _sorted(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        held: list[Batch] = []
        rows = 0
        for batch in batches:
            rows += len(batch)
            if rows > self.limits.max_sort_rows:
                cause = f"it is not sorted, and has more than the {self.limits.max_sort_rows:,} rows that are sorted"
                raise UnusableDayError(self.source.key, f"{cause} in memory; raise max_sort_rows")
            held.append(batch)
        return sorted_batches(held)

    def _require_usable(self, rows: int, quality: DayQuality) -> None:
        aside = quality.tally.count(*SET_ASIDE)
        if aside > self.limits.max_set_aside_share * (rows + aside):
            self._refuse_set_aside(f"{aside:,} of {rows + aside:,} rows", quality)
        if not rows:
            raise UnusableDayError(self.source.key, "it holds no rows", quality.tally.findings())
        for finding in quality.tally.findings():
            if finding.rule in ALIEN and finding.count > self.limits.max_alien_share * rows:
                share = f"{finding.count:,} of {rows:,} rows break {finding.rule}"
                cause = f"{share}, as those of another data type would (first: {dict(finding.sample[0])})"
                raise UnusableDayError(self.source.key, cause, quality.tally.findings())

    def _refuse_set_aside(self, share: str, quality: DayQuality) -> NoReturn:
        causes = [each for each in quality.tally.findings() if each.rule in SET_ASIDE]
        named = ", ".join(f"{each.count:,} {each.rule} (first: {dict(each.sample[0])})" for each in causes)
        cause = f"{share} do not belong to {self.day}: {named}"
        raise UnusableDayError(self.source.key, cause, quality.tally.findings())

    def _to_arrow(self, batch: Batch, quality: DayQuality) -> pa.RecordBatch:
        schema = written_schema(self.dataset)
        columns: dict[str, Any] = {name: array(values) for name, values in batch.columns.items()}
        columns["ticker"] = dictionary_array(batch.codes, batch.names)
        stamps = array(batch.minutes * _MICROSECONDS_PER_MINUTE)
        columns["window_start"] = stamps.view(schema.field("window_start").type)
        if self.dataset.instrument == "option":
            option = parse_option_tickers(batch.names)
            quality.examine_options(batch, option)
            codes = array(batch.codes)
            roots: Any = option.underlying.dictionary_encode()
            columns["underlying"] = dictionary_array(roots.indices.take(codes), roots.dictionary)
            columns["expiration"] = option.expiration.take(codes)
            columns["option_type"] = dictionary_array(option.option_type.take(codes), TYPES)
            columns["strike"] = option.strike.take(codes)
        return pa.RecordBatch.from_arrays([columns[field.name] for field in schema], schema=schema)

    def _set_aside(self, quality: DayQuality) -> pa.Table | None:
        if not quality.set_aside:
            return None
        rows = Batch.concatenated(quality.set_aside)
        columns: dict[str, Any] = {
            SOURCE_LINES.name: array(rows.lines),
            "ticker": dictionary_array(rows.codes, rows.names).cast(pa.string()),
            **{name: array(values) for name, values in rows.columns.items()},
        }
        return pa.table(columns)
