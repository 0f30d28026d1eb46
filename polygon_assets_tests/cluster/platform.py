"""The cluster as its user sees it: started by the units' commands, asked through nginx and GraphQL."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from celery import Celery

from polygon_assets_tests.cluster.databases import Database
from polygon_assets_tests.cluster.programs import Service, running, wait_for
from polygon_assets_tests.cluster.units import unit_command, write_home
from polygon_assets_tests.cluster.web import Web, nginx
from polygon_assets_tests.servers.seaweed import free_ports

_TASK = "dagster-celery/task_id"
_LAUNCH = """mutation($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
_RUN = """mutation($params: ExecutionParams!) { launchRun(executionParams: $params) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
_LOGS = """query($id: ID!) { logsForRun(runId: $id) { ... on EventConnection { events {
    ... on MessageEvent { message } } } } }"""
_BACKFILL = """query($id: String!) { partitionBackfillOrError(backfillId: $id) {
    ... on PartitionBackfill { status } } }"""
_RUNS = """query { runsOrError { ... on Runs { results { runId status startTime endTime tags { key value } } } } }"""
_STATS = """query($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode {
    partitionStats { numMaterialized numFailed } } } }"""


@dataclass(frozen=True)
class Run:
    """A run as the web interface shows it."""

    run_id: str
    status: str
    tags: dict[str, str]
    started: float | None
    ended: float | None


@dataclass
class Platform:
    """The running platform."""

    folder: Path
    settings: dict[str, str]
    web: Web
    database: Database
    broker: Database
    workers: dict[str, Service] = field(default_factory=dict)
    services: list[Service] = field(default_factory=list)

    def ask(self, query: str, **variables: Any) -> Any:
        """Ask the webserver, through nginx with the password."""
        answer = json.loads(self.web.post("/graphql", {"query": query, "variables": variables}))
        assert "errors" not in answer, answer
        return answer["data"]

    def is_answering(self) -> bool:
        """Whether pages load; after a restart of PostgreSQL each pooled connection of the webserver fails once."""
        try:
            return bool(self.runs()) and self.materialised("stocks_daily") >= 0
        except OSError:
            return False

    def backfill(self, asset: str, days: Sequence[str]) -> str:
        """Ask for days as the web interface's dialog does; the backfill's id."""
        params = {"assetSelection": [{"path": [asset]}], "partitionNames": list(days)}
        answer = self.ask(_LAUNCH, params=params)["launchPartitionBackfill"]
        assert answer["__typename"] == "LaunchBackfillSuccess", answer
        return str(answer["backfillId"])

    def run(self, asset: str, days: Sequence[str]) -> str:
        """Materialise consecutive days in one run, as the web interface does; the run's id."""
        tags = {"dagster/asset_partition_range_start": days[0], "dagster/asset_partition_range_end": days[-1]}
        params = {
            "selector": {
                "repositoryName": "__repository__",
                "repositoryLocationName": "polygon_assets",
                "jobName": "__ASSET_JOB",
                "assetSelection": [{"path": [asset]}],
                "assetCheckSelection": [],
            },
            "mode": "default",
            "runConfigData": {},
            "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in tags.items()]},
        }
        answer = self.ask(_RUN, params=params)["launchRun"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return str(answer["run"]["runId"])

    def logs(self, run: str) -> str:
        """What a run's events say, a line each."""
        events = self.ask(_LOGS, id=run)["logsForRun"]["events"]
        return "\n".join(event["message"] for event in events if event)

    def status(self, run: str) -> str:
        """What has become of a run."""
        return next(each.status for each in self.runs() if each.run_id == run)

    def backfill_status(self, backfill: str) -> str:
        """What has become of a backfill."""
        return str(self.ask(_BACKFILL, id=backfill)["partitionBackfillOrError"]["status"])

    def runs(self, backfill: str | None = None) -> list[Run]:
        """All runs, or those of a backfill, newest first."""
        found = [
            Run(each["runId"], each["status"], tags_of(each), each["startTime"], each["endTime"])
            for each in self.ask(_RUNS)["runsOrError"]["results"]
        ]
        return [run for run in found if backfill is None or run.tags.get("dagster/backfill") == backfill]

    def materialised(self, asset: str) -> int:
        """How many days of an asset are materialised."""
        stats = self.ask(_STATS, key={"path": [asset]})["assetNodeOrError"]["partitionStats"]
        return int(stats["numMaterialized"])

    def held_by(self) -> dict[str, list[str]]:
        """The runs that each worker works on, by the worker's name."""
        run_of = {run.tags[_TASK]: run.run_id for run in self.runs() if _TASK in run.tags}
        return {
            host.partition("@")[0]: [run_of[task["id"]] for task in tasks if task["id"] in run_of]
            for host, tasks in self._inspect("active").items()
        }

    def taken_by(self) -> dict[str, int]:
        """How many runs each worker has taken since it started."""
        return {host.partition("@")[0]: sum(each["total"].values()) for host, each in self._inspect("stats").items()}

    def _inspect(self, what: str) -> dict[str, Any]:
        with Celery(broker=self.broker.redis_url(0)) as app, app.connection_for_write() as connection:
            return getattr(app.control.inspect(timeout=1.5, connection=connection), what)() or {}

    def wait_for_backfill(self, backfill: str, seconds: float = 180) -> None:
        """Wait until a backfill has ended well."""
        good, bad = "COMPLETED_SUCCESS", {"FAILED", "CANCELED", "COMPLETED_FAILED"}

        def ended() -> bool:
            status = self.backfill_status(backfill)
            assert status not in bad, (status, self.runs(backfill))
            return status == good

        wait_for(f"backfill {backfill}", ended, seconds, every=1)

    def wait_for_days(self, asset: str, count: int, seconds: float = 180) -> None:
        """Wait until ``count`` days of an asset are materialised."""
        wait_for(f"{count} days of {asset}", lambda: self.materialised(asset) >= count, seconds, every=0.5)


def tags_of(run: dict[str, Any]) -> dict[str, str]:
    """Tags of a run as a mapping."""
    return {tag["key"]: tag["value"] for tag in run["tags"]}


@contextmanager
def platform(
    folder: Path, database: Database, broker: Database, settings: dict[str, str], workers: Sequence[str] = ("1", "2")
) -> Iterator[Platform]:
    """Start the whole platform with the commands of ``deploy/cluster``; it ends with the block."""
    port, outside = free_ports(2)
    settings = {**settings, "POLYGON_UI_HOSTS": f"127.0.0.1:{outside}"}
    with ExitStack() as stack:
        control = _environment(folder, "control", settings)
        migrate = unit_command("polygon-assets-schema.service", settings)
        done = subprocess.run(migrate, check=False, capture_output=True, text=True, env=control, cwd=folder)
        assert done.returncode == 0, done.stderr
        command = unit_command("polygon-assets-webserver.service", settings)
        command[command.index("--port") + 1] = str(port)
        webserver = Service("webserver", command, folder, environment=control)
        daemon = Service("daemon", unit_command("polygon-assets-daemon.service", settings), folder, environment=control)
        found = Platform(folder, settings, stack.enter_context(nginx(folder, port, outside)), database, broker)
        for name in workers:
            command = unit_command("polygon-assets-worker@.service", settings, instance=name)
            environment = _environment(folder, f"worker-{name}", settings)
            found.workers[name] = Service(f"worker-{name}", command, folder, environment=environment)
        found.services = [webserver, daemon, *found.workers.values()]
        for service in found.services:
            stack.enter_context(running(service))
        webserver.wait_until(found.web.answers, 120)
        wait_for("workers", lambda: set(found.taken_by()) == set(workers), 60)
        yield found


def _environment(folder: Path, name: str, settings: dict[str, str]) -> dict[str, str]:
    """What a machine's environment file sets, and nothing else but where programs are."""
    home = folder / name
    write_home(home)
    return {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(home), **settings, "DAGSTER_HOME": str(home)}
