"""The code location as Dagster loads it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.remote_representation.external_data import RepositorySnap

from polygon_assets.orchestration.resources import Bucket, Store
from polygon_assets.orchestration.watching.webhook import Webhook
from polygon_assets.serving.home import local_configuration
from polygon_assets.settings import load_settings
from polygon_assets_tests.platforms import Platform

ROOT = Path(__file__).parents[2]
CANARY = "canary-4f1c2b7e-never-to-be-seen"


@pytest.mark.slow
@pytest.mark.locked
def test_a_clone_is_a_project_of_dg_without_credentials(fresh_home: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("POLYGON_")}
    environment |= {"DAGSTER_HOME": str(fresh_home), "VIRTUAL_ENV": sys.prefix}
    done = subprocess.run(
        [Path(sys.executable).with_name("dg"), "check", "defs"],
        cwd=ROOT,
        env={**environment, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All definitions loaded successfully." in done.stdout
    assert "Warning" not in done.stdout + done.stderr


@pytest.mark.scorecard(36)
def test_secrets_are_nowhere_in_dagsters_home(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a run that succeeded, one that was refused, and one that the server turned away."""
    shutil.copyfile(local_configuration(), platform.home / "dagster.yaml")  # which keeps what runs print
    platform.publish("stocks_daily", ["2026-11-05"])
    platform.put_broken("stocks_daily", "2026-11-06")
    assert platform.run("stocks_daily", ["2026-11-05"]).success
    assert not platform.run("stocks_daily", ["2026-11-06"]).success
    wrong = CANARY[::-1]
    monkeypatch.setenv("POLYGON_SECRET_ACCESS_KEY", wrong)
    assert not platform.run("stocks_daily", ["2026-11-04"]).success
    assert "the S3 secret key is not the access key's" in platform.why()
    files = [path for path in Path(os.environ["DAGSTER_HOME"]).rglob("*") if path.is_file()]
    assert {".db", ".err", ".out"} <= {path.suffix for path in files}
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
    monkeypatch.setenv("POLYGON_ENDPOINT_URL", "https://endpoint.invalid")
    monkeypatch.setenv("POLYGON_BUCKET", "a-bucket")
    definitions = platform.definitions()
    snapshot = dg.serialize_value(RepositorySnap.from_def(definitions.get_repository_def()))
    for hidden in (CANARY, "endpoint.invalid", "a-bucket", "POLYGON_SECRET_ACCESS_KEY", str(platform.store)):
        assert hidden not in snapshot
    assert CANARY not in repr(definitions.resources)
    settings = load_settings()
    for resource in (Bucket(settings), Store(settings), Webhook(f"https://example.invalid/{CANARY}"), settings):
        assert CANARY not in repr(resource)


OVERRIDES = {
    "the endpoint": ("polygon_downloader", {"endpoint_url": "http://127.0.0.1:1"}),
    "a key": ("polygon_downloader", {"access_key_id": {"env": "POLYGON_SECRET_ACCESS_KEY"}}),
    "the store": ("polygon_store", {"uri": "/elsewhere"}),
    "the bucket": ("polygon_catalog", {"bucket": "another"}),
}


@pytest.mark.parametrize("what", OVERRIDES)
def test_no_run_can_say_where_keys_and_days_go(platform: Platform, what: str) -> None:
    """A page in the browser once had the secret sent to an endpoint of its own, in clear."""
    name, config = OVERRIDES[what]
    job = platform.definitions().resolve_implicit_global_asset_job_def()
    with pytest.raises(dg.DagsterInvalidConfigError, match="unexpected config entr"):
        job.execute_in_process(
            asset_selection=[dg.AssetKey("stocks_daily")],
            instance=platform.instance,
            partition_key="2026-11-04",
            run_config={"resources": {name: {"config": config}}},
        )


def test_the_launchpad_offers_no_resources(platform: Platform) -> None:
    job = platform.definitions().resolve_implicit_global_asset_job_def()
    assert job.run_config_schema is not None
    for name, definition in job.resource_defs.items():
        if name != "io_manager":
            offered: Any = definition.config_schema.as_field().config_type
            assert dict(offered.fields) == {}, name
