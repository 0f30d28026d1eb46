"""What both downloaders promise on a server that behaves."""

import gzip
import hashlib
import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from polygon_assets.download.async_downloader import AsyncS3Downloader
from polygon_assets.download.listing import Listing
from polygon_assets.download.sync_downloader import SyncS3Downloader
from polygon_assets.errors import (
    AccessDeniedError,
    ArchiveError,
    InvalidInputError,
    LocalWriteError,
    ObjectNotFoundError,
    RequestRejectedError,
)
from polygon_assets_tests.download.clients import Client
from polygon_assets_tests.servers.seaweed import S3Server

BODY = random.Random(7).randbytes(3_000_000)
KEY = "us_stocks_sip/day_aggs_v1/2024/01/2024-01-02.csv.gz"


def left_in(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


async def test_bytes_are_the_objects_own(client: Client, s3_server: S3Server, bucket: str, tmp_path: Path) -> None:
    packed = gzip.compress(BODY, 1)
    s3_server.put(bucket, KEY, packed)
    assert (await client.get(bucket, KEY)).read() == BODY
    assert (await client.get(bucket, KEY, False)).read() == packed
    assert await client.save(bucket, KEY, tmp_path / "a" / "b.csv") == tmp_path / "a" / "b.csv"
    assert (tmp_path / "a" / "b.csv").read_bytes() == BODY
    await client.save(bucket, KEY, tmp_path / "b.csv.gz", decompress=False)
    assert (tmp_path / "b.csv.gz").read_bytes() == packed
    assert left_in(tmp_path) == ["a", "b.csv.gz"]
    assert left_in(tmp_path / "a") == ["b.csv"]


async def test_decompresses_by_the_name(client: Client, s3_server: S3Server, bucket: str) -> None:
    packed = gzip.compress(b"plain")
    s3_server.put(bucket, "data.csv", packed)
    assert (await client.get(bucket, "data.csv")).read() == packed


async def test_fetch_tells_what_it_received(client: Client, s3_server: S3Server, bucket: str, tmp_path: Path) -> None:
    packed = gzip.compress(BODY, 1)
    etag = s3_server.put(bucket, KEY, packed)
    fetched = await client.fetch(bucket, KEY, tmp_path / "raw.gz")
    assert (tmp_path / "raw.gz").read_bytes() == packed
    assert (fetched.key, fetched.size, fetched.etag, fetched.retries) == (KEY, len(packed), etag, 0)
    assert fetched.etag == hashlib.md5(packed).hexdigest()  # noqa: S324 (what an ETag is)
    assert fetched.last_modified.tzinfo is UTC
    assert abs(datetime.now(UTC) - fetched.last_modified) < timedelta(minutes=2)
    head = await client.head(bucket, KEY)
    assert (head.key, head.size, head.etag, head.last_modified) == (KEY, len(packed), etag, fetched.last_modified)


async def test_replaces_an_earlier_file(client: Client, s3_server: S3Server, bucket: str, tmp_path: Path) -> None:
    target = tmp_path / "data.csv"
    target.write_bytes(b"old")
    with pytest.raises(ObjectNotFoundError):
        await client.save(bucket, KEY, target)
    assert target.read_bytes() == b"old"
    s3_server.put(bucket, KEY, gzip.compress(b"new"))
    await client.save(bucket, KEY, target)
    assert target.read_bytes() == b"new"


async def test_a_missing_object_leaves_no_folder(client: Client, bucket: str, tmp_path: Path) -> None:
    with pytest.raises(ObjectNotFoundError, match="There is no such file"):
        await client.save(bucket, KEY, tmp_path / "new" / "data.csv")
    assert left_in(tmp_path) == []


async def test_missing_and_forbidden_are_told_apart(
    kind: type[AsyncS3Downloader] | type[SyncS3Downloader], client: Client, s3_server: S3Server, bucket: str
) -> None:
    s3_server.put(bucket, KEY, b"x")
    assert await client.check_exists(bucket, KEY) is True
    assert await client.check_exists(bucket, "no/such/key") is False
    wrong = {**s3_server.credentials, "secret_access_key": "wrong"}
    async with Client.of(kind, wrong, s3_server.endpoint_url) as denied:
        with pytest.raises(AccessDeniedError, match="plan may not include"):
            await denied.check_exists(bucket, KEY)
        with pytest.raises(AccessDeniedError) as caught:
            await denied.get(bucket, KEY)
        assert caught.value.attempts == 1
        assert caught.value.key == KEY
        with pytest.raises(AccessDeniedError):
            await denied.list_objects(bucket, "")
        assert denied.statistics()["failed_downloads"] == 1


async def test_what_a_listing_gives(client: Client, s3_server: S3Server, bucket: str) -> None:
    keys = sorted(f"listing/{number:04d}" for number in range(23))
    for key in keys:
        s3_server.put(bucket, key, key.encode())
    assert await client.list_objects(bucket, "listing/") == keys
    assert await client.list_objects(bucket, "listing/", None) == keys
    assert await client.list_objects(bucket, "listing/", 5) == keys[:5]
    assert await client.list_objects(bucket, "nothing/") == []
    entries = await client.list_entries(bucket, "listing/000")
    assert [entry.key for entry in entries] == keys[:10]
    assert {entry.size for entry in entries} == {12}
    assert entries[0].etag == hashlib.md5(keys[0].encode()).hexdigest()  # noqa: S324 (what an ETag is)
    assert entries[0].last_modified.tzinfo is UTC
    assert client.statistics()["total_downloads"] == 0
    with pytest.raises(ObjectNotFoundError):
        await client.list_objects("no-such-bucket", "")


async def test_a_long_listing_comes_in_pages(
    client: Client, s3_server: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SeaweedFS gives a thousand keys and more at once: it is asked for ten."""
    keys = sorted(f"listing/{number:04d}" for number in range(23))
    for key in keys:
        s3_server.put(bucket, key, key.encode())
    pages: list[int] = []
    accept = Listing.accept

    def counted(listing: Listing, page: Mapping[str, Any]) -> None:
        pages.append(len(page.get("Contents", ())))
        accept(listing, page)

    monkeypatch.setattr(Listing, "accept", counted)
    monkeypatch.setattr("polygon_assets.download.listing.PAGE_SIZE", 10)
    assert await client.list_objects(bucket, "listing/", None) == keys
    assert pages == [10, 10, 3]
    pages.clear()
    assert await client.list_objects(bucket, "listing/", 15) == keys[:15]
    assert pages == [10, 5]


@pytest.mark.parametrize("max_keys", [0, -1, True, 1.5, "10"])
async def test_listing_refuses_a_senseless_limit(client: Client, bucket: str, max_keys: Any) -> None:
    with pytest.raises(InvalidInputError, match="max_keys"):
        await client.list_objects(bucket, "", max_keys)


async def test_statistics_count_objects(client: Client, s3_server: S3Server, bucket: str) -> None:
    s3_server.put(bucket, KEY, gzip.compress(b"x"))
    await client.get(bucket, KEY)
    with pytest.raises(ObjectNotFoundError):
        await client.get(bucket, "missing")
    assert client.statistics() == {
        "total_downloads": 2,
        "successful_downloads": 1,
        "failed_downloads": 1,
        "total_retries": 0,
        "success_rate": 0.5,
    }


BAD_ARCHIVES = {
    "cut": gzip.compress(BODY, 1)[:-1],
    "wrong crc": gzip.compress(b"x" * 100)[:-8] + b"1234" + gzip.compress(b"x" * 100)[-4:],
    "wrong length": gzip.compress(b"x" * 100)[:-1] + b"\x01",
    "garbage after": gzip.compress(b"x") + b"garbage",
    "second member cut": gzip.compress(b"x") + gzip.compress(b"y")[:-1],
}


@pytest.mark.parametrize("name", BAD_ARCHIVES)
async def test_bad_archives_are_refused(
    client: Client, s3_server: S3Server, bucket: str, tmp_path: Path, name: str
) -> None:
    # The MD5 says that these are the object's bytes: asking again cannot help.
    s3_server.put(bucket, KEY, BAD_ARCHIVES[name])
    with pytest.raises(ArchiveError) as caught:
        await client.get(bucket, KEY)
    assert KEY in str(caught.value)
    assert not caught.value.retryable
    with pytest.raises(ArchiveError):
        await client.save(bucket, KEY, tmp_path / "out.csv")
    assert left_in(tmp_path) == []
    assert client.statistics()["total_retries"] == 0


@pytest.mark.parametrize(
    "archive",
    [gzip.compress(b"one") + gzip.compress(b"two"), gzip.compress(b"onetwo") + b"\0" * 600],
    ids=["two members", "zero-padded"],
)
async def test_unusual_good_archives_pass(client: Client, s3_server: S3Server, bucket: str, archive: bytes) -> None:
    s3_server.put(bucket, KEY, archive)
    assert (await client.get(bucket, KEY)).read() == b"onetwo"


async def test_a_bomb_is_refused_in_bounded_memory(
    kind: type[AsyncS3Downloader] | type[SyncS3Downloader], s3_server: S3Server, bucket: str, tmp_path: Path
) -> None:
    s3_server.put(bucket, KEY, gzip.compress(bytes(100_000_000), 6))
    async with Client.of(kind, s3_server.credentials, s3_server.endpoint_url) as client:
        with pytest.raises(ArchiveError, match="max_decompression_ratio"):
            await client.get(bucket, KEY)
    async with Client.of(
        kind, s3_server.credentials, s3_server.endpoint_url, max_decompressed_bytes=1_000_000
    ) as client:
        with pytest.raises(ArchiveError, match="max_decompressed_bytes"):
            await client.save(bucket, KEY, tmp_path / "bomb.csv")
    assert left_in(tmp_path) == []


async def test_places_that_cannot_be_written(client: Client, s3_server: S3Server, bucket: str, tmp_path: Path) -> None:
    s3_server.put(bucket, KEY, gzip.compress(b"x"))
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    for target in (tmp_path / "folder", tmp_path / "file" / "below.csv"):
        with pytest.raises(LocalWriteError, match="at the first attempt"):
            await client.save(bucket, KEY, target)
    assert left_in(tmp_path) == ["file", "folder"]


@pytest.mark.parametrize(("bucket_name", "key"), [("", "k"), ("b", ""), ("b", None), ("b", "a\0b")])
async def test_invalid_names(client: Client, bucket_name: str, key: Any) -> None:
    with pytest.raises(InvalidInputError):
        await client.get(bucket_name, key)
    assert client.statistics()["total_downloads"] == 0


async def test_a_bucket_name_that_the_client_refuses(client: Client) -> None:
    with pytest.raises(RequestRejectedError):
        await client.get("no bucket", "key")


GOOD = {"access_key_id": "id", "secret_access_key": "canary-in-settings"}
WRONG: list[tuple[str, Mapping[str, Any]]] = [
    ("secret_access_key", {"credentials": {"access_key_id": "id"}}),
    ("access_key_id", {"credentials": {**GOOD, "access_key_id": ""}}),
    ("secret_access_key", {"credentials": {**GOOD, "secret_access_key": "line\n"}}),
    ("credentials", {"credentials": None}),
    ("endpoint_url", {"endpoint_url": "ftp://files.polygon.io"}),
    ("endpoint_url", {"endpoint_url": "http://files.polygon.io"}),
    ("endpoint_url", {"endpoint_url": "https://user:canary-in-settings@files.polygon.io"}),
    ("endpoint_url", {"endpoint_url": "http://127.0.0.1:1@files.polygon.io"}),
    ("endpoint_url", {"endpoint_url": "http://127.0.0.1.example.com"}),
    ("endpoint_url", {"endpoint_url": "https://"}),
    ("endpoint_url", {"endpoint_url": "https://files.polygon.io:99999"}),
    ("endpoint_url", {"endpoint_url": "https://files.polygon.io?x=1"}),
    ("endpoint_url", {"endpoint_url": ""}),
    ("endpoint_url", {"endpoint_url": None}),
    ("max_retries", {"max_retries": -1}),
    ("max_retries", {"max_retries": 1.5}),
    ("max_retries", {"max_retries": True}),
    ("timeout", {"timeout": 0}),
    ("timeout", {"timeout": float("nan")}),
    ("timeout", {"timeout": "60"}),
    ("max_pool_connections", {"max_pool_connections": 0}),
    ("backoff_base", {"backoff_base": -1}),
    ("backoff_cap", {"backoff_cap": float("inf")}),
    ("minimum_rate", {"minimum_rate": -1}),
    ("minimum_rate_window", {"minimum_rate_window": 0}),
    ("deadline", {"deadline": 0}),
    ("verify_md5", {"verify_md5": "sometimes"}),
    ("max_decompressed_bytes", {"max_decompressed_bytes": 0}),
]


@pytest.mark.parametrize(("parameter", "settings"), WRONG)
def test_settings_are_checked_at_construction(
    kind: type[AsyncS3Downloader] | type[SyncS3Downloader], parameter: str, settings: Mapping[str, Any]
) -> None:
    with pytest.raises(ValueError, match=parameter) as caught:
        kind(**{"credentials": GOOD, **settings})
    assert isinstance(caught.value, InvalidInputError)
    assert "canary" not in str(caught.value)


def test_secrets_are_in_no_repr(kind: type[AsyncS3Downloader] | type[SyncS3Downloader]) -> None:
    made = kind(GOOD, "http://127.0.0.1:9")
    assert "canary" not in f"{made!r} {made} {vars(made)}"


async def test_a_foreign_aws_profile_changes_nothing(
    kind: type[AsyncS3Downloader] | type[SyncS3Downloader],
    s3_server: S3Server,
    bucket: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    s3_server.put(bucket, KEY, gzip.compress(b"x"))
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "50")
    async with Client.of(kind, s3_server.credentials, s3_server.endpoint_url) as client:
        assert (await client.get(bucket, KEY)).read() == b"x"
