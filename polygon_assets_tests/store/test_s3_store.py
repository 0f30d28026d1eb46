"""The same store on S3: nothing else in this room knows the difference."""

import asyncio
import gc
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from polygon_assets.datasets import DATASETS
from polygon_assets.errors import InvalidInputError, StoreError, StoreUnreachableError
from polygon_assets.ingest import DayStatus, ParquetStore
from polygon_assets.store import s3_reading
from polygon_assets.store.quarantine import version_of
from polygon_assets.store.roll_ups import years
from polygon_assets.store.s3_folder import S3Folder
from polygon_assets.store.verifying import verify_day
from polygon_assets_tests.factories import row, stamp, text
from polygon_assets_tests.servers.seaweed import S3Server, free_ports
from polygon_assets_tests.soak.measures import open_files
from polygon_assets_tests.stores import Place
from polygon_assets_tests.vendor import Vendor, verified

DAY, OTHER = "2024-01-02", "2024-01-03"
GOOD = text([row("A", stamp()), row("B", stamp())])
ON_S3 = pytest.mark.stores("s3")


@ON_S3
async def test_a_day_goes_its_way(vendor: Vendor) -> None:
    vendor.put("stocks_daily", DAY, GOOD)
    (published,) = await vendor.ingest("stocks_daily", DAY, keep_raw=True)
    (unchanged,) = await vendor.ingest("stocks_daily", DAY)
    assert (published.status, unchanged.status) == (DayStatus.PUBLISHED, DayStatus.UNCHANGED)
    assert published.uri == f"s3://{vendor.bucket}/my/store/stocks_daily/date={DAY}/data.parquet"
    assert unchanged.rows == vendor.store.scan("stocks_daily", DAY, DAY).count_rows() == 2
    assert vendor.store.days("stocks_daily") == [DAY]
    assert [each.whole for each in verified(vendor.store, "stocks_daily")] == [True]
    assert vendor.store.raw_files.source("stocks_daily", DAY) is not None
    vendor.lose("stocks_daily", DAY)
    (rebuilt,) = await vendor.ingest("stocks_daily", DAY)
    assert rebuilt.status is DayStatus.PUBLISHED
    assert vendor.downloader.get_statistics()["total_downloads"] == 1


@ON_S3
async def test_a_refused_day_is_quarantined_and_cleared(vendor: Vendor) -> None:
    etag = vendor.put("stocks_daily", DAY, text([]))
    (refused,) = await vendor.ingest("stocks_daily", DAY)
    assert refused.status is DayStatus.REFUSED
    assert vendor.store.refused_etag("stocks_daily", DAY) == etag
    assert vendor.place.files() == [
        f"_quarantine/stocks_daily/date={DAY}/{version_of(etag, DATASETS['stocks_daily'].schema_version)}{suffix}"
        for suffix in (".csv.gz", ".refused.json")
    ]
    vendor.put("stocks_daily", DAY, GOOD)
    await vendor.ingest("stocks_daily", DAY)
    assert vendor.place.files() == [f"stocks_daily/date={DAY}/data.parquet"]


@ON_S3
async def test_nothing_stays_on_this_machine(vendor: Vendor, tmp_path: Path) -> None:
    vendor.put("stocks_daily", DAY, GOOD)
    await vendor.ingest("stocks_daily", DAY, OTHER)
    assert files_below(tmp_path) == ["guard.lock"]


@ON_S3
async def test_a_store_of_more_days_than_a_page_lists_is_seen_whole(vendor: Vendor) -> None:
    vendor.put("stocks_daily", DAY, GOOD)
    await vendor.ingest("stocks_daily", DAY)
    body = vendor.stored_bytes("stocks_daily", DAY)
    days = [f"2024-01-{number:02d}" for number in range(2, 9)]
    for day in days[1:]:
        vendor.place.write(vendor.place.file("stocks_daily", day), body)
    pages: list[int] = []
    store = vendor.place.open()
    events = store._folder._client.meta.events  # type: ignore[attr-defined]

    def ask_for_three(params: dict[str, object], **_event: object) -> None:
        params["MaxKeys"] = 3
        pages.append(3)

    events.register("provide-client-params.s3.ListObjectsV2", ask_for_three)
    assert store.days("stocks_daily") == days
    assert len(pages) == 3


def files_below(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file()]


@pytest.mark.scorecard(38)
def test_an_upload_that_is_cut_leaves_nothing(
    s3_server: S3Server, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second part of a multipart upload fails for good: no object, and the upload is aborted."""
    folder = S3Folder(
        f"s3://{bucket}/x", endpoint_url=s3_server.endpoint_url, region=None,
        access_key_id=s3_server.access_key_id, secret_access_key=s3_server.secret_access_key,
    )  # fmt: skip
    monkeypatch.setattr("polygon_assets.store.s3_folder._PART_BYTES", 5 * 1024**2)

    def cut(params: dict[str, object], **_event: object) -> None:
        if params["PartNumber"] == 2:
            raise ConnectionError("cut")

    folder._client.meta.events.register("provide-client-params.s3.UploadPart", cut)
    staged = tmp_path / "staged"
    staged.write_bytes(bytes(12 * 1024**2))
    with pytest.raises((StoreError, ConnectionError)):
        folder.publish(staged, "big")
    client = s3_server.client()
    assert folder.size("big") is None
    assert client.list_objects_v2(Bucket=bucket).get("Contents", []) == []
    assert client.list_multipart_uploads(Bucket=bucket).get("Uploads", []) == []


async def test_a_store_that_refuses_fails_the_day_and_names_the_settings(vendor: Vendor) -> None:
    vendor.put("stocks_daily", DAY, GOOD)
    wrong = ParquetStore(
        f"s3://{vendor.bucket}/s", endpoint_url=vendor.server.endpoint_url,
        access_key_id=vendor.server.access_key_id, secret_access_key="canary-wrong",
    )  # fmt: skip
    (result,) = await replace(vendor, store=wrong).ingest("stocks_daily", DAY)
    assert result.status is DayStatus.FAILED
    assert isinstance(result.error, StoreUnreachableError)
    assert "POLYGON_STORE_* settings" in str(result.error)
    assert "canary" not in str(result.error) + repr(wrong) + repr(wrong.__dict__)


ASKED: dict[str, Callable[[ParquetStore], object]] = {
    "days": lambda store: store.days("stocks_daily"),
    "size": lambda store: store.parquet_bytes("stocks_daily", DAY),
    "provenance": lambda store: store.provenance("stocks_daily", DAY),
    "quarantine": lambda store: store.quarantined("stocks_daily"),
    "verification": lambda store: verify_day(store, "stocks_daily", DAY),
    "years": lambda store: years(store, "stocks_daily"),
}


@ON_S3
@pytest.mark.parametrize("question", ASKED)
async def test_a_store_that_does_not_answer_is_not_taken_for_a_damaged_one(
    vendor: Vendor, question: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day that is damaged is fetched again; one of which nothing is known must not be."""
    vendor.put("stocks_daily", DAY, GOOD)
    await vendor.ingest("stocks_daily", DAY)
    monkeypatch.setattr("polygon_assets.store.s3_folder._ATTEMPTS", 1)
    store = replace(vendor.place, server=S3Server(f"http://127.0.0.1:{free_ports(1)[0]}")).open()
    with pytest.raises(StoreUnreachableError, match="POLYGON_STORE_"):
        ASKED[question](store)


@ON_S3
async def test_a_store_that_stops_answering_makes_no_day_a_damaged_one(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor.put("stocks_daily", DAY, GOOD)
    await vendor.ingest("stocks_daily", DAY)
    wrong = replace(vendor.place, server=S3Server(vendor.server.endpoint_url, secret_access_key="wrong")).open()
    size = len(vendor.stored_bytes("stocks_daily", DAY))
    monkeypatch.setattr(S3Folder, "size", lambda *_: size)  # it answered a moment ago
    with pytest.raises(StoreUnreachableError):
        wrong.provenance("stocks_daily", DAY)


@pytest.mark.parametrize("uri", ["", "ftp://x/y", "s3://", "s3://key:secret@bucket/x", "s3://bucket/../x"])
def test_a_store_that_is_invalid_is_refused(uri: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        ParquetStore(uri)
    assert "secret" not in str(refused.value)


@ON_S3
def test_a_store_that_is_dropped_leaves_no_connection_open(place: Place) -> None:
    """Each once kept four descriptors for good, a scan's and a sensor's tick's too: a day of ticks used them up."""

    def use() -> None:
        store = place.open()
        store.days("stocks_daily")
        store.provenance("stocks_daily", "2024-01-02")
        assert store.scan_days("stocks_daily", []).count_rows() == 0
        store.publish_beside(_small(place), "_beside/small")
        assert store.open_file("_beside/small").read() == b"small"
        assert store._filesystem.open_input_file("_beside/small").read() == b"small"

    use()  # what Arrow and botocore keep for the next
    gc.collect()
    before = len(open_files())
    for _ in range(5):
        use()
    gc.collect()
    assert len(open_files()) == before


_READS_A_LITTLE = """
import sys, time
import polygon_assets
from polygon_assets.store.s3_folder import Objects
from polygon_assets.store.s3_reading import PinnedObject

Objects.pinned.__defaults__ = (100,)  # the rest is asked for by Arrow's threads
get = PinnedObject._get

def slowly(self, wanted):
    time.sleep(0.2)
    return get(self, wanted)

PinnedObject._get = slowly
rows = polygon_assets.scan("stocks_daily")
if sys.argv[1] == "head":
    print(rows.head(1).num_rows)
else:
    batches = iter(rows.to_batches())
    print(next(batches).num_rows)
"""


@ON_S3
@pytest.mark.slow
@pytest.mark.parametrize("how", ["head", "batches"])
async def test_a_process_that_had_read_a_little_once_was_aborted_at_its_end_or_never_ended(
    vendor: Vendor, how: str, tmp_path: Path
) -> None:
    """Arrow's threads were still reading ahead, and came back to a Python that was gone."""
    days = [f"2024-01-{day:02}" for day in (2, 3, 4, 5, 8, 9, 10, 11, 12, 16, 17, 18)]
    vendor.put("stocks_daily", days[0], GOOD)
    await vendor.ingest("stocks_daily", days[0])
    for day in days[1:]:
        vendor.place.write(vendor.place.file("stocks_daily", day), vendor.stored_bytes("stocks_daily", days[0]))
    environment = {**os.environ, **vendor.place.environment(), "XDG_STATE_HOME": str(tmp_path)}
    command = [sys.executable, "-c", _READS_A_LITTLE, how]
    done = await asyncio.to_thread(subprocess.run, command, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) > 0


def _small(place: Place) -> Path:
    path = place.staging / "small"
    path.write_bytes(b"small")
    return path


@pytest.mark.parametrize(("held", "late", "waited"), [(False, (), 0.1), (True, (), 1.0), (True, (0.5, 1.2), 2.2)])
def test_a_file_in_a_variable_once_kept_the_process_for_ten_seconds(
    monkeypatch: pytest.MonkeyPatch, held: bool, late: tuple[float, ...], waited: float
) -> None:
    """Arrow may hold one, too, and ask for more of it ``late`` after the end: then it is waited for longer."""

    class Clock:
        now = 0.0

        def monotonic(self) -> float:
            return self.now

        def sleep(self, seconds: float) -> None:
            self.now += seconds
            for moment in late:
                if self.now - seconds < moment <= self.now:
                    with pytest.raises(OSError, match="this process ends"), reads.one("s3://a/b"):
                        pass

    class File: ...

    reads, file, clock = s3_reading._Reads(), File(), Clock()
    if held:
        reads.given(file)  # type: ignore[arg-type]
    monkeypatch.setattr(s3_reading, "time", clock)
    monkeypatch.setattr(s3_reading, "atexit", SimpleNamespace(register=lambda _: None))
    reads.end()
    assert clock.now == pytest.approx(waited, abs=0.15)
