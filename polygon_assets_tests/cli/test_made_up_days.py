"""The demo's days stay in the demo: its store and history say what they are, and do not mix with a user's own."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import pytest

from polygon_assets.cli import work
from polygon_assets.sample.environment import DemoFolder, demo_environment
from polygon_assets.sample.local_s3 import LocalS3
from polygon_assets.store.marker import MADE_UP
from polygon_assets_tests.cli.conftest import Command, Platform

DAY = "2024-01-03"


@pytest.fixture
def demo(platform: Platform, cli: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DemoFolder:
    """A user's store with a day in it, and a demo's folder."""
    platform.publish("stocks_daily", [DAY])
    assert cli("ingest", "stocks_daily", "--start", DAY).code == 0
    monkeypatch.chdir(tmp_path)
    folder = DemoFolder(tmp_path / ".demo")
    with demo_environment(folder, LocalS3("http://127.0.0.1:1"), DAY):
        pass
    return folder


def contents(folder: Path) -> Mapping[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("command", [("record",), ("ingest", "stocks_daily", "--start", DAY)], ids=" ".join)
def test_record_wrote_made_up_days_into_the_users_own_history(
    platform: Platform, demo: DemoFolder, cli: Command, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """``POLYGON_STORE=.demo/store polygon-assets record`` did, since the history was that of the folder."""
    monkeypatch.setenv("POLYGON_STORE", ".demo/store")
    before, made_up = contents(platform.home), contents(demo.root)
    done = cli(*command)
    assert (done.code, done.out) == (2, "")
    assert "holds the demo's made-up days" in done.err
    assert f"DAGSTER_HOME={demo.dagster_home}" in done.err
    assert contents(platform.home) == before
    assert contents(demo.root) == made_up


@pytest.mark.parametrize("command", [("record",), ("ingest", "stocks_daily", "--start", DAY)], ids=" ".join)
def test_days_of_the_users_own_do_not_go_into_the_demos_history(
    demo: DemoFolder, cli: Command, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(demo.dagster_home))
    done = cli(*command)
    assert (done.code, done.out) == (2, "")
    assert f"{demo.dagster_home} is the history of the demo's made-up days" in done.err
    assert f"POLYGON_STORE={demo.store}" in done.err
    assert [path.name for path in demo.dagster_home.iterdir()] == [MADE_UP]


@pytest.mark.slow
def test_a_bare_dagster_dev_once_served_the_demos_days_with_the_users_own_history(
    platform: Platform, demo: DemoFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def loaded() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "import polygon_assets.definitions"]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    monkeypatch.setenv("POLYGON_STORE", str(demo.store))
    mixed = loaded()
    assert mixed.returncode == 1
    assert f"in {platform.home} they would stand among your own. Set DAGSTER_HOME={demo.dagster_home}" in mixed.stderr
    monkeypatch.delenv("DAGSTER_HOME")
    assert loaded().returncode == 0, "a history of its own, for as long as it runs"


def test_record_refused_made_up_days_only_after_importing_dagster(
    demo: DemoFolder, cli: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_late(name: str) -> ModuleType:
        raise AssertionError(name)

    monkeypatch.setenv("POLYGON_STORE", str(demo.store))
    monkeypatch.setattr("polygon_assets.cli.work.import_module", too_late)
    monkeypatch.delitem(vars(work), "record", raising=False)
    assert "holds the demo's made-up days" in cli("record").err


def test_both_of_the_demo_go_together(demo: DemoFolder, cli: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYGON_STORE", str(demo.store))
    monkeypatch.setenv("DAGSTER_HOME", str(demo.dagster_home))
    assert cli("record", "stocks_daily").code == 0
