"""Freshness: what is due when, and that the check sees it, over weekends and holidays too."""

import datetime as dt
import time
from collections.abc import Callable
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from polygon_assets.calendars import trading_calendar
from polygon_assets.datasets import DATASETS, NEW_YORK
from polygon_assets.orchestration.watching import freshness
from polygon_assets.orchestration.watching.freshness import due_day
from polygon_assets.orchestration.watching.new_day_rules import HOUR, Memory
from polygon_assets.sample.local_s3 import last_sessions
from polygon_assets_tests.orchestration.watching.ticks import leave_cursor
from polygon_assets_tests.platforms import QUIET, Platform

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


@pytest.mark.parametrize(
    ("calendar", "now", "due"),
    [
        ("24/7", "2026-11-08T12:31", "2026-11-07"),  # a Saturday of crypto
        ("24/7", "2026-12-26T12:29", "2026-12-24"),
        ("24/7", "2026-12-26T12:31", "2026-12-25"),
        ("24/6", "2026-11-08T12:31", "2026-11-06"),  # foreign exchange has no Saturday
        ("24/6", "2026-11-09T12:31", "2026-11-08"),
        ("CMES", "2026-11-27T12:31", "2026-11-26"),  # futures trade on Thanksgiving
        ("CMES", "2026-12-26T12:31", "2026-12-24"),
        ("CMES", "2027-01-02T12:31", "2026-12-31"),
    ],
)
def test_other_markets_are_due_by_their_own_calendars(calendar: str, now: str, due: str) -> None:
    assert due_day(trading_calendar(calendar), FIRST, _new_york(now)) == dt.date.fromisoformat(due)


def test_before_the_first_deadline_nothing_is_due() -> None:
    assert due_day(trading_calendar(), dt.date(2026, 11, 20), _new_york("2026-11-21T12:00")) is None


def _latest(platform: Platform) -> tuple[bool | None, str | None]:
    """Whether the check passed when it was evaluated last, and what it said; None where it shows no answer."""
    key = dg.AssetCheckKey(dg.AssetKey("stocks_daily"), "freshness_check")
    records = platform.instance.event_log_storage.get_latest_asset_check_execution_by_key([key])
    event = records[key].event if key in records else None
    if event is None or event.get_dagster_event().event_type is not dg.DagsterEventType.ASSET_CHECK_EVALUATION:
        return None, None
    evaluation = event.get_dagster_event().asset_check_evaluation_data
    return evaluation.passed, evaluation.description


@pytest.fixture
def look(platform: Platform) -> Callable[[dt.datetime], str]:
    """Let the sensor look at a time; what it said."""

    def at(now: dt.datetime) -> str:
        definitions = platform.definitions(lambda: now)
        sensor = definitions.resolve_sensor_def("freshness")
        with dg.build_sensor_context(instance=platform.instance, sensor_name=sensor.name) as context:
            return str(sensor.evaluate_tick(context).skip_message)

    return at


def _materialise(platform: Platform, day: str) -> None:
    platform.instance.report_runless_asset_event(dg.AssetMaterialization("stocks_daily", partition=day))


@pytest.mark.parametrize(("now", "due"), DEADLINES)
def test_overdue_until_that_day_is_materialised_whatever_older_days_are(
    platform: Platform, look: Callable[[dt.datetime], str], now: str, due: str
) -> None:
    assert f"stocks_daily: {due} is overdue" in look(_new_york(now))
    for day in ("2026-11-12", "2026-11-13"):
        _materialise(platform, day)
    look(_new_york(now))
    assert _latest(platform)[0] is False
    _materialise(platform, due)
    assert f"stocks_daily: {due}" not in look(_new_york(now))
    assert _latest(platform) == (True, f"{due} has arrived.")


def test_a_dataset_outside_the_plan_was_overdue_for_ever(
    platform: Platform, look: Callable[[dt.datetime], str]
) -> None:
    now = _new_york("2026-11-21T12:31")
    assert "stocks_daily: 2026-11-20 is overdue" in look(now)
    refused = Memory(refused="2026-11-20", not_entitled_until=now.timestamp() + HOUR).dump()
    leave_cursor(platform.instance, "new_trading_days_stocks_daily", refused)
    assert "stocks_daily" not in look(now)
    assert "stocks_minute: 2026-11-20 is overdue" in look(now)
    assert _latest(platform) == (
        True,
        "It is not in your plan, as the vendor answered its sensor: no day is waited for.",
    )
    assert "stocks_daily" not in look(now + dt.timedelta(hours=1, minutes=30))  # the next probe is due, not late
    assert "stocks_daily: 2026-11-20 is overdue" in look(now + dt.timedelta(hours=3))
    assert _latest(platform)[0] is False
    leave_cursor(platform.instance, "new_trading_days_stocks_daily", Memory().dump(), "of another plan")
    assert "stocks_daily: 2026-11-20 is overdue" in look(now)


def test_a_run_of_a_dataset_outside_the_plan_made_it_overdue_until_the_next_look(platform: Platform) -> None:
    platform.put_broken("stocks_daily", "2026-11-06")
    refused = Memory(not_entitled_until=time.time() + HOUR).dump()
    leave_cursor(platform.instance, "new_trading_days_stocks_daily", refused)
    assert not platform.run("stocks_daily", ["2026-11-06"]).success
    assert _latest(platform)[0] is True


def test_an_answer_that_holds_is_not_written_again(
    look: Callable[[dt.datetime], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    look(_new_york("2026-11-21T12:31"))
    written: list[object] = []
    monkeypatch.setattr(freshness, "report_evaluation", lambda *arguments: written.append(arguments))
    look(_new_york("2026-11-21T18:00"))
    assert written == []
    look(_new_york("2026-11-24T12:31"))
    assert len(written) == 4


def test_a_failed_run_leaves_the_check_with_its_answer(platform: Platform) -> None:
    """A failed backfill of an old day once left Dagster's own check without one until the next deadline."""
    platform.put_broken("stocks_daily", "2026-11-06")
    assert not platform.run("stocks_daily", ["2026-11-06"]).success
    passed, description = _latest(platform)
    assert passed is False
    assert "overdue" in str(description)


def test_a_run_of_the_due_day_makes_the_check_pass(platform: Platform) -> None:
    (due,) = last_sessions(platform.catalog, DATASETS["stocks_daily"], 1)
    before = last_sessions(platform.catalog, DATASETS["stocks_daily"], 2)[0]
    platform.publish("stocks_daily", [before, due])
    platform.run("stocks_daily", [before, due])
    assert _latest(platform)[0] is True


def test_checks_alone_are_evaluated_from_what_is_stored(platform: Platform) -> None:
    platform.publish("stocks_daily", ["2026-11-06"])
    platform.run("stocks_daily", ["2026-11-06"])
    platform.instance.wipe_assets([dg.AssetKey("stocks_daily")])
    job = platform.definitions().resolve_implicit_global_asset_job_def()
    keys = {dg.AssetCheckKey(dg.AssetKey("stocks_daily"), name) for name in ("readable", "plausible", "row_count")}
    alone = job.get_subset(asset_selection=set(), asset_check_selection=keys)
    result = alone.execute_in_process(
        instance=platform.instance, run_config=QUIET, tags={"dagster/partition": "2026-11-06"}
    )
    assert result.success
    assert platform.materialised("stocks_daily") == []
    assert platform.checks("stocks_daily")["readable", "2026-11-06"] is True
