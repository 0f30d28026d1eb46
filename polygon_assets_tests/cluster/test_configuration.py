"""What is wrong with a worker's machine is said by name; the units are what systemd takes."""

import importlib
import shutil
import subprocess
from pathlib import Path

import pytest

from polygon_assets.errors import ConfigurationMissingError
from polygon_assets_tests.cluster.units import DEPLOY
from polygon_assets_tests.project import ROOT


def test_a_worker_needs_the_configuration_of_a_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copyfile(ROOT / "deploy/local/dagster.yaml", tmp_path / "dagster.yaml")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with pytest.raises(ConfigurationMissingError, match=r"DefaultRunLauncher.*deploy/cluster/dagster\.yaml"):
        importlib.import_module("polygon_assets.orchestration.celery_worker")


def test_systemd_accepts_the_units() -> None:
    if (analyze := shutil.which("systemd-analyze")) is None:
        return  # a machine without systemd will not start them either
    done = subprocess.run(
        [analyze, "verify", *sorted(map(str, (DEPLOY / "systemd").glob("*.service")))],
        capture_output=True,
        text=True,
        check=False,
    )
    complaints = [line for line in done.stderr.splitlines() if "is not executable: No such file" not in line]
    assert not [line for line in complaints if "polygon-assets" in line]
