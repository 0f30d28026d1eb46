"""Room on the disk is asked for before a file is fetched; large files come in parts that outlive a failure."""

import asyncio
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from polygon_assets.datasets import DATASETS
from polygon_assets.download.async_downloader import AsyncS3Downloader
from polygon_assets.download.s3_catalog import S3Catalog
from polygon_assets.errors import StoreError
from polygon_assets.ingest import ParquetStore, ingest_days, one_day, pipeline
from polygon_assets.ingest import room as room_module
from polygon_assets.ingest.results import DayResult, DayStatus
from polygon_assets.ingest.room import Room, days_for
from polygon_assets_tests.download.clients import QUICK
from polygon_assets_tests.factories import compressed
from polygon_assets_tests.ingest.scripted import DAYS, day_text
from polygon_assets_tests.servers import faults
from polygon_assets_tests.servers.origin import Exchange, Origin, origin, serve

KEY = S3Catalog().get_key("stocks_daily", DAYS[0])
LETTERS = "ABCDEFGHIJKLMNOPQRST"
TICKERS = [a + b + c for a in LETTERS for b in LETTERS for c in LETTERS][:3000]
BODY = compressed(day_text(DAYS[0], *TICKERS))
PART = 1024


async def _ingest(server: Origin, store: Path) -> DayResult:
    settings = {**QUICK, "large_object_bytes": 2000, "part_bytes": PART}
    async with AsyncS3Downloader(server.credentials, server.endpoint_url, **settings) as downloader:
        (result,) = await ingest_days(
            "stocks_daily", DAYS[:1], catalog=S3Catalog(), downloader=downloader, store=ParquetStore(str(store))
        )
    return result


def has(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    """Let every disk have ``free`` bytes."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))


async def test_a_day_that_the_disk_cannot_hold_is_refused_before_its_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    has(monkeypatch, 2 * len(BODY))
    with origin() as server:
        server.store(KEY, BODY)
        result = await _ingest(server, tmp_path)
        assert len(server.requests(KEY)) == 1
    assert result.status is DayStatus.FAILED
    assert "are free" in str(result.error)


def room(dataset: str, tmp_path: Path, *, filtered: bool = False) -> Room:
    return Room(DATASETS[dataset], tmp_path, filtered=filtered)


async def test_the_refusal_says_how_much_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    has(monkeypatch, 20 * 10**9)
    room("stocks_minute", tmp_path).take(KEY, 8 * 10**9)
    room("stocks_minute", tmp_path, filtered=True).take(KEY, 19 * 10**9)
    with pytest.raises(StoreError, match=r"10\.0 GB.*need 23\.5 GB.*20\.0 GB are free\. Free 3\.5 GB"):
        room("stocks_minute", tmp_path).take(KEY, 10 * 10**9)
    with pytest.raises(StoreError, match=r"12\.0 GB.*need 21\.6 GB"):
        await room("stocks_quotes", tmp_path).wait_for(KEY, 12 * 10**9)


async def test_a_small_file_once_needed_nothing_where_nothing_was_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    has(monkeypatch, 50)
    with pytest.raises(StoreError, match=r"\(1\.2 MB\).*need 2\.\d MB in .*, where 0\.1 kB are free\. Free 2\.\d MB"):
        room("stocks_daily", tmp_path).take(KEY, 1_200_000)


def test_large_days_wait_for_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small, large = DATASETS["stocks_daily"], DATASETS["stocks_quotes"]
    has(monkeypatch, 10**15)
    assert days_for(small, 10, 2, tmp_path, filtered=False) == 10
    assert days_for(large, 10, 2, tmp_path, filtered=False) == 2
    has(monkeypatch, large.typical_bytes * 3)
    assert days_for(large, 10, 2, tmp_path, filtered=False) == 1
    has(monkeypatch, 0)
    assert days_for(small, 10, 2, tmp_path, filtered=False) == 1


async def test_a_day_waits_until_others_have_left_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three large days once each found the disk empty enough, and filled it together."""
    has(monkeypatch, 40 * 10**9)
    disk, ended = room("stocks_quotes", tmp_path), list[str]()

    async def day(key: str, size: int) -> None:
        await disk.wait_for(key, size)
        ended.append(key)

    await day("first", 10 * 10**9)  # 18 with its Parquet file
    await day("second", 12 * 10**9)  # 39.6 with the first
    waiting = asyncio.create_task(day("third", 10 * 10**9))
    await asyncio.sleep(0.01)
    assert ended == ["first", "second"]
    await disk.release("somebody")
    await asyncio.sleep(0.01)
    assert not waiting.done()
    await disk.release("first")
    await waiting
    assert ended == ["first", "second", "third"]


async def test_where_there_is_room_nothing_is_walked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of 251 small days walked the folders of all others: a fifth of the run's wall."""

    def walked(folder: Path) -> int:
        raise AssertionError(f"{folder} was walked")

    monkeypatch.setattr(room_module, "_bytes_in", walked)
    has(monkeypatch, 10_000_000)
    disk = room("stocks_daily", tmp_path)
    for number in range(3):
        disk.take(f"{number}", 1_000_000)
    await room("stocks_quotes", tmp_path).wait_for("large", 1_000_000)


async def test_what_a_day_has_written_is_not_asked_for_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    staging = tmp_path / "staging"
    staging.mkdir()
    disk = room("stocks_quotes", staging)
    has(monkeypatch, 10_000_000)
    await disk.wait_for("first", 4_000_000)  # 7.2 MB with its Parquet file
    (staging / "first").write_bytes(b"x" * 4_000_000)
    has(monkeypatch, 6_000_000)
    async with asyncio.timeout(10):
        await disk.wait_for("second", 1_000_000)  # 1.8 MB beside the 3.2 MB that the first will write


async def test_large_days_of_a_run_do_not_overfill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All days come through, one after the other, on a disk that holds one."""
    taken, most = dict[str, int](), list[int]()
    monkeypatch.setattr(room_module, "is_large", lambda _: True)
    monkeypatch.setattr(one_day, "is_large", lambda _: True)
    wait_for, release = Room.wait_for, Room.release

    async def waited(self: Room, key: str, size: int) -> None:
        await wait_for(self, key, size)
        taken[key] = size
        most.append(len(taken))

    async def released(self: Room, key: str) -> None:
        taken.pop(key, None)
        await release(self, key)

    monkeypatch.setattr(Room, "wait_for", waited)
    monkeypatch.setattr(Room, "release", released)
    monkeypatch.setattr(room_module, "days_for", lambda *_, **__: 3)
    monkeypatch.setattr(pipeline, "days_for", lambda *_, **__: 3)
    has(monkeypatch, 4 * len(BODY))
    monkeypatch.setattr(room_module, "_bytes_in", lambda _: 0)  # what is written leaves as much of that disk free
    with origin() as server:
        for day in DAYS[:3]:
            server.store(S3Catalog().get_key("stocks_daily", day), compressed(day_text(day, *TICKERS)))
        async with AsyncS3Downloader(
            server.credentials, server.endpoint_url, **{**QUICK, "max_concurrent": 3}
        ) as client:
            results = await ingest_days(
                "stocks_daily", DAYS[:3], catalog=S3Catalog(), downloader=client, store=ParquetStore(str(tmp_path))
            )
    assert [result.status for result in results] == [DayStatus.PUBLISHED] * 3, results
    assert most == [1, 1, 1]


async def test_the_next_run_goes_on_from_the_parts_that_are_whole(tmp_path: Path) -> None:
    last = (len(BODY) - 1) // PART

    def last_part_is_refused(exchange: Exchange) -> None:
        refused = exchange.request.range is not None and exchange.offset // PART == last
        (faults.status(503) if refused else serve)(exchange)

    with origin() as server:
        stored = server.store(KEY, BODY, always=last_part_is_refused)
        assert (await _ingest(server, tmp_path)).status is DayStatus.FAILED
        stored.always, asked = None, len(server.requests(KEY))
        result = await _ingest(server, tmp_path)
        assert len(server.requests(KEY)) - asked == 2  # the first tells the size
    assert (result.status, result.rows) == (DayStatus.PUBLISHED, 3000)
    assert list(tmp_path.rglob("*.parts")) == []  # noqa: ASYNC240 (small)
