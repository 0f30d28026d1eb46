"""One csv.gz → one Parquet file, streaming: the steps of the other modules in their order.

Belongs here: the sequence, and writing Parquet. Does not: where either file lies or is published (``store``).
"""

import datetime as dt
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from polygon_assets.datasets import Dataset
from polygon_assets.errors import UnusableDayError
from polygon_assets.filters import ALL_ROWS, RowFilter, underlying_column
from polygon_assets.flatfile.findings import Finding, Tally
from polygon_assets.flatfile.limits import DEFAULT_LIMITS, Limits
from polygon_assets.flatfile.ordering import OrderCheck, OutOfOrderError, sorted_batches
from polygon_assets.flatfile.parquet_format import SOURCE_LINES, code_lists, writer_options, written_schema
from polygon_assets.flatfile.parsing import FlatFile
from polygon_assets.flatfile.provenance import Provenance, Source
from polygon_assets.flatfile.quality import ALIEN, ALIEN_IN_ANY_CASE, REJECTED, UNTERMINATED, DayQuality
from polygon_assets.flatfile.read_ahead import ReadAhead
from polygon_assets.flatfile.rows import Batch, Column, Mask, array, dictionary_array
from polygon_assets.flatfile.tickers import DERIVATIONS, TickerParts
from polygon_assets.flatfile.ticks.file_order import FileOrder
from polygon_assets.wording import counted

_NANOSECONDS_PER_MICROSECOND = 1_000
NO_LAST_NEWLINE = "the last line has no newline"
"""How the cause of a refusal begins that ``Limits.accept_unterminated`` lifts."""
MAX_REJECTED_ROWS = 250_000
"""Held in memory until the file has ended; of the largest real files, one in a hundred rows is a tenth of that."""


class CancelledConversionError(Exception):
    """The caller gave up; a signal inside this room, never an outcome."""


@dataclass(frozen=True)
class Conversion:
    """A Parquet file that is whole, and what is to be said about it."""

    provenance: Provenance
    rejected_rows: pa.Table | None
    """The rows that were not published, with their lines, as in the file; None where there are none."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found, rejected rows included."""
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
    read_ahead: bool = False,
    row_filter: RowFilter = ALL_ROWS,
) -> Conversion:
    """Write the flat file ``raw`` as Parquet to ``target``; the same bytes in give the same bytes out.

    ``read_ahead``: decompress and parse in a second thread. ``row_filter`` keeps some rows; the others are counted. An
    error leaves ``target`` unusable; the caller removes it.

    Raises:
        ContentError: the day is unusable; the message says where and why.
        OSError: this machine could not read or write.
    """
    job = _Job(raw, target, dataset, day, source, limits, cancelled or threading.Event(), read_ahead, row_filter)
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
    read_ahead: bool
    row_filter: RowFilter

    def run(self, *, in_order: bool) -> Conversion:
        quality, selection = DayQuality(self.dataset, self.day), _Selection(self.row_filter, self.dataset, self._derive)
        order = self._order(quality.tally)
        with (
            FlatFile(self.raw, self.dataset, self.source.key, self.limits) as file,
            ReadAhead(file) if self.read_ahead else nullcontext(file) as parsed,
        ):
            batches: Iterable[Batch] = selection.of(self._admitted(file, parsed, quality))
            if not in_order:
                quality.tally.note("unsorted")
                batches = self._sorted(batches)
            if file.header.unknown:
                quality.tally.note("unknown_column", len(file.header.unknown), sample=file.header.sample)
            provenance = self._write(batches, tuple(file.header.unknown.values()), quality, order, selection)
        return Conversion(provenance, self._rejected_rows(quality))

    def _write(
        self,
        batches: Iterable[Batch],
        unknown: Sequence[str],
        quality: DayQuality,
        order: OrderCheck | FileOrder,
        selection: "_Selection",
    ) -> Provenance:
        """Write the Parquet file, with the ``unknown`` columns last; its record."""
        rows = 0
        schema, options = written_schema(self.dataset, unknown), writer_options(self.dataset, unknown)
        pool = pa.system_memory_pool()
        with pq.ParquetWriter(self.target, schema, memory_pool=pool, **options) as writer:
            for batch in batches:
                parts = self._derive(batch.names)
                quality.examine(batch, parts)
                order.follow(batch)
                encoded = self._to_arrow(batch, parts, schema, quality.tally)
                writer.write_batch(encoded, row_group_size=max(len(batch), 1))
                rows += len(batch)
            quality.conclude()
            self._require_usable(rows + selection.dropped, quality)
            provenance = Provenance.of(
                self.source,
                self.dataset,
                rows=rows,
                symbols=order.symbols,
                findings=quality.tally.findings(),
                row_filter=self.row_filter,
                dropped_rows=selection.dropped,
            )
            writer.add_key_value_metadata(provenance.to_metadata())
        return provenance

    def _order(self, tally: Tally) -> OrderCheck | FileOrder:
        layout = self.dataset.layout
        if not layout.is_sorted:
            return FileOrder(tally, layout.sequence)
        return OrderCheck(tally, unique=layout.identity == ("ticker", layout.time))

    def _admitted(self, file: FlatFile, parsed: Iterable[Batch], quality: DayQuality) -> Iterator[Batch]:
        for batch in parsed:
            if self.cancelled.is_set():
                raise CancelledConversionError
            admitted = quality.admit(batch)
            if quality.rejected > MAX_REJECTED_ROWS:
                self._refuse_for_rejected_rows(f"more than {MAX_REJECTED_ROWS:,} rows", quality)
            if len(admitted):
                yield admitted
        if not file.ends_with_newline:
            quality.tally.note(UNTERMINATED)
            if not self.limits.accept_unterminated:
                cause = (
                    f"{NO_LAST_NEWLINE}: the file was cut, and so may be its last number. To publish it all the same, "
                    f"flagged: polygon-assets ingest {self.dataset.name} --start {self.day} --accept-unterminated"
                )
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
        rejected = quality.rejected
        if rejected > self.limits.max_rejected_share * (rows + rejected):
            self._refuse_for_rejected_rows(f"{rejected:,} of {counted(rows + rejected, 'row')}", quality)
        if not rows:
            raise UnusableDayError(self.source.key, "it holds no rows", quality.tally.findings())
        aliens = ALIEN if self.dataset.day.certain else ALIEN_IN_ANY_CASE
        for finding in quality.tally.findings():
            if finding.rule == "price_not_finite" and finding.count > self.limits.max_alien_share * rows:
                cause = f"a price is no number in {finding.count:,} of {counted(rows, 'row')}"
                raise UnusableDayError(self.source.key, cause, quality.tally.findings())
            if finding.rule in aliens and finding.count > self.limits.max_alien_share * rows:
                share = f"{finding.rule}: {finding.count:,} of {counted(rows, 'row')}"
                cause = f"{share}, as those of another dataset would (first: {dict(finding.sample[0])})"
                raise UnusableDayError(self.source.key, cause, quality.tally.findings())

    def _refuse_for_rejected_rows(self, share: str, quality: DayQuality) -> NoReturn:
        causes = [each for each in quality.tally.findings() if each.rule in REJECTED]
        named = ", ".join(f"{each.count:,} {each.rule} (first: {dict(each.sample[0])})" for each in causes)
        cause = f"{share} not of {self.day}: {named}"
        raise UnusableDayError(self.source.key, cause, quality.tally.findings())

    def _derive(self, names: pa.StringArray) -> TickerParts | None:
        return DERIVATIONS[self.dataset.derived.derivation](names, self.day) if self.dataset.derived else None

    def _to_arrow(self, batch: Batch, parts: TickerParts | None, schema: pa.Schema, tally: Tally) -> pa.RecordBatch:
        columns: dict[str, Any] = {"ticker": dictionary_array(batch.codes, batch.names), **batch.texts}
        for column in self.dataset.columns:
            if column.type == "list<int16>":
                columns[column.name], unreadable = code_lists(batch.texts[column.name])
                tally.add("codes_unreadable", batch, unreadable)
        for name, values in batch.columns.items():
            columns[name] = _stored(values, batch.missing.get(name), schema.field(name).type)
        if parts is not None:
            codes = array(batch.codes)
            columns |= {name: each.take(codes) for name, each in parts.columns.items()}
        return pa.RecordBatch.from_arrays(
            [_encoded(columns[field.name], field.type) for field in schema], schema=schema
        )

    def _rejected_rows(self, quality: DayQuality) -> pa.Table | None:
        if not quality.rejected_rows:
            return None
        rows = Batch.concatenated(quality.rejected_rows)
        columns: dict[str, Any] = {
            SOURCE_LINES.name: array(rows.lines),
            "ticker": dictionary_array(rows.codes, rows.names).cast(pa.string()),
            **{name: array(values, missing=rows.missing.get(name)) for name, values in rows.columns.items()},
            **rows.texts,
        }
        return pa.table(columns)


class _Selection:
    """Leaves out the rows that a filter does not name, and counts them."""

    def __init__(
        self, row_filter: RowFilter, dataset: Dataset, derive: Callable[[pa.StringArray], TickerParts | None]
    ) -> None:
        self.dropped = 0
        """Rows left out so far."""
        self._filter, self._column, self._derive = row_filter, underlying_column(dataset), derive

    def of(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        for batch in batches:
            kept = self._kept(batch) if self._filter else batch
            self.dropped += len(batch) - len(kept)
            if len(kept):
                yield kept

    def _kept(self, batch: Batch) -> Batch:
        wanted = [name in self._filter.tickers for name in batch.names.to_pylist()]
        if self._filter.underlyings and self._column and (parts := self._derive(batch.names)):
            underlyings = parts.columns[self._column].to_pylist()
            wanted = [each or on in self._filter.underlyings for each, on in zip(wanted, underlyings, strict=True)]
        rows = np.array(wanted, dtype=np.bool_)[batch.codes]
        return batch if rows.all() else batch.take(rows)


def _stored(values: Column, missing: Mask | None, kind: pa.DataType) -> Any:
    """A column of the file as it is stored: moments are in nanoseconds as yet."""
    if not pa.types.is_timestamp(kind):
        return array(values, missing=missing, kind=None if values.dtype == kind.to_pandas_dtype() else kind)
    if kind.unit == "us":
        values = values // _NANOSECONDS_PER_MICROSECOND
    return array(values, missing=missing).view(kind)


def _encoded(values: Any, kind: pa.DataType) -> Any:
    """``values``, text as a dictionary where it is stored as one."""
    return values.dictionary_encode() if pa.types.is_dictionary(kind) and values.type == pa.string() else values
