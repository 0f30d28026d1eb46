"""Which step a day takes, as a table: what the store has, what the vendor has, what is asked for."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from polygon_assets.datasets import get_dataset
from polygon_assets.flatfile.parquet_format import READER_VERSION
from polygon_assets.flatfile.provenance import Provenance, Source
from polygon_assets.ingest.decisions import (
    AskForTheETag,
    Convert,
    Fetch,
    LeaveAsStored,
    RefuseAgain,
    Step,
    decide,
)
from polygon_assets.store.day_files import StoredState
from polygon_assets.store.quarantine import QuarantinedDay
from polygon_assets.store.raw_files import RetainedSource

VERSION = get_dataset("stocks_daily").schema_version


def source(etag: str, day: int = 3) -> Source:
    return Source("s3://b/k", "k", etag, dt.datetime(2024, 1, day, tzinfo=dt.UTC), 10)


def provenance(etag: str) -> Provenance:
    modified = source(etag).last_modified.isoformat()
    return Provenance("s3://b/k", "k", etag, modified, 10, 1, 1, VERSION, (), "1")


def retained(etag: str, day: int = 3, *, refused: bool = False) -> RetainedSource:
    return RetainedSource(source(etag, day), _nowhere, refused)


def _nowhere(_: Path) -> None:
    raise AssertionError("deciding must not touch a file")


def refused(etag: str, schema_version: str = VERSION) -> QuarantinedDay:
    return QuarantinedDay(
        dataset="stocks_daily",
        day="2024-01-02",
        refused=True,
        cause="cause",
        source=source(etag),
        findings=(),
        schema_version=schema_version,
        sha256="",
        uri="",
        reader_version=READER_VERSION,
    )


NOTHING = StoredState()
STORED = StoredState(stored=provenance("a"), is_current=True)
STORED_WITH_RAW = StoredState(stored=provenance("a"), is_current=True, raw=retained("a"))
OUTDATED = StoredState(stored=provenance("a"), is_current=False)
OUTDATED_WITH_RAW = StoredState(stored=provenance("a"), is_current=False, raw=retained("a"))
OUTDATED_WITH_OTHER_RAW = StoredState(stored=provenance("a"), is_current=False, raw=retained("b", 2))
DAMAGED = StoredState(is_damaged=True)
DAMAGED_WITH_RAW = StoredState(is_damaged=True, raw=retained("a"))
REFUSED = StoredState(quarantined=(refused("a"),))
REFUSED_UNDER_OLDER_RULES = StoredState(
    quarantined=(refused("a", "0"),), refused_under_older_rules=(retained("a", refused=True),)
)

CASES: list[tuple[StoredState, str | None, dict[str, Any], Step]] = [
    (NOTHING, None, {}, Fetch()),
    (DAMAGED, None, {}, Fetch()),
    (STORED, None, {}, AskForTheETag()),
    (REFUSED, None, {}, AskForTheETag()),
    (DAMAGED_WITH_RAW, None, {}, AskForTheETag()),
    (OUTDATED, None, {}, AskForTheETag()),
    (OUTDATED_WITH_OTHER_RAW, None, {}, AskForTheETag()),
    (OUTDATED_WITH_RAW, None, {}, Convert(retained("a"), is_latest=False)),
    (STORED, "a", {}, LeaveAsStored()),
    (STORED, "b", {}, Fetch()),
    (STORED, "a", {"keep_raw": True}, Fetch()),
    (STORED_WITH_RAW, "a", {"keep_raw": True}, LeaveAsStored()),
    (OUTDATED, "a", {}, Fetch()),
    (DAMAGED_WITH_RAW, "a", {}, Convert(retained("a"), is_latest=True)),
    (DAMAGED_WITH_RAW, "b", {}, Fetch()),
    (REFUSED, "a", {}, RefuseAgain(refused("a"))),
    (REFUSED, "b", {}, Fetch()),
    (REFUSED_UNDER_OLDER_RULES, "a", {}, Convert(retained("a", refused=True), is_latest=True)),
    *((state, etag, {"overwrite": True}, Fetch()) for state in (STORED_WITH_RAW, REFUSED) for etag in (None, "a")),
]


@pytest.mark.parametrize(("state", "etag", "asked", "step"), CASES)
def test_the_next_step(state: StoredState, etag: str | None, asked: dict[str, Any], step: Step) -> None:
    assert decide(state, etag, **asked) == step
