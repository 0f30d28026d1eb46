"""Dagster as a user runs it: code server, webserver and daemon, each a process of its own, asked through GraphQL."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polygon_assets_tests.servers.seaweed import free_ports

HOST = "127.0.0.1"
_START_SECONDS = 120
_STOP_SECONDS = 10
_WORKSPACE = "load_from: [{{grpc_server: {{host: {host}, port: {port}, location_name: polygon_assets}}}}]\n"
_ENDED = {"COMPLETED_SUCCESS", "COMPLETED_FAILED", "CANCELED", "FAILED"}

_READY = """query { workspaceOrError { ... on Workspace { locationEntries { loadStatus
    locationOrLoadError { __typename ... on PythonError { message } } } } } }"""
_LAUNCH = """mutation($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
_AGAIN = """mutation($id: String!) {
    reexecutePartitionBackfill(reexecutionParams: {parentRunId: $id, strategy: FROM_FAILURE}) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
_STATUS = "query($id: String!) { partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } } }"
_RUNS = """query($id: String!) { runsOrError(filter: {tags: [{key: "dagster/backfill", value: $id}]}) {
    ... on Runs { results { runId status tags { key value } } } } }"""


@dataclass(frozen=True)
class Site:
    """Where it is, and what can be asked of it as the web interface asks."""

    url: str
    """Of the webserver, without a slash at the end."""
    logs: Path
    """Folder with one log for each process."""

    def ask(self, query: str, **variables: Any) -> Any:
        """The data that answers a GraphQL query."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/graphql", body, headers)  # noqa: S310 (our own http URL)
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            found = json.load(answer)
        assert "errors" not in found, found
        return found["data"]

    def backfill(self, assets: Sequence[str], days: Sequence[str]) -> str:
        """Ask for ``days`` as the dialog does; the backfill's id."""
        params = {"assetSelection": [{"path": [asset]} for asset in assets], "partitionNames": list(days)}
        return _launched(self.ask(_LAUNCH, params=params)["launchPartitionBackfill"])

    def backfill_what_failed(self, backfill: str) -> str:
        """Ask again for what did not arrive, as "Re-execute from failure" does; the new backfill's id."""
        return _launched(self.ask(_AGAIN, id=backfill)["reexecutePartitionBackfill"])

    def runs(self, backfill: str) -> list[dict[str, Any]]:
        """The runs of a backfill, newest first, with their tags as a dictionary."""
        found = self.ask(_RUNS, id=backfill)["runsOrError"]["results"]
        return [{**run, "tags": {tag["key"]: tag["value"] for tag in run["tags"]}} for run in found]

    def wait_for_backfill(self, backfill: str, seconds: float = 180) -> str:
        """How a backfill ended."""
        status = ""

        def ended() -> bool:
            nonlocal status
            status = self.ask(_STATUS, id=backfill)["partitionBackfillOrError"]["status"]
            return status in _ENDED

        wait_until(f"the end of backfill {backfill}", ended, seconds)
        return status


def wait_until(what: str, done: Callable[[], bool], seconds: float, every: float = 0.5) -> None:
    """Wait until ``done``; fail after ``seconds`` and say what was waited for."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(every)


@contextmanager
def dagster_site(home: Path, *, location: str = "polygon_assets.definitions") -> Iterator[Site]:
    """Serve the module ``location`` on ``home``, which one process has opened before; all of it ends with the block.

    The environment is this process's own. The daemon looks at backfills more often than usual (``quick_daemon``).
    """
    logs = home.parent / "logs"
    logs.mkdir(exist_ok=True)
    code, web = free_ports(2)
    workspace = home.parent / "workspace.yaml"
    workspace.write_text(_WORKSPACE.format(host=HOST, port=code))
    served = ["-w", str(workspace)]
    commands = {
        "code": ["dagster", "api", "grpc", "-h", HOST, "-p", str(code), "-m", location],
        "daemon": ["polygon_assets_tests.servers.quick_daemon", "run", *served],
        "web": ["polygon_assets.serving.guarded", "webserver", "-h", HOST, "-p", str(web), *served],
    }
    site = Site(f"http://{HOST}:{web}", logs)
    with ExitStack() as stack:
        code_server = stack.enter_context(_process(commands.pop("code"), home, logs / "code.log"))
        _wait_for_port(code, code_server, logs / "code.log")
        for name, command in commands.items():
            stack.enter_context(_process(command, home, logs / f"{name}.log"))
        wait_until(f"the webserver ({logs})", lambda: _is_loaded(site), _START_SECONDS)
        yield site


@contextmanager
def _process(module: Sequence[str], home: Path, log: Path) -> "Iterator[subprocess.Popen[bytes]]":
    """Run a Python module in a process group of its own; the group ends with the block."""
    environment = {**os.environ, "DAGSTER_HOME": str(home), "NO_PROXY": f"{HOST},localhost"}
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *module], env=environment, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield process
    finally:
        for number in (signal.SIGINT, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_SECONDS)


def _wait_for_port(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    def listens() -> bool:
        assert process.poll() is None, f"the code server ended:\n{log.read_text()[-3000:]}"
        with socket.socket() as probe:
            return probe.connect_ex((HOST, port)) == 0

    wait_until(f"the code server ({log})", listens, _START_SECONDS, every=0.1)


def _is_loaded(site: Site) -> bool:
    with suppress(OSError):
        (entry,) = site.ask(_READY)["workspaceOrError"]["locationEntries"]
        loaded = entry["locationOrLoadError"] or {}
        assert loaded.get("__typename") != "PythonError", loaded["message"]
        return bool(entry["loadStatus"] == "LOADED")
    return False


def _launched(answer: Any) -> str:
    assert answer["__typename"] == "LaunchBackfillSuccess", answer
    return str(answer["backfillId"])
