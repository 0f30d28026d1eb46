"""Dagster with every dataset of the bucket chosen: each has an asset, and a day of its own market's calendar."""

import datetime as dt
from collections import defaultdict

import dagster as dg
import pytest

from polygon_assets.calendars import trading_calendar
from polygon_assets.datasets import DATASETS, SPECIFIED
from polygon_assets.orchestration.partitions import partitions_of
from polygon_assets.sample.flat_files import flat_file
from polygon_assets.sample.generators import Size
from polygon_assets.settings import load_settings
from polygon_assets_tests.platforms import QUIET, Platform

FRIDAY, SATURDAY, SUNDAY, MONDAY = "2026-11-06", "2026-11-07", "2026-11-08", "2026-11-09"
DAYS = {"24/7": SATURDAY, "24/6": SUNDAY, "XNYS": FRIDAY, "CMES": FRIDAY}
SMALL = Size(symbols=10, rows=60)


def assets(platform: Platform) -> set[str]:
    keys = platform.definitions().resolve_asset_graph().get_all_asset_keys()
    return {key.to_user_string() for key in keys} & set(DATASETS)


def test_dagster_shows_the_four_of_the_specification_unless_others_are_chosen(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert assets(platform) == set(SPECIFIED)
    monkeypatch.setenv("POLYGON_DATASETS", "stocks_*, crypto_daily")
    assert assets(platform) == {name for name in DATASETS if name.startswith("stocks_")} | {"crypto_daily"}
    sensors = {sensor.name for sensor in platform.definitions().sensors or ()}
    assert "new_trading_days_crypto_daily" in sensors
    assert "new_trading_days_options_daily" not in sensors


def test_one_partition_of_every_dataset_is_materialised(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Sunday of foreign exchange and a Saturday of crypto currencies among them."""
    monkeypatch.setenv("POLYGON_DATASETS", "all")
    job = platform.definitions().resolve_implicit_global_asset_job_def()
    alike: dict[tuple[str, dt.date], list[str]] = defaultdict(list)
    for name, dataset in DATASETS.items():
        day = DAYS[dataset.calendar]
        platform.put(name, day, flat_file(dataset, day, SMALL))
        alike[day, dataset.first_day].append(name)
    for (day, _), names in alike.items():  # one run takes assets of the same partitions
        tags = {"dagster/asset_partition_range_start": day, "dagster/asset_partition_range_end": day}
        selection = [dg.AssetKey(name) for name in names]
        result = job.execute_in_process(
            asset_selection=selection, instance=platform.instance, tags=tags, run_config=QUIET
        )
        assert result.success, names
        for name in names:
            assert platform.materialised(name) == [day], name
            assert platform.checks(name)["readable", day], name
    assert {name: platform.place.open().days(name) for name in DATASETS} == {
        name: [DAYS[dataset.calendar]] for name, dataset in DATASETS.items()
    }


@pytest.mark.parametrize(
    ("name", "known", "unknown"),
    [
        ("crypto_trades", [FRIDAY, SATURDAY, SUNDAY, "2025-12-25"], []),
        ("forex_daily", [FRIDAY, SUNDAY, MONDAY], [SATURDAY]),
        ("futures_cme_minute", [FRIDAY, MONDAY, "2025-11-27"], [SATURDAY, SUNDAY, "2025-12-25"]),
        ("indices_values", [FRIDAY, MONDAY], [SATURDAY, SUNDAY, "2025-11-27"]),
    ],
)
def test_partitions_follow_the_markets_calendar(name: str, known: list[str], unknown: list[str]) -> None:
    partitions = partitions_of(DATASETS[name], load_settings())
    assert [day for day in known if not partitions.has_partition_key(day)] == []
    assert [day for day in unknown if partitions.has_partition_key(day)] == []
    assert partitions.timezone == DATASETS[name].day.zone


def test_partitions_are_the_sessions_of_the_calendar() -> None:
    for name in ("crypto_daily", "forex_daily", "futures_nymex_daily"):
        dataset = DATASETS[name]
        keys = partitions_of(dataset, load_settings()).get_partition_keys()
        days = trading_calendar(dataset.calendar).sessions
        expected = [day.isoformat() for day in days if day >= dataset.first_day]
        assert keys == expected[: len(keys)]


def test_an_extra_closure_of_the_stock_exchange_closes_no_other_market(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYGON_EXTRA_CLOSURES", FRIDAY)
    open_on = {name: partitions_of(row, load_settings()).has_partition_key(FRIDAY) for name, row in DATASETS.items()}
    assert {name for name, is_open in open_on.items() if not is_open} == {
        name for name, row in DATASETS.items() if row.calendar == "XNYS"
    }
