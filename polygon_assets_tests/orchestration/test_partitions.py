"""Partitions, and the upstream behaviour that they lean on."""

import datetime as dt
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from polygon_assets.calendars import horizon, trading_calendar
from polygon_assets.datasets import DATASETS, NEW_YORK
from polygon_assets.download import S3Catalog
from polygon_assets.errors import InvalidInputError
from polygon_assets.orchestration.partitions import first_partition, trading_day_partitions

STOCKS = DATASETS["stocks_daily"]
SPECIAL_CLOSURES = ["2004-06-11", "2007-01-02", "2012-10-29", "2012-10-30", "2018-12-05", "2025-01-09"]


@pytest.fixture(scope="module")
def partitions() -> dg.DailyPartitionsDefinition:
    return trading_day_partitions(STOCKS, trading_calendar())


def _keys(partitions: dg.DailyPartitionsDefinition, now: dt.datetime) -> list[str]:
    with dg.partition_loading_context(effective_dt=now):
        return list(partitions.get_partition_keys())


def _new_york(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(NEW_YORK))


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=DATASETS)
def test_keys_are_the_catalogs_trading_days_since_the_first_day(dataset: object) -> None:
    row = DATASETS[getattr(dataset, "name")]  # noqa: B009
    now = dt.datetime.combine(horizon() - dt.timedelta(2), dt.time(12), ZoneInfo(NEW_YORK))
    expected = S3Catalog.get_business_days(row.first_day.isoformat(), (now.date() - dt.timedelta(1)).isoformat())
    assert _keys(trading_day_partitions(row, trading_calendar()), now) == expected


@pytest.mark.parametrize("day", SPECIAL_CLOSURES)
def test_special_closures_are_no_partitions(partitions: dg.DailyPartitionsDefinition, day: str) -> None:
    assert not partitions.has_partition_key(day)


def test_on_a_saturday_the_last_partition_is_friday(partitions: dg.DailyPartitionsDefinition) -> None:
    assert _keys(partitions, _new_york("2026-11-21T12:00"))[-1] == "2026-11-20"


def test_a_day_becomes_a_partition_at_midnight_new_york(partitions: dg.DailyPartitionsDefinition) -> None:
    assert _keys(partitions, _new_york("2026-11-20T23:59"))[-1] == "2026-11-19"
    assert _keys(partitions, _new_york("2026-11-21T00:01"))[-1] == "2026-11-20"


def test_upstream_gives_a_holiday_the_window_of_the_next_session(partitions: dg.DailyPartitionsDefinition) -> None:
    """Why ``has_partition_key`` is asked first."""
    assert partitions.time_window_for_partition_key("2024-01-01").start.date() == dt.date(2024, 1, 2)
    assert not partitions.has_partition_key("2024-01-01")


def test_a_plans_window_moves_the_first_day_to_a_session() -> None:
    shorter = trading_day_partitions(STOCKS, trading_calendar(), dt.date(2024, 1, 1))
    assert first_partition(shorter) == dt.date(2024, 1, 2)
    assert shorter.get_first_partition_key() == "2024-01-02"


def test_a_start_before_the_first_file_changes_nothing() -> None:
    assert first_partition(trading_day_partitions(STOCKS, trading_calendar(), dt.date(2003, 1, 2))) == STOCKS.first_day


def test_a_start_beyond_the_horizon_names_the_setting() -> None:
    with pytest.raises(InvalidInputError, match="POLYGON_HISTORY_START 2099-01-01 lies beyond"):
        trading_day_partitions(STOCKS, trading_calendar(), dt.date(2099, 1, 1))


def test_an_extra_closure_is_no_partition() -> None:
    closed = dt.date(2026, 11, 20)
    assert not trading_day_partitions(STOCKS, trading_calendar("XNYS", [closed])).has_partition_key("2026-11-20")


def test_weekends_go_out_as_one_cron_string(partitions: dg.DailyPartitionsDefinition) -> None:
    assert partitions.exclusions is not None
    assert [each for each in partitions.exclusions if isinstance(each, str)] == ["0 0 * * 6,0"]
    assert len(partitions.exclusions) < 300
