"""``dev``, started once as a user would: on the home of a platform that was killed, without its bucket."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from polygon_assets.errors import InvalidInputError
from polygon_assets.serving.home import prepare_home
from polygon_assets.serving.processes import dagster_dev, log_of
from polygon_assets_tests.cluster.exposure import command_lines, family, listening_sockets, listens_beyond_loopback
from polygon_assets_tests.processes import processes_of, wait_for
from polygon_assets_tests.servers.asking import asked
from polygon_assets_tests.servers.dagster_site import wait_until
from polygon_assets_tests.servers.seaweed import free_ports

pytestmark = pytest.mark.slow
SECRET = "canary"
KILLED = dg.DagsterRun(
    "__ASSET_JOB",
    status=dg.DagsterRunStatus.STARTED,
    tags={".dagster/grpc_info": '{"host": "localhost", "socket": "/gone"}'},
)


@dataclass(frozen=True)
class Dev:
    """The command, and where it is at work."""

    process: "subprocess.Popen[str]"
    folder: Path
    port: int
    closed: int
    """Where its bucket would be; nothing listens there."""

    @property
    def home(self) -> Path:
        """Dagster's."""
        return self.folder / "home"

    @property
    def output(self) -> Path:
        """What it prints."""
        return self.folder / "said"


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    """Serving; it ends with the module's tests, if none of them has ended it."""
    folder, (web, closed) = tmp_path_factory.mktemp("dev"), free_ports(2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(folder / "home"))
        with dg.DagsterInstance.from_config(str(prepare_home(folder / "home"))) as instance:
            instance.add_run(KILLED)
        environment = os.environ | {
            "POLYGON_ACCESS_KEY_ID": "made-up",
            "POLYGON_SECRET_ACCESS_KEY": SECRET,
            "POLYGON_ENDPOINT_URL": f"http://127.0.0.1:{closed}",
            "POLYGON_MAX_RETRIES": "0",
        }
    command = [sys.executable, "-m", "polygon_assets.cli", "dev", "--port", str(web)]
    with (folder / "said").open("w") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=output, text=True, start_new_session=True
        )
    begun = Dev(process, folder, web, closed)
    try:
        wait_for(lambda: "Stop   Ctrl-C" in begun.output.read_text(), process, begun.output)
        yield begun
        if process.poll() is None:
            process.terminate()
            process.wait(60)
    finally:
        process.kill()


def test_it_ends_the_runs_that_were_killed_before_it_serves(dev: Dev, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "whose process was gone, ended now to be started again: 1\n" in dev.output.read_text()
    monkeypatch.setenv("DAGSTER_HOME", str(dev.home))
    with dg.DagsterInstance.from_config(str(dev.home)) as instance:
        (run,) = instance.get_runs(dg.RunsFilter(run_ids=[KILLED.run_id]))
    assert run.status is dg.DagsterRunStatus.FAILURE


def test_a_second_one_on_the_same_history_was_served_as_well(dev: Dev) -> None:
    """Both daemons then said every half minute that there are two, and the first one's log was moved away."""
    before = log_of(dev.home).stat().st_ino
    with (
        pytest.raises(InvalidInputError, match=rf"served already, at http://127\.0\.0\.1:{dev.port}\. Stop that one"),
        dagster_dev(dev.home, free_ports(1)[0], os.environ),
    ):
        pass
    assert log_of(dev.home).stat().st_ino == before


def test_what_it_starts_is_guarded_and_listens_on_this_machine_alone(dev: Dev) -> None:
    """All of ``dagster dev``, as the demo starts it: one port, and no secret where everyone here can read it."""
    url, kind = f"http://127.0.0.1:{dev.port}", {"Content_Type": "application/json"}
    query = json.dumps({"query": "{version}"}).encode()
    assert asked(url, "POST", "/graphql", query, **kind)[0] == 200
    assert asked(url, "POST", "/graphql", query, **kind, Host=f"localhost:{dev.port}")[0] == 200
    assert asked(url, "POST", "/graphql", query, **kind, Host=f"evil.example:{dev.port}")[0] == 403
    assert asked(url, "GET", "/assets", Host=f"evil.example:{dev.port}")[0] == 403
    assert asked(url, "POST", "/graphql", query, **kind, Origin="http://127.0.0.1:1")[0] == 403
    assert asked(url, "POST", "/graphql", query, Content_Type="text/plain")[0] == 415
    assert asked(url, "GET", "/graphql?query={version}")[0] == 405
    pids: set[int] = set()

    def all_started() -> bool:
        nonlocal pids
        pids = family([dev.process.pid])
        said = command_lines(pids)
        return all(part in said for part in (b"code-server", b"_daemon", b"api\0grpc"))

    wait_until("all processes of dagster dev", all_started, 120)
    assert listening_sockets(pids) == 1
    assert listens_beyond_loopback(pids) == []
    assert SECRET.encode() not in command_lines(pids)


def test_without_its_bucket_it_says_one_line_serves_and_ends_quietly(dev: Dev) -> None:
    """Last: as a terminal ends it, the whole group is told at once, and more than once."""
    log = log_of(dev.home)
    wait_for(lambda: "UnavailableError" in log.read_text(), dev.process, log)
    os.killpg(dev.process.pid, signal.SIGTERM)
    time.sleep(0.5)
    os.killpg(dev.process.pid, signal.SIGTERM)
    assert dev.process.wait(60) == 143
    said = dev.output.read_text()
    _, starting, answer, *block = said.splitlines()
    assert starting.startswith("Starting the UI")
    unavailable = f"note: http://127.0.0.1:{dev.closed} does not answer: [Errno 111] Connection refused. Check"
    assert answer.startswith(unavailable)
    assert block[:2] == ["", f"The UI is at http://127.0.0.1:{dev.port}/assets"]
    assert block[-2:] == ["  Stop   Ctrl-C", "Stopping … (up to 20 s)"]
    assert len(block) == 8, said
    for text in (said, log.read_text()):
        assert "\x1b" not in text
        assert SECRET not in text
    assert processes_of(dev.folder) == []
