"""The history read without Dagster answers as Dagster does, or leaves it to Dagster."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest
import yaml

from polygon_assets.datasets import DATASETS
from polygon_assets.ingest import DayResult
from polygon_assets.ingest.results import stored_result
from polygon_assets.orchestration.assets.recording import Recorder
from polygon_assets.orchestration.dagster_internals import report_evaluation
from polygon_assets.orchestration.known_days import open_known_days
from polygon_assets.orchestration.partitions import partitions_of
from polygon_assets.serving.home import local_configuration
from polygon_assets.settings import load_settings
from polygon_assets_tests.platforms import Made, Platform

DATASET, DAYS = "stocks_daily", ["2024-01-02", "2024-01-03"]
KEY = dg.AssetKey(DATASET)


@pytest.fixture
def stored(made: Made) -> list[DayResult]:
    """Two days that a run has stored."""

    def make(platform: Platform) -> None:
        platform.publish(DATASET, DAYS)
        assert platform.run(DATASET, DAYS).success
        platform.opened.close()  # its history is copied

    platform = made("two days that a run has stored", make)
    return [found for day in DAYS if (found := stored_result(platform.place.open(), DATASET, day))]


def known(platform: Platform, result: DayResult, key: tuple[str, ...] = (DATASET,)) -> bool | None:
    """What the reader says; None where it leaves all to Dagster."""
    with open_known_days(platform.home, key) as days:
        return None if days is None else days.knows(result)


def recorder(platform: Platform, key: dg.AssetKey = KEY) -> Recorder:
    row = DATASETS[DATASET]
    return Recorder(platform.instance, row, platform.place.open(), partitions_of(row, load_settings()), key)


def evaluation(passed: bool, name: str = "readable") -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(asset_key=KEY, check_name=name, partition=DAYS[0], passed=passed)


def newer(platform: Platform) -> None:
    metadata = {"source_etag": "another", "schema_version": "1"}
    platform.instance.report_runless_asset_event(dg.AssetMaterialization(KEY, partition=DAYS[0], metadata=metadata))


CHANGES: dict[str, tuple[Callable[[Platform], object], bool]] = {
    "as it was": (lambda _: None, True),
    "of another source": (newer, False),
    "without metadata": (
        lambda one: one.instance.report_runless_asset_event(dg.AssetMaterialization(KEY, partition=DAYS[0])), False,
    ),
    "unreadable": (lambda one: report_evaluation(one.instance, evaluation(passed=False)), False),
    "implausible": (lambda one: report_evaluation(one.instance, evaluation(passed=False, name="plausible")), True),
    "wiped": (lambda one: one.instance.wipe_assets([KEY]), False),
}  # fmt: skip


@pytest.mark.parametrize(("change", "expected"), CHANGES.values(), ids=CHANGES)
def test_it_says_what_dagster_says(
    platform: Platform, stored: list[DayResult], change: Callable[[Platform], object], expected: bool
) -> None:
    change(platform)
    assert known(platform, stored[0]) is recorder(platform).knows(stored[0]) is expected
    assert known(platform, replace(stored[0], source_etag="a third")) is False
    assert known(platform, replace(stored[0], schema_version="another")) is False


def test_what_is_recorded_under_a_prefix_is_another_asset(platform: Platform, stored: list[DayResult]) -> None:
    key = ("us", "equities", DATASET)
    assert known(platform, stored[0], key) is False
    assert recorder(platform, dg.AssetKey(key)).record(stored[0])
    assert known(platform, stored[0], key) is True
    assert known(platform, stored[1], key) is False


def test_a_history_kept_elsewhere_or_in_a_form_of_another_version_is_left_to_dagster(
    platform: Platform, stored: list[DayResult], tmp_path: Path
) -> None:
    configuration = platform.home / "dagster.yaml"
    own = configuration.read_text()
    for storage in (None, {"sqlite": {"base_dir": "/elsewhere"}}, {"postgres": {"postgres_url": "x"}}):
        configuration.write_text(yaml.safe_dump({**yaml.safe_load(own), "storage": storage}))
        assert known(platform, stored[0]) is None
    for text in ("", "][", "- a"):
        configuration.write_text(text)
        assert known(platform, stored[0]) is None
    with open_known_days(tmp_path, (DATASET,)) as days:
        assert days is None
    configuration.write_text(own)
    with closing(sqlite3.connect(platform.home / "history/runs/index.db")) as index, index:
        index.execute("UPDATE event_logs SET event = replace(event, 'metadata_entries', 'of_another_version')")
    assert known(platform, stored[0]) is False


def test_the_configuration_that_is_shipped_is_the_one_that_is_read(platform: Platform, stored: list[DayResult]) -> None:
    (platform.home / "dagster.yaml").write_bytes(local_configuration().read_bytes())
    assert known(platform, stored[0]) is True
