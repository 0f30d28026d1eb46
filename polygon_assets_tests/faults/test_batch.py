"""Many objects at once, and what is cancelled or interrupted on the way."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from polygon_assets.download import sync_downloader
from polygon_assets.download.async_downloader import AsyncS3Downloader
from polygon_assets.download.sync_downloader import SyncS3Downloader
from polygon_assets.errors import InvalidInputError, ObjectNotFoundError, UnavailableError
from polygon_assets_tests.download.clients import QUICK
from polygon_assets_tests.faults.harness import BODY, CONTENT, KEY, PREVIOUS
from polygon_assets_tests.scorecard import Seen
from polygon_assets_tests.servers import faults
from polygon_assets_tests.servers.origin import BUCKET, Origin

KEYS = [f"us_stocks_sip/day_aggs_v1/2024/01/2024-01-{day:02d}.csv.gz" for day in range(1, 21)]


async def until(condition: Any) -> None:
    """Wait for something that comes soon; a generous limit only keeps a broken test from hanging."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 (it looks at a server in another thread)
            await asyncio.sleep(0.005)


def names_in(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir()]


@pytest.fixture
async def downloader(origin: Origin) -> AsyncIterator[AsyncS3Downloader]:
    settings: dict[str, Any] = {**QUICK, "max_retries": 1, "max_concurrent": 3}
    async with AsyncS3Downloader(origin.credentials, origin.endpoint_url, **settings) as made:
        yield made


@pytest.mark.scorecard(24)
async def test_one_bad_key_in_ten(
    downloader: AsyncS3Downloader, origin: Origin, caplog: pytest.LogCaptureFixture, seen: Seen
) -> None:
    keys = KEYS[:10]
    for key in keys:
        origin.store(key, BODY)
    origin.store(keys[4], BODY, always=faults.status(503))
    with caplog.at_level(logging.ERROR, "polygon_assets"):
        files = await downloader.download_batch(BUCKET, keys)
    assert [file and file.read() == CONTENT for file in files] == [True] * 4 + [None] + [True] * 5
    assert [keys[4] in record.message and "503" in record.message for record in caplog.records] == [True]
    statistics = downloader.get_statistics()
    assert (statistics["successful_downloads"], statistics["failed_downloads"]) == (9, 1)
    assert statistics["success_rate"] == 0.9
    seen("nine files in the order of the keys, None for the bad one, one logged error with key and cause")


@pytest.mark.scorecard(24)
async def test_the_error_in_its_place(downloader: AsyncS3Downloader, origin: Origin, seen: Seen) -> None:
    origin.store(KEYS[0], BODY)
    origin.store(KEYS[1], BODY, always=faults.status(503))
    good, bad, missing = await downloader.download_batch(BUCKET, KEYS[:3], return_exceptions=True)
    assert not isinstance(good, Exception)
    assert good.read() == CONTENT
    assert isinstance(bad, UnavailableError)
    assert bad.key == KEYS[1]
    assert isinstance(missing, ObjectNotFoundError)
    assert await downloader.download_batch(BUCKET, []) == []
    with pytest.raises(InvalidInputError):
        await downloader.download_batch(BUCKET, KEYS[0])
    seen("with return_exceptions the error stands in its place")


@pytest.mark.scorecard(25)
async def test_no_more_at_once_than_allowed(downloader: AsyncS3Downloader, origin: Origin, seen: Seen) -> None:
    for key in KEYS:
        origin.store(key, BODY, faults.status(503), faults.slowly(0.03))
    await asyncio.gather(
        downloader.download_batch(BUCKET, KEYS),
        *(downloader.head(BUCKET, key) for key in KEYS),
        downloader.list_objects(BUCKET, ""),
    )
    assert downloader.get_statistics()["successful_downloads"] == 20
    assert origin.most_at_once == 3
    seen("twenty keys with retries, HEADs and a LIST beside them: three at once, never more")


@pytest.mark.scorecard(23)
@pytest.mark.parametrize("to_disk", [False, True], ids=["memory", "disk"])
async def test_cancelled_four_times(origin: Origin, tmp_path: Path, seen: Seen, to_disk: bool) -> None:
    origin.store(KEY, BODY, *[faults.stall_after(100_000)] * 4)
    target = tmp_path / "data.csv"
    target.write_bytes(PREVIOUS)
    settings: dict[str, Any] = {**QUICK, "timeout": 20, "max_pool_connections": 2}
    async with AsyncS3Downloader(origin.credentials, origin.endpoint_url, **settings) as downloader:

        async def download() -> None:
            if to_disk:
                await downloader.download_to_file(BUCKET, KEY, target)
            else:
                await downloader.download_one(BUCKET, KEY)

        for number in range(4):
            task = asyncio.create_task(download())
            await until(lambda number=number: len(origin.requests(KEY)) > number)
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert names_in(tmp_path) == ["data.csv"]
            assert target.read_bytes() == PREVIOUS
        async with asyncio.timeout(20):
            await download()
        statistics = downloader.get_statistics()
    assert not to_disk or target.read_bytes() == CONTENT
    assert (statistics["successful_downloads"], statistics["failed_downloads"]) == (1, 4)
    seen("async: cancelled four times with a pool of two, no part file, and the next GET succeeded")


@pytest.mark.scorecard(23)
def test_interrupted_four_times(origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seen: Seen) -> None:
    origin.store(KEY, BODY)
    target = tmp_path / "data.csv"
    target.write_bytes(PREVIOUS)
    settings: dict[str, Any] = {**QUICK, "max_pool_connections": 2}
    with SyncS3Downloader(origin.credentials, origin.endpoint_url, **settings) as downloader:
        with monkeypatch.context() as patched:

            def interrupted(body: Any, size: int) -> bytes:
                del body, size
                raise KeyboardInterrupt

            patched.setattr(sync_downloader, "read_available", interrupted)
            for _ in range(4):
                with pytest.raises(KeyboardInterrupt):
                    downloader.download_to_file(BUCKET, KEY, target)
                assert [entry.name for entry in tmp_path.iterdir()] == ["data.csv"]
                assert target.read_bytes() == PREVIOUS
        downloader.download_to_file(BUCKET, KEY, target)
        statistics = downloader.get_statistics()
    assert target.read_bytes() == CONTENT
    assert (statistics["successful_downloads"], statistics["failed_downloads"]) == (1, 4)
    seen("sync: interrupted four times, likewise")


@pytest.mark.scorecard(23)
async def test_cancelling_a_batch_cancels_all(
    downloader: AsyncS3Downloader, origin: Origin, tmp_path: Path, seen: Seen
) -> None:
    for key in KEYS:
        origin.store(key, BODY, faults.stall_after(50_000))
    batch = asyncio.create_task(downloader.download_batch(BUCKET, KEYS))
    files = asyncio.gather(*(downloader.fetch(BUCKET, key, tmp_path / Path(key).name) for key in KEYS))
    await until(lambda: len(origin.seen) == 3)
    for task in (batch, files):
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    await asyncio.sleep(0)
    assert names_in(tmp_path) == []
    assert len(origin.seen) == 3
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []
    origin.store(KEY, BODY)
    assert (await downloader.download_one(BUCKET, KEY)).read() == CONTENT
    seen("a cancelled batch leaves no task, no file and no busy connection")


async def test_the_deadline_does_not_count_the_queue(origin: Origin) -> None:
    for key in KEYS[:6]:
        origin.store(key, BODY, faults.slowly(0.2))
    settings: dict[str, Any] = {**QUICK, "max_concurrent": 1, "deadline": 0.7}
    async with AsyncS3Downloader(origin.credentials, origin.endpoint_url, **settings) as downloader:
        assert None not in await downloader.download_batch(BUCKET, KEYS[:6])
