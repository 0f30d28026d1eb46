"""Which stored days Dagster's history on this machine shows, read without Dagster: its import takes a second of CPU.

    unchanged day ──► known, as it is? ──► nothing to tell, and Dagster is not imported
                          no, or it cannot be told ──► Recorder, which asks Dagster

Belongs here: reading the one table where its form is the known one. Does not: writing, which Dagster does.
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from polygon_assets.ingest.results import DayResult

_OWN_STORAGE = {
    "custom": {"module": "polygon_assets.orchestration.sqlite_storage", "class": "KeptSqliteStorage", "config": {}}
}
_WIPED = "SELECT wipe_timestamp, asset_details FROM asset_keys WHERE asset_key = ?"
_NEWEST = (
    "SELECT event FROM event_logs WHERE asset_key = ? AND dagster_event_type = 'ASSET_MATERIALIZATION' "
    "AND partition = ? ORDER BY id DESC LIMIT 1"
)
_LATEST_CHECK = (
    "SELECT execution_status FROM asset_check_executions WHERE asset_key = ? AND check_name = 'readable' "
    "AND partition = ? ORDER BY id DESC LIMIT 1"
)


class KnownDays:
    """The days of one asset, as ``Recorder`` would find them."""

    def __init__(self, connection: sqlite3.Connection, key: Sequence[str]) -> None:
        """``key`` holds the parts of the asset's key."""
        self._connection, self._key = connection, json.dumps(list(key))

    def knows(self, result: DayResult) -> bool:
        """Is the day shown as materialised, from the same source and rules, and not as unreadable?

        False also where the history has a form that is not known here.
        """
        try:
            said = self._recorded(result.day)
            return said == (result.source_etag, result.schema_version) and not self._is_unreadable(result.day)
        except (sqlite3.Error, ValueError, LookupError, TypeError):
            return False

    def _recorded(self, day: str) -> tuple[object, object] | None:
        """ETag and schema version of the newest materialisation; None where there is none, or one was wiped."""
        if self._one(_WIPED, self._key) != (None, None):
            return None
        newest = self._one(_NEWEST, self._key, day)
        if newest is None:
            return None
        event = json.loads(newest[0])["dagster_event"]["event_specific_data"]["materialization"]
        said = {each["label"]: each["entry_data"].get("text") for each in event["metadata_entries"]}
        return said["source_etag"], said["schema_version"]

    def _is_unreadable(self, day: str) -> bool:
        latest = self._one(_LATEST_CHECK, self._key, day)
        return latest is not None and latest[0] == "FAILED"

    def _one(self, query: str, *values: str) -> tuple[Any, ...] | None:
        found: tuple[Any, ...] | None = self._connection.execute(query, values).fetchone()
        return found


@contextmanager
def open_known_days(home: Path, key: Sequence[str]) -> Iterator[KnownDays | None]:
    """What the history in ``home`` shows of the asset ``key``; None where it does not lie there, in SQLite."""
    index = home / "history/runs/index.db"
    if not (_is_own(home / "dagster.yaml") and index.is_file()):
        yield None
        return
    try:
        connection = sqlite3.connect(f"{index.as_uri()}?mode=rw", uri=True, check_same_thread=False)
    except sqlite3.Error:
        yield None
        return
    with closing(connection):
        yield KnownDays(connection, key)


def _is_own(configuration: Path) -> bool:
    """Does this ``dagster.yaml`` keep the history where the one for one machine does?"""
    import yaml  # noqa: PLC0415 (only who tells Dagster something reads its configuration)

    try:
        found = yaml.safe_load(configuration.read_text())
    except (OSError, ValueError, yaml.YAMLError):
        return False
    return isinstance(found, dict) and found.get("storage") == _OWN_STORAGE
