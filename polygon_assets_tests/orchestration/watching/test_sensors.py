"""Sensors, on a real S3 server and a real instance; the clock is the test's."""

import datetime as dt
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.test_utils import freeze_time

from polygon_assets.download import S3Catalog, retry
from polygon_assets.errors import TooSlowError, UnavailableError
from polygon_assets_tests.factories import FOUR
from polygon_assets_tests.orchestration.watching.ticks import MONDAY_NOON, WEEK, Tick, asked, at
from polygon_assets_tests.platforms import Platform
from polygon_assets_tests.servers import dripping as drips
from polygon_assets_tests.servers.dripping import Answer, dripping
from polygon_assets_tests.servers.seaweed import free_ports


def test_an_empty_store_asks_for_the_last_five_sessions_newest_first(platform: Platform, tick: Tick) -> None:
    platform.publish("stocks_daily", S3Catalog.get_business_days("2026-10-26", "2026-11-06"))
    assert asked(tick("stocks_daily", MONDAY_NOON)) == WEEK[::-1]


def test_a_request_names_dataset_day_etag_and_attempt(platform: Platform, tick: Tick) -> None:
    platform.publish("stocks_daily", WEEK[-1:])
    (request,) = tick("stocks_daily", MONDAY_NOON).run_requests
    head = platform.server.client().head_object(
        Bucket=platform.bucket, Key=platform.catalog.get_key("stocks_daily", WEEK[-1])
    )
    etag = head["ETag"].strip('"')
    assert request.run_key == f"stocks_daily/{WEEK[-1]}/{etag}/1"


def test_what_is_stored_is_not_asked_for(platform: Platform, tick: Tick) -> None:
    platform.publish("stocks_daily", WEEK)
    platform.run("stocks_daily", WEEK)
    data = tick("stocks_daily", MONDAY_NOON)
    assert not data.run_requests
    assert "Every published day of 2026-11 up to 2026-11-06 is stored" in data.skip_message


def test_a_gap_since_the_oldest_stored_day_is_asked_for(platform: Platform, tick: Tick) -> None:
    platform.publish("stocks_daily", ["2026-10-01", "2026-10-02", *WEEK])
    platform.run("stocks_daily", ["2026-10-01"])
    platform.run("stocks_daily", WEEK)
    assert asked(tick("stocks_daily", MONDAY_NOON)) == ["2026-10-02"]


def test_a_replaced_file_is_asked_for_again(platform: Platform, tick: Tick) -> None:
    platform.publish("stocks_daily", WEEK)
    platform.run("stocks_daily", WEEK)
    platform.publish("stocks_daily", [WEEK[2]], seed=1)
    assert asked(tick("stocks_daily", MONDAY_NOON)) == [WEEK[2]]


def test_a_file_replaced_years_ago_is_found_in_rotation(platform: Platform, tick: Tick) -> None:
    platform.publish("stocks_daily", ["2026-07-01", "2026-08-03", *WEEK])
    platform.run("stocks_daily", ["2026-07-01"])
    platform.run("stocks_daily", ["2026-08-03"])
    platform.run("stocks_daily", WEEK)
    platform.publish("stocks_daily", ["2026-07-01"], seed=1)
    found = [asked(tick("stocks_daily", MONDAY_NOON)) for _ in range(3)]
    assert [] in found
    assert ["2026-07-01"] in found


def test_a_day_that_is_late_is_waited_for_by_name(platform: Platform, tick: Tick) -> None:
    platform.publish("stocks_daily", WEEK[:-1])
    platform.run("stocks_daily", WEEK[:-1])
    data = tick("stocks_daily", at("2026-11-07T02:00"))
    assert not data.run_requests
    assert data.skip_message == "2026-11-06 is not published yet, expected by 11:00 New York on 2026-11-07."


def test_a_file_published_the_same_evening_waits_for_its_partition(platform: Platform, tick: Tick) -> None:
    platform.publish("stocks_daily", WEEK)
    platform.run("stocks_daily", WEEK[:-1])
    assert asked(tick("stocks_daily", at("2026-11-06T22:00"))) == []
    assert asked(tick("stocks_daily", at("2026-11-07T00:01"))) == [WEEK[-1]]


def test_after_a_failed_run_the_day_is_asked_for_later_as_a_new_attempt(platform: Platform, tick: Tick) -> None:
    platform.publish("stocks_daily", WEEK[-1:])
    (request,) = tick("stocks_daily", MONDAY_NOON).run_requests
    ended = _failed_run(platform, request, MONDAY_NOON())
    assert asked(tick("stocks_daily", lambda: ended + dt.timedelta(minutes=59))) == []
    (again,) = tick("stocks_daily", lambda: ended + dt.timedelta(minutes=61)).run_requests
    assert again.run_key == request.run_key[:-1] + "2"
    ended = _failed_run(platform, again, ended + dt.timedelta(minutes=61))
    assert asked(tick("stocks_daily", lambda: ended + dt.timedelta(hours=3, minutes=59))) == []
    assert asked(tick("stocks_daily", lambda: ended + dt.timedelta(hours=4, minutes=1)))[0] == WEEK[-1]


def _failed_run(platform: Platform, request: dg.RunRequest, ended: dt.datetime) -> dt.datetime:
    """Record a run of a request that failed at ``ended``."""
    job = platform.definitions().resolve_implicit_global_asset_job_def()
    with freeze_time(ended):
        platform.instance.report_run_failed(platform.instance.create_run_for_job(job, tags=dict(request.tags)))
    return ended


@pytest.mark.parametrize(
    "tags",
    [
        {"dagster/partition": WEEK[-1]},
        {"dagster/asset_partition_range_start": WEEK[0], "dagster/asset_partition_range_end": WEEK[-1]},
    ],
)
def test_a_day_is_not_asked_for_while_a_run_of_it_is_active(
    platform: Platform, tick: Tick, tags: dict[str, str]
) -> None:
    platform.publish("stocks_daily", WEEK[-1:])
    job = platform.definitions().resolve_implicit_global_asset_job_def()
    platform.instance.create_run_for_job(
        job, tags=tags, status=dg.DagsterRunStatus.STARTED, asset_selection=frozenset({dg.AssetKey("stocks_daily")})
    )
    data = tick("stocks_daily", MONDAY_NOON)
    assert asked(data) == []
    assert "a run is active" in data.skip_message


def test_a_refused_file_is_not_asked_for_until_it_is_replaced(platform: Platform, tick: Tick) -> None:
    platform.put_broken("stocks_daily", WEEK[-1])
    platform.run("stocks_daily", WEEK[-1:])
    assert asked(tick("stocks_daily", MONDAY_NOON)) == []
    platform.publish("stocks_daily", WEEK[-1:])
    assert asked(tick("stocks_daily", MONDAY_NOON)) == WEEK[-1:]


@pytest.mark.usefixtures("platform")
def test_an_outage_of_the_bucket_is_a_failed_tick(tick: Tick, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYGON_ENDPOINT_URL", f"http://127.0.0.1:{free_ports(1)[0]}")
    with pytest.raises(UnavailableError, match="us_stocks_sip/day_aggs_v1/2026/11/"):
        tick("stocks_daily", MONDAY_NOON)


@pytest.mark.parametrize("answer", [drips.dripping_headers, drips.dripping_body], ids=["headers", "body"])
@pytest.mark.usefixtures("platform")
def test_a_bucket_that_answers_without_end_is_a_failed_tick(
    tick: Tick, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six such ticks once took every worker of the code server."""
    monkeypatch.setattr(retry, "ASKING_SECONDS", 1.0)
    with dripping(answer) as server:
        monkeypatch.setenv("POLYGON_ENDPOINT_URL", server.endpoint_url)
        with pytest.raises(TooSlowError, match=r"us_stocks_sip/day_aggs_v1/2026/11/.*within the deadline of 1 s"):
            tick("stocks_daily", MONDAY_NOON)


def test_a_history_that_starts_tomorrow_is_waited_for(
    platform: Platform, tick: Tick, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.publish("stocks_daily", WEEK)
    monkeypatch.setenv("POLYGON_HISTORY_START", "2026-11-10")
    data = tick("stocks_daily", MONDAY_NOON)
    assert data.skip_message == "The first partition, 2026-11-10, has not ended yet."


def test_another_store_is_looked_at_afresh(
    platform: Platform, tick: Tick, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The oldest day of the store before once made a tick ask for years."""
    days = S3Catalog.get_business_days("2026-10-01", "2026-11-06")
    platform.publish("stocks_daily", days)
    platform.run("stocks_daily", days[:1])
    tick("stocks_daily", MONDAY_NOON)
    monkeypatch.setenv("POLYGON_STORE", str(tmp_path / "another"))
    assert asked(tick("stocks_daily", MONDAY_NOON)) == WEEK[::-1]


def test_a_tick_has_a_cap(platform: Platform, tick: Tick) -> None:
    days = S3Catalog.get_business_days("2026-10-01", "2026-11-06")
    platform.publish("stocks_daily", days)
    platform.run("stocks_daily", days[:1])
    assert asked(tick("stocks_daily", MONDAY_NOON)) == days[-10:][::-1]


@pytest.mark.parametrize("dataset", FOUR)
def test_sensors_run_by_default_and_target_their_asset(platform: Platform, dataset: str) -> None:
    sensor = platform.definitions().resolve_sensor_def(f"new_trading_days_{dataset}")
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    assert sensor.minimum_interval_seconds == 600
    assert sensor.targets
