"""All sensors of a platform beside each other, and over cursors and clocks that make no sense."""

import datetime as dt
import json
from typing import Any

import dagster as dg
import pytest

from polygon_assets.calendars import trading_calendar
from polygon_assets.orchestration.watching.new_day_rules import DAY, HOUR, Memory, PastRun, first_wanted, next_attempt
from polygon_assets_tests.factories import FOUR
from polygon_assets_tests.orchestration.watching.ticks import MONDAY_NOON, WEEK, Tick, asked, at
from polygon_assets_tests.platforms import Made, Platform

CORRUPT = [
    "{", "null", "[]", "7", '"text"', "[[]]", "nonsense", "{}x", "\x00", "9" * 5000, "[" * 100_000,
    '{"oldest": 7}', '{"oldest": "2026-13-45"}', '{"rotation": []}', '{"store": 3}', '{"unknown": 1}',
    '{"oldest_known_until": "soon"}', '{"not_entitled_until": NaN}', '{"floor_until": 1e999}', '{"floor": {}}',
    '{"oldest": "2099-01-02", "oldest_known_until": 1794200000}',
]  # fmt: skip


def _evaluate(
    platform: Platform, sensor: dg.SensorDefinition, definitions: dg.Definitions, cursor: str | None = None
) -> Any:
    with dg.build_sensor_context(
        instance=platform.instance,
        resources=dict(definitions.resources or {}),
        repository_def=definitions.get_repository_def(),
        cursor=cursor,
        sensor_name=sensor.name,
    ) as context:
        return sensor.evaluate_tick(context)


def _launch(platform: Platform, definitions: dg.Definitions, sensor: str, request: dg.RunRequest) -> dg.DagsterRun:
    """Create the run of ``request``, as the daemon does, and let it be at work."""
    selected = None if request.asset_selection is None else frozenset(request.asset_selection)
    job = definitions.resolve_implicit_global_asset_job_def()
    return platform.instance.create_run_for_job(
        job if selected is None else job.get_subset(asset_selection=set(selected)),
        status=dg.DagsterRunStatus.STARTED,
        asset_selection=selected,
        tags={**request.tags, "dagster/sensor_name": sensor},
    )


def test_at_the_first_tick_every_dataset_asks_for_its_days(platform: Platform) -> None:
    """The runs of one sensor had no selection and counted as everyone's: the others waited for theirs to end."""
    definitions, found = platform.definitions(MONDAY_NOON), {}
    for dataset in FOUR:
        platform.publish(dataset, WEEK)
    for dataset in FOUR:
        name = f"new_trading_days_{dataset}"
        data = _evaluate(platform, definitions.resolve_sensor_def(name), definitions)
        found[dataset] = asked(data)
        for request in data.run_requests:
            assert _launch(platform, definitions, name, request).asset_selection == {dg.AssetKey(dataset)}
    assert found == dict.fromkeys(FOUR, WEEK[::-1])


def test_a_run_of_another_sensor_without_a_selection_does_not_block(platform: Platform, tick: Tick) -> None:
    """Such runs are in the queues of platforms that were served by the version before."""
    platform.publish("stocks_daily", WEEK[-1:])
    definitions, old = platform.definitions(MONDAY_NOON), dg.RunRequest(tags={"dagster/partition": WEEK[-1]})
    _launch(platform, definitions, "new_trading_days_options_daily", old)
    assert asked(tick("stocks_daily", MONDAY_NOON)) == WEEK[-1:]
    _launch(platform, definitions, "new_trading_days_stocks_daily", old)
    assert asked(tick("stocks_daily", MONDAY_NOON)) == []


def test_a_requested_run_evaluates_its_checks_too(platform: Platform, tick: Tick) -> None:
    platform.publish("stocks_daily", WEEK[-1:])
    (request,) = tick("stocks_daily", MONDAY_NOON).run_requests
    assert request.asset_check_keys is None  # which is: all of the selected assets
    job = platform.definitions(MONDAY_NOON).resolve_implicit_global_asset_job_def()
    job = job.get_subset(asset_selection=set(request.asset_selection))
    tags = {**request.tags, "dagster/partition": request.partition_key}
    assert job.execute_in_process(instance=platform.instance, tags=tags).success
    checks = {name for name, _ in platform.checks("stocks_daily")}
    assert checks == {"readable", "plausible", "row_count", "freshness_check"}


@pytest.mark.parametrize("cursor", CORRUPT, ids=range(len(CORRUPT)))
def test_over_a_corrupt_cursor_every_sensor_starts_anew(
    made: Made, monkeypatch: pytest.MonkeyPatch, cursor: str
) -> None:
    """8 of 13 corrupt cursors failed every tick, since a tick that fails leaves its cursor as it is."""

    def make(platform: Platform) -> None:
        platform.publish("stocks_daily", WEEK)
        platform.run("stocks_daily", WEEK[:-1])

    monkeypatch.setenv("POLYGON_WEBHOOK_URL", "http://127.0.0.1:9/hook")
    platform = made("a week less its last day", make)
    definitions = platform.definitions(MONDAY_NOON)
    requests = {}
    for sensor in definitions.sensors or ():
        assert isinstance(sensor, dg.SensorDefinition)
        if sensor.name != "notify_failed_runs":  # its cursor is Dagster's
            data = _evaluate(platform, sensor, definitions, cursor)
            requests[sensor.name] = [request.run_key for request in data.run_requests or ()]
    (fetched,) = requests["new_trading_days_stocks_daily"]  # what is stored is not asked for again
    assert fetched.startswith(f"stocks_daily/{WEEK[-1]}/")
    assert len(requests["refresh_coverage"]) == 1


def test_a_cursor_of_a_history_that_was_replaced_does_not_silence_coverage(platform: Platform) -> None:
    platform.publish("stocks_daily", WEEK[:1])
    platform.run("stocks_daily", WEEK[:1])
    definitions = platform.definitions(MONDAY_NOON)
    data = _evaluate(platform, definitions.resolve_sensor_def("refresh_coverage"), definitions, "1000000")
    (request,) = data.run_requests
    assert request.asset_selection == [dg.AssetKey("coverage")]
    assert not _evaluate(
        platform, definitions.resolve_sensor_def("refresh_coverage"), definitions, data.cursor
    ).run_requests


@pytest.mark.parametrize("field", ["oldest_known_until", "not_entitled_until", "floor_until"])
def test_a_clock_that_was_ahead_once_silences_no_sensor(field: str) -> None:
    now = MONDAY_NOON().timestamp()
    ahead = json.dumps({field: now + 400 * DAY})
    assert getattr(Memory.load(ahead, now), field) == 0.0
    soon = json.dumps({field: now + DAY})
    assert getattr(Memory.load(soon, now), field) == now + DAY


def test_a_run_that_ended_in_the_future_is_not_waited_for() -> None:
    now = MONDAY_NOON().timestamp()
    assert next_attempt([PastRun(1, now + 400 * DAY)], now) == 2
    assert next_attempt([PastRun(1, now + 400 * DAY), PastRun(2, now - HOUR)], now) is None


def test_a_stored_day_of_the_future_fails_no_tick() -> None:
    last = dt.date(2026, 11, 6)
    assert first_wanted(trading_calendar(), "2099-01-02", dt.date(2003, 9, 10), last) == last


@pytest.mark.parametrize("years", [1, 2, 3])
def test_after_new_years_eves_in_one_process_sensors_go_on(
    platform: Platform, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, years: int
) -> None:
    """After 13 months of uptime ``freshness`` failed at every tick: its calendar was that of the first day."""
    monkeypatch.setenv("POLYGON_WEBHOOK_URL", "http://127.0.0.1:9/hook")
    horizon = trading_calendar().end
    year = horizon.year - 1 + years
    definitions = platform.definitions(at(f"{year}-03-03T12:45"))
    said = {
        name: _evaluate(platform, definitions.resolve_sensor_def(name), definitions).skip_message
        for name in ("freshness", "notify_overdue")
    }
    due = trading_calendar(today=dt.date(year, 3, 3)).between(dt.date(year, 2, 20), dt.date(year, 3, 2))[-1]
    assert f"stocks_daily: {due} is overdue" in said["freshness"]
    assert f"stocks_daily {due}" in said["notify_overdue"]
    assert ("Reload the code location" in capfd.readouterr().err) == (year > horizon.year)
