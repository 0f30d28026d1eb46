"""Made-up flat files for these tests, small and by hand, and a slow, obvious reader to compare with."""

import csv
import datetime as dt
import gzip
import io
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest

from polygon_assets.datasets import DATASETS, SPECIFIED, Dataset, get_dataset
from polygon_assets.flatfile.conversion import Conversion, convert
from polygon_assets.flatfile.limits import DEFAULT_LIMITS, Limits
from polygon_assets.flatfile.provenance import Source

FOUR = {name: DATASETS[name] for name in SPECIFIED}
"""The datasets that the platform shows unless others are chosen."""
DAY = dt.date(2024, 1, 2)
HEADER = "ticker,volume,open,close,high,low,window_start,transactions"
SOURCE = Source("s3://flatfiles/a/key", "a/key", "etag", dt.datetime(2024, 1, 3, 12, tzinfo=dt.UTC), 123)


def stamp(hour: int = 0, minute: int = 0, day: dt.date = DAY) -> int:
    """Nanoseconds since 1970 of a New York time."""
    moment = dt.datetime.combine(day, dt.time(hour, minute), ZoneInfo("America/New_York"))
    return int(moment.timestamp()) * 1_000_000_000


def row(ticker: str = "A", start: int | str | None = None, **values: object) -> str:
    """One line; fields default to something plausible."""
    fields: dict[str, object] = {"volume": "10", "open": "1.5", "close": "1.6", "high": "1.7", "low": "1.4"} | {
        "window_start": stamp(9, 30) if start is None else start,
        "transactions": "3",
    }
    fields |= values
    return ",".join([ticker, *(str(fields[name]) for name in HEADER.split(",")[1:])])


def text(rows: Iterable[str], header: str = HEADER, end: str = "\n") -> bytes:
    """A flat file's raw bytes."""
    return "".join(line + end for line in (header, *rows)).encode("utf-8", "surrogateescape")


def compressed(raw: bytes) -> bytes:
    """``raw`` as gzip; the same bytes every time."""
    return gzip.compress(raw, 6, mtime=0)


def csv_gz(folder: Path, raw: bytes, name: str = "source.csv.gz") -> Path:
    """The file, compressed, in ``folder``."""
    path = folder / name
    path.write_bytes(compressed(raw))
    return path


def converted(
    folder: Path,
    raw: bytes,
    dataset: str | Dataset = "stocks_minute",
    day: dt.date = DAY,
    limits: Limits = DEFAULT_LIMITS,
    source: Source = SOURCE,
) -> tuple[Conversion, list[dict[str, Any]]]:
    """Convert ``raw``, and read back what was written."""
    row_of_table = get_dataset(dataset) if isinstance(dataset, str) else dataset
    target = folder / "out.parquet"
    made = convert(csv_gz(folder, raw), target, row_of_table, day, source, limits=limits)
    return made, pq.read_table(target).to_pylist()


def reference_rows(raw: bytes, but: Collection[int] = ()) -> list[dict[str, Any]]:
    """What the slow, obvious reader gets, less the lines ``but``: Python's csv, strict about numbers.

    ValueError where it does not parse.
    """
    reader = csv.reader(io.StringIO(raw.decode("utf-8"), newline=""), strict=True)
    try:
        header = next(reader, [])
        if header != HEADER.split(","):
            raise ValueError(f"header {header}")
        return [_reference_row(line, fields) for line, fields in enumerate(reader, start=2) if line not in but]
    except csv.Error as error:
        raise ValueError(str(error)) from error


def _reference_row(line: int, fields: Sequence[str]) -> dict[str, Any]:
    if len(fields) != len(HEADER.split(",")):
        raise ValueError(f"line {line} has {len(fields)} fields")
    values = dict(zip(HEADER.split(","), fields, strict=True))
    if any("_" in values[name] for name in values if name != "ticker"):
        raise ValueError(f"line {line}: Python's digit groups")
    numbers = {name: float(values[name]) for name in ("volume", "open", "close", "high", "low", "transactions")}
    if not math.isfinite(numbers["transactions"]) or numbers["transactions"] != int(numbers["transactions"]):
        raise ValueError(f"line {line}: transactions {values['transactions']}")
    return {
        "line": line,
        "ticker": values["ticker"],
        **numbers,
        "window_start": _reference_stamp(values["window_start"]),
        "transactions": int(numbers["transactions"]),
    }


def _reference_stamp(text: str) -> int:
    return int(text, 16 if text[:2] in {"0x", "0X"} else 10)


def stored_stamp(nanoseconds: int) -> dt.datetime:
    """A stamp as it reads back from Parquet."""
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=nanoseconds // 1000)


def under_rules(monkeypatch: pytest.MonkeyPatch, version: str = "next", dataset: str = "stocks_daily") -> None:
    """Let ``dataset`` have other rules, under the schema version ``version``."""
    rows = cast("dict[str, Dataset]", DATASETS)
    monkeypatch.setitem(rows, dataset, replace(rows[dataset], schema_version=version))


def found(made: Conversion) -> dict[str, int]:
    """The findings as counts."""
    return {finding.rule: finding.count for finding in made.findings}
