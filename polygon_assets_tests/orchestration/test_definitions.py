"""The code location as Dagster loads it."""

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.remote_representation.external_data import RepositorySnap

from polygon_assets_tests.platforms import Platform

ROOT = Path(__file__).parents[2]
CANARY = "canary-4f1c2b7e-never-to-be-seen"


def test_the_workspace_validates_without_credentials(fresh_home: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("POLYGON_")}
    done = subprocess.run(
        [sys.executable, "-m", "dagster", "definitions", "validate", "-w", "workspace.yaml"],
        cwd=ROOT,
        env={**environment, "DAGSTER_HOME": str(fresh_home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    warnings = [line for line in done.stderr.splitlines() if "Warning" in line]
    assert [line for line in warnings if "definitions_validate_command" not in line] == []


@pytest.mark.scorecard(36)
def test_secrets_are_nowhere_in_dagsters_home(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a run that succeeded, one that was refused, and one that the server turned away."""
    platform.publish("stocks_daily", ["2026-11-05"])
    platform.put_broken("stocks_daily", "2026-11-06")
    assert platform.run("stocks_daily", ["2026-11-05"]).success
    assert not platform.run("stocks_daily", ["2026-11-06"]).success
    wrong = CANARY[::-1]
    monkeypatch.setenv("POLYGON_SECRET_ACCESS_KEY", wrong)
    assert not platform.run("stocks_daily", ["2026-11-04"]).success
    assert "Your plan may not include this dataset or this date, or the keys are wrong" in platform.why()
    files = [path for path in Path(os.environ["DAGSTER_HOME"]).rglob("*") if path.is_file()]
    assert files
    for path in files:
        content = path.read_bytes()
        assert platform.server.secret_access_key.encode() not in content, path
        assert wrong.encode() not in content, path


@pytest.mark.scorecard(36)
def test_secrets_are_in_no_snapshot_and_no_repr(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYGON_SECRET_ACCESS_KEY", CANARY)
    monkeypatch.setenv("POLYGON_STORE_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("POLYGON_STORE_SECRET_ACCESS_KEY", CANARY)
    monkeypatch.setenv("POLYGON_WEBHOOK_URL", f"https://example.invalid/{CANARY}")
    definitions = platform.definitions()
    snapshot = dg.serialize_value(RepositorySnap.from_def(definitions.get_repository_def()))
    assert "POLYGON_SECRET_ACCESS_KEY" in snapshot
    assert CANARY not in snapshot
    assert CANARY not in repr(definitions.resources)
    for name, resource in (definitions.resources or {}).items():
        secrets = {field: CANARY for field in ("secret_access_key", "url") if hasattr(resource, field)}
        resolved = type(resource)(**secrets)
        assert CANARY not in repr(resolved), name
