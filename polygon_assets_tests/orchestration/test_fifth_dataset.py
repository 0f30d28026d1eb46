"""Adding a dataset is adding a row: everything else follows, shown with indices, which have fewer columns."""

import datetime as dt
from pathlib import Path
from typing import cast

import dagster as dg
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from polygon_assets.cli import app
from polygon_assets.datasets import DATASETS, Dataset
from polygon_assets.datasets.layouts import BARS_OF_INDICES
from polygon_assets.download import S3Catalog
from polygon_assets.sample.generators import GENERATORS
from polygon_assets_tests.platforms import Platform

NAME = "made_up_daily"
DAYS = ["2026-11-05", "2026-11-06"]

INDICES = Dataset(
    name=NAME,
    title="US indices, one row for each index and day",
    prefix="made_up",
    live_prefix="made_up",
    kind="day_aggs_v1",
    first_day=dt.date(2023, 2, 14),
    layout=BARS_OF_INDICES,
    absent_rows="a day without values",
    checks=("ticker_text", "bar_prices", "midnight_stamps"),
    dictionary=("window_start",),
    days_per_run=60,
    typical_bytes=300_000,
    schema_version="1",
    verified="made up",
)


@pytest.fixture(autouse=True)
def _fifth_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(cast("dict[str, Dataset]", DATASETS), INDICES.name, INDICES)
    monkeypatch.setitem(GENERATORS, INDICES.name, GENERATORS["indices_daily"])
    monkeypatch.setenv("POLYGON_DATASETS", "all")


def test_its_key_is_made_and_understood() -> None:
    key = S3Catalog().get_key(NAME, "2026-11-06")
    assert key == "made_up/day_aggs_v1/2026/11/2026-11-06.csv.gz"
    assert S3Catalog().parse_key_metadata(key)["data_type"] == NAME


def test_it_has_asset_partitions_checks_source_and_sensor(platform: Platform) -> None:
    definitions = platform.definitions()
    node = definitions.resolve_asset_graph().get(dg.AssetKey(NAME))
    assert node.partitions_def is not None
    assert node.partitions_def.get_first_partition_key() == "2023-02-14"
    assert {key.name for key in node.check_keys} >= {"readable", "plausible"}
    assert node.parent_keys == {dg.AssetKey(["flat_files", NAME])}
    assert definitions.resolve_sensor_def("new_trading_days_made_up_daily")


def test_it_is_materialised_from_made_up_files(platform: Platform) -> None:
    platform.publish(NAME, DAYS)
    assert platform.run(NAME, DAYS).success
    schema = pq.read_schema(platform.store / NAME / "date=2026-11-06" / "data.parquet")
    assert schema.names == ["ticker", "open", "close", "high", "low", "window_start"]


def test_the_command_line_knows_it(platform: Platform, tmp_path: Path) -> None:
    platform.publish(NAME, DAYS)
    result = CliRunner().invoke(app, ["ingest", NAME, "--start", DAYS[0], "--end", DAYS[1]])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "store" / NAME / f"date={DAYS[1]}" / "data.parquet").exists()
