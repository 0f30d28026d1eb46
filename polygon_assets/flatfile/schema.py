"""How a dataset's columns look in each state: as parsed, as written, as read back. Derived from the table.

Belongs here: Arrow types and Parquet encodings. Does not: which columns there are (``datasets``), or checks.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from polygon_assets.datasets import Column, Dataset
from polygon_assets.flatfile.rows import Mask

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
# Counts are parsed as floats, which take no hexadecimal (pyarrow's integers do) and cost the same, then checked.
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
LARGEST_COUNTS: Mapping[str, int] = {"int64": 2**53 - 1, "int32": 2**31 - 1, "int16": 2**15 - 1}
"""The largest whole number that a column of the type may hold: what a float has exactly, and what fits."""


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
