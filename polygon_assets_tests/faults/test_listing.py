"""Listings and HEADs on a server that misbehaves."""

from collections.abc import AsyncIterator

import pytest

from polygon_assets.download.async_downloader import AsyncS3Downloader
from polygon_assets.download.sync_downloader import SyncS3Downloader
from polygon_assets.errors import AccessDeniedError, IntegrityError, RequestRejectedError, UnavailableError
from polygon_assets_tests.download.clients import Client
from polygon_assets_tests.scorecard import Seen
from polygon_assets_tests.servers import faults
from polygon_assets_tests.servers.origin import BUCKET, Exchange, Fault, Origin, serve

KEYS = [f"listing/{number:05d}" for number in range(1500)]


@pytest.fixture
async def client(kind: type[AsyncS3Downloader] | type[SyncS3Downloader], origin: Origin) -> AsyncIterator[Client]:
    async with Client.of(kind, origin.credentials, origin.endpoint_url, timeout=2) as made:
        yield made


def cut_listing(exchange: Exchange) -> None:
    """Close in the middle of the XML."""
    exchange.head(200, Content_Length="5000", Content_Type="application/xml")
    exchange.send(b"<?xml version='1.0'?><ListBucketResult><Contents><Key>listing/0")
    exchange.close()


def short_listing(exchange: Exchange) -> None:
    """End in the middle of the XML, as announced."""
    body = b"<?xml version='1.0'?><ListBucketResult><Contents><Key>listing/0"
    exchange.head(200, Content_Length=str(len(body)), Content_Type="application/xml")
    exchange.send(body)


def web_page(exchange: Exchange) -> None:
    """Answer 200 with a page that is well-formed XML, and so parses as a listing of nothing."""
    body = b"<html><body>Please log in</body></html>"
    exchange.head(200, Content_Length=str(len(body)), Content_Type="text/html")
    exchange.send(body)


PAGE_FAULTS = [faults.status(503, "SlowDown"), cut_listing, short_listing, web_page]


@pytest.mark.scorecard(37)
@pytest.mark.parametrize("fault", PAGE_FAULTS, ids=["503", "cut", "short", "web page"])
async def test_the_second_page_fails_once(client: Client, origin: Origin, seen: Seen, fault: Fault) -> None:
    for key in KEYS:
        origin.store(key, b"x")
    origin.page_faults[1].append(fault)
    assert await client.list_objects(BUCKET, "listing/", None) == KEYS
    assert len(origin.seen) == 3
    assert client.statistics()["total_downloads"] == 0
    seen("second page answered by 503, cut, short or a web page: all 1,500, none twice, 3 requests")


@pytest.mark.scorecard(37)
@pytest.mark.parametrize(
    ("fault", "error"), [(faults.status(503), UnavailableError), (web_page, IntegrityError)], ids=["503", "web page"]
)
async def test_a_page_that_never_comes(
    client: Client, origin: Origin, seen: Seen, fault: Fault, error: type[Exception]
) -> None:
    for key in KEYS:
        origin.store(key, b"x")
    origin.page_faults[1].extend([fault] * 10)
    with pytest.raises(error, match="s3://flatfiles/listing/"):
        await client.list_objects(BUCKET, "listing/", None)
    seen("every time: an error, never a shorter list")


@pytest.mark.scorecard(13)
async def test_redirects_of_other_requests(client: Client, origin: Origin, seen: Seen) -> None:
    origin.page_faults[0].append(faults.redirect(307, "http://127.0.0.1:1/elsewhere"))
    with pytest.raises(RequestRejectedError, match=r"127\.0\.0\.1:1/elsewhere"):
        await client.list_objects(BUCKET, "")
    assert len(origin.seen) == 1
    seen("LIST likewise")


async def test_a_head_is_retried(client: Client, origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = origin.store("key", b"12345")
    answers = [faults.status(503), faults.status(500)]
    monkeypatch.setattr(
        "polygon_assets_tests.servers.origin.serve",
        lambda exchange, whole=serve: (answers.pop() if answers else whole)(exchange),
    )
    found = await client.head(BUCKET, "key")
    assert (found.size, found.etag) == (5, stored.etag)
    assert len(origin.requests("key", "HEAD")) == 3
    answers.extend([faults.status(403)])
    with pytest.raises(AccessDeniedError, match="plan may not include"):
        await client.check_exists(BUCKET, "key")
