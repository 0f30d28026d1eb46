"""Fixtures for faults: an origin, a proxy, and a harness for each class, to memory and to disk."""

import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from polygon_assets.download.async_downloader import AsyncS3Downloader
from polygon_assets.download.sync_downloader import SyncS3Downloader
from polygon_assets_tests.download.clients import CLIENT_KINDS, Client
from polygon_assets_tests.faults.harness import Harness
from polygon_assets_tests.servers.origin import Origin, origin
from polygon_assets_tests.servers.proxy import Proxy, proxy
from polygon_assets_tests.servers.seaweed import S3Server

MakeHarness = Callable[..., Harness]


@pytest.fixture(name="origin")
def running_origin() -> Iterator[Origin]:
    """An origin of this test's own."""
    with origin() as server:
        yield server


@pytest.fixture(scope="session")
def bucket(s3_server: S3Server) -> str:
    """One bucket for all of these tests: each stores what it reads."""
    name = f"faults-{uuid.uuid4().hex[:12]}"
    s3_server.client().create_bucket(Bucket=name)
    return name


@pytest.fixture(name="proxy")
def running_proxy(s3_server: S3Server) -> Iterator[Proxy]:
    """A proxy of this test's own in front of the real server."""
    with proxy(s3_server.endpoint_url) as server:
        yield server


@pytest.fixture(params=CLIENT_KINDS, ids=["async", "sync"])
def kind(request: pytest.FixtureRequest) -> type[AsyncS3Downloader] | type[SyncS3Downloader]:
    """Each of the two classes."""
    found: type[AsyncS3Downloader] | type[SyncS3Downloader] = request.param
    return found


@pytest.fixture(params=["memory", "disk"])
async def make_harness(
    kind: type[AsyncS3Downloader] | type[SyncS3Downloader], request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[MakeHarness]:
    """Make a harness for a server that has ``endpoint_url`` and ``credentials``, with further settings."""
    made: list[Harness] = []
    folder = tmp_path / "target"
    folder.mkdir()

    def make(server: Any, credentials: dict[str, str] | None = None, **settings: Any) -> Harness:
        client = Client.of(kind, credentials or server.credentials, server.endpoint_url, **settings)
        made.append(Harness(client, folder, to_disk=request.param == "disk"))
        return made[-1]

    yield make
    for harness in made:
        await harness.client.__aexit__(None, None, None)
