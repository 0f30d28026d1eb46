"""The tables of splits and dividends in the store: one small Parquet file each, published whole.

    {store}/_reference/splits/data.parquet      sorted by ticker, date and id; the footer says when and from where

Belongs here: reading and writing them. Does not: what is in them (``events``).
"""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from polygon_assets.errors import StoreError
from polygon_assets.ingest import ParquetStore
from polygon_assets.reference.events import EventKind
from polygon_assets.store.parquet_store import FILE_NAME
from polygon_assets.store.s3_reading import settled

_FOLDER = "_reference"
_ROW_GROUP_ROWS = 32 * 1024
"""Rows of a row group: what one ticker's events cost to read."""
_SCHEMA_VERSION = "1"


@dataclass(frozen=True)
class Record:
    """What the footer of a table says."""

    source_uri: str
    """The address that was asked, without parameters and key."""
    retrieved_at: dt.datetime
    """When the vendor was asked last; aware, UTC."""
    complete_at: dt.datetime
    """When all of the history was asked for last; aware, UTC."""
    rows: int = 0
    findings: Mapping[str, int] = field(default_factory=dict)
    """Events in the table by what is wrong with them, and repeated ones that were dropped."""

    def as_metadata(self) -> dict[str, str]:
        """As the footer's key-value metadata."""
        return {
            "polygon.source_uri": self.source_uri,
            "polygon.retrieved_at": self.retrieved_at.isoformat(),
            "polygon.complete_at": self.complete_at.isoformat(),
            "polygon.rows": str(self.rows),
            "polygon.findings": json.dumps(dict(self.findings), sort_keys=True),
            "polygon.schema_version": _SCHEMA_VERSION,
            "polygon.version": version("polygon-assets"),
        }

    @classmethod
    def from_metadata(cls, metadata: Mapping[bytes, bytes]) -> "Record":
        """Read back what ``as_metadata`` gave; ValueError or KeyError where it did not give it."""
        found = {key.decode(): value.decode() for key, value in metadata.items() if key.startswith(b"polygon.")}
        return cls(
            source_uri=found["polygon.source_uri"],
            retrieved_at=dt.datetime.fromisoformat(found["polygon.retrieved_at"]),
            complete_at=dt.datetime.fromisoformat(found["polygon.complete_at"]),
            rows=int(found["polygon.rows"]),
            findings=json.loads(found["polygon.findings"]),
        )


def table_name(name: str) -> str:
    """The name in the store of the table called ``name``."""
    return f"{_FOLDER}/{name}/{FILE_NAME}"


def read_record(store: ParquetStore, kind: EventKind) -> Record | None:
    """What the footer of the stored table says; None where there is none.

    Raises:
        StoreError: it is damaged.
    """
    name = table_name(kind.name)
    try:
        metadata = store.metadata_of(name)
        return Record.from_metadata(metadata) if metadata else None
    except (OSError, ValueError, KeyError) as error:
        raise _damaged(store, kind.name, error) from error


def read_events(
    store: ParquetStore, kind: EventKind, tickers: Sequence[str] | None = None, columns: Sequence[str] | None = None
) -> pa.Table:
    """The stored events, of ``tickers`` alone where they are given, sorted by ticker, date and id.

    Raises:
        FileNotFoundError: there is no such table.
        StoreError: it is damaged.
    """
    chosen = None if tickers is None else pc.field("ticker").isin(pa.array(tickers, pa.string()))
    return read_parquet(store, kind.name, chosen, columns)


def read_parquet(
    store: ParquetStore, name: str, chosen: pc.Expression | None = None, columns: Sequence[str] | None = None
) -> pa.Table:
    """A table beside the days, to its checksums; raises what ``read_events`` raises."""

    def read() -> pa.Table:
        with store.open_file(table_name(name)) as file:
            named = None if columns is None else list(columns)
            return pq.read_table(file, columns=named, filters=chosen, page_checksum_verification=True)

    try:
        return settled(read)
    except FileNotFoundError:
        raise
    except (OSError, ValueError, pa.ArrowException) as error:
        raise _damaged(store, name, error) from error


def write_events(store: ParquetStore, kind: EventKind, events: pa.Table, record: Record) -> str:
    """Publish ``events`` in place of the stored table; where it is."""
    return write_parquet(store, kind.name, events, record.as_metadata())


def write_parquet(store: ParquetStore, name: str, table: pa.Table, metadata: Mapping[str, str]) -> str:
    """Publish a table beside the days, whole, with ``metadata`` in its footer; where it is."""
    options: dict[str, Any] = {"compression": "zstd", "write_page_checksum": True, "store_schema": False}
    with store.staging() as folder:
        staged = folder / f"{name}.parquet"
        with pq.ParquetWriter(staged, table.schema, **options) as writer:
            writer.write_table(table, row_group_size=_ROW_GROUP_ROWS)
            writer.add_key_value_metadata(dict(metadata))
        return store.publish_beside(staged, table_name(name), recorded=True)


def _damaged(store: ParquetStore, name: str, error: Exception) -> StoreError:
    return StoreError(
        f"{store.uri}/{table_name(name)}: not readable: {error}. Make it anew: polygon-assets reference --full"
    )
