"""How a data type's columns look in each state: as parsed, as written, as read back. Derived from the table.

Belongs here: Arrow types and Parquet encodings. Does not: which columns there are (``datasets``), or checks.
"""

from typing import Any

import pyarrow as pa

from polygon_assets.datasets import Dataset

SCHEMA_VERSION = "3"
"""Raise it when stored columns, types or rules change: every stored day is then converted anew when asked for."""

SOURCE_LINES = pa.field("line", pa.int64(), nullable=False)

_DICTIONARY = pa.dictionary(pa.int32(), pa.string())
_STORED: dict[str, pa.DataType] = {
    "string": pa.string(),
    "float64": pa.float64(),
    "int64": pa.int64(),
    "date32": pa.date32(),
    "timestamp[us, UTC]": pa.timestamp("us", tz="UTC"),
}
# Counts are parsed as floats, which take no hexadecimal (pyarrow's integers do) and cost the same, then checked.
# Tickers are parsed as bytes: building dictionaries and checking UTF-8 is cheaper afterwards, for distinct ones.
_PARSED: dict[str, pa.DataType] = {
    "string": pa.binary(),
    "float64": pa.float64(),
    "int64": pa.float64(),
    "timestamp[us, UTC]": pa.int64(),
}


def parsed_types(dataset: Dataset) -> dict[str, pa.DataType]:
    """What each column of the flat file is parsed as."""
    return {column.name: _PARSED[column.type] for column in dataset.columns}


def stored_schema(dataset: Dataset) -> pa.Schema:
    """The columns as every reader gets them back; tickers are plain strings."""
    return pa.schema([pa.field(column.name, _STORED[column.type]) for column in dataset.stored_columns])


def written_schema(dataset: Dataset) -> pa.Schema:
    """The columns as handed to the writer: strings as dictionaries, which it stores without decoding them."""
    return pa.schema(
        [
            pa.field(column.name, _DICTIONARY if column.type == "string" else _STORED[column.type])
            for column in dataset.stored_columns
        ]
    )


def writer_options(dataset: Dataset) -> dict[str, Any]:
    """Encodings, measured (docs/adr/0021): what is fastest among those no larger than Polars' zstd level 1."""
    names = [column.name for column in dataset.stored_columns]
    dictionary = {"window_start", "underlying", "expiration", "option_type"}
    if dataset.window == "minute":  # of a day file every ticker is another
        dictionary.add("ticker")
    if dataset.instrument == "option":  # few different prices, on a coarse grid
        dictionary |= {"open", "close", "high", "low"}
    return {
        "compression": "zstd",
        "compression_level": 1,
        "use_dictionary": [name for name in names if name in dictionary],
        "use_byte_stream_split": [name for name in names if name in {"volume", "transactions", "strike"}],
        # Of sorted rows only these tell a reader which row groups it needs.
        "write_statistics": [name for name in names if name in {"ticker", "window_start", "underlying"}],
        "write_page_checksum": True,
        # Readers must get plain strings back, as Parquet's own types say; pyarrow's hint would say dictionary.
        "store_schema": False,
    }
