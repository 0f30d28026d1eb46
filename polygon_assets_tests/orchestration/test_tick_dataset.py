"""A dataset of ticks is one row and one generator, as one of bars is: everything else follows.

Its stamps are nanoseconds, one of its columns may be missing and another empty, and it has files on Sundays.
"""

import datetime as dt
import importlib.util
from pathlib import Path
from typing import cast

import dagster as dg
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import polygon_assets
from polygon_assets.cli import app
from polygon_assets.datasets import DATASETS, Column, Dataset, DayDefinition, Layout
from polygon_assets.datasets.layouts import TICKER
from polygon_assets.download import S3Catalog
from polygon_assets.reading.queries import connect, run
from polygon_assets.sample.generators import GENERATORS, Generator, Size
from polygon_assets.store.verifying import verify_day
from polygon_assets_tests.platforms import Platform
from polygon_assets_tests.project import ROOT

SUNDAY, SATURDAY = "2026-11-08", "2026-11-07"
FIRST = int(dt.datetime(2026, 11, 8, tzinfo=dt.UTC).timestamp()) * 1_000_000_000
STAMPS = [FIRST + 1, FIRST + 1_679_990_400_018, FIRST + 86_399_999_999_999]
"""The middle one has digits that a float or microseconds would lose."""

QUOTES = Dataset(
    name="made_up_quotes",
    title="Made-up quotes, one row for each change",
    prefix="made_up",
    live_prefix="made_up",
    kind="quotes_v1",
    first_day=dt.date(2026, 10, 1),
    layout=Layout(
        name="quotes",
        columns=(
            TICKER,
            Column("bid_price", "float64", "US dollars.", nullable=True),
            Column("exchange", "int16", "A number."),
            Column("conditions", "string", "Codes."),
            Column("note", "string", "Text that a file may lack.", optional=True),
            Column("participant_timestamp", "timestamp[ns, UTC]", "When it was made.", searched=True),
        ),
        time="participant_timestamp",
        identity=("ticker", "participant_timestamp", "exchange"),
    ),
    calendar="24/6",
    day=DayDefinition(zone="UTC", certain=False),
    absent_rows="a moment without a change",
    checks=("ticker_text",),
    dictionary=("ticker", "conditions"),
    days_per_run=1,
    typical_bytes=1_000,
    schema_version="1",
    verified="Nothing: it is made up.",
)


def _make(dataset: Dataset, _day: dt.date, _size: Size, _seed: int) -> pa.Table:
    assert dataset is QUOTES
    return pa.table(
        {
            "ticker": ["C:EUR-USD", "C:EUR-USD", "C:USD-JPY"],
            "bid_price": ["1.0521", "", "151.02"],
            "exchange": pa.array(np.array([48, 48, 7])),
            "conditions": ["", "12", "1"],
            "participant_timestamp": pa.array(np.array(STAMPS)),
        }
    )


@pytest.fixture(autouse=True)
def _row_and_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(cast("dict[str, Dataset]", DATASETS), QUOTES.name, QUOTES)
    monkeypatch.setitem(GENERATORS, QUOTES.name, Generator(make=_make, full=Size(2), demo=Size(2)))
    monkeypatch.setenv("POLYGON_DATASETS", QUOTES.name)


def test_its_key_is_made_and_understood() -> None:
    key = S3Catalog().get_key(QUOTES.name, SUNDAY)
    assert key == f"made_up/quotes_v1/2026/11/{SUNDAY}.csv.gz"
    assert S3Catalog().parse_key_metadata(key)["data_type"] == QUOTES.name
    assert S3Catalog().get_date_range_keys(QUOTES.name, "2026-11-06", SUNDAY) == [
        f"made_up/quotes_v1/2026/11/{day}.csv.gz" for day in ("2026-11-06", SUNDAY)
    ]


def test_its_partitions_know_sundays_and_no_saturdays(platform: Platform) -> None:
    node = platform.definitions().resolve_asset_graph().get(dg.AssetKey(QUOTES.name))
    assert node.partitions_def is not None
    assert node.partitions_def.has_partition_key(SUNDAY)
    assert not node.partitions_def.has_partition_key(SATURDAY)


def test_it_has_checks_source_and_sensor(platform: Platform) -> None:
    definitions = platform.definitions()
    node = definitions.resolve_asset_graph().get(dg.AssetKey(QUOTES.name))
    assert {key.name for key in node.check_keys} >= {"readable", "plausible", "row_count", "freshness_check"}
    assert node.parent_keys == {dg.AssetKey(["flat_files", QUOTES.name])}
    assert definitions.resolve_sensor_def(f"new_trading_days_{QUOTES.name}")


def test_a_sunday_keeps_every_nanosecond_and_what_is_empty(platform: Platform) -> None:
    platform.publish(QUOTES.name, [SUNDAY])
    assert platform.run(QUOTES.name, [SUNDAY]).success, platform.why()
    table = pq.read_table(platform.store / QUOTES.name / f"date={SUNDAY}" / "data.parquet", partitioning=None)
    assert table.schema.field("participant_timestamp").type == pa.timestamp("ns", tz="UTC")
    assert table.column("participant_timestamp").cast(pa.int64()).to_pylist() == STAMPS
    assert table.column("bid_price").to_pylist() == [1.0521, None, 151.02]
    assert table.column("exchange").to_pylist() == [48, 48, 7]
    assert table.column("conditions").to_pylist() == ["", "12", "1"]
    assert table.column("note").null_count == 3
    assert verify_day(platform.place.open(), QUOTES.name, SUNDAY).problems == ()


def test_the_command_line_scan_and_sql_know_it(platform: Platform, tmp_path: Path) -> None:
    platform.publish(QUOTES.name, [SUNDAY])
    result = CliRunner().invoke(app, ["ingest", QUOTES.name, "--start", SUNDAY, "--end", SUNDAY])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "store" / QUOTES.name / f"date={SUNDAY}" / "data.parquet").exists()
    store = platform.place.open()
    found = polygon_assets.scan(QUOTES.name, tickers=["C:USD-JPY"], store=store).to_table()
    assert found.column("participant_timestamp").cast(pa.int64()).to_pylist() == STAMPS[2:]
    with connect(store) as connection:
        counted = run(connection, f"SELECT count(bid_price) AS bids FROM {QUOTES.name}")  # noqa: S608
        assert counted.read_all().to_pylist() == [{"bids": 2}]


def test_the_data_dictionary_has_an_entry() -> None:
    specification = importlib.util.spec_from_file_location("document", ROOT / "tools" / "document.py")
    assert specification is not None
    assert specification.loader is not None
    document = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(document)
    page = document.dictionary()
    assert f"### {QUOTES.name}" in page
    assert "| `participant_timestamp` | timestamp[ns, UTC] | When it was made. |" in page


def test_a_row_of_another_day_is_flagged_and_published_where_the_days_bounds_are_not_certain(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make(dataset: Dataset, day: dt.date, size: Size, seed: int) -> pa.Table:
        made = _make(dataset, day, size, seed)
        late = np.array([*STAMPS[:2], STAMPS[2] + 3_600_000_000_000])
        return made.set_column(4, "participant_timestamp", pa.array(late))

    monkeypatch.setitem(GENERATORS, QUOTES.name, Generator(make=make, full=Size(2), demo=Size(2)))
    platform.publish(QUOTES.name, [SUNDAY])
    assert platform.run(QUOTES.name, [SUNDAY]).success, platform.why()
    stored = platform.place.open().provenance(QUOTES.name, SUNDAY)
    assert stored is not None
    assert stored.rows == 3
    assert [(each.rule, each.count, each.severity) for each in stored.findings] == [("foreign_date", 1, "warning")]
    assert verify_day(platform.place.open(), QUOTES.name, SUNDAY).problems == ()
