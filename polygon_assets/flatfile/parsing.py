"""A flat file → batches of parsed rows, streaming; whatever does not parse to the letter is an error.

Belongs here: the CSV. Does not: the archive around it (``archive``), or whether its values are plausible (``quality``).
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NoReturn, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from polygon_assets.datasets import Column as TableColumn
from polygon_assets.datasets import Dataset
from polygon_assets.errors import RowError
from polygon_assets.flatfile.archive import Archive, Block
from polygon_assets.flatfile.kernel import Kernel, Parsed
from polygon_assets.flatfile.limits import DEFAULT_LIMITS, Limits
from polygon_assets.flatfile.parquet_format import LARGEST_COUNTS, LARGEST_EXACT, TEXTS, Header, parsed_types
from polygon_assets.flatfile.rows import Batch, Column, Mask, ascending, name_lengths

MAX_TICKER_BYTES = 64
"""A ticker beyond this is no ticker; the longest real ones have 21 characters."""
_MARK, _COMMA, _NEWLINE, _RETURN = b'",\n\r'
_MEANING = {
    "double": "a number",
    "int64": "a whole number of nanoseconds",
    "date32[day]": "a date, YYYY-MM-DD,",
}
# What pyarrow says, pinned by a test: "In CSV column #1: Row #3: CSV conversion error to double: invalid value 'x'"
# and "CSV parse error: Row #3: Expected 8 columns, got 2: A,1".
_CONVERSION = re.compile(r"In CSV column #(\d+): Row #(\d+): CSV conversion error to ([\w\[\]]+): (.*)", re.DOTALL)
_WHOLE = re.compile(rb"-?[0-9]{1,19}")
_SHAPE = re.compile(r"CSV parse error: Row #(\d+): (Expected \d+ columns, got \d+)", re.DOTALL)


class FlatFile:
    """One flat file, a context manager; iterate over it once. Where that ends without an error, it is all verified.

    Raises, when entered and while iterating:
        ArchiveError, HeaderError, RowError: the content is wrong; a RowError names the line, and the column.
    """

    header: Header
    """Known once entered."""

    def __init__(self, path: Path, dataset: Dataset, source: str, limits: Limits = DEFAULT_LIMITS) -> None:
        """``source`` is what errors call the file."""
        self._archive = Archive(path, source, limits.expansion_of(dataset), block_bytes=dataset.row_group_bytes)
        self._dataset = dataset
        self._source = source
        self._line = 2
        self._quotes = dataset.layout.has_codes
        self._parse = csv.ParseOptions(
            quote_char='"' if self._quotes else False, double_quote=False, ignore_empty_lines=False
        )
        self._may_be_empty = any(column.nullable for column in dataset.columns)
        self.ends_with_newline = True
        """After the end: did the last line have its newline?"""

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            opened.enter_context(self._archive)
            header = self.header = Header.of(self._archive.header(), self._dataset, self._source)
            opened.pop_all()
        self._kernel = Kernel.of(header.names, self._dataset)
        types = parsed_types(self._dataset, header.unknown)
        self._read = csv.ReadOptions(
            use_threads=False, block_size=self._dataset.row_group_bytes + 1, column_names=list(header.names)
        )
        self._convert = csv.ConvertOptions(
            column_types=types,
            include_columns=[name for name in types if name in header.names],
            null_values=[""] if self._may_be_empty else [],
            strings_can_be_null=False,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.__exit__()

    def __iter__(self) -> Iterator[Batch]:
        for block in self._archive.blocks():
            parsed = self._kernel.parse(block.buffer, block.start, block.end) if self._kernel else None
            batch = self._batch(parsed or self._parsed_by_pyarrow(block))
            self.ends_with_newline = block.ends_with_newline
            self._line += len(batch)
            yield batch

    def _parsed_by_pyarrow(self, block: Block) -> Parsed:
        """Any block, canonical or not; what is wrong with it is said here."""
        table = self._read_csv(block)
        # Equal tickers stand together: encoding their runs first spares hashing every row.
        runs: Any = pc.run_end_encode(_only_chunk(table, "ticker"))  # type: ignore[attr-defined]
        lengths = np.diff(runs.run_ends.to_numpy(), prepend=np.int32(0))
        run_of_row = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
        names = self._names(runs.values, run_of_row)
        return Parsed(names, run_of_row, *self._columns(table, block))

    def _read_csv(self, block: Block, convert: csv.ConvertOptions | None = None) -> pa.Table:
        self._check_bytes(block)
        data: Any = pa.BufferReader(pa.py_buffer(block.data))  # read_csv takes it, its stubs do not know
        try:
            # In this thread: open_csv would hand every block to another one and wait for it.
            return csv.read_csv(
                data,
                read_options=self._read,
                parse_options=self._parse,
                convert_options=convert or self._convert,
                memory_pool=pa.system_memory_pool(),  # a tenth less memory than the default pool's
            )
        except pa.ArrowInvalid as error:
            self._explain(str(error))

    def _check_bytes(self, block: Block) -> None:
        """Refuse what pyarrow would take in a way that another reader would not."""
        if block.starts_with(b"\xef\xbb\xbf"):
            raise RowError(self._source, f"line {self._line} starts with a byte order mark")
        lines = block.lines_before(b'"')
        if lines is not None and self._quotes:
            lines = _misquoted(block)
            cause = "holds a quotation mark that neither begins nor ends a cell"
        elif lines is not None:
            cause = "holds a quotation mark; the vendor's files have none, and readers would disagree about it"
        if lines is not None:
            raise RowError(self._source, f"line {self._line + lines} {cause}")

    def _explain(self, message: str) -> NoReturn:
        """Turn pyarrow's message into a line, a column and a cause."""
        if found := _CONVERSION.match(message):
            column, row, kind, cause = found.groups()
            name = self.header.names[int(column)]
            self._refuse(int(row) - 1, name, f"{cause[:100]}, where {_MEANING.get(kind, kind)} is due")
        if found := _SHAPE.match(message):
            raise RowError(self._source, f"line {self._line + int(found[1]) - 1}: {found[2].lower()}")
        raise RowError(self._source, f"at or after line {self._line}: {message[:200]!r}")

    def _refuse(self, row: int, column: str, cause: str) -> NoReturn:
        raise RowError(self._source, f"line {self._line + row}, column {column}: {cause}")

    def _batch(self, parsed: Parsed) -> Batch:
        names, codes = parsed.run_names, parsed.run_of_row
        if not ascending(names):
            tickers = names.dictionary_encode()
            names, codes = tickers.dictionary, tickers.indices.to_numpy()[codes]
        layout, rows = self._dataset.layout, len(codes)
        columns, missing, texts = dict(parsed.numbers), dict(parsed.missing), dict(parsed.texts)
        for column in self._dataset.columns:
            absent = column.name in self.header.absent
            if absent and column.type in TEXTS:
                texts[column.name] = pa.nulls(rows, pa.string())
            elif absent:
                kind = np.dtype("datetime64[D]" if column.type == "date32" else np.int64)
                columns[column.name], missing[column.name] = np.zeros(rows, kind), np.ones(rows, np.bool_)
            elif column.zero_is_null and not columns[column.name].all():
                missing[column.name] = columns[column.name] == 0  # what is empty is 0, too
        texts = {self.header.unknown.get(name, name): text for name, text in texts.items()}
        return Batch(
            names=names,
            codes=codes,
            columns=columns,
            missing=missing,
            texts=texts,
            time=layout.time,
            granularity=layout.granularity,
            times=columns[layout.time] // layout.granularity,
            lines=np.arange(self._line, self._line + rows, dtype=np.int64),
        )

    def _columns(
        self, table: pa.Table, block: Block
    ) -> tuple[dict[str, Column], dict[str, Mask], dict[str, pa.StringArray]]:
        """Every column but the ticker: numbers and moments, which of their cells are empty, and texts."""
        columns: dict[str, Column] = {}
        missing: dict[str, Mask] = {}
        texts: dict[str, pa.StringArray] = {name: self._text(table, name) for name in self.header.unknown}
        for column in self._dataset.columns:
            if column.name == "ticker" or column.name in self.header.absent:
                continue
            if column.type in TEXTS:
                texts[column.name] = self._text(table, column.name)
            else:
                columns[column.name], empty = self._numbers(table, column, block)
                if empty is not None:
                    missing[column.name] = empty
        return columns, missing, texts

    def _numbers(self, table: pa.Table, column: TableColumn, block: Block) -> tuple[Column, Mask | None]:
        """The values of a column, and which of its cells are empty; None: none are."""
        chunk, empty = _only_chunk(table, column.name), None
        if chunk.null_count:
            empty = chunk.is_null().to_numpy(zero_copy_only=False)
            if not column.nullable:
                meaning = _MEANING[str(parsed_types(self._dataset)[column.name])]
                self._refuse(int(np.argmax(empty)), column.name, f"invalid value '', where {meaning} is due")
            chunk = chunk.fill_null(pa.scalar(0, chunk.type))
        values = chunk.to_numpy(zero_copy_only=False)
        return (self._counts(column, values, block) if column.type in LARGEST_COUNTS else values), empty

    def _text(self, table: pa.Table, name: str) -> pa.StringArray:
        chunk = _only_chunk(table, name)
        try:
            text: pa.StringArray = chunk.cast(pa.string())
        except pa.ArrowInvalid:
            row = next(row for row, value in enumerate(chunk.to_pylist()) if not _is_utf8(value))
            self._refuse(row, name, f"{chunk[row].as_py()[:100]!r} is not UTF-8")
        return text

    def _names(self, names: Any, codes: Column) -> pa.StringArray:
        """The runs' tickers as text."""
        long = np.flatnonzero(name_lengths(names) > MAX_TICKER_BYTES)
        if len(long):
            self._refuse(int(np.argmax(codes == long[0])), "ticker", f"longer than {MAX_TICKER_BYTES} bytes")
        try:
            text: pa.StringArray = names.cast(pa.string())
        except pa.ArrowInvalid:
            wrong = next(code for code, name in enumerate(names.to_pylist()) if not _is_utf8(name))
            self._refuse(int(np.argmax(codes == wrong)), "ticker", f"{names[wrong].as_py()!r} is not UTF-8")
        return text

    def _counts(self, column: TableColumn, values: Column, block: Block) -> Column:
        most = LARGEST_COUNTS[column.type]
        with np.errstate(invalid="ignore"):
            counts: Column = values.astype(np.int64)
            wrong: Mask = (counts != values) | (np.abs(values) > min(most, LARGEST_EXACT))
        if most > LARGEST_EXACT and wrong.any():
            counts, wrong = self._large_counts(column, counts, wrong, block)
        if wrong.any():
            row = int(np.argmax(wrong))
            self._refuse(row, column.name, f"'{values[row]:g}', where a whole number is due")
        return counts

    def _large_counts(self, column: TableColumn, counts: Column, wrong: Mask, block: Block) -> tuple[Column, Mask]:
        """``counts`` with those that no float has, read from the text; which of them are still none."""
        types = {column.name: pa.binary()}
        cells = _only_chunk(
            self._read_csv(block, csv.ConvertOptions(column_types=types, include_columns=[column.name])), column.name
        )
        most, still_wrong = LARGEST_COUNTS[column.type], wrong.copy()
        for row in np.flatnonzero(wrong).tolist():
            cell = cells[row].as_py()
            if _WHOLE.fullmatch(cell) and abs(int(cell)) <= most:
                counts[row], still_wrong[row] = int(cell), False
        return counts, still_wrong


def _misquoted(block: Block) -> int | None:
    """How many newlines stand before the first quotation mark that quotes no cell; None: all do.

    pyarrow would read on to the end of the block for a mark that is never closed.
    """
    data = np.frombuffer(block.data, dtype=np.uint8)
    marks, newlines = np.flatnonzero(data == _MARK), np.flatnonzero(data == _NEWLINE)
    opening, closing = marks[: len(marks) // 2 * 2 : 2], marks[1::2]
    padded = np.concatenate([np.array([_NEWLINE], np.uint8), data, np.array([_NEWLINE], np.uint8)])
    fits = np.isin(padded[opening], (_COMMA, _NEWLINE)) & np.isin(padded[closing + 2], (_COMMA, _NEWLINE, _RETURN))
    fits &= np.searchsorted(newlines, opening) == np.searchsorted(newlines, closing)
    wrong = [*opening[~fits][:1].tolist(), *marks[len(closing) * 2 :].tolist()]
    return int(np.searchsorted(newlines, wrong[0])) if wrong else None


def _only_chunk(table: pa.Table, name: str) -> Any:
    """The column as one array: a block is parsed as one."""
    (chunk,) = table.column(name).chunks
    return chunk


def _is_utf8(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True
