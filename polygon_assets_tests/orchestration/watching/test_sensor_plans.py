"""What a plan does not include: LIST shows it and GET refuses it, as the vendor's bucket does."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from polygon_assets.datasets import DATASETS
from polygon_assets.download import S3Catalog
from polygon_assets.orchestration.watching.new_day_rules import within_plan
from polygon_assets.sample.flat_files import flat_file
from polygon_assets_tests.orchestration.watching.ticks import WEEK, asked, at
from polygon_assets_tests.platforms import SMALL, Platform
from polygon_assets_tests.servers.origin import Origin, origin

Tick = Callable[..., Any]
OLD = ["2026-10-27", "2026-10-28", "2026-10-29", "2026-10-30"]


@pytest.fixture
def vendor(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Iterator[Origin]:
    """A bucket with files of two weeks, in a store that holds the oldest and the first three days of the newest."""
    platform.publish("stocks_daily", [OLD[0], *WEEK[:3]])
    platform.run("stocks_daily", [OLD[0]])
    platform.run("stocks_daily", WEEK[:3])
    with origin() as server:
        for day in [*OLD, *WEEK]:
            body = flat_file(DATASETS["stocks_daily"], day, SMALL)
            server.store(platform.catalog.get_key("stocks_daily", day), body)
        for field, value in server.credentials.items():
            monkeypatch.setenv(f"POLYGON_{field.upper()}", value)
        monkeypatch.setenv("POLYGON_ENDPOINT_URL", server.endpoint_url)
        monkeypatch.setenv("POLYGON_BUCKET", "flatfiles")
        yield server


def _refuse(server: Origin, *days: str) -> None:
    server.refused |= {S3Catalog().get_stocks_daily_key(day) for day in days}


def test_a_type_outside_the_plan_is_said_so_and_left_alone_for_a_day(vendor: Origin, tick: Tick) -> None:
    _refuse(vendor, *OLD, *WEEK)
    data = tick("stocks_daily", at("2026-11-09T12:00"))
    assert asked(data) == []
    assert data.skip_message == f"stocks_daily is not in your plan: {WEEK[-1]} is listed, but refused."
    seen = len(vendor.seen)
    assert "not in your plan" in tick("stocks_daily", at("2026-11-10T11:59")).skip_message
    assert len(vendor.seen) == seen


def test_after_a_day_it_is_probed_again(vendor: Origin, tick: Tick) -> None:
    _refuse(vendor, *OLD, *WEEK)
    tick("stocks_daily", at("2026-11-09T12:00"))
    vendor.refused.clear()
    assert WEEK[-1] in asked(tick("stocks_daily", at("2026-11-10T12:01")))


def test_old_days_outside_the_plans_window_do_not_silence_new_ones(vendor: Origin, tick: Tick) -> None:
    """One old gap below the rolling window once stopped a dataset's sensor for a day."""
    _refuse(vendor, *OLD)
    assert asked(tick("stocks_daily", at("2026-11-09T12:00"))) == [WEEK[4], WEEK[3]]
    before = len([request for request in vendor.seen if request.method == "HEAD"])
    assert asked(tick("stocks_daily", at("2026-11-09T12:10"))) == [WEEK[4], WEEK[3]]
    heads = [request.key for request in vendor.seen if request.method == "HEAD"][before:]
    assert not any(day in key for day in OLD for key in heads)


def test_an_idle_tick_does_not_speak_of_days_outside_the_window(vendor: Origin, tick: Tick, platform: Platform) -> None:
    _refuse(vendor, *OLD)
    platform.run("stocks_daily", WEEK[3:])
    data = tick("stocks_daily", at("2026-11-09T12:00"))
    assert data.skip_message.startswith("Every published day of ")
    assert f"up to {WEEK[-1]} is stored; other months come in turn." in data.skip_message


def test_the_newest_day_overtakes(vendor: Origin, tick: Tick) -> None:
    requests = tick("stocks_daily", at("2026-11-09T12:00")).run_requests
    priorities = {request.partition_key: int(request.tags["dagster/priority"]) for request in requests}
    assert priorities.pop(WEEK[-1]) > max(priorities.values()) > 0
    assert vendor.seen


def test_a_tick_sends_few_requests(vendor: Origin, tick: Tick) -> None:
    tick("stocks_daily", at("2026-11-09T12:00"))
    sent = [(request.method, "list" if "list-type" in request.query else "key") for request in vendor.seen]
    assert sent.count(("GET", "list")) <= 3
    assert sent.count(("HEAD", "key")) <= 2
    assert ("GET", "key") not in sent


@pytest.mark.parametrize(
    ("refused", "floor", "reachable", "found"),
    [
        ([], None, ["3", "2", "1"], None),
        (["1"], None, ["3", "2"], "1"),
        (["1", "2"], None, ["3"], "2"),
        (["1", "2", "3"], None, [], "3"),
        ([], "2", ["3"], "2"),
    ],
)
def test_the_floor_is_found_from_below(
    refused: list[str], floor: str | None, reachable: list[str], found: str | None
) -> None:
    assert within_plan(["2", "3", "1"], floor, lambda day: day not in refused) == (reachable, found)
