"""The example's views are made by themselves, once the days that they need are there, and not before."""

import datetime as dt
import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from polygon_assets_tests.platforms import Platform

WEEK = ["2024-01-16", "2024-01-17", "2024-01-18", "2024-01-19"]
"""Its Monday is a holiday; Dagster's mapping asks for the Friday before as well."""
MONDAY, FRIDAY_BEFORE = "2024-01-15", "2024-01-12"
NEXT_MONDAY = dt.datetime(2024, 1, 22, 17, tzinfo=dt.UTC)

Asked = Callable[[Sequence[str]], dict[str, set[str]]]


# Dagster calls a parameter with which its own tester calls itself a beta.
pytestmark = pytest.mark.filterwarnings("ignore:Parameter `include_sources`:dagster.BetaWarning")


@pytest.fixture
def asked(platform: Platform, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Asked:
    """Tell Dagster of days of both datasets; which partitions of the views the daemon would then start."""
    monkeypatch.chdir(tmp_path)
    views: dg.Definitions = importlib.import_module("market_views.definitions").defs
    upstream = platform.definitions()
    both = dg.Definitions(
        assets=[*(upstream.assets or []), *(views.assets or [])],
        resources={**(upstream.resources or {}), **(views.resources or {})},
    )
    cursors: list[Any] = [None]

    def evaluate(days: Sequence[str]) -> dict[str, set[str]]:
        for dataset in ("stocks_minute", "options_daily"):
            for day in days:
                platform.instance.report_runless_asset_event(dg.AssetMaterialization(dataset, partition=day))
        result = dg.evaluate_automation_conditions(
            both, platform.instance, cursor=cursors[-1], evaluation_time=NEXT_MONDAY
        )
        cursors.append(result.cursor)
        found = {name: result.get_requested_partitions(dg.AssetKey(name)) for name in ("weekly_bars", "option_chain")}
        return {name: {str(partition) for partition in partitions} for name, partitions in found.items()}

    return evaluate


def test_a_week_is_rolled_up_when_its_last_day_has_come(asked: Asked) -> None:
    assert asked([]) == {"weekly_bars": set(), "option_chain": set()}
    assert asked([FRIDAY_BEFORE, *WEEK[:-1]]) == {"weekly_bars": set(), "option_chain": set()}
    assert asked(WEEK[-1:]) == {"weekly_bars": {MONDAY}, "option_chain": {WEEK[-1]}}
    assert asked([]) == {"weekly_bars": set(), "option_chain": set()}


def test_what_was_stored_before_the_first_look_is_made(asked: Asked) -> None:
    """``eager`` once passed over it, so that the views of a filled store stayed empty until a day was replaced."""
    assert asked([FRIDAY_BEFORE, *WEEK]) == {"weekly_bars": {MONDAY}, "option_chain": {WEEK[-1]}}
    assert asked([]) == {"weekly_bars": set(), "option_chain": set()}  # asked for once, whatever becomes of it
    assert asked(WEEK[1:2]) == {"weekly_bars": {MONDAY}, "option_chain": set()}  # replaced
    assert asked([]) == {"weekly_bars": set(), "option_chain": set()}
    assert asked(WEEK[-1:]) == {"weekly_bars": {MONDAY}, "option_chain": {WEEK[-1]}}


def test_what_lacks_a_day_at_the_first_look_is_made_when_it_comes(asked: Asked) -> None:
    assert asked([FRIDAY_BEFORE, *WEEK[:-1]]) == {"weekly_bars": set(), "option_chain": set()}
    assert asked([]) == {"weekly_bars": set(), "option_chain": set()}
    assert asked(WEEK[-1:]) == {"weekly_bars": {MONDAY}, "option_chain": {WEEK[-1]}}


def test_the_automation_is_on() -> None:
    definitions: dg.Definitions = importlib.import_module("market_views.definitions").defs
    sensor = definitions.resolve_sensor_def("market_views")
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
