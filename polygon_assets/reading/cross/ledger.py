"""What was found, kept beside the days: one small table for each dataset, with what tells the files that were compared.

    {store}/_cross/{dataset}/data.parquet      date, version, findings (JSON), one row for each day that was checked

A day whose files have changed since counts as not checked. Two processes that write at once leave one's days; the
other's are checked again. It holds nothing that the days do not, and may be deleted.
Belongs here: that table. Does not: who asks (``cli``, ``orchestration``).
"""

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from polygon_assets.datasets import Dataset
from polygon_assets.ingest import ParquetStore
from polygon_assets.reading.cross.checking import CrossChecks
from polygon_assets.reading.cross.cross_rules import CrossFinding
from polygon_assets.store.parquet_store import FILE_NAME
from polygon_assets.store.s3_reading import settled

FOLDER = "_cross"
_FIELDS: Any = {"date": pa.date32(), "version": pa.string(), "findings": pa.string()}


@dataclass(frozen=True)
class CheckedDay:
    """What was found of a day."""

    version: str
    """What tells the files that were compared, as ``CrossChecks.fingerprint`` gives it."""
    findings: tuple[CrossFinding, ...]


def ledger_name(dataset: str) -> str:
    """Name of the table in the store."""
    return f"{FOLDER}/{dataset}/{FILE_NAME}"


def read_ledger(store: ParquetStore, dataset: str) -> dict[str, CheckedDay]:
    """The days (YYYY-MM-DD) that were checked, oldest first; empty where there is no table, or a damaged one."""

    def read() -> pa.Table:
        with store.open_file(ledger_name(dataset)) as file:
            return pq.read_table(file, page_checksum_verification=True)

    try:
        rows = settled(read).to_pylist()
        return {
            row["date"].isoformat(): CheckedDay(row["version"], _findings(row["findings"]))
            for row in sorted(rows, key=lambda row: row["date"])
        }
    except (OSError, ValueError, KeyError, TypeError):  # Arrow's are ValueErrors; what it said is found again
        return {}


def keep(store: ParquetStore, dataset: str, checked: Mapping[str, CheckedDay]) -> None:
    """Put ``checked`` days into the table, in place of what it said of them; days that are stored no more leave it."""
    if not checked:
        return
    stored = set(store.days(dataset))
    days = {day: each for day, each in {**read_ledger(store, dataset), **checked}.items() if day in stored}
    rows = [
        {"date": dt.date.fromisoformat(day), "version": each.version, "findings": _text(each.findings)}
        for day, each in sorted(days.items())
    ]
    table = pa.Table.from_pylist(rows, schema=pa.schema(_FIELDS))
    options: dict[str, Any] = {"compression": "zstd", "write_page_checksum": True, "store_schema": False}
    with store.staging() as folder:
        staged = folder / f"cross-{dataset}.parquet"
        with pq.ParquetWriter(staged, table.schema, **options) as writer:
            writer.write_table(table)
            writer.add_key_value_metadata({"polygon.version": version("polygon-assets")})
        store.publish_beside(staged, ledger_name(dataset), recorded=True)


def unchecked_days(store: ParquetStore, checks: CrossChecks, dataset: Dataset, last: int) -> list[str]:
    """Of the ``last`` stored days, those that were not checked as they are stored now, oldest first."""
    known = read_ledger(store, dataset.name)
    return [
        day
        for day in checks.days(dataset.name)[-last:]
        if day not in known or known[day].version != checks.fingerprint(dataset, day)
    ]


def _text(findings: tuple[CrossFinding, ...]) -> str:
    return json.dumps([asdict(each) for each in findings], separators=(",", ":"))


def _findings(text: str) -> tuple[CrossFinding, ...]:
    return tuple(CrossFinding(**{**each, "worst": tuple(each["worst"])}) for each in json.loads(text))
