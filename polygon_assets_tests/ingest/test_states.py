"""Any order of replacements, refusals, outages, faults, rot and new rules leaves a store that is right.

A vendor in memory, a store on disk; hypothesis chooses what happens next. What must hold is checked after each step.
"""

import asyncio
import datetime as dt
import hashlib
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st

from polygon_assets.datasets import DATASETS
from polygon_assets.download.listing import FetchedObject, RemoteObject
from polygon_assets.download.s3_catalog import S3Catalog
from polygon_assets.errors import AccessDeniedError, ObjectNotFoundError
from polygon_assets.flatfile.limits import Limits
from polygon_assets.flatfile.provenance import Provenance
from polygon_assets.ingest import DayResult, DayStatus, ParquetStore, ingest_days
from polygon_assets.store.folders import LocalFolder
from polygon_assets.store.quarantine import QuarantinedDay
from polygon_assets.store.verifying import verify_day
from polygon_assets_tests.factories import compressed, row, stamp, text
from polygon_assets_tests.session import in_ci

pytestmark = pytest.mark.slow
DAY = "2024-01-02"
TOMORROW = stamp(day=dt.date(2024, 1, 3))
EPOCH = dt.datetime(2024, 1, 3, tzinfo=dt.UTC)
STRICT = Limits(max_rejected_share=0.0)
CONTENTS: dict[str, set[int] | None] = {
    "good": set(),
    "another good": set(),
    "one foreign row": {5},
    "two foreign rows": {6, 9},
    "broken": None,
    "broken otherwise": None,
}
"""What the vendor may publish: the rows that are another day's, or None for what no rules take."""


def _body(content: str) -> bytes:
    foreign = CONTENTS[content]
    if foreign is None:
        return compressed(text([content]))
    volume = 10 + list(CONTENTS).index(content)
    rows = [row(f"T{at:03}", TOMORROW if at in foreign else stamp(), volume=volume) for at in range(250)]
    return compressed(text(rows))


BODIES = {content: _body(content) for content in CONTENTS}
ETAGS = {hashlib.md5(body, usedforsecurity=False).hexdigest(): content for content, body in BODIES.items()}


@dataclass
class MemoryVendor:
    """One object, its state, and how often it was handed out."""

    content: str = "good"
    published: int = 0
    refuses: type[AccessDeniedError | ObjectNotFoundError] | None = None
    fetches: int = 0

    @property
    def etag(self) -> str:
        return hashlib.md5(BODIES[self.content], usedforsecurity=False).hexdigest()

    async def head(self, bucket: str, key: str) -> RemoteObject:
        if self.refuses:
            raise self.refuses(bucket, key, "as told")
        return RemoteObject(key, len(BODIES[self.content]), self.etag, EPOCH + dt.timedelta(hours=self.published))

    async def fetch(self, bucket: str, key: str, local_path: Path, **_: Any) -> FetchedObject:
        remote = await self.head(bucket, key)
        self.fetches += 1
        local_path.write_bytes(BODIES[self.content])  # noqa: ASYNC240 (small)
        return FetchedObject(remote.key, remote.size, remote.etag, remote.last_modified, 0)


class Faulty:
    """Raises at the n-th change of the store."""

    def __init__(self, at: int) -> None:
        self.left = at

    def wrap(self, method: Any) -> Any:
        def call(folder: LocalFolder, *arguments: Any) -> Any:
            self.left -= 1
            if self.left == 0:
                raise OSError(5, "as told")
            return method(folder, *arguments)

        return call


@dataclass(frozen=True)
class Step:
    """What happens, and then how the day is ingested."""

    content: str | None
    """What the vendor publishes; None: nothing new."""
    refuses: type[AccessDeniedError | ObjectNotFoundError] | None
    new_rules: bool
    lost: bool
    """The stored file has been deleted."""
    corrupt: str | None
    """Where the kept source files are corrupt."""
    keep_raw: bool
    overwrite: bool
    strict: bool
    fault: int
    """The change of the store that fails; 0: none."""


def rarely(strategy: st.SearchStrategy[Any], otherwise: Any) -> st.SearchStrategy[Any]:
    return st.one_of(st.just(otherwise), st.just(otherwise), strategy)


STEPS = st.builds(
    Step,
    content=st.one_of(st.none(), st.sampled_from(sorted(CONTENTS))),
    refuses=rarely(st.sampled_from([AccessDeniedError, ObjectNotFoundError]), None),
    new_rules=rarely(st.booleans(), otherwise=False),
    lost=rarely(st.booleans(), otherwise=False),
    corrupt=rarely(st.sampled_from(["_raw", "_quarantine"]), None),
    keep_raw=st.booleans(),
    overwrite=rarely(st.booleans(), otherwise=False),
    strict=rarely(st.booleans(), otherwise=False),
    fault=rarely(st.integers(1, 8), 0),
)


NOTHING = Step(None, None, False, False, None, False, False, False, 0)  # noqa: FBT003
TAKEN_BACK_AND_LOST = [
    replace(NOTHING, keep_raw=True),
    replace(NOTHING, content="broken"),
    replace(NOTHING, content="good", lost=True),
]
"""The day was made from its raw file again, and the file that was refused meanwhile went on being said to be."""
RAW_WANTED_AS_IT_IS_TAKEN_BACK = [
    NOTHING,
    replace(NOTHING, content="broken"),
    replace(NOTHING, content="good", keep_raw=True),
]
"""Only the raw file was fetched, and the refused one went on being said to be."""

REFUSED_AND_THE_RAW_FILE_CORRUPT = [
    replace(NOTHING, keep_raw=True),
    replace(NOTHING, content="broken", new_rules=True, overwrite=True),
    replace(NOTHING, corrupt="_raw"),
]
"""New rules wanted the raw file of the stored day, which was corrupt, and what is refused was fetched once more."""


@settings(max_examples=in_ci(200), deadline=None, suppress_health_check=list(HealthCheck))
@example(TAKEN_BACK_AND_LOST)
@example(RAW_WANTED_AS_IT_IS_TAKEN_BACK)
@example(REFUSED_AND_THE_RAW_FILE_CORRUPT)
@given(st.lists(STEPS, min_size=2, max_size=7))
def test_whatever_happens_the_store_is_right(steps: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(folder)
        for step in steps:
            world.take(step)


class World:
    """A vendor, a store, and what must be true of them."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.store = ParquetStore(folder)
        self.vendor = MemoryVendor()
        self.rules = 0
        self.newest_stored: Provenance | None = None

    def take(self, step: Step) -> None:
        """Let ``step`` happen, and look."""
        if step.content:
            self.vendor.content = step.content
            self.vendor.published += 1
        self.vendor.refuses = step.refuses
        self.rules += step.new_rules
        if step.lost:
            Path(self.store.path("stocks_daily", DAY)).unlink(missing_ok=True)
            self.newest_stored = None
        if step.corrupt:
            rot(Path(self.folder, step.corrupt))
        fetches, was_stored = self.vendor.fetches, self._stored() is not None
        row = replace(DATASETS["stocks_daily"], schema_version=self._schema_version)
        with patch.dict(DATASETS, stocks_daily=row):
            known = self.store.refused_etag("stocks_daily", DAY) == self.vendor.etag
            result = self._ingest(step)
        event(result.status.value)
        if known and not step.overwrite:
            assert self.vendor.fetches == fetches, "a refused file was fetched again"
        if not step.fault:
            asked = self.vendor.fetches > fetches or not was_stored
            self._check_result(step, result, asked=asked)
        self._check_store()

    def _check_result(self, step: Step, result: DayResult, *, asked: bool) -> None:
        stored, refused = self._stored(), [entry for entry in self._held() if entry.refused]
        if step.refuses and step.overwrite and stored is not None and result.status is DayStatus.FAILED:
            assert "could not be overwritten" in str(result.error)
            return
        assert result.status is not DayStatus.FAILED, result.error
        if step.refuses:
            fine = {DayStatus.UNCHANGED, DayStatus.PUBLISHED}
            if stored is not None and stored.schema_version != self._schema_version:
                fine.add(DayStatus.REFUSED)  # new rules refuse the raw file that the old ones took
            assert stored is None or result.status in fine
            return
        if result.status is DayStatus.REFUSED:
            assert result.source_etag in {entry.source.etag for entry in refused}
            return
        assert stored is not None
        if result.status is DayStatus.UNCHANGED or asked:  # else a stored day was made anew under new rules
            assert (stored.source_etag, stored.schema_version) == (self.vendor.etag, self._schema_version)
            assert not refused, "what the vendor has taken back is still said to be refused"
            raw = self.store.raw_files.source("stocks_daily", DAY)
            assert not step.keep_raw or (raw is not None and raw.etag == self.vendor.etag)

    def _check_store(self) -> None:
        assert not list(Path(self.folder).glob("_staging/run-*"))
        assert len(list(Path(self.folder).glob("_raw/**/*.csv.gz"))) <= 2, "a fault leaves one more"
        stored = self._stored()
        if stored is None:
            return
        foreign = CONTENTS[ETAGS[stored.source_etag]]
        assert foreign is not None, "what is broken was published"
        rows = self.store.scan("stocks_daily", DAY, DAY).to_table().column("ticker").to_pylist()
        assert rows == [f"T{at:03}" for at in range(250) if at not in foreign]
        assert verify_day(self.store, "stocks_daily", DAY).whole
        version = (stored.source_etag, stored.schema_version)
        ours = [
            each for each in self._held() if not each.refused and (each.source.etag, each.schema_version) == version
        ]
        named = [line for each in ours for line in self.store.quarantine.rows(each).column("line").to_pylist()]
        assert named == sorted(at + 2 for at in foreign), "rows in are not rows out and rows named"
        before, self.newest_stored = self.newest_stored, stored
        if before is not None and before.source_etag != stored.source_etag:
            assert stored.source_last_modified > before.source_last_modified, "an older version came back"

    @property
    def _schema_version(self) -> str:
        return f"rules-{self.rules}"

    def _stored(self) -> Provenance | None:
        return self.store.provenance("stocks_daily", DAY)

    def _held(self) -> list[QuarantinedDay]:
        return self.store.quarantined("stocks_daily")

    def _ingest(self, step: Step) -> DayResult:
        faulty = Faulty(step.fault)
        with ExitStack() as patches:
            for name in ("publish", "delete"):
                patches.enter_context(patch.object(LocalFolder, name, faulty.wrap(getattr(LocalFolder, name))))
            (result,) = asyncio.run(
                ingest_days(
                    "stocks_daily",
                    [DAY],
                    catalog=S3Catalog(),
                    downloader=self.vendor,
                    store=self.store,
                    keep_raw=step.keep_raw,
                    overwrite=step.overwrite,
                    limits=STRICT if step.strict else Limits(),
                )
            )
        return result


def rot(folder: Path) -> None:
    """Flip a bit of every source file below ``folder``."""
    for path in folder.rglob("*.csv.gz"):
        body = bytearray(path.read_bytes())
        body[len(body) // 2] ^= 1
        path.unlink()  # hard links share their bytes
        path.write_bytes(body)
