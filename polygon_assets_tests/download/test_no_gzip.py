"""Objects that are no gzip, though their key says so and their MD5 is their ETag: the bucket really has them so.

Once, such a day was failed, and asked for again every day.
"""

from pathlib import Path

import pytest

from polygon_assets.download.async_downloader import AsyncS3Downloader
from polygon_assets.download.sync_downloader import SyncS3Downloader
from polygon_assets.errors import ArchiveError, IntegrityError
from polygon_assets_tests.download.clients import CLIENT_KINDS, Client
from polygon_assets_tests.servers.faults import HTML
from polygon_assets_tests.servers.origin import BUCKET, origin

KEY = "day.csv.gz"
BODIES = {"text": b"ticker,volume\nA,1\n" * 10, "short": b"x", "page": HTML, "empty": b""}
bodies = pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
kinds = pytest.mark.parametrize("kind", CLIENT_KINDS, ids=["async", "sync"])


@bodies
@kinds
async def test_its_bytes_are_handed_over_at_the_first_attempt(
    tmp_path: Path, kind: type[AsyncS3Downloader] | type[SyncS3Downloader], body: bytes
) -> None:
    with origin() as server:
        server.store(KEY, body)
        async with Client.of(kind, server.credentials, server.endpoint_url) as client:
            fetched = await client.fetch(BUCKET, KEY, tmp_path / "raw")
        assert (tmp_path / "raw").read_bytes() == body
        assert (fetched.size, fetched.retries) == (len(body), 0)
        assert len(server.requests(KEY)) == 1


@bodies
@kinds
async def test_who_asks_for_the_content_is_told_what_it_is(
    tmp_path: Path, kind: type[AsyncS3Downloader] | type[SyncS3Downloader], body: bytes
) -> None:
    with origin() as server:
        server.store(KEY, body)
        async with Client.of(kind, server.credentials, server.endpoint_url) as client:
            with pytest.raises(
                ArchiveError, match=r"day\.csv\.gz: (not a gzip stream|empty, where .*MD5 as announced)"
            ):
                await client.save(BUCKET, KEY, tmp_path / "content")
        assert len(server.requests(KEY)) == 1
        assert not (tmp_path / "content").exists()


@bodies
@kinds
async def test_without_an_md5_it_may_be_the_way_here(
    tmp_path: Path, kind: type[AsyncS3Downloader] | type[SyncS3Downloader], body: bytes
) -> None:
    with origin() as server:
        server.store(KEY, body, etag="d41d8cd98f00b204e9800998ecf8427e-2")
        async with Client.of(kind, server.credentials, server.endpoint_url) as client:
            with pytest.raises(IntegrityError):
                await client.fetch(BUCKET, KEY, tmp_path / "raw")
        assert len(server.requests(KEY)) == 2, "one restart"
