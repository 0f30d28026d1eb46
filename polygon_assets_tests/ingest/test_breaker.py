"""A run as a whole in an outage, with wrong keys, on a full disk: what it asks for, and when it ends.

Once, an outage cost six requests for each of thousands of days, an expired key was tried for all of them, and one
minute of 503 failed half of 120 days that could all have been had.
"""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from polygon_assets.download import AsyncS3Downloader, S3Catalog
from polygon_assets.errors import (
    AccessDeniedError,
    InvalidKeysError,
    NotReplacedError,
    NotTriedError,
    ObjectNotFoundError,
    PolygonAssetsError,
    StoreError,
    UnavailableError,
)
from polygon_assets.ingest import DayResult, DayStatus, ParquetStore, Patience, ingest_days
from polygon_assets.ingest.breaker import CircuitBreaker
from polygon_assets_tests.factories import compressed, row, stamp, text
from polygon_assets_tests.servers import faults
from polygon_assets_tests.servers.origin import Exchange, Fault, Origin, origin, serve

CATALOG = S3Catalog()
DAYS = S3Catalog.get_business_days("2024-01-02", "2024-06-21")
assert len(DAYS) == 119
QUICK = Patience(first_pause=0.001, longest_pause=0.002)
RETRIES = 2
REQUESTS_A_DAY = 1 + RETRIES
AT_ONCE = 10


def raw(day: str) -> bytes:
    start = stamp(day=dt.date.fromisoformat(day))
    return compressed(text([row(f"T{number}", start) for number in range(3)]))


@pytest.fixture
def bucket() -> Iterator[Origin]:
    with origin() as server:
        yield server


@pytest.fixture
async def downloader(bucket: Origin) -> AsyncIterator[AsyncS3Downloader]:
    quick: dict[str, Any] = {"max_retries": RETRIES, "backoff_base": 0.001, "backoff_cap": 0.01}
    async with AsyncS3Downloader(bucket.credentials, bucket.endpoint_url, **quick) as downloader:
        yield downloader


@pytest.fixture
def store(tmp_path: Path) -> ParquetStore:
    return ParquetStore(str(tmp_path / "store"))


def publish(bucket: Origin, days: Sequence[str], always: Fault | None = None) -> None:
    for day in days:
        bucket.store(CATALOG.get_stocks_daily_key(day), raw(day), always=always)


def asked(bucket: Origin, method: str = "GET") -> int:
    return sum(each.method == method and "list-type" not in each.query for each in bucket.seen)


def listings(bucket: Origin) -> int:
    return sum("list-type" in each.query for each in bucket.seen)


async def ingest(
    downloader: AsyncS3Downloader, store: ParquetStore, days: Sequence[str], **options: Any
) -> dict[str, DayResult]:
    settings = {"max_in_flight": AT_ONCE, "patience": QUICK, **options}
    results = await ingest_days("stocks_daily", days, catalog=CATALOG, downloader=downloader, store=store, **settings)
    assert [each.day for each in results] == list(days)
    return {each.day: each for each in results}


def statuses(results: dict[str, DayResult]) -> list[DayStatus]:
    return [each.status for each in results.values()]


@pytest.mark.slow
async def test_a_storm_of_503_loses_no_day(bucket: Origin, downloader: AsyncS3Downloader, store: ParquetStore) -> None:
    """It begins at the 20th request and lasts for 45: by each day's own retries, 15 days would have failed."""
    first, last = 20, 65

    def storm(exchange: Exchange) -> None:
        if first <= len(exchange.origin.seen) < last:
            exchange.error(503, "SlowDown")
        else:
            serve(exchange)

    publish(bucket, DAYS, storm)
    heard: list[str] = []
    results = await ingest(downloader, store, DAYS, on_result=lambda result: heard.append(result.day))
    assert set(statuses(results)) == {DayStatus.PUBLISHED}
    assert sorted(heard) == DAYS, "each day is told of once"
    assert asked(bucket) <= len(DAYS) + last - first


async def test_503_for_ever_ends_early(bucket: Origin, downloader: AsyncS3Downloader, store: ParquetStore) -> None:
    publish(bucket, DAYS, faults.status(503, "SlowDown"))
    heard: list[str] = []
    results = await ingest(downloader, store, DAYS, on_result=lambda result: heard.append(result.day))
    assert set(statuses(results)) == {DayStatus.FAILED}
    assert sorted(heard) == DAYS
    assert asked(bucket) <= (AT_ONCE + QUICK.outages) * REQUESTS_A_DAY
    tried = [each for each in results.values() if isinstance(each.error, UnavailableError)]
    assert QUICK.outages <= len(tried) <= AT_ONCE + QUICK.outages
    last = results[DAYS[-1]].error
    assert isinstance(last, NotTriedError)
    assert str(last).startswith("not tried: the 8 days before it failed in a row, for one reason. s3://flatfiles/")
    assert "503 SlowDown" in str(last)
    assert last.retryable


@pytest.mark.parametrize("code", ["InvalidAccessKeyId", "ExpiredToken", "AccountProblem"])
async def test_keys_that_are_refused_are_tried_for_a_handful(
    bucket: Origin, downloader: AsyncS3Downloader, store: ParquetStore, code: str
) -> None:
    publish(bucket, DAYS, faults.status(403, code))
    results = await ingest(downloader, store, DAYS)
    assert set(statuses(results)) == {DayStatus.FAILED}
    assert asked(bucket) <= AT_ONCE + QUICK.failures
    first, last = results[DAYS[0]].error, results[DAYS[-1]].error
    assert isinstance(first, InvalidKeysError)
    assert "they are S3 keys; the key of its REST API is another thing" in str(first)
    assert "plan may not include" not in str(first)
    assert isinstance(last, NotTriedError)
    assert not last.retryable


async def test_keys_that_may_neither_read_nor_list_are_wrong(
    bucket: Origin, downloader: AsyncS3Downloader, store: ParquetStore
) -> None:
    bucket.refused = {CATALOG.get_stocks_daily_key(day) for day in DAYS}
    bucket.page_faults[0].extend([faults.status(403, "AccessDenied")] * len(DAYS))
    results = await ingest(downloader, store, DAYS)
    assert isinstance(results[DAYS[0]].error, InvalidKeysError)
    assert isinstance(results[DAYS[-1]].error, NotTriedError)
    assert asked(bucket) + listings(bucket) <= 2 * (AT_ONCE + QUICK.failures)


async def test_days_outside_the_plan_are_no_reason_to_end(
    bucket: Origin, downloader: AsyncS3Downloader, store: ParquetStore
) -> None:
    publish(bucket, DAYS)
    outside, inside = DAYS[:-3], DAYS[-3:]
    bucket.refused = {CATALOG.get_stocks_daily_key(day) for day in outside}
    results = await ingest(downloader, store, DAYS)
    assert statuses(results) == [DayStatus.NOT_ENTITLED] * len(outside) + [DayStatus.PUBLISHED] * len(inside)
    assert isinstance(results[DAYS[0]].error, AccessDeniedError)
    for reason in ("plan may not include", "may not be published yet", "agreement"):
        assert reason in str(results[DAYS[0]].error)
    assert listings(bucket) == 6, "one for each month"


async def test_a_403_for_a_file_that_is_not_listed_means_not_yet(
    bucket: Origin, downloader: AsyncS3Downloader, store: ParquetStore
) -> None:
    """The newest day answered 403 and was blamed on plan and keys, while it was not there yet."""
    publish(bucket, DAYS[:3])
    bucket.refused = {CATALOG.get_stocks_daily_key(DAYS[3])}
    results = await ingest(downloader, store, DAYS[:4])
    assert statuses(results) == [DayStatus.PUBLISHED] * 3 + [DayStatus.NOT_PUBLISHED_YET]
    error = results[DAYS[3]].error
    assert isinstance(error, ObjectNotFoundError)
    assert "does not list it" in str(error)
    assert listings(bucket) == 1


async def test_one_day_that_never_comes_costs_the_others_nothing(
    bucket: Origin, downloader: AsyncS3Downloader, store: ParquetStore
) -> None:
    publish(bucket, DAYS)
    key = CATALOG.get_stocks_daily_key(DAYS[7])
    bucket.store(key, b"", always=faults.status(500, "InternalError"))
    results = await ingest(downloader, store, DAYS)
    assert [day for day, each in results.items() if each.status is not DayStatus.PUBLISHED] == [DAYS[7]]
    assert isinstance(results[DAYS[7]].error, UnavailableError)
    assert len(bucket.requests(key)) == 2 * REQUESTS_A_DAY, "once more when all others had come"


async def test_days_that_cannot_be_overwritten_are_no_reason_to_end(
    bucket: Origin, downloader: AsyncS3Downloader, store: ParquetStore
) -> None:
    days = DAYS[:20]
    publish(bucket, days)
    await ingest(downloader, store, days)
    bucket.refused = {CATALOG.get_stocks_daily_key(day) for day in days[:15]}
    results = await ingest(downloader, store, days, overwrite=True)
    assert statuses(results) == [DayStatus.FAILED] * 15 + [DayStatus.PUBLISHED] * 5
    assert isinstance(results[days[0]].error, NotReplacedError)


def ended(error: PolygonAssetsError | None = None, *, retries: int = 0) -> DayResult:
    status = DayStatus.FAILED if error else DayStatus.PUBLISHED
    return DayResult(day="2024-01-02", status=status, source_key="k", uri="u", error=error, retries=retries)


OUT = UnavailableError("b", "k", "503")


class Trial:
    """A breaker whose pauses are noted and take no time."""

    def __init__(self, at_once: int = 8, patience: Patience | None = None) -> None:
        self.pauses: list[float] = []
        self.breaker = CircuitBreaker(at_once, patience or Patience(), self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)

    async def end(self, *results: DayResult) -> None:
        """Days that are under way together end as told."""
        waiting = [self.breaker.admission() for _ in results]
        admitted = [await each.__aenter__() for each in waiting]
        for pause_round, result in zip(admitted, results, strict=True):
            self.breaker.heard(pause_round, result)
        for each in waiting:
            await each.__aexit__(None, None, None)

    async def may_begin(self) -> int:
        """How many days may be under way at once now."""
        waiting = []
        for _ in range(100):
            one = self.breaker.admission()
            entering = asyncio.ensure_future(one.__aenter__())
            for _ in range(10):
                await asyncio.sleep(0)
            if not entering.done():
                entering.cancel()
                break
            waiting.append(one)
        for each in waiting:
            await each.__aexit__(None, None, None)
        return len(waiting)


async def test_pauses_double_up_to_their_bound() -> None:
    trial = Trial()
    for _ in range(8):
        await trial.end(ended(OUT))
    assert trial.pauses == [1, 2, 4, 8, 16, 30, 30]
    assert trial.breaker.is_open


async def test_all_that_was_under_way_counts_once() -> None:
    trial = Trial()
    await trial.end(*[ended(OUT)] * 8)
    assert not trial.breaker.is_open
    await trial.end(ended())
    assert trial.pauses == [1]
    assert trial.breaker.is_closed


async def test_an_outage_leaves_one_at_a_time_and_successes_bring_all_back() -> None:
    trial = Trial()
    assert await trial.may_begin() == 8
    await trial.end(ended(OUT))
    seen = [await trial.may_begin()]
    for _ in range(4):
        await trial.end(ended())
        seen.append(await trial.may_begin())
    assert seen == [1, 2, 4, 8, 8]


async def test_retries_halve_what_is_under_way() -> None:
    trial = Trial()
    await trial.end(ended(retries=3))
    assert await trial.may_begin() == 4
    await trial.end(ended(retries=1))
    assert await trial.may_begin() == 2
    await trial.end(ended())
    assert await trial.may_begin() == 4


async def test_a_success_or_another_reason_begins_the_count_anew() -> None:
    full, keys = StoreError("full"), InvalidKeysError("b", "k", "403")
    trial = Trial()
    for error in [full] * 4 + [keys] * 4 + [None] + [keys] * 4:
        await trial.end(ended(error))
        assert not trial.breaker.is_open
    await trial.end(ended(keys))
    assert trial.breaker.is_open
    assert trial.pauses == [], "nothing is gained by waiting"
    assert not trial.breaker.not_tried().retryable


async def test_what_concerns_one_day_is_not_counted() -> None:
    trial = Trial()
    for _ in range(20):
        await trial.end(ended(NotReplacedError("u")))
    assert trial.breaker.is_closed
    assert not trial.breaker.is_open


async def test_refused_files_are_answers() -> None:
    trial = Trial()
    for _ in range(7):
        await trial.end(ended(OUT))
    await trial.end(replace(ended(), status=DayStatus.NOT_ENTITLED, error=AccessDeniedError("b", "k", "403")))
    assert trial.breaker.is_closed
