"""Freshness: what is due when, and that the check sees it, over weekends and holidays too."""

import datetime as dt
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster._core.test_utils import freeze_time

from polygon_assets.datasets import NEW_YORK
from polygon_assets.orchestration.freshness import due_day
from polygon_assets.trading_calendar import trading_calendar
from polygon_assets_tests.orchestration.conftest import QUIET, Platform

FIRST = dt.date(2003, 9, 10)


def _new_york(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(NEW_YORK))


DEADLINES = [
    ("2026-11-20T12:29", "2026-11-18"),
    ("2026-11-20T12:30", "2026-11-19"),
    ("2026-11-21T12:29", "2026-11-19"),
    ("2026-11-21T12:31", "2026-11-20"),
    ("2026-11-23T12:31", "2026-11-20"),
    ("2026-11-24T12:29", "2026-11-20"),
    ("2026-11-27T12:31", "2026-11-25"),
    ("2026-11-28T12:31", "2026-11-27"),
]


@pytest.mark.parametrize(("now", "due"), DEADLINES)
def test_a_day_is_due_by_half_past_twelve_on_the_next(now: str, due: str) -> None:
    assert due_day(trading_calendar(), FIRST, _new_york(now)) == dt.date.fromisoformat(due)


def test_before_the_first_deadline_nothing_is_due() -> None:
    assert due_day(trading_calendar(), dt.date(2026, 11, 20), _new_york("2026-11-21T12:00")) is None


@pytest.mark.parametrize(("now", "due"), DEADLINES)
def test_the_check_is_overdue_until_that_day_is_materialised(platform: Platform, now: str, due: str) -> None:
    with freeze_time(_new_york(now)):
        assert _fresh(platform) is False
        for day in ("2026-11-12", "2026-11-13"):
            _materialise(platform, day)
        assert _fresh(platform) is False
        _materialise(platform, due)
        assert _fresh(platform) is True


def _materialise(platform: Platform, day: str) -> None:
    platform.instance.report_runless_asset_event(dg.AssetMaterialization("stocks_daily", partition=day))


def _fresh(platform: Platform) -> bool:
    job = platform.definitions().resolve_implicit_global_asset_job_def()
    key = dg.AssetCheckKey(dg.AssetKey("stocks_daily"), "freshness_check")
    checks_only = job.get_subset(asset_selection=set(), asset_check_selection={key})
    result = checks_only.execute_in_process(instance=platform.instance, run_config=QUIET)
    (evaluation,) = result.get_asset_check_evaluations()
    return evaluation.passed
