"""Fixtures for the downloaders: each test that takes ``client`` runs for both."""

from collections.abc import AsyncIterator

import pytest

from polygon_assets.download.async_downloader import AsyncS3Downloader
from polygon_assets.download.sync_downloader import SyncS3Downloader
from polygon_assets_tests.download.clients import CLIENT_KINDS, Client
from polygon_assets_tests.servers.seaweed import S3Server


@pytest.fixture(params=CLIENT_KINDS, ids=["async", "sync"])
def kind(request: pytest.FixtureRequest) -> type[AsyncS3Downloader] | type[SyncS3Downloader]:
    """Each of the two classes."""
    found: type[AsyncS3Downloader] | type[SyncS3Downloader] = request.param
    return found


@pytest.fixture
async def client(kind: type[AsyncS3Downloader] | type[SyncS3Downloader], s3_server: S3Server) -> AsyncIterator[Client]:
    """One of the two downloaders, on the real server."""
    async with Client.of(kind, s3_server.credentials, s3_server.endpoint_url) as made:
        yield made
