"""The asset that holds datasets against each other: its checks, its sensor, and what ordinary runs have of it."""

from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from PIL import Image

from polygon_assets import build_defs
from polygon_assets.datasets import DATASETS
from polygon_assets.ingest import ParquetStore
from polygon_assets.reading.cross.checking import CrossChecks
from polygon_assets_tests.platforms import QUIET, Platform
from polygon_assets_tests.reading.made_days import put_made

KEY = dg.AssetKey("agreement")
DAYS = ["2024-07-01", "2024-07-02", "2024-07-03"]


def without_qqq(rows: pa.Table) -> pa.Table:
    return rows.filter(pc.not_equal(rows.column("ticker"), pa.scalar("QQQ")))


def filled(platform: Platform) -> ParquetStore:
    store = ParquetStore(platform.place.uri)
    for day in DAYS:
        put_made(store, "stocks_daily", day)
        put_made(store, "stocks_minute", day, without_qqq if day == DAYS[1] else lambda rows: rows)
    return store


def compare(platform: Platform, config: dict[str, Any] | None = None, key: dg.AssetKey = KEY) -> None:
    job = platform.definitions().resolve_implicit_global_asset_job_def().get_subset(asset_selection={key})
    ops = {"ops": {"agreement": {"config": config}}} if config else {}
    assert job.execute_in_process(instance=platform.instance, run_config={**QUIET, **ops}).success, platform.why()


def evaluations(platform: Platform) -> dict[str, Any]:
    """The newest evaluation of each check."""
    records = platform.instance.event_log_storage.get_event_records(
        dg.EventRecordsFilter(dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    )
    found: dict[str, Any] = {}
    for record in reversed(records):
        event = record.event_log_entry.get_dagster_event()
        evaluation: Any = event.asset_check_evaluation_data
        if evaluation.asset_key == KEY:
            found[evaluation.check_name] = evaluation
    return found


def test_each_dataset_has_a_check_that_warns_and_blocks_nothing(platform: Platform) -> None:
    filled(platform)
    compare(platform)
    found = evaluations(platform)
    assert {name: each.passed for name, each in found.items()} == {
        "stocks_daily": False, "stocks_minute": True, "options_daily": True, "options_minute": True,
    }  # fmt: skip
    daily = found["stocks_daily"]
    assert (daily.severity, daily.blocking) == (dg.AssetCheckSeverity.WARN, False)
    assert daily.description == "1 finding on 3 days: without_parts"
    (record,) = daily.metadata["days_and_worst"].records
    assert record.data["day"] == DAYS[1]
    assert record.data["worst"].startswith("ticker QQQ, transactions ")
    event = platform.instance.get_latest_materialization_event(KEY)
    assert event is not None
    assert event.asset_materialization is not None
    assert event.asset_materialization.metadata["stocks_daily/findings"].value == 1


def test_days_are_compared_again_when_one_of_their_files_has_changed(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, seen = filled(platform), list[tuple[str, str]]()
    check = CrossChecks.check

    def watched(self: CrossChecks, dataset: Any, day: str) -> Any:
        seen.append((dataset.name, day))
        return check(self, dataset, day)

    monkeypatch.setattr(CrossChecks, "check", watched)
    compare(platform)
    assert len(seen) == 6
    compare(platform)
    assert len(seen) == 6
    put_made(store, "stocks_minute", DAYS[1])
    compare(platform)
    assert set(seen[6:]) == {("stocks_daily", DAYS[1]), ("stocks_minute", DAYS[1]), ("stocks_minute", DAYS[2])}
    assert evaluations(platform)["stocks_daily"].passed


def test_only_the_last_days_and_more_when_asked(platform: Platform) -> None:
    filled(platform)
    compare(platform, {"last": 1})
    assert evaluations(platform)["stocks_daily"].description == "agreeing: 1 day"
    compare(platform, {"last": 2})
    assert not evaluations(platform)["stocks_daily"].passed


def test_a_day_that_cannot_be_read_fails_the_check_alone(platform: Platform) -> None:
    store = filled(platform)
    Path(store.path("stocks_minute", DAYS[0])).write_bytes(b"PAR1 not at all")
    compare(platform)
    found = evaluations(platform)["stocks_daily"]
    assert not found.passed
    assert str(found.description).endswith("1 could not be read")
    assert "polygon-assets verify stocks_minute" in str(found.metadata["not_readable"].value)


def refresh(platform: Platform, cursor: str | None) -> Any:
    sensor = platform.definitions().resolve_sensor_def("refresh_agreement")
    with dg.build_sensor_context(instance=platform.instance, cursor=cursor) as context:
        return sensor.evaluate_tick(context)


def test_asked_for_after_new_days_once_no_more_are_on_their_way(platform: Platform) -> None:
    assert "Nothing was stored" in refresh(platform, None).skip_message
    platform.publish("stocks_daily", DAYS[:1])
    platform.run("stocks_daily", DAYS[:1])
    running = platform.instance.create_run_for_job(
        platform.definitions().resolve_implicit_global_asset_job_def(),
        asset_selection=frozenset({dg.AssetKey("stocks_minute")}),
        status=dg.DagsterRunStatus.STARTED,
    )
    waiting = refresh(platform, None)
    assert "on their way" in waiting.skip_message
    platform.instance.report_run_canceled(running)
    asked = refresh(platform, waiting.cursor)
    (request,) = asked.run_requests
    assert request.asset_selection == [KEY]
    assert "Nothing was stored" in refresh(platform, asked.cursor).skip_message
    platform.instance.report_runless_asset_event(dg.AssetMaterialization("splits"))
    assert len(refresh(platform, asked.cursor).run_requests) == 1


def test_a_run_that_stores_days_compares_nothing(platform: Platform) -> None:
    """Checks on the datasets' own assets would be part of each run that makes them."""
    platform.publish("stocks_daily", DAYS[:1])
    done = platform.run("stocks_daily", DAYS[:1])
    assert done.success
    assert {event.step_key for event in done.all_events if event.step_key} == {"stocks_daily"}
    assert evaluations(platform) == {}


@pytest.mark.slow
def test_all_datasets_twice_without_a_clash() -> None:
    both = dg.Definitions.merge(
        build_defs(datasets="all", key_prefix="a"), build_defs(datasets="all", key_prefix=["b", "c"])
    )
    dg.Definitions.validate_loadable(both)
    keys = both.resolve_asset_graph().asset_check_keys
    for prefix in (["a"], ["b", "c"]):
        own = {key.name for key in keys if key.asset_key == dg.AssetKey([*prefix, "agreement"])}
        assert own == set(DATASETS)
    without = build_defs(datasets="all", coverage=False)
    assert not [key for key in without.resolve_asset_graph().asset_check_keys if key.asset_key == KEY]


def test_coverage_draws_the_findings(platform: Platform) -> None:
    filled(platform)
    heights = []
    for _ in range(2):
        job = platform.definitions().resolve_implicit_global_asset_job_def()
        coverage = job.get_subset(asset_selection={dg.AssetKey("coverage")})
        assert coverage.execute_in_process(instance=platform.instance, run_config=QUIET).success, platform.why()
        with Image.open(Path(platform.place.uri, "_coverage", "stocks_daily.png")) as image:
            heights.append(image.height)
        compare(platform)
    assert heights[1] == heights[0] + 100
    event = platform.instance.get_latest_materialization_event(dg.AssetKey("coverage"))
    assert event is not None
    assert event.asset_materialization is not None
    assert event.asset_materialization.metadata["stocks_daily/findings"].value == 1
