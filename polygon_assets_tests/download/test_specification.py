"""The specification's own usage snippets, on a real S3 server."""

import asyncio
import gzip
from io import BytesIO
from pathlib import Path

import pytest

from polygon_assets.download.async_downloader import AsyncS3Downloader
from polygon_assets.download.sync_downloader import SyncS3Downloader
from polygon_assets_tests.servers.seaweed import S3Server

DAYS = ["2024-01-02", "2024-01-03", "2024-01-04"]
KEYS = [f"us_stocks_sip/day_aggs_v1/2024/01/{day}.csv.gz" for day in DAYS]
FIVE = {"total_downloads", "successful_downloads", "failed_downloads", "total_retries", "success_rate"}


def content(day: str) -> bytes:
    return f"ticker,volume\nAAPL,{day}\n".encode()


@pytest.fixture
def filled(s3_server: S3Server, bucket: str) -> str:
    for day, key in zip(DAYS, KEYS, strict=True):
        s3_server.put(bucket, key, gzip.compress(content(day)))
    return bucket


def test_asynchronous_snippets(s3_server: S3Server, filled: str, tmp_path: Path) -> None:
    # As written there: no context manager, asyncio.run. Nothing may leak (warnings are errors).
    downloader = AsyncS3Downloader(credentials=s3_server.credentials, endpoint_url=s3_server.endpoint_url)

    async def main() -> None:
        data = await downloader.download_one(bucket=filled, key=KEYS[0])
        assert isinstance(data, BytesIO)
        assert data.tell() == 0
        assert data.read() == content(DAYS[0])

        files = await downloader.download_batch(bucket=filled, keys=KEYS)
        assert [file and file.read() for file in files] == [content(day) for day in DAYS]

        target = tmp_path / "deep" / "data.csv"
        await downloader.download_to_file(filled, KEYS[1], target)
        assert target.read_bytes() == content(DAYS[1])

        keys = await downloader.list_objects(bucket=filled, prefix="us_stocks_sip/day_aggs_v1/2024/01/")
        assert keys == KEYS

    asyncio.run(main())
    stats = downloader.get_statistics()
    assert set(stats) == FIVE
    assert stats == {
        "total_downloads": 5,
        "successful_downloads": 5,
        "failed_downloads": 0,
        "total_retries": 0,
        "success_rate": 1.0,
    }
    asyncio.run(main())  # a second event loop gets a client of its own
    downloader.reset_statistics()
    assert downloader.get_statistics()["total_downloads"] == 0
    assert downloader.get_statistics()["success_rate"] == 0.0


def test_synchronous_snippets(s3_server: S3Server, filled: str, tmp_path: Path) -> None:
    downloader = SyncS3Downloader(credentials=s3_server.credentials, endpoint_url=s3_server.endpoint_url)
    assert downloader.download(filled, KEYS[0]).read() == content(DAYS[0])
    downloader.download_to_file(filled, KEYS[1], tmp_path / "data.csv")
    assert (tmp_path / "data.csv").read_bytes() == content(DAYS[1])
    assert downloader.list_objects(filled, "us_stocks_sip/") == KEYS
    assert downloader.check_exists(filled, KEYS[0]) is True
    assert downloader.check_exists(filled, "nothing") is False
    assert set(downloader.get_statistics()) == FIVE
    assert downloader.get_statistics()["total_downloads"] == 2
    downloader.reset_statistics()
    assert downloader.get_statistics()["total_downloads"] == 0
    downloader.close()
