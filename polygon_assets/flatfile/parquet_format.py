"""How a dataset's columns look in each state: in a file's header, as parsed, as written, as read back.

A column that the table does not know is kept as text, and one that is optional may be missing: what the vendor adds
tomorrow must not cost a day. Belongs here: names, Arrow types and Parquet encodings, derived from the table. Does not:
which columns there are (``datasets``), or checks.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from polygon_assets.datasets import Column, Dataset
from polygon_assets.errors import HeaderError
from polygon_assets.flatfile.rows import Mask

READER_VERSION = "2"
"""Raise it when files that were refused can be read now: those in quarantine are then judged again."""
MAX_UNKNOWN_COLUMNS = 32
"""More are no added columns but another kind of file."""
MAX_NAME_LENGTH = 64
_RESERVED = ("date", "line")
"""Columns that readers, and the rejected rows, add under these names."""
SOURCE_LINES = pa.field("line", pa.int64(), nullable=False)

_DICTIONARY = pa.dictionary(pa.int32(), pa.string())
_STORED: dict[str, pa.DataType] = {
    "string": pa.string(),
    "float64": pa.float64(),
    "int64": pa.int64(),
    "int32": pa.int32(),
    "int16": pa.int16(),
    "list<int16>": pa.list_(pa.field("element", pa.int16())),
    "date32": pa.date32(),
    "timestamp[us, UTC]": pa.timestamp("us", tz="UTC"),
    "timestamp[ns, UTC]": pa.timestamp("ns", tz="UTC"),
}
# Counts are parsed as floats, which take no hexadecimal (pyarrow's integers do) and cost the same, then checked; what
# a float does not have exactly is read again, as text.
# Text is parsed as bytes: building dictionaries and checking UTF-8 is cheaper afterwards, for distinct tickers.
_PARSED: dict[str, pa.DataType] = {
    "string": pa.binary(),
    "float64": pa.float64(),
    "int64": pa.float64(),
    "int32": pa.float64(),
    "int16": pa.float64(),
    "list<int16>": pa.binary(),
    "date32": pa.date32(),
    "timestamp[us, UTC]": pa.int64(),
    "timestamp[ns, UTC]": pa.int64(),
}

TEXTS = frozenset({"string", "list<int16>"})
"""Types that are read as text."""
LARGEST_COUNTS: Mapping[str, int] = {"int64": 2**63 - 1, "int32": 2**31 - 1, "int16": 2**15 - 1}
"""The largest whole number that a column of the type may hold."""
LARGEST_EXACT = 2**53 - 1
"""The largest whole number of which a float tells it from its neighbours."""


_CODES = re.compile(r"\[?(-?[0-9]{1,5}(?:, ?-?[0-9]{1,5})*)?\]?")
_CODE_RANGE = range(-(2**15), 2**15)


def code_lists(texts: pa.StringArray) -> tuple[Any, Mask]:
    """Lists of codes, ``12,37`` or ``[12, 37]``, and which of the ``texts`` are none: they become null.

    An empty text is an empty list; null stays null.
    """
    encoded: Any = texts.dictionary_encode()
    lists = [_codes(text) for text in encoded.dictionary.to_pylist()]
    wrong = np.array([number for number, codes in enumerate(lists) if codes is None], dtype=np.int32)
    indices = encoded.indices.fill_null(-1).to_numpy() if encoded.null_count else encoded.indices.to_numpy()
    unreadable: Mask = np.isin(indices, wrong) if len(wrong) else np.zeros(len(texts), dtype=np.bool_)
    return pa.array(lists, _STORED["list<int16>"]).take(encoded.indices), unreadable


def _codes(text: str) -> list[int] | None:
    found = _CODES.fullmatch(text)
    if not found or text.startswith("[") != text.endswith("]"):
        return None
    codes = [int(code) for code in found[1].split(",")] if found[1] else []
    return codes if all(code in _CODE_RANGE for code in codes) else None


def _leaf(column: Column) -> str:
    """How Parquet calls the values of a column."""
    return f"{column.name}.list.element" if column.type == "list<int16>" else column.name


def parsed_types(dataset: Dataset, unknown: Iterable[str] = ()) -> dict[str, pa.DataType]:
    """What each column of the flat file is parsed as; the ``unknown`` ones as text."""
    known = {column.name: _PARSED[column.type] for column in dataset.columns}
    return known | dict.fromkeys(unknown, _PARSED["string"])


def stored_type(name: str, dataset: Dataset) -> pa.DataType:
    """The type of a column of ``dataset`` as it is stored."""
    kind: pa.DataType = stored_schema(dataset).field(name).type
    return kind


def nanoseconds_in(kind: pa.DataType) -> int:
    """How many nanoseconds one unit of the timestamp type ``kind`` has."""
    return {"us": 1_000, "ns": 1}[kind.unit]  # type: ignore[attr-defined]


def stored_schema(dataset: Dataset) -> pa.Schema:
    """The columns as every reader gets them back; tickers are plain strings."""
    return pa.schema([pa.field(column.name, _STORED[column.type]) for column in dataset.stored_columns])


def written_schema(dataset: Dataset, unknown: Iterable[str] = ()) -> pa.Schema:
    """The columns as handed to the writer, those that the table does not know behind them.

    Text that is stored as a dictionary comes as one, so that the writer need not make it.
    """
    encoded = {"ticker", *dataset.dictionary}
    known = [
        pa.field(
            column.name,
            _DICTIONARY if column.type == "string" and column.name in encoded else _STORED[column.type],
        )
        for column in dataset.stored_columns
    ]
    return pa.schema([*known, *(pa.field(name, pa.string()) for name in unknown)])


def writer_options(dataset: Dataset, unknown: Iterable[str] = ()) -> dict[str, Any]:
    """Encodings, measured (docs/adr/0021): what is fastest among those no larger than Polars' zstd level 1."""
    columns = dataset.stored_columns
    deltas = [column.name for column in columns if column.delta]
    return {
        "compression": "zstd",
        "compression_level": 1,
        "use_dictionary": [*(_leaf(column) for column in columns if column.name in dataset.dictionary), *unknown],
        "use_byte_stream_split": [column.name for column in columns if column.byte_stream_split],
        **({"column_encoding": dict.fromkeys(deltas, "DELTA_BINARY_PACKED")} if deltas else {}),
        # Of sorted rows only these tell a reader which row groups it needs.
        "write_statistics": [column.name for column in columns if column.searched],
        "write_page_checksum": True,
        # Values handed to an encoder at once; a block has about as many rows. A tenth less CPU, and the same bytes.
        "write_batch_size": 64 * 1024,
        # Readers must get plain strings back, as Parquet's own types say; pyarrow's hint would say dictionary.
        "store_schema": False,
    }


@dataclass(frozen=True)
class Header:
    """The columns of one file."""

    names: tuple[str, ...]
    """As in the file, in its order."""
    unknown: Mapping[str, str]
    """Columns that the table does not know, and the names they are stored under, in the file's order."""
    absent: tuple[str, ...]
    """Optional columns of the table that the file lacks."""

    @classmethod
    def of(cls, names: Sequence[str], dataset: Dataset, source: str) -> "Header":
        """Find the columns of ``dataset`` among ``names``, the header line of the file called ``source``.

        Raises:
            HeaderError: a required column is missing, a name stands there twice or is none; names expected and found.
        """
        known = {column.name: column for column in dataset.columns}
        missing = [name for name, column in known.items() if name not in names and not column.optional]
        unknown = [name for name in names if name not in known]
        twice = [name for name, count in Counter(names).items() if count > 1]
        if missing or twice or len(unknown) > MAX_UNKNOWN_COLUMNS or not all(map(_is_name, unknown)):
            raise HeaderError(source, expected=dataset.header, found=names)
        taken = {column.name for column in dataset.stored_columns} | set(_RESERVED)
        return cls(
            tuple(names),
            {name: f"file_{name}" if name in taken else name for name in unknown},
            tuple(name for name in known if name not in names),
        )

    @property
    def sample(self) -> tuple[Mapping[str, Any], ...]:
        """The unknown columns, as the rows that a finding shows."""
        return tuple({"column": name} for name in self.unknown)


def _is_name(name: str) -> bool:
    return 0 < len(name) <= MAX_NAME_LENGTH and name.isascii() and name.isidentifier()
