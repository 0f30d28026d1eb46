"""What a flat file becomes: values, types, order, bytes."""

import datetime as dt
import io
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from isal import igzip
from pyarrow import csv

from polygon_assets.datasets import DATASETS, get_dataset
from polygon_assets.flatfile.conversion import convert
from polygon_assets.flatfile.parquet_format import stored_schema
from polygon_assets_tests.factories import DAY, FOUR, HEADER, SOURCE, converted, found, row, stamp, stored_stamp, text


def test_values_arrive_as_they_are_written(tmp_path: Path) -> None:
    made, rows = converted(tmp_path, text([row("CpP", volume="17798.430378"), row("ZZrw", volume="150.000000")]))
    assert [each["ticker"] for each in rows] == ["CpP", "ZZrw"]
    assert [each["volume"] for each in rows] == [17798.430378, 150.0]
    assert rows[0]["window_start"] == stored_stamp(stamp(9, 30))
    assert (rows[0]["open"], rows[0]["close"], rows[0]["high"], rows[0]["low"]) == (1.5, 1.6, 1.7, 1.4)
    assert rows[0]["transactions"] == 3
    assert made.findings == ()


def test_integer_and_decimal_volumes_give_one_schema(tmp_path: Path) -> None:
    converted(tmp_path, text([row(volume="150")]))
    old = pq.read_table(tmp_path / "out.parquet")
    converted(tmp_path, text([row(volume="150.000000")]))
    new = pq.read_table(tmp_path / "out.parquet")
    assert old.equals(new)
    assert old.schema.field("volume").type == pa.float64()


def test_tickers_that_look_like_nothing_stay_tickers(tmp_path: Path) -> None:
    tickers = ["NA", "NAN", "NULL", "TRUE", "nan", "null"]
    made, rows = converted(tmp_path, text([row(ticker) for ticker in tickers]))
    assert [each["ticker"] for each in rows] == tickers
    assert made.provenance.symbols == 6


def test_options_are_taken_apart(tmp_path: Path) -> None:
    tickers = ["O:MU1240119P00012500", "O:SPY240119C00470000"]
    made, rows = converted(tmp_path, text([row(ticker, stamp()) for ticker in tickers]), "options_daily")
    parts = [[each[name] for name in ("underlying", "expiration", "option_type", "strike")] for each in rows]
    assert parts == [
        ["MU1", dt.date(2024, 1, 19), "put", 12.5],
        ["SPY", dt.date(2024, 1, 19), "call", 470.0],
    ]
    assert made.findings == ()


@pytest.mark.parametrize(
    "ticker",
    ["SPY", "O:", "O:SPY240119X00470000", "O:240119C00470000", "O:SPY240230C00470000", "O:SPY241319C00470000",
     "O:SPY240100C00470000", "O:SPY24O119C00470000", "X:SPY240119C00470000", "O:SPY240119C0047000O"],
)  # fmt: skip
def test_an_option_ticker_that_does_not_parse_is_null_and_found(tmp_path: Path, ticker: str) -> None:
    others = [row("O:SPY240119C00470000", stamp()), row("O:SPY240119P00470000", stamp())]
    made, stored = converted(tmp_path, text(sorted([row(ticker, stamp()), *others])), "options_daily")
    rows = [each for each in stored if each["ticker"] == ticker]
    assert [rows[0][name] for name in ("ticker", "underlying", "expiration", "option_type", "strike")] == [
        ticker, None, None, None, None,
    ]  # fmt: skip
    assert found(made) == {"ticker_not_option": 1}


@pytest.mark.parametrize("dataset", FOUR)
def test_readers_get_the_schema_of_the_table(tmp_path: Path, dataset: str) -> None:
    start = stamp() if get_dataset(dataset).session is None else stamp(4)
    ticker = "O:SPY240119C00470000" if get_dataset(dataset).derived else "SPY"
    converted(tmp_path, text([row(ticker, start)]), dataset)
    assert pq.read_schema(tmp_path / "out.parquet").remove_metadata() == stored_schema(get_dataset(dataset))
    described = duckdb.connect().execute(f"describe from '{tmp_path / 'out.parquet'}'").fetchall()
    assert {"ticker": "VARCHAR", "window_start": "TIMESTAMP WITH TIME ZONE", "transactions": "BIGINT"}.items() <= {
        name: kind for name, kind, *_ in described
    }.items()


def test_output_is_sorted_even_when_the_input_is_not(tmp_path: Path) -> None:
    rows = [row("B", stamp(9, 31)), row("A", stamp(9, 31)), row("B", stamp(9, 30)), row("a", stamp(4))]
    made, stored = converted(tmp_path, text(rows))
    order = [(each["ticker"], each["window_start"]) for each in stored]
    assert order == sorted(order)
    assert len(order) == 4
    assert found(made) == {"unsorted": 1}


def test_the_footer_says_where_it_came_from(tmp_path: Path) -> None:
    converted(tmp_path, text([row("A"), row("B", volume="0")]))
    footer = pq.read_metadata(tmp_path / "out.parquet").metadata or {}
    metadata = {key.decode(): value.decode() for key, value in footer.items()}
    assert metadata.pop("polygon.version")
    assert '"rule":"volume_zero","count":1' in metadata.pop("polygon.findings")
    assert metadata == {
        "polygon.source_uri": "s3://flatfiles/a/key",
        "polygon.source_key": "a/key",
        "polygon.source_etag": "etag",
        "polygon.source_last_modified": "2024-01-03T12:00:00+00:00",
        "polygon.source_bytes": "123",
        "polygon.rows": "2",
        "polygon.symbols": "2",
        "polygon.schema_version": DATASETS["stocks_minute"].schema_version,
    }


@pytest.mark.scorecard(39)
def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    raw = text([row(f"T{number:04}", stamp(10, number % 60)) for number in range(3000)])
    converted(tmp_path, raw)
    first = (tmp_path / "out.parquet").read_bytes()
    converted(tmp_path, raw)
    assert (tmp_path / "out.parquet").read_bytes() == first


@pytest.mark.slow
def test_a_full_size_file_matches_what_duckdb_reads(tmp_path: Path) -> None:
    """1.7 million rows, decimal volumes; every value of every row: none is missing, and there are as many."""
    source = tmp_path / "source.csv.gz"
    source.write_bytes(igzip.compress(full_size_text(1_700_000), 1))
    target = tmp_path / "out.parquet"
    made = convert(source, target, get_dataset("stocks_minute"), DAY, SOURCE)
    assert made.provenance.rows == 1_700_000
    assert found(made) == {}
    assert pq.read_metadata(target).num_row_groups > 5
    types = dict.fromkeys(HEADER.split(","), "DOUBLE") | dict.fromkeys(("window_start", "transactions"), "BIGINT")
    types["ticker"] = "VARCHAR"
    as_text = f"read_csv('{source}', columns={types}, header=true)"
    expected = f"from {as_text}"
    stored = f"from (select * replace (epoch_ns(window_start) as window_start) from '{target}')"  # noqa: S608
    connection = duckdb.connect(config={"threads": 2})
    assert connection.execute(f"(({expected}) except all ({stored})) limit 5").fetchall() == []
    assert connection.execute(f"select count(*) from ({stored})").fetchall() == [(1_700_000,)]  # noqa: S608


def full_size_text(rows: int) -> bytes:
    """Raw bytes with ``rows`` rows of some 9,000 tickers, sorted."""
    generator = np.random.default_rng(7)
    numbers = np.arange(rows)
    tickers = np.repeat([f"T{number:05}" for number in range(rows // 190 + 1)], 190)[:rows]
    starts = stamp(4) + (numbers % 190) * 5 * 60_000_000_000
    low = np.round(generator.lognormal(3, 1, rows) + 0.01, 4)
    spread = np.round(generator.random((3, rows)), 2)
    millionths = (generator.lognormal(5, 2, rows) * 1e6).astype(np.int64) + 1_000_000
    values: dict[str, Any] = {
        "volume": pc.multiply(pa.array(millionths).cast(pa.decimal128(19)), pa.scalar(Decimal("0.000001"))),
        "open": low + spread[0] * spread[2],
        "close": low + spread[1] * spread[2],
        "high": low + spread[2],
        "low": low,
        "window_start": starts,
        "transactions": generator.integers(1, 5000, rows),
    }
    buffer = io.BytesIO()
    table = pa.table({"ticker": pa.array(tickers), **values})
    csv.write_csv(table, buffer, csv.WriteOptions(include_header=False, quoting_style="none"))
    return f"{HEADER}\n".encode() + buffer.getvalue()
