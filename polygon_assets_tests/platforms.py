"""A whole platform for each test: a bucket with made-up files, a store, a Dagster instance, the environment."""

import gzip
import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.partition_status_cache import get_and_update_asset_status_cache_value
from sqlalchemy import Engine

from polygon_assets.datasets import DATASETS
from polygon_assets.download import S3Catalog
from polygon_assets.orchestration.assembly import build_definitions
from polygon_assets.orchestration.home_lock import alone
from polygon_assets.orchestration.watching.new_day_sensors import Clock, utc_now
from polygon_assets.sample.flat_files import flat_file
from polygon_assets.sample.generators import Size
from polygon_assets.serving.home import local_configuration, prepare_home
from polygon_assets.settings import load_settings
from polygon_assets_tests.servers.seaweed import S3Server
from polygon_assets_tests.stores import STORE_PREFIX, Place

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
NO_COMPUTE_LOGS = {
    "module": "dagster._core.storage.noop_compute_log_manager",
    "class": "NoOpComputeLogManager",
}
"""What is printed is captured by four processes for each run; tests that look at it use the shipped configuration."""
SMALL = Size(symbols=20, rows=200)


@dataclass
class Platform:
    """What a user would have set up."""

    server: S3Server
    bucket: str
    place: Place
    """Where its store lies."""
    home: Path
    """Dagster's."""
    opened: ExitStack
    catalog: S3Catalog
    built: list[tuple[tuple[object, ...], dg.Definitions]] = field(default_factory=list)
    """With what they follow from: the settings, the clock, the table of datasets."""

    @cached_property
    def instance(self) -> dg.DagsterInstance:
        """Dagster's instance, opened when it is asked for."""
        return self.opened.enter_context(dg.DagsterInstance.from_config(str(self.home)))

    @property
    def store(self) -> Path:
        """The folder of the store; for tests that know it is one."""
        assert self.place.server is None, "the store is on S3: use place"
        return Path(self.place.uri)

    def publish(self, dataset: str, days: Sequence[str], *, seed: int = 0) -> None:
        """Put made-up files of ``days`` into the bucket."""
        for day in days:
            self.put(dataset, day, flat_file(DATASETS[dataset], day, SMALL, seed=seed))

    def put(self, dataset: str, day: str, body: bytes) -> str:
        """Put ``body`` where the file of a day belongs; returns its ETag."""
        return self.server.put(self.bucket, self.catalog.get_key(dataset, day), body)

    def put_broken(self, dataset: str, day: str) -> None:
        """Put a file with a wrong header where the file of a day belongs."""
        self.put(dataset, day, gzip.compress(b"ticker,price\nA,1\n", mtime=0))

    def definitions(self, clock: Clock = utc_now) -> dg.Definitions:
        """What Dagster would load under this environment."""
        settings = load_settings()
        given = settings, clock, *DATASETS.values()
        for known, made in self.built:
            if known == given:
                return made
        self.built.append((given, build_definitions(settings, clock=clock)))
        return self.built[-1][1]

    def run(self, dataset: str, days: Sequence[str]) -> dg.ExecuteInProcessResult:
        """Materialise the range from the first to the last of ``days`` in one run."""
        job = self.definitions().resolve_implicit_global_asset_job_def()
        return job.get_subset(asset_selection={dg.AssetKey.from_user_string(dataset)}).execute_in_process(
            instance=self.instance,
            tags={
                "dagster/asset_partition_range_start": days[0],
                "dagster/asset_partition_range_end": days[-1],
            },
            run_config=QUIET,
            raise_on_error=False,
        )

    def why(self) -> str:
        """The error of the newest run, for a failing test's message."""
        (run,) = self.instance.get_runs(limit=1)
        records = self.instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE).records
        return "\n".join(str(record.event_log_entry.get_dagster_event().event_specific_data) for record in records)

    def materialised(self, dataset: str) -> list[str]:
        """The partitions that Dagster shows as materialised."""
        return sorted(self.instance.get_materialized_partitions(dg.AssetKey.from_user_string(dataset)))

    def partition_statuses(self, dataset: str) -> tuple[list[str], list[str]]:
        """The partitions that the UI shows as materialised, and those that it shows as failed."""
        partitions = self.definitions().resolve_asset_graph().get(dg.AssetKey.from_user_string(dataset)).partitions_def
        status = get_and_update_asset_status_cache_value(
            self.instance, dg.AssetKey.from_user_string(dataset), partitions
        )
        assert status is not None
        assert partitions is not None
        return (
            sorted(status.deserialize_materialized_partition_subsets(partitions).get_partition_keys()),
            sorted(status.deserialize_failed_partition_subsets(partitions).get_partition_keys()),
        )

    def metadata(self, dataset: str, day: str) -> dict[str, Any]:
        """The plain values of the newest materialisation of a partition."""
        records = self.instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key=dg.AssetKey.from_user_string(dataset), asset_partitions=[day]), limit=1
        ).records
        assert records[0].asset_materialization is not None
        return {name: value.value for name, value in records[0].asset_materialization.metadata.items()}

    def checks(self, dataset: str) -> dict[tuple[str, str], bool]:
        """Whether each check passed, by its name and partition."""
        records = self.instance.event_log_storage.get_event_records(
            dg.EventRecordsFilter(dg.DagsterEventType.ASSET_CHECK_EVALUATION)
        )
        found = {}
        for record in reversed(records):
            event = record.event_log_entry.get_dagster_event()
            evaluation = event.asset_check_evaluation_data
            if evaluation.asset_key == dg.AssetKey.from_user_string(dataset):
                found[evaluation.check_name, str(evaluation.partition)] = evaluation.passed
        return found


@dataclass(frozen=True)
class _Made:
    """What a platform holds."""

    objects: dict[str, bytes]
    contents: dict[str, bytes]
    home: Path


Made = Callable[[str, Callable[[Platform], object]], Platform]


@pytest.fixture(scope="session")
def made_before() -> dict[tuple[str, str], _Made]:
    """Platforms that were made, by their names and the kinds of their stores."""
    return {}


@pytest.fixture
def made(
    platform: Platform,
    store_kind: str,
    made_before: dict[tuple[str, str], _Made],
    tmp_path_factory: pytest.TempPathFactory,
) -> Made:
    """Bring the platform into a state that several tests begin with: made by the first, and copied for the others.

    Footers and history of a copy name the bucket and the store of the first.
    """

    def bring(name: str, make: Callable[[Platform], object]) -> Platform:
        if (name, store_kind) in made_before:
            _restore(platform, made_before[name, store_kind])
        else:
            make(platform)
            made_before[name, store_kind] = _copy(platform, tmp_path_factory.mktemp("made"))
        return platform

    return bring


def _copy(platform: Platform, folder: Path) -> _Made:
    client = platform.server.client()
    keys = [entry["Key"] for entry in client.list_objects_v2(Bucket=platform.bucket).get("Contents", [])]
    objects = {key: client.get_object(Bucket=platform.bucket, Key=key)["Body"].read() for key in keys}
    shutil.copytree(platform.home, folder / "home")
    own = {key: body for key, body in objects.items() if not key.startswith(STORE_PREFIX)}
    return _Made(own, platform.place.contents(), folder / "home")


def _restore(platform: Platform, made: _Made) -> None:
    for key, body in made.objects.items():
        platform.server.put(platform.bucket, key, body)
    platform.place.fill(made.contents)
    shutil.rmtree(platform.home)
    shutil.copytree(made.home, platform.home)


@pytest.fixture(scope="session")
def fresh_home(shared_folder: Path) -> Path:
    """A Dagster home whose database stands; copying it is ten times cheaper than migrating one for each test."""
    home = shared_folder / "fresh-home"
    with alone(shared_folder / "fresh-home.lock"), pytest.MonkeyPatch.context() as patch:
        if not home.exists():
            home.mkdir()
            shipped = yaml.safe_load(local_configuration().read_text())
            own = {"compute_logs": NO_COMPUTE_LOGS, **{key: shipped[key] for key in ("telemetry", "storage")}}
            (home / "dagster.yaml").write_text(yaml.safe_dump(own))
            patch.setenv("DAGSTER_HOME", str(home))
            prepare_home(home)
    return home


@pytest.fixture(scope="session")
def tables_of_a_run(shared_folder: Path, fresh_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of a run without events. Each run has one, and making its tables takes as long as a day's events."""
    made = shared_folder / "tables-of-a-run.db"
    with alone(shared_folder / "fresh-home.lock"), pytest.MonkeyPatch.context() as patch:
        if not made.exists():
            home = tmp_path_factory.mktemp("tables") / "home"
            shutil.copytree(fresh_home, home)
            patch.setenv("DAGSTER_HOME", str(home))
            with dg.DagsterInstance.from_config(str(home)) as instance:
                assert isinstance(instance.event_log_storage, SqliteEventLogStorage)
                with instance.event_log_storage.run_connection("no-run"):
                    pass
            shutil.move(home / "history/runs/no-run.db", made)
    return made


def copied_tables(tables_of_a_run: Path) -> Callable[[SqliteEventLogStorage, Engine, bool], None]:
    """As ``SqliteEventLogStorage._initdb``, which makes the tables of a database that was just opened."""
    make = SqliteEventLogStorage._initdb

    def copy(log: SqliteEventLogStorage, engine: Engine, for_index_shard: bool = False) -> None:
        path = Path(str(engine.url.database))
        if for_index_shard or path.exists():
            make(log, engine, for_index_shard)
        else:
            shutil.copyfile(tables_of_a_run, path)

    return copy


@contextmanager
def open_platform(
    server: S3Server,
    bucket: str,
    folder: Path,
    fresh_home: Path,
    monkeypatch: pytest.MonkeyPatch,
    place: Place | None = None,
) -> Iterator[Platform]:
    """A platform in ``folder``, under the environment variables that a user would set; the store may lie elsewhere."""
    place = place or Place(str(folder / "store"), folder / "staging")
    environment = {
        "POLYGON_ACCESS_KEY_ID": server.access_key_id,
        "POLYGON_SECRET_ACCESS_KEY": server.secret_access_key,
        "POLYGON_ENDPOINT_URL": server.endpoint_url,
        "POLYGON_BUCKET": bucket,
        **place.environment(),
        "DAGSTER_HOME": str(folder / "home"),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    home = folder / "home"
    shutil.copytree(fresh_home, home)
    with ExitStack() as opened:
        yield Platform(server, bucket, place, home, opened, S3Catalog(bucket, options_prefix="us_options_opra"))


@contextmanager
def platform_of_a_user(
    server: S3Server, folder: Path, fresh_home: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Platform]:
    """A platform in ``folder`` with a bucket of its own and the ``dagster.yaml`` of a user's machine, to be served."""
    bucket, home = f"flatfiles-{uuid.uuid4().hex[:12]}", folder / "fresh"
    server.client().create_bucket(Bucket=bucket)
    shutil.copytree(fresh_home, home)
    shutil.copyfile(local_configuration(), home / "dagster.yaml")
    with open_platform(server, bucket, folder, home, monkeypatch) as platform:
        yield platform


@pytest.fixture
def platform(
    s3_server: S3Server,
    bucket: str,
    tmp_path: Path,
    fresh_home: Path,
    tables_of_a_run: Path,
    monkeypatch: pytest.MonkeyPatch,
    place: Place,
) -> Iterator[Platform]:
    """A platform of the test's own."""
    monkeypatch.setattr(SqliteEventLogStorage, "_initdb", copied_tables(tables_of_a_run))
    with open_platform(s3_server, bucket, tmp_path, fresh_home, monkeypatch, place) as opened:
        yield opened


@pytest.fixture
def tick(platform: Platform) -> Callable[..., Any]:
    """Evaluate a dataset's sensor at a time, as the daemon would, with the cursor of the last tick."""
    cursors: dict[str, str | None] = {}

    def evaluate(dataset: str, clock: Clock) -> Any:
        definitions = platform.definitions(clock)
        sensor = definitions.resolve_sensor_def(f"new_trading_days_{dataset}")
        with dg.build_sensor_context(
            instance=platform.instance,
            resources=dict(definitions.resources or {}),
            repository_def=definitions.get_repository_def(),
            cursor=cursors.get(dataset),
            sensor_name=sensor.name,
        ) as context:
            data = sensor.evaluate_tick(context)
        if data.cursor is not None:
            cursors[dataset] = data.cursor
        return data

    return evaluate
