"""Dagster's history in PostgreSQL, over connections that are kept.

Belongs here: how connections are held. Does not: what is stored, which is Dagster's (but for ``with_own_closures``).
Needs the extra ``cluster``.
"""

import select
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import dagster as dg
from dagster._core.storage.config import PostgresStorageConfig
from dagster._serdes import ConfigurableClassData
from dagster_postgres.auth import PgTokenProvider
from dagster_postgres.run_storage import PostgresRunStorage
from dagster_postgres.storage import DagsterPostgresStorage
from dagster_postgres.utils import (
    create_pg_engine,
    get_token_provider_from_config,
    pg_url_from_config,
    retry_pg_connection_fn,
)
from sqlalchemy import event, text
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import NullPool

from polygon_assets.orchestration.dagster_internals import with_own_closures

_STATEMENT_MILLISECONDS = 300_000
_RECYCLE_SECONDS = 3600
_OVERFLOW = 20
_OPENING = 0x706F6C79676F6E
"""Number of the lock, which programs of other kinds on the same database must not use."""


class PooledPostgresStorage(DagsterPostgresStorage):
    """Dagster's own opens several connections for every event, which takes twenty times as long as the event."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        with _alone(*arguments, **named):
            super().__init__(*arguments, **named)
        self._run_storage = _Runs(
            self.postgres_url, should_autocreate_tables=False, token_provider=named.get("token_provider")
        )
        for storage in (self._run_storage, self._event_log_storage, self._schedule_storage):
            storage.optimize_for_webserver(_STATEMENT_MILLISECONDS, _RECYCLE_SECONDS, _OVERFLOW)
            event.listen(storage._engine, "checkout", _require_alive)  # noqa: SLF001 (its pool is the matter)

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "PooledPostgresStorage":
        """As Dagster calls it, with what ``dagster.yaml`` says."""
        config = cast("PostgresStorageConfig", config_value)
        return cls(
            inst_data=inst_data,
            postgres_url=pg_url_from_config(config),
            should_autocreate_tables=config.get("should_autocreate_tables", True),
            token_provider=get_token_provider_from_config(config),
        )


class _Runs(PostgresRunStorage):
    """Dagster's own, but for what is not worth storing."""

    def add_run(self, dagster_run: dg.DagsterRun) -> dg.DagsterRun:
        """Store a run, and give it as it is stored: the events that plan its steps are made of that."""
        return super().add_run(with_own_closures(dagster_run))


@contextmanager
def _alone(
    postgres_url: str, *_: object, token_provider: PgTokenProvider | None = None, **__: object
) -> Iterator[None]:
    """Let one process at a time open the database: two that make its tables at once leave it without a version."""
    engine = create_pg_engine(postgres_url, token_provider, poolclass=NullPool)
    with retry_pg_connection_fn(engine.connect) as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _OPENING})
        yield  # the lock ends with the transaction, which ends with the connection


def _require_alive(connection: Any, *_: object) -> None:
    """Make the pool replace a connection that was cut: nothing is due on an idle one but its end."""
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    if waiting.poll(0):
        raise DisconnectionError("PostgreSQL ended this connection")
