"""What the checks say of a day that is not as it should be, by a ranged run on a real instance."""

import datetime as dt
from typing import Any

import dagster as dg
import pytest

from polygon_assets.download import S3Catalog
from polygon_assets.errors import ReplacedWhileReadError
from polygon_assets.ingest import ParquetStore
from polygon_assets_tests.factories import compressed, row, stamp, text
from polygon_assets_tests.platforms import QUIET, Platform
from polygon_assets_tests.servers.origin import origin

DAYS = S3Catalog.get_business_days("2026-11-02", "2026-11-10")


def day_file(day: str, rows: int, **first: object) -> bytes:
    """A day's file, whose first row has the values ``first``."""
    start = stamp(day=dt.date.fromisoformat(day))
    return compressed(text([row("A0000", start, **first), *[row(f"A{at:04}", start) for at in range(1, rows)]]))


def evaluation(platform: Platform, name: str, day: str) -> dg.AssetCheckEvaluation:
    """The newest evaluation of a check on a partition."""
    records = platform.instance.event_log_storage.get_event_records(
        dg.EventRecordsFilter(dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    )
    events = [record.event_log_entry.get_dagster_event().asset_check_evaluation_data for record in records]
    return next(each for each in events if each.check_name == name and each.partition == day)


def test_a_day_with_blemishes_warns_with_every_rules_count_and_first_rows(platform: Platform) -> None:
    platform.put("stocks_daily", DAYS[0], day_file(DAYS[0], 100))
    platform.put("stocks_daily", DAYS[1], day_file(DAYS[1], 100, high="nan", volume=0))
    assert platform.run("stocks_daily", DAYS[:2]).success
    assert evaluation(platform, "plausible", DAYS[0]).passed
    warned = evaluation(platform, "plausible", DAYS[1])
    assert (warned.passed, warned.severity) == (False, dg.AssetCheckSeverity.WARN)
    said: dict[str, Any] = {name: value.value for name, value in warned.metadata.items()}
    assert {name: said[name] for name in ("rows", "price_not_finite", "volume_zero")} == {
        "rows": 100,
        "price_not_finite": 1,
        "volume_zero": 1,
    }
    (first,) = said["price_not_finite: first rows"]
    assert (first["line"], first["ticker"], first["high"]) == (2, "A0000", "nan")
    assert evaluation(platform, "readable", DAYS[1]).passed


def test_a_day_with_too_few_rows_warns(platform: Platform) -> None:
    for day in DAYS[:5]:
        platform.put("stocks_daily", day, day_file(day, 100))
    platform.put("stocks_daily", DAYS[5], day_file(DAYS[5], 49))
    assert platform.run("stocks_daily", DAYS[:6]).success
    assert evaluation(platform, "row_count", DAYS[4]).passed
    assert "too few to compare with" in str(evaluation(platform, "row_count", DAYS[4]).description)
    warned = evaluation(platform, "row_count", DAYS[5])
    assert (warned.passed, warned.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert (warned.metadata["rows"].value, warned.metadata["median"].value) == (49, 100.0)
    assert "0.49 times the median of the 5 nearest earlier days" in str(warned.description)


@pytest.mark.slow
def test_a_day_whose_footer_is_damaged_once_kept_its_green_check_until_it_was_replaced(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its run failed, since the vendor did not hand out the file, and said nothing of the check."""
    day, uri = DAYS[0], platform.place.file("stocks_daily", DAYS[0])
    platform.put("stocks_daily", day, day_file(day, 100))
    assert platform.run("stocks_daily", [day]).success
    platform.place.write(uri, platform.place.read(uri)[:-1] + b"?")
    with origin() as bucket, monkeypatch.context() as away:
        away.setenv("POLYGON_BUCKET", "flatfiles")
        away.setenv("POLYGON_ENDPOINT_URL", bucket.endpoint_url)
        key = platform.catalog.get_stocks_daily_key(day)
        bucket.store(key, b"any")
        bucket.refused = {key}
        assert not platform.run("stocks_daily", [day]).success
        assert not evaluation(platform, "readable", day).passed
    assert platform.run("stocks_daily", [day]).success
    assert evaluation(platform, "readable", day).passed


@pytest.mark.slow
def test_a_damaged_footer_once_failed_the_run_of_the_checks_alone(platform: Platform) -> None:
    day, uri = DAYS[0], platform.place.file("stocks_daily", DAYS[0])
    platform.put("stocks_daily", day, day_file(day, 100))
    assert platform.run("stocks_daily", [day]).success
    platform.place.write(uri, platform.place.read(uri)[:-1] + b"?")
    job = platform.definitions().resolve_implicit_global_asset_job_def()
    readable = dg.AssetCheckKey(dg.AssetKey("stocks_daily"), "readable")
    alone = job.get_subset(asset_selection=set(), asset_check_selection={readable})
    tags = {"dagster/partition": day}
    assert alone.execute_in_process(instance=platform.instance, run_config=QUIET, tags=tags).success
    assert not evaluation(platform, "readable", day).passed


@pytest.mark.slow
def test_a_stored_day_that_others_go_on_replacing_once_failed_the_run_that_read_it(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On S3, one of over 64 MB: nothing is said of it."""
    for day in DAYS[:2]:
        platform.put("stocks_daily", day, day_file(day, 100))
    assert platform.run("stocks_daily", DAYS[:2]).success

    def looked_at(store: ParquetStore, dataset: str, day: str) -> tuple[str, ...]:
        if day == DAYS[0]:
            raise ReplacedWhileReadError(store.path(dataset, day))
        return ("corrupt",)

    monkeypatch.setattr("polygon_assets.orchestration.assets.flat_file_assets.is_as_published", looked_at)
    assert platform.run("stocks_daily", DAYS[:2]).success
    assert evaluation(platform, "readable", DAYS[0]).passed
    assert not evaluation(platform, "readable", DAYS[1]).passed
