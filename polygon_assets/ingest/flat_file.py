"""A flat file → batches of parsed rows, streaming; whatever does not parse to the letter is an error.

Belongs here: the CSV. Does not: the archive around it (``archive``), or whether its values are plausible (``quality``).
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from polygon_assets.datasets import Dataset
from polygon_assets.errors import RowError
from polygon_assets.ingest.archive import BLOCK_BYTES, Archive, Block
from polygon_assets.ingest.arrow_arrays import ascending
from polygon_assets.ingest.batch import NANOSECONDS_PER_MINUTE, Batch, Column, name_lengths
from polygon_assets.ingest.limits import DEFAULT_LIMITS, Limits
from polygon_assets.ingest.schema import parsed_types

MAX_TICKER_BYTES = 64
"""A ticker beyond this is no ticker; the longest real ones have 21 characters."""
_MAX_COUNT = 2**53 - 1
_MEANING = {"double": "a number", "int64": "a whole number of nanoseconds"}
# What pyarrow says, pinned by a test: "In CSV column #1: Row #3: CSV conversion error to double: invalid value 'x'"
# and "CSV parse error: Row #3: Expected 8 columns, got 2: A,1".
_CONVERSION = re.compile(r"In CSV column #(\d+): Row #(\d+): CSV conversion error to (\w+): (.*)", re.DOTALL)
_SHAPE = re.compile(r"CSV parse error: Row #(\d+): (Expected \d+ columns, got \d+)", re.DOTALL)


class FlatFile:
    """One flat file; iterate over it once. When that ends without an error, the whole archive is verified.

    Raises, while iterating:
        ArchiveError, HeaderError, RowError: the content is wrong; a RowError names the line, and the column.
    """

    def __init__(self, path: Path, dataset: Dataset, source: str, limits: Limits = DEFAULT_LIMITS) -> None:
        """``source`` is what errors call the file."""
        self._archive = Archive(path, source, limits)
        self._dataset = dataset
        self._source = source
        self._line = 2
        self._read = csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES + 1, column_names=list(dataset.header))
        self._parse = csv.ParseOptions(quote_char=False, ignore_empty_lines=False)
        self._convert = csv.ConvertOptions(
            column_types=parsed_types(dataset),
            include_columns=list(dataset.header),
            null_values=[],
            strings_can_be_null=False,
        )
        self.ends_line = True
        """After the end: did the last line have its line end?"""

    def __iter__(self) -> Iterator[Batch]:
        for block in self._archive.blocks(self._dataset.header):
            batch = self._batch(self._parsed(block))
            self.ends_line = block.ends_line
            self._line += len(batch)
            yield batch

    def _parsed(self, block: Block) -> pa.Table:
        self._check_bytes(block)
        data: Any = pa.BufferReader(pa.py_buffer(block.data))  # read_csv takes it, its stubs do not know
        try:
            # In this thread: open_csv would hand every block to another one and wait for it.
            return csv.read_csv(
                data,
                read_options=self._read,
                parse_options=self._parse,
                convert_options=self._convert,
                memory_pool=pa.system_memory_pool(),  # a tenth less memory than the default pool's
            )
        except pa.ArrowInvalid as error:
            self._explain(str(error))

    def _check_bytes(self, block: Block) -> None:
        """Refuse what pyarrow would take in a way that another reader would not."""
        if block.starts_with(b"\xef\xbb\xbf"):
            raise RowError(self._source, f"line {self._line} starts with a byte order mark")
        lines = block.lines_before(b'"')
        if lines is not None:
            cause = "holds a quotation mark; the vendor's files have none, and readers would disagree about it"
            raise RowError(self._source, f"line {self._line + lines} {cause}")

    def _explain(self, message: str) -> NoReturn:
        """Turn pyarrow's message into a line, a column and a cause."""
        if found := _CONVERSION.match(message):
            column, row, kind, cause = found.groups()
            name = self._dataset.header[int(column)]
            self._refuse(int(row) - 1, name, f"{cause[:100]}, where {_MEANING.get(kind, kind)} is due")
        if found := _SHAPE.match(message):
            raise RowError(self._source, f"line {self._line + int(found[1]) - 1}: {found[2].lower()}")
        raise RowError(self._source, f"at or after line {self._line}: {message[:200]!r}")

    def _refuse(self, row: int, column: str, cause: str) -> NoReturn:
        raise RowError(self._source, f"line {self._line + row}, column {column}: {cause}")

    def _batch(self, table: pa.Table) -> Batch:
        # Equal tickers stand together: encoding their runs first spares hashing every row.
        runs: Any = pc.run_end_encode(_only_chunk(table, "ticker"))  # type: ignore[attr-defined]
        lengths = np.diff(runs.run_ends.to_numpy(), prepend=np.int32(0))
        if ascending(runs.values):
            codes, distinct = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths), runs.values
        else:
            tickers = runs.values.dictionary_encode()
            codes, distinct = np.repeat(tickers.indices.to_numpy(), lengths), tickers.dictionary
        names = self._names(distinct, codes)
        columns: dict[str, Column] = {}
        for column in self._dataset.columns:
            if column.name != "ticker":
                values = _only_chunk(table, column.name).to_numpy()
                columns[column.name] = self._counts(column.name, values) if column.type == "int64" else values
        lines = np.arange(self._line, self._line + len(codes), dtype=np.int64)
        return Batch(names, codes, columns, columns["window_start"] // NANOSECONDS_PER_MINUTE, lines)

    def _names(self, names: Any, codes: Column) -> pa.StringArray:
        """The distinct tickers as text."""
        long = np.flatnonzero(name_lengths(names) > MAX_TICKER_BYTES)
        if len(long):
            self._refuse(int(np.argmax(codes == long[0])), "ticker", f"longer than {MAX_TICKER_BYTES} bytes")
        try:
            text: pa.StringArray = names.cast(pa.string())
        except pa.ArrowInvalid:
            wrong = next(code for code, name in enumerate(names.to_pylist()) if not _is_utf8(name))
            self._refuse(int(np.argmax(codes == wrong)), "ticker", f"{names[wrong].as_py()!r} is not UTF-8")
        return text

    def _counts(self, name: str, values: Column) -> Column:
        with np.errstate(invalid="ignore"):
            counts: Column = values.astype(np.int64)
        wrong = counts != values
        if wrong.any() or (len(values) and (values.max() > _MAX_COUNT or values.min() < -_MAX_COUNT)):
            row = int(np.argmax(wrong | (np.abs(values) > _MAX_COUNT)))
            self._refuse(row, name, f"'{values[row]:g}', where a whole number is due")
        return counts


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
