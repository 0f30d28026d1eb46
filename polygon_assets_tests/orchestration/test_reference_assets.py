"""Splits and dividends in Dagster: materialised with a key, skipped in words without one, asked for every morning."""

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
import pytest

from polygon_assets.orchestration.assembly import build_definitions
from polygon_assets.reference.events import SPLITS
from polygon_assets.reference.tables import read_record
from polygon_assets.settings import load_settings
from polygon_assets_tests.platforms import QUIET
from polygon_assets_tests.servers.rest_api import KEY, RestApi, dividend, refusal, rest_api, split
from polygon_assets_tests.stores import Place

_BOTH = [dg.AssetKey("splits"), dg.AssetKey("dividends")]


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


@pytest.fixture
def server(place: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[RestApi]:
    """A server with two events, that the environment names; the key is not set."""
    with rest_api() as server:
        server.events["/stocks/v1/splits"] = [split("AAPL", "2020-08-31")]
        server.events["/stocks/v1/dividends"] = [dividend("AAPL", "2024-05-10")]
        monkeypatch.setenv("POLYGON_STORE", place.uri)
        monkeypatch.setenv("POLYGON_API_URL", server.url)
        yield server


def run(instance: dg.DagsterInstance, config: Mapping[str, Any] | None = None) -> dg.ExecuteInProcessResult:
    job = build_definitions(load_settings()).resolve_implicit_global_asset_job_def()
    return job.get_subset(asset_selection=set(_BOTH)).execute_in_process(
        instance=instance, run_config={**QUIET, **(config or {})}, raise_on_error=False
    )


def test_both_tables_are_materialised(
    instance: dg.DagsterInstance, server: RestApi, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYGON_API_KEY", KEY)
    done = run(instance)
    assert done.success
    (found,) = done.asset_materializations_for_node("splits")
    shown = {name: value.value for name, value in found.metadata.items()}
    assert (shown["dagster/row_count"], shown["added"], shown["pages"]) == (1, 1, 1)
    assert shown["source"] == f"{server.url}/stocks/v1/splits"
    assert KEY not in str(instance.all_logs(done.run_id))
    server.seen.clear()
    assert run(instance, {"ops": {"splits": {"config": {"full": True}}}}).success
    asked = dict(server.seen)
    assert "execution_date.gte" not in asked["/stocks/v1/splits"]
    assert "ex_dividend_date.gte" in asked["/stocks/v1/dividends"]
    record = read_record(place.open(), SPLITS)
    assert record
    assert record.complete_at == record.retrieved_at


def test_without_a_key_nothing_is_asked_and_nothing_is_touched(
    instance: dg.DagsterInstance, server: RestApi, place: Place
) -> None:
    done = run(instance)
    assert done.success
    assert not done.get_asset_materialization_events()
    said = [record.user_message for record in instance.all_logs(done.run_id) if record.level == 30]
    assert len(said) == 2
    assert "POLYGON_API_KEY is not set" in said[0]
    assert server.seen == []
    assert place.files() == []


def test_a_refusal_fails_the_run_in_words(
    instance: dg.DagsterInstance, server: RestApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYGON_API_KEY", KEY)
    server.faults.extend([refusal(401), refusal(401)])
    done = run(instance)
    assert not done.success
    text = str(instance.all_logs(done.run_id))
    assert "it answered 401. Copy POLYGON_API_KEY" in text
    assert KEY not in text
    assert len(server.seen) == 2


@pytest.mark.usefixtures("server")
def test_asked_for_every_morning_where_there_is_a_key(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tick() -> tuple[Any, Any]:
        schedule = build_definitions(load_settings()).resolve_schedule_def("refresh_reference")
        moment = dt.datetime(2024, 6, 3, 6, 30)  # noqa: DTZ001 (Dagster gives it the schedule's zone)
        with dg.build_schedule_context(instance, scheduled_execution_time=moment) as context:
            return schedule, schedule.evaluate_tick(context)

    _, ticked = tick()
    assert not ticked.run_requests
    assert "POLYGON_API_KEY is not set" in ticked.skip_message
    monkeypatch.setenv("POLYGON_API_KEY", KEY)
    schedule, ticked = tick()
    assert len(ticked.run_requests) == 1
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("30 6 * * *", "America/New_York")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
