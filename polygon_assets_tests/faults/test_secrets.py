"""Input that is refused before any I/O, and a secret that shows nowhere."""

import logging
import traceback
from typing import Any

import pytest

from polygon_assets.download.async_downloader import AsyncS3Downloader
from polygon_assets.download.s3_catalog import S3Catalog
from polygon_assets.download.sync_downloader import SyncS3Downloader
from polygon_assets.errors import InvalidInputError, PolygonAssetsError
from polygon_assets_tests.download.clients import Client
from polygon_assets_tests.faults.harness import BODY, KEY
from polygon_assets_tests.scorecard import Seen
from polygon_assets_tests.servers import faults
from polygon_assets_tests.servers.origin import BUCKET, Origin
from polygon_assets_tests.servers.seaweed import S3Server

DATES = ["../../etc", "20240102", "2024-W01-2", "٢٠٢٤-٠١-٠٢", "2024-02-30", "2024-1-2", " 2024-01-02", ""]
ENDPOINTS = [
    "ftp://files.polygon.io",
    "http://user:pw@127.0.0.1",
    "https://user:pw@files.polygon.io",
    "files.polygon.io",
]


@pytest.mark.scorecard(35)
@pytest.mark.parametrize("date", DATES)
def test_dates_that_are_none(seen: Seen, date: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (the message is pinned by the catalog's own tests)
        S3Catalog().get_stocks_daily_key(date)
    seen("every such date is a ValueError at once")


@pytest.mark.scorecard(35)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_endpoints_that_are_none(
    kind: type[AsyncS3Downloader] | type[SyncS3Downloader], seen: Seen, endpoint: str
) -> None:
    with pytest.raises(InvalidInputError, match="endpoint_url") as caught:
        kind({"access_key_id": "a", "secret_access_key": "b"}, endpoint)
    assert "pw" not in str(caught.value)
    seen("every such endpoint is a ValueError at construction, without user info in its text")


@pytest.mark.scorecard(36)
async def test_the_secret_shows_nowhere(
    kind: type[AsyncS3Downloader] | type[SyncS3Downloader],
    origin: Origin,
    s3_server: S3Server,
    caplog: pytest.LogCaptureFixture,
    seen: Seen,
) -> None:
    secret = origin.credentials["secret_access_key"]
    texts: list[Any] = []
    wrong = {**s3_server.credentials, "secret_access_key": secret + "-but-wrong"}
    origin.store(KEY, BODY, faults.status(503), faults.cut_after(9), faults.flip(3), faults.page(), faults.page())
    with caplog.at_level(logging.DEBUG):
        for server, credentials in ((origin, origin.credentials), (s3_server, wrong)):
            async with Client.of(kind, credentials, server.endpoint_url, max_retries=1) as client:
                for _ in range(3):
                    try:
                        await client.get(BUCKET, KEY)
                    except PolygonAssetsError as error:
                        texts += [error, repr(error), vars(error), "".join(traceback.format_exception(error))]
                texts += [client.downloader, vars(client.downloader), client.statistics()]
    assert len(texts) > 10
    assert len(caplog.text) > 10_000, "botocore's own debug log is among it"
    assert secret not in caplog.text
    assert not [text for text in texts if secret in f"{text} {text!r}"]
    seen("absent from debug logs of all libraries, reprs, messages and tracebacks of both downloaders")
