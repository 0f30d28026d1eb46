"""deploy/, workspace.yaml, and what may stand in no file."""

import importlib.util
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from dagster import DagsterInstance
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.instance.config import PoolGranularity
from dagster._core.scheduler.instigation import TickStatus

from polygon_assets_tests.project import ROOT

SETTINGS = ROOT / "deploy/local/dagster.yaml"


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DagsterInstance]:
    """Dagster on one machine, as configured."""
    home = tmp_path_factory.mktemp("dagster_home")
    shutil.copyfile(SETTINGS, home / "dagster.yaml")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(home))
        with DagsterInstance.from_config(str(home)) as opened:
            yield opened


def test_dagster_keeps_to_itself(instance: DagsterInstance) -> None:
    assert not instance.telemetry_enabled
    assert not instance.nux_enabled
    assert Path(instance.storage_directory()).is_relative_to(instance.root_directory)


def test_only_crashed_workers_are_retried(instance: DagsterInstance) -> None:
    assert instance.run_retries_enabled
    assert instance.run_retries_max_retries == 2
    assert not instance.run_retries_retry_on_asset_or_op_failure


def test_a_new_day_finds_a_place_beside_a_backfill(instance: DagsterInstance) -> None:
    settings = instance.get_concurrency_config()
    pools, queue = settings.pool_config, settings.run_queue_config
    assert queue
    assert pools.pool_granularity is PoolGranularity.RUN
    backfill = next(each for each in queue.tag_concurrency_limits if each["key"] == "dagster/backfill")
    assert pools.default_pool_limit
    assert 0 < backfill["limit"] < pools.default_pool_limit <= queue.max_concurrent_runs


def test_runs_end(instance: DagsterInstance) -> None:
    assert instance.run_monitoring_enabled
    assert 0 < instance.run_monitoring_max_runtime_seconds <= 6 * 3600


def test_ticks_are_forgotten(instance: DagsterInstance) -> None:
    kept = instance.get_tick_retention_settings(InstigatorType.SENSOR)
    assert kept[TickStatus.SKIPPED] == 1  # sensors that take turns tick every minute
    assert kept[TickStatus.SUCCESS] == kept[TickStatus.FAILURE] == 90


def test_the_workspace_is_the_definitions() -> None:
    expected = {"module_name": "polygon_assets.definitions", "location_name": "polygon_assets"}
    assert yaml.safe_load((ROOT / "workspace.yaml").read_text()) == {"load_from": [{"python_module": expected}]}
    assert importlib.util.find_spec("polygon_assets.definitions")


def written_files() -> list[Path]:
    """Every text that the project consists of."""
    folders = ("polygon_assets", "polygon_assets_tests", "benchmarks", "tools", "deploy", "docs", "requirements", ".ci")
    top = [path for suffix in ("md", "toml", "yaml") for path in ROOT.glob(f"*.{suffix}")]
    below = [path for folder in folders for path in (ROOT / folder).rglob("*")]
    binary = {".png", ".xz", ".pyc", ".gz", ".parquet", ".so"}
    return [ROOT / "Makefile", *top, *(path for path in below if path.is_file() and path.suffix not in binary)]


def test_no_file_names_a_machine_or_a_registry() -> None:
    hosts = "|".join(re.escape(name) + r"\.org" for name in ("pypi", "pythonhosted", "npmjs", "deb.debian"))
    forbidden = re.compile(rf"(?<![\w.~-])/(?:work|root|Users)/\w|{hosts}")
    files = written_files()
    assert len(files) > 20
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in files
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if forbidden.search(line)
    ]
    assert not found
