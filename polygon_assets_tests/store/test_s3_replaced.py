"""A store on S3 is read while it is written: what is replaced meanwhile is neither damaged nor mixed."""

import datetime as dt
import io
import pickle
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads
import pyarrow.parquet as pq
import pytest

from polygon_assets.errors import ReplacedWhileReadError, StoreUnreachableError
from polygon_assets.ingest import ParquetStore
from polygon_assets.store import s3_folder as s3_uploads
from polygon_assets.store.s3_folder import Objects, S3Folder
from polygon_assets.store.s3_reading import PinnedObject
from polygon_assets.store.verifying import verify_day
from polygon_assets_tests.factories import row, stamp, text
from polygon_assets_tests.vendor import Vendor

DAY = "2024-01-02"
pytestmark = pytest.mark.stores("s3")


def a_day(rows: int) -> bytes:
    """A file that does not compress to nothing."""
    made = random.Random(rows)
    prices = ({name: f"{made.uniform(1.4, 1.7):.6f}" for name in ("open", "close")} for _ in range(rows))
    rows_of_it = (row(f"T{at:06}", stamp(), volume=made.randrange(10**9), **each) for at, each in enumerate(prices))
    return text(rows_of_it)


MADE: list[tuple[list[bytes], dict[str, bytes]]] = []
"""Both versions and what the store holds with them, once they were made; copied for the other tests."""


@pytest.fixture
async def versions(vendor: Vendor) -> list[bytes]:
    """Two versions of a stored day, of different sizes; the second is stored."""
    if not MADE:
        made = []
        for rows in (3_000, 9_000):
            vendor.put("stocks_daily", DAY, a_day(rows))
            (result,) = await vendor.ingest("stocks_daily", DAY, overwrite=True)
            assert result.error is None
            made.append(vendor.stored_bytes("stocks_daily", DAY))
        assert len(made[1]) > len(made[0]) > 20_000
        MADE.append((made, vendor.place.contents()))
    made, contents = MADE[0]
    vendor.place.fill(contents)
    return made


def client(store: ParquetStore) -> Any:
    folder = store._folder
    assert isinstance(folder, S3Folder)
    return folder._client


def replace_before(vendor: Vendor, store: ParquetStore, requests: set[int], versions: list[bytes]) -> list[int]:
    """Have the day replaced by its other version before these requests for bytes, the first being number 1."""
    seen: list[int] = []

    def count(**_event: object) -> None:
        seen.append(len(seen) + 1)
        if seen[-1] in requests:
            now = vendor.stored_bytes("stocks_daily", DAY)
            vendor.place.write(vendor.place.file("stocks_daily", DAY), versions[now == versions[0]])

    client(store).meta.events.register("provide-client-params.s3.GetObject", count)
    return seen


@pytest.mark.parametrize("requests", [{2}, {3}, {2, 5}, {2, 4, 6}], ids=str)
def test_a_good_day_that_was_replaced_was_once_called_damaged(
    vendor: Vendor, versions: list[bytes], requests: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("polygon_assets.store.s3_folder.FOOTER_BYTES", 20_000)
    monkeypatch.setattr("polygon_assets.store.s3_folder.WHOLE_BYTES", 20_000)
    store = vendor.place.open()
    seen = replace_before(vendor, store, requests, versions)
    found = verify_day(store, "stocks_daily", DAY)
    assert found.problems == ()
    assert found.rows in {3_000, 9_000}
    assert max(requests) <= len(seen)


def test_one_that_is_replaced_without_end_is_read_in_one_request(
    vendor: Vendor, versions: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("polygon_assets.store.s3_folder.FOOTER_BYTES", 20_000)
    store = vendor.place.open()
    replace_before(vendor, store, set(range(2, 1000)), versions)
    found = verify_day(store, "stocks_daily", DAY)
    assert found.problems == ()
    assert found.rows in {3_000, 9_000}


def test_one_too_large_for_one_request_that_is_replaced_without_end_is_not_called_damaged(
    vendor: Vendor, versions: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("polygon_assets.store.s3_folder.FOOTER_BYTES", 20_000)
    monkeypatch.setattr("polygon_assets.store.s3_folder.WHOLE_BYTES", 20_000)
    store = vendor.place.open()
    replace_before(vendor, store, set(range(2, 1000)), versions)
    with pytest.raises(ReplacedWhileReadError, match="read it again"):
        verify_day(store, "stocks_daily", DAY)


def test_a_footer_of_a_day_that_is_replaced_is_of_one_version(
    vendor: Vendor, versions: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("polygon_assets.store.s3_folder.FOOTER_BYTES", 100)
    store = vendor.place.open()
    seen = replace_before(vendor, store, {2}, versions)
    provenance = store.provenance("stocks_daily", DAY)
    assert provenance is not None
    assert provenance.rows == 3_000
    assert len(seen) > 2


@pytest.mark.parametrize("requests", [{1}, {1, 2}], ids=str)
def test_a_scan_of_a_day_that_is_replaced_is_of_one_version(
    vendor: Vendor, versions: list[bytes], requests: set[int]
) -> None:
    store = vendor.place.open()
    scan = store.scan("stocks_daily")
    seen = replace_before(vendor, store, requests, versions)
    assert scan.to_table().num_rows == 3_000
    assert seen == [1]


READERS: dict[str, Callable[[pads.Dataset], int]] = {
    "to_table": lambda scan: scan.to_table().num_rows,
    "to_batches": lambda scan: sum(batch.num_rows for batch in scan.to_batches()),
    "scanner": lambda scan: scan.scanner(columns=["ticker"]).to_table().num_rows,
    "head": lambda scan: scan.head(10_000).num_rows,
    "take": lambda scan: 3_000 * scan.take(pa.array([2_999])).num_rows,
    "filter": lambda scan: scan.filter(pc.field("volume") >= 0).to_table().num_rows,
    "count_rows": lambda scan: scan.count_rows(filter=pc.field("volume") >= 0),
    "duckdb": lambda scan: duckdb.from_arrow(scan).aggregate("count(volume)").fetchall()[0][0],
    "polars": lambda scan: pl.scan_pyarrow_dataset(scan).filter(pl.col("volume") >= 0).collect().height,
}
"""How rows are read, of a day with 3,000 or 9,000."""


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Days are read in several requests, as those over 640 KB are."""
    monkeypatch.setattr(Objects.pinned, "__defaults__", (20_000,))


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_a_scan_of_a_large_day_that_was_replaced_at_each_look_once_ended_with_an_error(
    vendor: Vendor, versions: list[bytes], reader: Callable[[pads.Dataset], int]
) -> None:
    """It is read again, in one request, which nothing can come between."""
    store = vendor.place.open()
    seen = replace_before(vendor, store, set(range(2, 1000)), versions)
    assert reader(store.scan("stocks_daily")) in {3_000, 9_000}
    assert len(seen) >= 3


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_one_too_large_for_one_request_is_looked_at_five_times_and_never_mixed(
    vendor: Vendor, versions: list[bytes], reader: Callable[[pads.Dataset], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("polygon_assets.store.s3_folder.WHOLE_BYTES", 20_000)
    store = vendor.place.open()
    seen = replace_before(vendor, store, set(range(2, 1000)), versions)
    with pytest.raises(Exception, match="replaced while it was read"):  # DuckDB and Polars have errors of their own
        reader(store.scan("stocks_daily"))
    assert 10 <= len(seen) < 100


@pytest.mark.usefixtures("large")
def test_what_was_given_out_is_not_given_out_again(vendor: Vendor, versions: list[bytes]) -> None:
    """Two days; the second is replaced between the rows of the first and its own."""
    later = "2024-01-03"
    vendor.place.write(vendor.place.file("stocks_daily", later), versions[0])
    store = vendor.place.open()
    batches = store.scan("stocks_daily").to_batches(["date"], fragment_readahead=1, batch_size=1_000, use_threads=False)
    rows = [batch.num_rows for batch in (next(batches), next(batches))]
    assert sum(rows) == 2_000
    vendor.place.write(vendor.place.file("stocks_daily", later), versions[1])
    with suppress(ReplacedWhileReadError, OSError):
        rows += [batch.num_rows for batch in batches]
    assert sum(rows) in {2_000, 9_000, 12_000, 18_000}, "of the first day once, of the second nothing or one version"


@pytest.mark.usefixtures("large")
def test_fifty_scans_of_a_large_day_while_it_is_replaced_all_the_time(vendor: Vendor, versions: list[bytes]) -> None:
    store = vendor.place.open()
    with replaced_without_end(vendor, versions) as count:
        rows = {READERS[name](store.scan("stocks_daily")) for name in ("to_table", "to_batches") for _ in range(25)}
    assert count[0] > 10
    assert rows <= {3_000, 9_000}


@contextmanager
def replaced_without_end(vendor: Vendor, versions: list[bytes]) -> Iterator[list[int]]:
    """Replace the day again and again, meanwhile; how often, so far."""
    stop, count = threading.Event(), [0]

    def run() -> None:
        while not stop.is_set():
            vendor.place.write(vendor.place.file("stocks_daily", DAY), versions[count[0] % 2])
            count[0] += 1

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield count
    finally:
        stop.set()
        thread.join()


def test_a_hundred_scans_and_verifications_while_it_is_replaced(vendor: Vendor, versions: list[bytes]) -> None:
    """Each is of one version; of 473 scans 10 once failed, and 55 of 473 verifications called it damaged."""
    with replaced_without_end(vendor, versions) as count:
        scanned = {vendor.store.scan("stocks_daily").to_table().num_rows for _ in range(100)}
        problems = {tuple(verify_day(vendor.store, "stocks_daily", DAY).problems) for _ in range(30)}
    assert count[0] > 10
    assert scanned <= {3_000, 9_000}
    assert problems == {()}


def test_a_large_object_is_pinned(vendor: Vendor) -> None:
    """What is read of two versions is an error, and no rows."""
    uri = f"{vendor.place.uri}/large"
    vendor.place.write(uri, bytes(3 * 1024**2))
    opened = PinnedObject(client(vendor.store), vendor.bucket, "my/store/large", 100)
    assert (opened.size, opened.read(10)) == (3 * 1024**2, bytes(10))
    vendor.place.write(uri, bytes([1]) * 3 * 1024**2)
    with pytest.raises(ReplacedWhileReadError, match="large"):
        opened.read(10)
    vendor.place.delete(uri)
    with pytest.raises(ReplacedWhileReadError):
        opened.read(10)


@pytest.mark.parametrize("size", [0, 1, 99, 100, 101, 1000])
def test_it_reads_as_a_file_does(vendor: Vendor, size: int) -> None:
    body = bytes(number % 251 for number in range(size))
    vendor.place.write(f"{vendor.place.uri}/some", body)
    opened, expected = PinnedObject(client(vendor.store), vendor.bucket, "my/store/some", 100), io.BytesIO(body)
    for offset, whence, count in [(0, 0, 10), (5, 1, 20), (-30, 2, 10), (0, 0, -1), (0, 0, 5000), (size, 0, 10)]:
        if whence != 2 or size >= 30:
            assert opened.seek(offset, whence) == expected.seek(offset, whence)
            assert opened.read(count) == expected.read(count)
            assert opened.tell() == expected.tell()


def test_a_bucket_that_refuses_is_told_from_a_file_that_is_not_there(vendor: Vendor) -> None:
    with pytest.raises(FileNotFoundError):
        vendor.store.open_input_file("stocks_daily", DAY)
    with pytest.raises(FileNotFoundError):
        vendor.store._filesystem.open_input_file("none")
    wrong = ParquetStore(
        f"s3://{vendor.bucket}-none/x", endpoint_url=vendor.server.endpoint_url,
        access_key_id=vendor.server.access_key_id, secret_access_key=vendor.server.secret_access_key,
    )  # fmt: skip
    with pytest.raises(StoreUnreachableError):
        wrong.open_input_file("stocks_daily", DAY)


def test_a_dataset_can_be_sent_to_another_process(vendor: Vendor, versions: list[bytes]) -> None:
    assert vendor.place.read(vendor.place.file("stocks_daily", DAY)) == versions[1]
    scan = vendor.store.scan("stocks_daily")
    assert scan.count_rows() == 9_000
    assert pickle.loads(pickle.dumps(scan)).to_table().num_rows == 9_000  # noqa: S301 (its own)


def test_a_damaged_small_file_is_still_one(vendor: Vendor, versions: list[bytes]) -> None:
    vendor.place.write(vendor.place.file("stocks_daily", DAY), versions[0][:-50])
    with pytest.raises((OSError, pa.ArrowInvalid), match="Parquet"):
        vendor.store.scan("stocks_daily").to_table()
    assert "not readable" in verify_day(vendor.store, "stocks_daily", DAY).problems[0]
    with pytest.raises(pa.ArrowInvalid):
        pq.read_metadata(pa.BufferReader(versions[0][:-50]))


OWN = [f"stocks_daily/date={DAY}/data.parquet", f"_raw/stocks_daily/date={DAY}/e.csv.gz",
       f"_quarantine/stocks_daily/date={DAY}/e.v1.csv.gz", "_by_year/stocks_daily/year=2024/data.parquet"]  # fmt: skip
OTHERS = ["stocks_daily/date=2024/x", "backup.tar", "other/stocks_daily/date=2024-01-02/data.parquet"]


def begin(vendor: Vendor, key: str) -> None:
    """What a process that is killed while it uploads leaves."""
    s3 = vendor.server.client()
    begun = s3.create_multipart_upload(Bucket=vendor.bucket, Key=key)
    s3.upload_part(Bucket=vendor.bucket, Key=key, UploadId=begun["UploadId"], PartNumber=1, Body=bytes(5 * 1024**2))


def uploads(vendor: Vendor) -> set[str]:
    """The keys of all that are begun."""
    found = vendor.server.client().list_multipart_uploads(Bucket=vendor.bucket)
    return {each["Key"] for each in found.get("Uploads", ())}


async def test_uploads_that_were_killed_once_stayed_for_ever(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the store's own go, and only old ones: a younger one may be another's that runs."""
    own = {f"my/store/{name}" for name in OWN}
    others = {*(f"my/store/{name}" for name in OTHERS), f"elsewhere/{OWN[0]}"}
    for key in own | others:
        begin(vendor, key)
    vendor.put("stocks_daily", DAY, a_day(1))
    await vendor.ingest("stocks_daily", DAY)
    assert uploads(vendor) == own | others
    monkeypatch.setattr(s3_uploads, "ABANDONED_AFTER", dt.timedelta(seconds=-1))  # all are older than that
    await vendor.ingest("stocks_daily", DAY)
    assert uploads(vendor) == others


def test_a_bucket_that_lists_no_uploads_is_none_the_worse(vendor: Vendor) -> None:
    s3 = client(vendor.store)
    assert s3_uploads.abort_abandoned(s3, f"{vendor.bucket}-none", "") == 0
