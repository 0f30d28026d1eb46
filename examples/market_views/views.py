"""Where this project keeps what it makes: one Parquet file for each view and partition, published whole."""

from collections.abc import Mapping
from pathlib import Path

import dagster as dg
import duckdb
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq


class Views(dg.ConfigurableResource["Views"]):
    """A folder of views."""

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
        "preview": dg.MetadataValue.md(_markdown(table.slice(0, 5))),
        **(more or {}),
    }
    return dg.MaterializeResult(metadata=metadata)


def _markdown(table: pa.Table) -> str:
    rows = [table.column_names, ["---"] * table.num_columns, *(row.values() for row in table.to_pylist())]
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in rows)
