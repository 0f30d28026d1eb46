"""Room on the disk is asked for before a file is fetched; large files come in parts that outlive a failure."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from polygon_assets.datasets import DATASETS
from polygon_assets.download.async_downloader import AsyncS3Downloader
from polygon_assets.download.s3_catalog import S3Catalog
from polygon_assets.errors import StoreError
from polygon_assets.ingest import ParquetStore, ingest_days
from polygon_assets.ingest.results import DayResult, DayStatus
from polygon_assets.ingest.room import check_room, days_for
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


def test_the_refusal_says_how_much_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    has(monkeypatch, 20 * 10**9)
    check_room(KEY, 8 * 10**9, tmp_path, filtered=False)
    check_room(KEY, 19 * 10**9, tmp_path, filtered=True)
    with pytest.raises(StoreError, match=r"10\.0 GB.*need 23\.5 GB.*20\.0 GB are free\. Free 3\.5 GB"):
        check_room(KEY, 10 * 10**9, tmp_path, filtered=False)


def test_large_days_wait_for_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small, large = DATASETS["stocks_daily"], DATASETS["stocks_quotes"]
    has(monkeypatch, 10**15)
    assert days_for(small, 10, 2, tmp_path, filtered=False) == 10
    assert days_for(large, 10, 2, tmp_path, filtered=False) == 2
    has(monkeypatch, large.typical_bytes * 3)
    assert days_for(large, 10, 2, tmp_path, filtered=False) == 1
    has(monkeypatch, 0)
    assert days_for(small, 10, 2, tmp_path, filtered=False) == 1


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
