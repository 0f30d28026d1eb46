"""Dagster's history in SQLite below its home, over connections that are kept.

Belongs here: how connections are held, and how their writes are noticed. Does not: what is stored, which is Dagster's
(but for ``with_own_closures``).
"""

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import dagster as dg
from alembic.util import CommandError
from dagster._config import Field, StringSource
from dagster._core.event_api import EventHandlerFn
from dagster._core.storage.event_log.sqlite.sqlite_event_log import (
    INDEX_SHARD_NAME,
    SqliteEventLogStorage,
    SqliteEventLogStorageWatchdog,
)
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.pool import QueuePool
from watchdog.events import FileSystemEvent
from watchdog.observers import Observer

from polygon_assets.errors import BrokenHistoryError, HistoryGoneError, InvalidInputError
from polygon_assets.orchestration.dagster_internals import with_own_closures
from polygon_assets.orchestration.home_lock import RunLocks, alone
from polygon_assets.settings import dagster_home

_ENDS = frozenset({dg.DagsterEventType.RUN_SUCCESS, dg.DagsterEventType.RUN_FAILURE, dg.DagsterEventType.RUN_CANCELED})
_CONNECTIONS = 16
"""Databases that are kept open: the index, and those of the latest runs, which have one each."""
_BUSY_SECONDS = 30
"""How long a statement waits for other processes, as in Dagster's own storage, which lacks a name for it in 1.13.0."""
_SECOND_LOOK_SECONDS = 2.0
"""After the last write that was heard of; longer than a disk takes."""
_Identity = tuple[int, int] | None
"""Device and number of a file or folder; None where there is none."""


class KeptSqliteStorage(DagsterSqliteStorage):
    """Dagster's own opens a database anew for every statement, which takes four times as long as the statement."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None, home: Path | None = None) -> None:
        with alone(Path(base_dir) / ".opening.lock"), _explained(base_dir):
            super().__init__(base_dir, inst_data)
            assert isinstance(self._event_log_storage, SqliteEventLogStorage)  # noqa: S101 (Dagster's, made by super)
            folder = self._event_log_storage._base_dir  # noqa: SLF001 (only it says where)
            self._event_log_storage = _KeptEventLog(folder, home)
            self._run_storage = _Runs(self._run_storage._conn_string)  # noqa: SLF001 (only it says where)

    @classmethod
    def config_type(cls) -> Mapping[str, Any]:
        """``base_dir``; without it the home that the environment names."""
        return {"base_dir": Field(StringSource, is_required=False)}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "KeptSqliteStorage":
        """As Dagster calls it, with what ``dagster.yaml`` says."""
        if base_dir := config_value.get("base_dir"):
            return cls(base_dir, inst_data)
        return cls(str(dagster_home()), inst_data, home=dagster_home())


def run_locks(instance: dg.DagsterInstance) -> RunLocks | None:
    """Which runs of ``instance`` are executed by a process that lives; None where its history is stored otherwise."""
    storage = instance.event_log_storage
    return storage.run_locks if isinstance(storage, _KeptEventLog) else None


def many_at_once(instance: dg.DagsterInstance) -> AbstractContextManager[None]:
    """Within the block, many events are stored in half of the time, and reach the disk together: ``_KeptEventLog``."""
    storage = instance.event_log_storage
    return storage.many_at_once() if isinstance(storage, _KeptEventLog) else nullcontext()


@contextmanager
def _explained(base_dir: str) -> Iterator[None]:
    """Name the remedy for a history that two processes of an older version broke by making it at once."""
    try:
        yield
    except CommandError as error:
        raise BrokenHistoryError(base_dir, str(error)) from error


class _Runs(SqliteRunStorage):
    """Dagster's own, but for what is not worth storing."""

    def add_run(self, dagster_run: dg.DagsterRun) -> dg.DagsterRun:
        """Store a run, and give it as it is stored: the events that plan its steps are made of that."""
        return super().add_run(with_own_closures(dagster_run))


class _KeptEventLog(SqliteEventLogStorage):
    """One connection for each database. ``_db_lock`` lets one thread at a time use them, as in Dagster's own."""

    def __init__(self, base_dir: str, home: Path | None) -> None:
        self._home = home
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        self._opened: dict[str, _Identity] = {}
        self._known_tables: set[tuple[_Identity, str]] = set()
        self._hurries = 0
        super().__init__(base_dir)
        self._watched = self._identity("")
        self.run_locks = RunLocks(Path(self._base_dir))

    def register_instance(self, instance: dg.DagsterInstance) -> None:
        """Join ``instance``, whose home must be this history's.

        Raises:
            InvalidInputError: DAGSTER_HOME is not the home that was opened; its history would be another's.
        """
        opened = Path(instance.root_directory)  # or where logs were told to lie, which holds no dagster.yaml
        if self._home and (opened / "dagster.yaml").exists() and opened.resolve() != self._home.resolve():
            raise InvalidInputError(f"DAGSTER_HOME is {self._home}, but {opened} was opened. Set it to that folder.")
        super().register_instance(instance)

    def _initdb(self, engine: Engine, for_index_shard: bool = False) -> None:
        """Make the tables, one process at a time: each run has a database, which several open at once."""
        with alone(Path(self._base_dir) / ".tables.lock"):
            super()._initdb(engine, for_index_shard)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock, self._engine(shard).connect() as connection, connection.begin():
            yield connection

    def _identity(self, shard: str) -> "_Identity":
        """What tells a database, or the folder of all, from another that was put in its place; None: there is none."""
        try:
            found = Path(self.path_for_shard(shard) if shard else self._base_dir).stat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    def _forget_replaced(self, shard: str) -> None:
        """Close a database whose file is not in its place any more: what is written to it would be lost."""
        if not Path(self._base_dir).is_dir():
            raise HistoryGoneError(self._base_dir)
        found = self._identity(shard)
        if shard in self._engines and found != self._opened.pop(shard):
            self._engines.pop(shard).dispose()
            found = None  # its tables may be another version's
        if found is None:
            self._initialized_dbs.discard(shard)

    def _engine(self, shard: str) -> Engine:
        self._forget_replaced(shard)
        if shard not in self._engines:
            self._engines[shard] = create_engine(
                self.conn_string_for_shard(shard),
                poolclass=QueuePool,
                pool_size=1,
                connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False},
            )
            if self._hurries:
                self._pace(self._engines[shard])
        self._engines.move_to_end(shard)
        if shard not in self._initialized_dbs:
            self._initdb(self._engines[shard])
            self._initialized_dbs.add(shard)
        self._opened[shard] = self._identity(shard)
        while len(self._engines) > _CONNECTIONS:
            closed, engine = self._engines.popitem(last=False)
            engine.dispose()
            del self._opened[closed]
        return self._engines[shard]

    @contextmanager
    def many_at_once(self) -> Iterator[None]:
        """Within the block, events reach the disk together and not one by one, which costs most of their time.

        After a power failure within it, the last of them may be missing; the database is whole.
        """
        self._change_pace(+1)
        try:
            yield
        finally:
            self._change_pace(-1)

    def _change_pace(self, change: int) -> None:
        with self._db_lock:
            self._hurries += change
            for engine in self._engines.values():
                self._pace(engine)

    def _pace(self, engine: Engine) -> None:
        """Have ``engine`` wait for the disk at each commit, or at checkpoints alone; afterwards, there is one."""
        with engine.connect() as connection:
            if not self._hurries:
                connection.exec_driver_sql("PRAGMA synchronous=FULL")
                connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")
            elif connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal":  # else it could be torn
                connection.exec_driver_sql("PRAGMA synchronous=NORMAL")

    def store_event(self, event: dg.EventLogEntry) -> None:
        """Store it; while this process executes a run, it holds the run's lock."""
        if event.dagster_event_type is dg.DagsterEventType.RUN_START:
            self.run_locks.take(event.run_id)
        super().store_event(event)
        if event.dagster_event_type in _ENDS:
            self.run_locks.release(event.run_id)

    def has_table(self, table_name: str) -> bool:
        """Dagster asks with every event; a table that is there stays, in the same file."""
        known = self._identity(INDEX_SHARD_NAME), table_name
        if known not in self._known_tables and super().has_table(table_name):
            self._known_tables.add(known)
        return known in self._known_tables

    def watch(self, run_id: str, cursor: str | None, callback: EventHandlerFn) -> None:
        """Watch the database's log too: over a kept connection, events reach the database itself only now and then."""
        observer = self._observer()
        watchdog = _LogWatchdog(self, run_id, callback, cursor)
        self._watchers[run_id][callback] = (watchdog, observer.schedule(watchdog, self._base_dir, recursive=True))

    def _observer(self) -> Any:
        """What listens to the folder; another where another folder is in its place, for all that watch."""
        before: Any = self._obs
        if before is None or self._watched != self._identity(""):
            self._watched, observer = self._identity(""), Observer()
            for watchers in self._watchers.values():
                for watchdog, watch in watchers.values():
                    observer.schedule(watchdog, watch.path, recursive=True)
            observer.start()
            self._obs = observer  # type: ignore[assignment]  # (declared as None)
            if before is not None:
                before.stop()
        return self._obs

    def end_watch(self, run_id: str, handler: EventHandlerFn) -> None:
        """Look no more at a run."""
        if handler in self._watchers[run_id]:
            self._watchers[run_id][handler][0].stop()
        super().end_watch(run_id, handler)

    def wipe(self) -> None:
        """Remove everything; what is open goes first."""
        self._close()
        super().wipe()

    def dispose(self) -> None:
        """Close what is open."""
        for watchers in self._watchers.values():
            for watchdog, _ in watchers.values():
                watchdog.stop()
        super().dispose()
        self._close()

    def _close(self) -> None:
        with self._db_lock:
            self._opened.clear()
            while self._engines:
                self._engines.popitem()[1].dispose()


class _LogWatchdog(SqliteEventLogStorageWatchdog):
    """Hears of writes into the database or its write-ahead log.

    SQLite shows what it has written to others only when the disk has it, and no notice comes then: so each notice is
    followed by a second look.
    """

    def __init__(self, storage: "_KeptEventLog", run_id: str, callback: EventHandlerFn, cursor: str | None) -> None:
        super().__init__(storage, run_id, callback, cursor)
        self._one_at_a_time = threading.Lock()
        self._second_look: threading.Timer | None = None

    @property
    def patterns(self) -> list[str]:
        return [self._log_path, f"{self._log_path}-wal"]

    def on_modified(self, _event: FileSystemEvent) -> None:
        self._look()
        if self._second_look is not None:
            self._second_look.cancel()
        self._second_look = threading.Timer(_SECOND_LOOK_SECONDS, self._look)
        self._second_look.daemon = True
        self._second_look.start()

    def stop(self) -> None:
        """Look no more."""
        if self._second_look is not None:
            self._second_look.cancel()

    def _look(self) -> None:
        with self._one_at_a_time:
            self._process_log()
