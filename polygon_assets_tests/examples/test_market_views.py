"""Weekly bars and the option chain, against slow and obvious ones; and the mapping of days to weeks since 2003."""

import datetime as dt
import importlib
import os
import subprocess
import sys
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.parquet as pq
import pytest
import yaml
from dagster._core.definitions.partitions.context import partition_loading_context

import polygon_assets
from polygon_assets_tests.platforms import QUIET, Platform
from polygon_assets_tests.project import ROOT

WEEK = ["2024-01-16", "2024-01-17", "2024-01-18", "2024-01-19"]
"""Its Monday is a holiday."""
MONDAY, FRIDAY_BEFORE = "2024-01-15", "2024-01-12"


@pytest.fixture
def definitions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dg.Definitions:
    """The project's, with its views in a folder of the test's."""
    monkeypatch.chdir(tmp_path)
    loaded: dg.Definitions = importlib.import_module("market_views.definitions").defs
    return loaded


def materialise(definitions: dg.Definitions, platform: Platform, asset: str, partition: str) -> Any:
    job = definitions.resolve_implicit_global_asset_job_def().get_subset(asset_selection={dg.AssetKey(asset)})
    return job.execute_in_process(
        instance=platform.instance, partition_key=partition, run_config=QUIET, raise_on_error=False
    )


def view(tmp_path: Path, name: str, partition: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.ParquetFile(
        tmp_path / "views" / name / f"partition={partition}" / "data.parquet"
    ).read().to_pylist()  # fmt: skip
    return rows


def test_a_week_that_begins_on_a_holiday(definitions: dg.Definitions, platform: Platform, tmp_path: Path) -> None:
    days = [FRIDAY_BEFORE, *WEEK]
    platform.publish("stocks_minute", days)
    platform.run("stocks_minute", days)
    done = materialise(definitions, platform, "weekly_bars", MONDAY)
    assert done.success, platform.why()
    minutes = defaultdict(list)
    for row in polygon_assets.scan("stocks_minute", WEEK[0], WEEK[-1], session="regular").to_table().to_pylist():
        minutes[row["ticker"]].append(row)
    bars = {bar.pop("ticker"): bar for bar in view(tmp_path, "weekly_bars", MONDAY)}
    assert set(bars) == set(minutes)
    for ticker, rows in minutes.items():
        rows.sort(key=lambda row: row["window_start"])
        assert bars[ticker] == {
            "open": rows[0]["open"],
            "high": max(row["high"] for row in rows),
            "low": min(row["low"] for row in rows),
            "close": rows[-1]["close"],
            "volume": pytest.approx(sum(row["volume"] for row in rows)),
            "transactions": sum(row["transactions"] for row in rows),
            "minutes": len(rows),
        }
    assert platform.metadata("weekly_bars", MONDAY)["days"] == 4


def test_half_a_week_is_refused(definitions: dg.Definitions, platform: Platform, tmp_path: Path) -> None:
    platform.publish("stocks_minute", WEEK[:3])
    platform.run("stocks_minute", WEEK[:3])
    assert not materialise(definitions, platform, "weekly_bars", MONDAY).success
    assert f"stocks_minute lacks {WEEK[3]}: ingest them first" in platform.why()
    assert not (tmp_path / "views" / "weekly_bars").exists()


def test_the_chain_of_a_day(definitions: dg.Definitions, platform: Platform, tmp_path: Path) -> None:
    platform.publish("options_daily", WEEK[:1])
    platform.run("options_daily", WEEK[:1])
    assert materialise(definitions, platform, "option_chain", WEEK[0]).success, platform.why()
    chain = view(tmp_path, "option_chain", WEEK[0])
    contracts = polygon_assets.scan("options_daily", WEEK[0], WEEK[0]).to_table().to_pylist()
    assert len(chain) == len({(row["underlying"], row["expiration"], row["strike"]) for row in contracts})
    by_place = {(row["underlying"], row["expiration"], row["strike"]): row for row in chain}
    for row in contracts:
        place = by_place[row["underlying"], row["expiration"], row["strike"]]
        assert place[f"{row['option_type']}_close"] == row["close"]
        assert place[f"{row['option_type']}_volume"] == row["volume"]
    assert not materialise(definitions, platform, "option_chain", WEEK[1]).success


@pytest.mark.slow
def test_weeks_since_2003_read_their_own_days(definitions: dg.Definitions) -> None:
    """And the upstream mapping never lacks one; it has one too many where a week begins on a holiday."""
    weekly = importlib.import_module("market_views.weekly_bars")
    weeks: Any = definitions.resolve_asset_graph().get(dg.AssetKey("weekly_bars")).partitions_def
    platform_days = importlib.import_module("polygon_assets.definitions").defs.resolve_asset_graph()
    days = platform_days.get(dg.AssetKey("stocks_minute")).partitions_def
    mapping = dg.TimeWindowPartitionMapping()
    with partition_loading_context(dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)):
        every = days.get_partition_keys()
        keys = weeks.get_partition_keys()
        on_holidays = [week for week in keys if week not in set(every)]
        assert len(on_holidays) > 100
        for week in [*on_holidays, *keys[::20]]:
            window = weeks.time_window_for_partition_key(week)
            exact = [day for day in every if str(window.start.date()) <= day < str(window.end.date())]
            assert weekly.trading_days(days, window) == exact
            asked = weeks.empty_subset().with_partition_keys([week])
            mapped = mapping.get_upstream_mapped_partitions_result_for_partitions(asked, weeks, days)
            extra = sorted(set(mapped.partitions_subset.get_partition_keys()) - set(exact))
            assert set(exact) <= set(mapped.partitions_subset.get_partition_keys())
            assert len(extra) == (week not in exact)


@pytest.mark.slow
def test_dg_loads_what_the_workspace_names(tmp_path: Path) -> None:
    """The platform's own definitions are loaded so in ``orchestration/test_definitions.py``."""
    done = subprocess.run(
        [sys.executable, "-m", "dagster_dg_cli.cli", "check", "defs"],
        cwd=ROOT / "examples",
        env={**os.environ, "DAGSTER_HOME": str(tmp_path), "VIRTUAL_ENV": sys.prefix},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All definitions loaded successfully" in done.stdout + done.stderr
    own = tomllib.loads((ROOT / "examples/dg.toml").read_text())["project"]["code_location_target_module"]
    served = yaml.safe_load((ROOT / "examples/workspace.yaml").read_text())["load_from"]
    assert [each["python_module"]["module_name"] for each in served] == ["polygon_assets.definitions", own]


def test_upstream_assets_are_the_platforms(definitions: dg.Definitions) -> None:
    keys = {key.to_user_string() for key in definitions.resolve_asset_graph().get_all_asset_keys()}
    assert keys == {"weekly_bars", "option_chain", "stocks_minute", "options_daily"}
    assert keys - {"weekly_bars", "option_chain"} <= set(polygon_assets.DATASETS)
