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


@pytest.fixture
def analyze() -> str:
    """The checker of units; it needs no systemd that runs."""
    if (program := shutil.which("systemd-analyze")) is None:
        pytest.skip("systemd-analyze is not installed (Debian's package systemd)")
    return program


def complaints(analyze: str, units: Path) -> list[str]:
    """What systemd says about our units, but that the platform is not installed under /opt here."""
    done = subprocess.run(
        [analyze, "verify", *sorted(map(str, units.glob("*.service")))], capture_output=True, text=True, check=False
    )
    lines = [line for line in done.stderr.splitlines() if "is not executable: No such file" not in line]
    return [line for line in lines if "polygon-assets" in line]


def test_systemd_accepts_the_units(analyze: str, tmp_path: Path) -> None:
    units = tmp_path / "units"
    shutil.copytree(DEPLOY / "systemd", units)
    assert len(list(units.glob("*.service"))) == 4
    assert complaints(analyze, units) == []
    broken = units / "polygon-assets-daemon.service"
    broken.write_text(broken.read_text().replace("Restart=always", "Restart=whenever"))
    assert len(complaints(analyze, units)) == 1, "a mistake is seen"
