"""Where this project keeps what it makes: one Parquet file for each view and partition, published whole."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import duckdb
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq


@dataclass(frozen=True)
class Views:
    """A folder of views. No run can configure it: whoever sees the web interface could have files written anywhere."""

    folder: str = "views"

    def publish(self, name: str, partition: str, table: pa.Table) -> Path:
        """Write ``table`` beside its place, then put it there."""
        target = Path(self.folder) / name / f"partition={partition}" / "data.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        staged = target.with_name(f".{target.name}.part")
        pq.write_table(table, staged, compression="zstd")
        return staged.replace(target)


def query(sql: str, **sources: pads.Dataset) -> pa.Table:
    """The result of ``sql`` over Arrow datasets, by name; DuckDB streams them, so a week need not fit into memory."""
    with duckdb.connect() as connection:
        for name, source in sources.items():
            connection.register(name, source)
        result: pa.Table = connection.sql(sql).to_arrow_table()
    return result


def described(path: Path, table: pa.Table, more: Mapping[str, int] | None = None) -> dg.MaterializeResult[None]:
    """What the UI shows of a view."""
    metadata: dict[str, int | str | dg.MetadataValue] = {
        "dagster/row_count": table.num_rows,
        "dagster/uri": str(path),
        "preview": _first_rows(table),
        **(more or {}),
    }
    return dg.MaterializeResult(metadata=metadata)


def _first_rows(table: pa.Table) -> dg.MetadataValue:
    """As records, never as Markdown: tickers come from a file, and Markdown may load what another site serves."""
    rows = [{name: _plain(value) for name, value in row.items()} for row in table.slice(0, 5).to_pylist()]
    return dg.MetadataValue.table([dg.TableRecord(row) for row in rows])


def _plain(value: object) -> str | int | float:
    return value if isinstance(value, int | float) and math.isfinite(value) else str(value)
