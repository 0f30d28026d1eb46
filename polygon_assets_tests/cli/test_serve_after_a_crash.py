"""``dev`` on the home of a platform that was killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from polygon_assets.serving.home import prepare_home
from polygon_assets_tests.processes import wait_for
from polygon_assets_tests.servers.seaweed import free_ports

pytestmark = pytest.mark.slow


def test_dev_ends_the_runs_that_were_killed_before_it_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, said, (web, closed) = tmp_path / "home", tmp_path / "said", free_ports(2)
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    tags = {".dagster/grpc_info": f'{{"host": "localhost", "socket": "{tmp_path}/gone"}}'}
    killed = dg.DagsterRun("__ASSET_JOB", status=dg.DagsterRunStatus.STARTED, tags=tags)
    with dg.DagsterInstance.from_config(str(prepare_home(home))) as instance:
        instance.add_run(killed)
        environment = os.environ | {
            "POLYGON_ACCESS_KEY_ID": "made-up",
            "POLYGON_SECRET_ACCESS_KEY": "canary",
            "POLYGON_ENDPOINT_URL": f"http://127.0.0.1:{closed}",
            "POLYGON_MAX_RETRIES": "0",
        }
        command = [sys.executable, "-m", "polygon_assets.cli", "dev", "--port", str(web)]
        with said.open("w") as output:
            process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=output, stderr=output, text=True)
        try:
            wait_for(lambda: "Stop   Ctrl-C" in said.read_text(), process, said)
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 143
        finally:
            process.kill()
        assert "whose process was gone, ended now to be started again: 1\n" in said.read_text()
        (run,) = instance.get_runs(dg.RunsFilter(run_ids=[killed.run_id]))
        assert run.status is dg.DagsterRunStatus.FAILURE
