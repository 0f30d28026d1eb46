"""The demo as a user runs it: in a process of its own, in a folder that has nothing of the project in it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from polygon_assets.cli.work.demo import Arrivals, _require_all_stored, _status_command
from polygon_assets.datasets import DATASETS, SPECIFIED
from polygon_assets.errors import PolygonAssetsError
from polygon_assets.ingest import DayResult, DayStatus, ParquetStore
from polygon_assets.sample.environment import DEMO, DemoFolder
from polygon_assets_tests.processes import processes_of
from polygon_assets_tests.servers.seaweed import free_ports

pytestmark = pytest.mark.slow
PROJECT = Path(__file__).resolve().parents[2]
COMMAND = "from polygon_assets.cli import main; main()"
TWO_DAYS = "from polygon_assets.cli.work.demo import run; run(ui=False, days=2)"
BUCKET = "from polygon_assets.cli.work.demo import serve_bucket; serve_bucket(days=1)"
TWO_DAYS_SERVED = "import sys; from polygon_assets.cli.work.demo import run; run(days=2, port=int(sys.argv[1]))"
SENSORS = """{ sensorsOrError(repositorySelector: {repositoryName: "__repository__", repositoryLocationName: "%s"}) {
    ... on Sensors { results { name sensorState { status ticks(limit: 1) { status skipReason error { message } } } } }
    ... on PythonError { message } } }"""
LOCATIONS = "{ repositoriesOrError { ... on RepositoryConnection { nodes { location { name } } } } }"
RUNS = "{ runsOrError { ... on Runs { results { assetSelection { path } } } } }"
PARTITIONS = "{ assetNodes { assetKey { path } partitionStats { numMaterialized numPartitions } } }"


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(PROJECT), **more}


def run(program: str, *arguments: str, cwd: Path, **more: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=cwd, env=environment(**more), capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def arrived(output: str) -> dict[str, tuple[int, int]]:
    """Each dataset's days and rows, from the printed table."""
    lines = re.findall(r"│ (\w+) +│ +(\d+) │ +([\d,]+) │", output)
    return {name: (int(days), int(rows.replace(",", ""))) for name, days, rows in lines}


def test_a_port_in_use_is_one_line_before_any_work(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run(COMMAND, "demo", "--port", str(port), cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert f"Port {port} of 127.0.0.1 is in use" in line
    assert "--port" in line
    assert not (tmp_path / ".demo").exists()


def test_a_project_of_ones_own_had_no_bucket_to_try_things_on(tmp_path: Path) -> None:
    """The demo's store could be read from it, and nothing be materialised."""
    command = [sys.executable, "-c", BUCKET]
    with subprocess.Popen(command, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(10)]
            printed = dict(line.removeprefix("export ").strip().split("=", 1) for line in lines)
            done = run(COMMAND, "ingest", "stocks_daily", "--last", "1", cwd=tmp_path, **printed)
        finally:
            process.send_signal(signal.SIGINT)
            process.send_signal(signal.SIGTERM)  # as a closing terminal does; it once went on serving
            try:
                process.wait(30)
            finally:
                process.kill()
    assert (done.returncode, process.returncode) == (0, 0), done.stderr
    own = tmp_path / ".demo/bucket"
    assert (printed["POLYGON_STORE"], printed["DAGSTER_HOME"]) == (str(own / "store"), str(own / "dagster_home"))
    assert len(ParquetStore(str(own / "store")).days("stocks_daily")) == 1
    assert sorted(each.name for each in tmp_path.iterdir()) == [".demo"]
    assert processes_of(tmp_path) == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a user of the vendor's bucket works, with settings in the environment and in ``.env``."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "theirs").mkdir()
    (folder / ".env").write_text(f"POLYGON_STORE={folder / 'theirs'}\n")
    return folder


@pytest.fixture(scope="module")
def ended(folder: Path) -> "subprocess.CompletedProcess[str]":
    """The demo without its UI, at its end."""
    return run(TWO_DAYS, cwd=folder, POLYGON_STORE=str(folder / "theirs"), POLYGON_ACCESS_KEY_ID="theirs")


def test_without_ui_it_ends_after_the_table(folder: Path, ended: "subprocess.CompletedProcess[str]") -> None:
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr
    found = arrived(ended.stdout)
    assert found.keys() == set(DEMO) | {"all"}
    store = ParquetStore(str(folder / ".demo/store"))
    for name in DEMO:
        days = store.days(name)
        assert len(days) == 2 if name in SPECIFIED else len(days) >= 2
        assert found[name] == (len(days), store.scan(name).count_rows())
    assert {name.partition("_")[0] for name in DEMO} == {"stocks", "options", "crypto", "futures"}
    assert found["all"][1] == sum(found[name][1] for name in DEMO) > 400_000
    assert processes_of(folder) == []
    # A .env where it is called would win over the variable, so that folder is left.
    (command,) = re.findall(
        r"^Ask it: +(cd \.demo && POLYGON_STORE=store .*polygon-assets status)$", ended.stderr, re.MULTILINE
    )
    asked = subprocess.run(
        ["/bin/sh", "-c", command], cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )
    assert asked.returncode == 0, asked.stderr
    assert asked.stdout.startswith(f"Store: {folder / '.demo/store'}")


def test_the_suggested_command_from_a_folder_without_settings(tmp_path: Path) -> None:
    own = DemoFolder(tmp_path / ".demo")
    command = _status_command(own, tmp_path)
    assert command.startswith("POLYGON_STORE=.demo/store ")
    own.store.mkdir(parents=True)
    asked = subprocess.run(
        ["/bin/sh", "-c", command], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
    )
    assert asked.stdout.startswith(f"Store: {own.store}"), asked.stderr


def test_days_that_did_not_arrive_are_named_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    failed = DayResult(day="2024-01-02", status=DayStatus.FAILED, source_key="key", uri="uri")
    arrivals = {"stocks_daily": Arrivals(["2024-01-02"] * 30, [failed] * 30, succeeded=False)}
    with pytest.raises(PolygonAssetsError, match=r"^The demo's data did not arrive whole: 31 causes") as raised:
        _require_all_stored(arrivals)
    assert len(str(raised.value)) < 250
    assert len(capsys.readouterr().err.splitlines()) == 10


@contextmanager
def served(folder: Path, port: int) -> Iterator["subprocess.Popen[str]"]:
    """The demo with its UI, started as a shell's background job would be: with SIGINT ignored."""
    starter = (
        "import signal, os, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); os.execv(sys.executable, sys.argv[1:])"
    )
    log = folder / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", starter, sys.executable, "-c", TWO_DAYS_SERVED, str(port)],
            cwd=folder, env=environment(), stdout=output, stderr=output, text=True,
        )  # fmt: skip
        try:
            deadline = time.monotonic() + 240
            while "The UI is at" not in log.read_text():
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.2)
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(60)


def ask(port: int, query: str) -> Any:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql",
        json.dumps({"query": query}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
        return json.load(response)["data"]


def ticks(port: int) -> dict[str, dict[str, Any]]:
    """The latest tick of each sensor that looks for new days, once all have ticked."""
    deadline = time.monotonic() + 180
    while True:
        nodes = ask(port, LOCATIONS)["repositoriesOrError"].get("nodes", [])
        sensors = ask(port, SENSORS % nodes[0]["location"]["name"])["sensorsOrError"]["results"] if nodes else []
        found = {each["name"]: each["sensorState"]["ticks"] for each in sensors if each["name"].startswith("new_")}
        if found and all(ticked and ticked[0]["status"] != "STARTED" for ticked in found.values()):
            return {name: ticked[0] for name, ticked in found.items()}
        assert time.monotonic() < deadline, found
        time.sleep(0.5)


@pytest.mark.usefixtures("ended")
def test_again_the_ui_shows_the_history_and_ends_without_a_trace(folder: Path) -> None:
    (port,) = free_ports(1)
    with served(folder, port) as process:
        stats = {
            node["assetKey"]["path"][-1]: node["partitionStats"]
            for node in ask(port, PARTITIONS)["assetNodes"]
            if len(node["assetKey"]["path"]) == 1
        }
        assert all(stats[name]["numMaterialized"] == stats[name]["numPartitions"] for name in DEMO), stats
        of_datasets = {name: stats[name] for name in SPECIFIED}
        assert of_datasets == {name: {"numMaterialized": 2, "numPartitions": 2} for name in SPECIFIED}
        of_sensors = ticks(port)
        assert of_sensors.keys() == {f"new_trading_days_{name}" for name in DEMO}
        assert {tick["status"] for tick in of_sensors.values()} == {"SKIPPED"}, of_sensors
        runs = [run["assetSelection"] for run in ask(port, RUNS)["runsOrError"]["results"]]
        of_data = [selected for selected in runs if selected and selected[0]["path"][0] in DEMO]
        wanted = sum(-(-2 // DATASETS[name].days_per_run) for name in DEMO)
        assert len(of_data) == wanted, f"all days are stored; only their picture is drawn: {runs}"
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0, (folder / "log").read_text()
    said = (folder / "log").read_text()
    assert said.endswith("Stopping … (up to 20 s)\n")
    before, _, block = said.partition(f"The UI is at http://127.0.0.1:{port}/assets\n")
    assert before.endswith("Starting the UI; that takes about fifteen seconds …\n\n")
    assert [line.split()[0] for line in block.splitlines()] == ["Open", "Ask", "Store", "Log", "Stop", "Stopping"]
    assert "\x1b" not in said
    assert "Serving dagster-webserver" not in (folder / ".demo/dagster_home/serving.log").read_text()
    assert processes_of(folder) == []
    assert list((folder / "theirs").iterdir()) == [], "made-up prices reached the user's store"
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", port))
