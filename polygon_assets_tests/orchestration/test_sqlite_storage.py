"""The history over kept connections: Dagster's own in all that is stored, in a quarter of the time."""

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log import SqliteEventLogStorage
from watchdog.events import FileModifiedEvent

from polygon_assets.errors import HistoryGoneError, InvalidInputError
from polygon_assets.orchestration import sqlite_storage
from polygon_assets.orchestration.sqlite_storage import many_at_once
from polygon_assets.serving.home import prepare_home
from polygon_assets.settings import dagster_home

pytestmark = pytest.mark.integration
DAYS = ["2024-01-02", "2024-01-03", "2024-01-04"]
KEY = dg.AssetKey("stocks_daily")
RUN = "0f9ad1a1-0000-4000-8000-{:012}"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    return prepare_home(dagster_home())


@pytest.fixture
def instance(home: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.from_config(str(home)) as opened:
        yield opened


def report(instance: dg.DagsterInstance, *days: str) -> None:
    for day in days:
        instance.report_runless_asset_event(dg.AssetMaterialization(KEY, partition=day))
        instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(asset_key=KEY, check_name="readable", passed=True, partition=day)
        )


def event(run_id: str, number: int = 0) -> EventLogEntry:
    return EventLogEntry(  # type: ignore[no-untyped-call]
        error_info=None, level=20, user_message=f"event {number}", run_id=run_id, timestamp=float(number)
    )


class Listener:
    """Notes what it is told, and when it was told of ``count`` events."""

    def __init__(self, count: int) -> None:
        self.messages: list[str] = []
        self.all = threading.Event()
        self._count = count

    def __call__(self, entry: EventLogEntry, _cursor: str) -> None:
        self.messages.append(entry.user_message)
        if len(self.messages) == self._count:
            self.all.set()


def test_one_machine_has_it(instance: dg.DagsterInstance) -> None:
    report(instance, *DAYS)
    assert type(instance.event_log_storage).__name__ == "_KeptEventLog"
    assert instance.get_materialized_partitions(KEY) == set(DAYS)


def test_dagsters_own_reads_and_writes_the_same_history(home: Path, instance: dg.DagsterInstance) -> None:
    """Who takes the block out of dagster.yaml, or had none before, keeps his history."""
    report(instance, DAYS[0])
    lines = (home / "dagster.yaml").read_text().split("\n\n")
    (home / "dagster.yaml").write_text("\n\n".join(each for each in lines if "KeptSqliteStorage" not in each))
    with dg.DagsterInstance.from_config(str(home)) as plain:
        assert type(plain.event_log_storage) is SqliteEventLogStorage
        assert plain.get_materialized_partitions(KEY) == {DAYS[0]}
        report(plain, DAYS[1])
    assert instance.get_materialized_partitions(KEY) == set(DAYS[:2])


def test_no_event_opens_a_database(instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dagster's own opens and closes one for each statement: some thirty for every partition."""
    report(instance, DAYS[0])
    connect, opened = sqlite3.dbapi2.connect, []

    def counted(*arguments: Any, **named: Any) -> Any:
        opened.append(arguments)
        return connect(*arguments, **named)

    monkeypatch.setattr(sqlite3.dbapi2, "connect", counted)
    report(instance, *DAYS[1:])
    assert opened == []


def test_the_databases_of_runs_are_not_all_kept_open(home: Path, instance: dg.DagsterInstance) -> None:
    for number in range(40):
        instance.event_log_storage.store_event(event(RUN.format(number)))
    open_files = {link.resolve() for link in Path("/proc/self/fd").iterdir() if link.exists()}
    assert len([path for path in open_files if path.parent == home / "history/runs" and path.suffix == ".db"]) == 16
    for number in range(40):
        assert len(instance.event_log_storage.get_logs_for_run(RUN.format(number))) == 1


def test_events_of_a_kept_connection_are_heard_of(home: Path, instance: dg.DagsterInstance) -> None:
    """A run's page shows them as they come. They stand in the write-ahead log, whose file Dagster's own ignores."""
    run, hear = RUN.format(1), Listener(3)
    instance.event_log_storage.store_event(event(run))
    with dg.DagsterInstance.from_config(str(home)) as other:
        other.event_log_storage.watch(run, None, hear)
        for number in (1, 2):
            instance.event_log_storage.store_event(event(run, number))
        assert hear.all.wait(30), hear.messages
        other.event_log_storage.end_watch(run, hear)
    assert sorted(hear.messages) == ["event 0", "event 1", "event 2"]


def test_what_the_disk_has_late_is_heard_of_too(
    home: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite shows a write to others after its flush, of which no notice comes: a run's last event went missing."""
    run, hear = RUN.format(1), Listener(2)
    instance.event_log_storage.store_event(event(run))
    monkeypatch.setattr(sqlite_storage, "_SECOND_LOOK_SECONDS", 0.5)
    with dg.DagsterInstance.from_config(str(home)) as other:
        other.event_log_storage.watch(run, None, hear)
        log = other.event_log_storage._watchers[run][hear][0]  # type: ignore[attr-defined]
        log.on_modified(FileModifiedEvent(log._log_path))  # before the event can be seen
        assert hear.messages == ["event 0"]
        other.event_log_storage._obs.unschedule_all()  # type: ignore[attr-defined]
        instance.event_log_storage.store_event(event(run, 1))
        assert hear.all.wait(30), hear.messages


def test_nothing_stays_open(home: Path) -> None:
    def open_databases() -> set[str]:
        links = (link.resolve() for link in Path("/proc/self/fd").iterdir() if link.exists())
        return {path.name for path in links if path.is_relative_to(home) and path.suffix == ".db"}

    with dg.DagsterInstance.from_config(str(home)) as opened:
        opened.event_log_storage.store_event(event(RUN.format(1)))
        assert open_databases() == {f"{RUN.format(1)}.db"}
    assert open_databases() == set()


def replace(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Move ``home`` away, as a process that has it open does not notice, and put another in its place; where it is."""
    monkeypatch.setenv("DAGSTER_HOME", str(home.parent / "fresh"))
    fresh = prepare_home(dagster_home())
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    moved = home.rename(home.parent / "moved")
    fresh.rename(home)
    return moved


def test_days_told_to_a_history_that_was_replaced_were_lost_with_the_old_one(
    home: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A webserver or daemon that lived on kept writing into the folder that was moved away."""
    for number in range(20):
        instance.event_log_storage.store_event(event(RUN.format(number)))
    report(instance, DAYS[0])
    moved = replace(home, monkeypatch)
    assert instance.get_materialized_partitions(KEY) == set()
    report(instance, DAYS[1])
    assert instance.get_materialized_partitions(KEY) == {DAYS[1]}
    for number in (0, 19, 20):
        instance.event_log_storage.store_event(event(RUN.format(number)))
        assert len(instance.event_log_storage.get_logs_for_run(RUN.format(number))) == 1
    with dg.DagsterInstance.from_config(str(home)) as other:
        assert other.get_materialized_partitions(KEY) == {DAYS[1]}
    with sqlite3.connect(moved / "history/runs/index.db") as old:
        assert old.execute("SELECT count(*) FROM event_logs WHERE partition = ?", [DAYS[1]]).fetchone() == (0,)


def test_a_page_opened_after_a_history_was_replaced_hears_of_its_events(
    home: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, hear = RUN.format(1), Listener(2)
    instance.event_log_storage.watch(RUN.format(2), None, Listener(1))
    replace(home, monkeypatch)
    instance.event_log_storage.store_event(event(run))
    instance.event_log_storage.watch(run, None, hear)
    with dg.DagsterInstance.from_config(str(home)) as other:
        other.event_log_storage.store_event(event(run, 1))
    assert hear.all.wait(30), hear.messages
    instance.event_log_storage.end_watch(run, hear)


def test_a_history_that_is_gone_is_not_begun_again_in_its_place(home: Path, instance: dg.DagsterInstance) -> None:
    report(instance, DAYS[0])
    home.rename(home.parent / "moved")
    with pytest.raises(HistoryGoneError, match="Put it back"):
        report(instance, DAYS[1])
    assert not home.exists()
    (home.parent / "moved").rename(home)
    report(instance, DAYS[1])
    assert instance.get_materialized_partitions(KEY) == set(DAYS[:2])


def test_logs_may_lie_elsewhere(home: Path, tmp_path: Path) -> None:
    storage = "local_artifact_storage: {module: dagster.core.storage.root, class: LocalArtifactStorage, config: "
    with (home / "dagster.yaml").open("a") as file:
        file.write(f"\n{storage}{{base_dir: {tmp_path / 'artifacts'}}}}}\n")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        report(instance, DAYS[0])
    assert (home / "history/runs/index.db").exists()


def test_threads_take_turns(instance: dg.DagsterInstance) -> None:
    run = RUN.format(1)
    threads = [
        threading.Thread(
            target=lambda: [instance.event_log_storage.store_event(event(run, number)) for number in range(20)]
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(instance.event_log_storage.get_logs_for_run(run)) == 80


def test_a_wiped_history_begins_anew(instance: dg.DagsterInstance) -> None:
    report(instance, *DAYS)
    instance.event_log_storage.wipe()
    assert instance.get_materialized_partitions(KEY) == set()
    report(instance, DAYS[0])
    assert instance.get_materialized_partitions(KEY) == {DAYS[0]}


def test_another_home_than_the_environments_is_refused(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "another"))
    with pytest.raises(InvalidInputError, match=f"another, but {home} was opened"):
        dg.DagsterInstance.from_config(str(home))


def test_a_home_may_be_called_by_another_name(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "link").symlink_to(home)
    for name in (f"{tmp_path}/link", f"{home}/", f"{home}/../{home.name}"):
        monkeypatch.setenv("DAGSTER_HOME", name)
        with dg.DagsterInstance.get() as instance:
            assert instance.get_materialized_partitions(KEY) == set()


def test_a_history_may_lie_elsewhere(home: Path, tmp_path: Path) -> None:
    text = (home / "dagster.yaml").read_text()
    (home / "dagster.yaml").write_text(text.replace("config: {}", f"config: {{base_dir: {tmp_path / 'elsewhere'}}}"))
    with dg.DagsterInstance.from_config(str(home)) as instance:
        report(instance, DAYS[0])
    assert (tmp_path / "elsewhere/history/runs/index.db").exists()


def test_many_events_reach_the_disk_together(home: Path, instance: dg.DagsterInstance) -> None:
    """Recording 504 days waited for the disk eleven times a day, and took twice as long for it."""

    def waits() -> set[int]:
        storage: Any = instance.event_log_storage
        found = set()
        for engine in storage._engines.values():
            with engine.connect() as connection:
                found.add(connection.exec_driver_sql("PRAGMA synchronous").scalar())
        return found

    at_each_commit, at_checkpoints = 2, 1
    report(instance, DAYS[0])
    assert waits() == {at_each_commit}
    with many_at_once(instance):
        assert waits() == {at_checkpoints}
        with many_at_once(instance):
            report(instance, *DAYS[1:])
        assert waits() == {at_checkpoints}
    assert waits() == {at_each_commit}
    with pytest.raises(ZeroDivisionError), many_at_once(instance):
        1 / 0  # noqa: B018
    assert waits() == {at_each_commit}
    with dg.DagsterInstance.from_config(str(home)) as again:
        assert again.get_materialized_partitions(KEY) == set(DAYS)
