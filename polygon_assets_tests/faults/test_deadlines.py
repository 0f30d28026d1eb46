"""Nothing hangs for ever: a request ends with its deadline, whatever drips, and an answer has a largest size.

Six sensor ticks against an endpoint that dripped once took every worker of the code server, until a restart.
"""

import hashlib
import json
import logging
import resource
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import botocore.httpsession
import pytest

from polygon_assets.download.async_downloader import AsyncS3Downloader
from polygon_assets.download.sync_downloader import SyncS3Downloader
from polygon_assets.errors import TooSlowError, TransferError, UnavailableError
from polygon_assets.orchestration.watching.webhook import Webhook
from polygon_assets_tests.download.clients import Client
from polygon_assets_tests.faults.harness import BODY, CONTENT, KEY
from polygon_assets_tests.scorecard import Seen
from polygon_assets_tests.servers import dripping as drips
from polygon_assets_tests.servers.dripping import Answer, Dripping, dripping

pytestmark = pytest.mark.slow
Ask = Callable[[Client], Awaitable[Any]]

ASKED: dict[str, Ask] = {
    "HEAD": lambda client: client.head("flatfiles", KEY),
    "LIST": lambda client: client.list_objects("flatfiles", KEY),
    "GET": lambda client: client.get("flatfiles", KEY),
}
GOOD = (
    b'HTTP/1.1 200 OK\r\nETag: "%s"\r\nLast-Modified: Wed, 03 Jan 2024 12:00:00 GMT\r\nContent-Length: %d\r\n\r\n'
    % (hashlib.md5(BODY, usedforsecurity=False).hexdigest().encode(), len(BODY))
) + BODY
ENDLESS: dict[str, Answer] = {
    "headers": drips.dripping_headers,
    "continues": drips.endless_continues,
    "silence": drips.silence,
}


@pytest.fixture
async def impatient(kind: type[AsyncS3Downloader] | type[SyncS3Downloader]) -> AsyncIterator[Callable[..., Client]]:
    """Make a downloader that allows a second in all, and longer between two bytes."""
    made: list[Client] = []

    def make(url: str, **settings: Any) -> Client:
        quick = {"deadline": 1, "timeout": 30, "max_retries": 0, "max_pool_connections": 2, **settings}
        made.append(Client.of(kind, Dripping.credentials, url, **quick))
        return made[-1]

    yield make
    for client in made:
        await client.__aexit__(None, None, None)


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.scorecard(40)
@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("what", ENDLESS)
async def test_a_request_that_never_ends_is_ended(
    impatient: Callable[..., Client], what: str, asked: str, seen: Seen
) -> None:
    with dripping(ENDLESS[what]) as server:
        client = impatient(server.endpoint_url)
        with pytest.raises(TooSlowError) as failed:
            await ASKED[asked](client)
    assert "not done within the deadline of 1 s" in str(failed.value)
    assert KEY in str(failed.value)
    seen("ended by its deadline, HEAD, LIST and GET alike")


@pytest.mark.scorecard(40)
async def test_a_listing_whose_body_drips_is_ended(impatient: Callable[..., Client], seen: Seen) -> None:
    expected = "not done within the deadline of 1 s"
    with dripping(drips.dripping_body) as server, pytest.raises(TooSlowError, match=expected):
        await impatient(server.endpoint_url).list_objects("flatfiles", KEY)
    seen("ended by its deadline, HEAD, LIST and GET alike")


@pytest.mark.scorecard(40)
async def test_a_handshake_that_never_ends_is_ended(impatient: Callable[..., Client], seen: Seen) -> None:
    with dripping(drips.dripping_headers) as server, pytest.raises(TransferError):
        await impatient(f"https://127.0.0.1:{server.port}").head("flatfiles", KEY)
    seen("ended by its deadline, HEAD, LIST and GET alike")


@pytest.mark.scorecard(40)
async def test_after_a_deadline_the_next_request_works_and_nothing_is_left(
    impatient: Callable[..., Client], seen: Seen
) -> None:
    """With a pool of two connections, and six requests that were ended."""
    with dripping(drips.dripping_headers) as server:
        client = impatient(server.endpoint_url, deadline=0.5)
        for _ in range(2):
            with pytest.raises(TooSlowError):
                await client.get("flatfiles", KEY)
        before, threads = descriptors(), threading.active_count()
        for _ in range(4):
            with pytest.raises(TooSlowError):
                await client.get("flatfiles", KEY)
        assert threading.active_count() <= threads + len(server._open)  # those that serve here
        assert descriptors() <= before + 2 * len(server._open) + 2
        statistics = client.statistics()
        assert (statistics["total_downloads"], statistics["failed_downloads"]) == (6, 6)
        server.answer = lambda: iter([GOOD])
        assert (await client.get("flatfiles", KEY)).read() == CONTENT
    seen("ended by its deadline, HEAD, LIST and GET alike")


@pytest.mark.scorecard(41)
@pytest.mark.parametrize("asked", ASKED)
async def test_an_error_that_never_ends_is_read_to_64_kilobytes(
    impatient: Callable[..., Client], asked: str, seen: Seen
) -> None:
    """It once took 4.8 GB in five seconds."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with dripping(drips.endless_error) as server:
        expected = None if asked == "HEAD" else "the service answered 500"  # a HEAD has no body, to the library
        with pytest.raises(UnavailableError, match=expected):
            await ASKED[asked](impatient(server.endpoint_url, deadline=20))
        assert server.sent < 32 * 1024**2  # what the kernel buffers, too
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024
    seen("64 KB are read, and the answer is the 500 that it is")


@pytest.mark.scorecard(41)
async def test_a_listing_that_never_ends_is_no_listing(impatient: Callable[..., Client], seen: Seen) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with dripping(drips.endless_listing) as server, pytest.raises(TransferError, match=r"cannot be read|answered 500"):
        await impatient(server.endpoint_url, deadline=30).list_objects("flatfiles", KEY)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 256 * 1024
    seen("64 KB are read, and the answer is the 500 that it is")


async def test_header_lines_without_end_are_an_error(impatient: Callable[..., Client]) -> None:
    with dripping(drips.endless_header_lines) as server, pytest.raises(TransferError):
        await impatient(server.endpoint_url, deadline=5).head("flatfiles", KEY)


def test_the_sessions_that_are_watched_have_the_attributes_that_are_replaced() -> None:
    session = cast("Any", botocore.httpsession.URLLib3Session())
    assert set(session._pool_classes_by_scheme) == {"http", "https"}
    assert set(session._manager.pool_classes_by_scheme) == {"http", "https"}


@pytest.mark.parametrize(
    "answer",
    [drips.dripping_headers, drips.silence, drips.endless_continues, drips.endless_error],
    ids=["headers", "silence", "continues", "error"],
)
def test_a_webhook_that_never_ends_is_given_up(answer: Answer, caplog: pytest.LogCaptureFixture) -> None:
    with dripping(answer) as server:
        secret = f"{server.endpoint_url}/canary"
        assert not Webhook(secret, seconds=0.5).post({"what": "overdue"}, logging.getLogger("test"))
    assert "did not take the notification" in caplog.text
    assert "canary" not in caplog.text


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_webhook_that_redirects_has_delivered_nothing(status: int, caplog: pytest.LogCaptureFixture) -> None:
    """301 to 303 once became a GET without a body, and counted as delivered."""
    with dripping(drips.silence) as elsewhere:
        target = f"{elsewhere.endpoint_url}/other".encode()
        answer = b"HTTP/1.1 %d Moved\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % (status, target)
        with dripping(lambda: iter([answer])) as server:
            assert not Webhook(server.endpoint_url, seconds=5).post({"a": 1}, logging.getLogger("test"))
        assert elsewhere.connections == 0
    assert f"it answered {status}" in caplog.text


def test_a_webhook_is_sent_json() -> None:
    received: list[bytes] = []

    class Listening(Dripping):
        def _serve(self, connection: Any) -> None:
            with connection:
                while b"}" not in b"".join(received):
                    received.append(connection.recv(65_536))
                connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    server = Listening(drips.silence)
    try:
        assert Webhook(f"{server.endpoint_url}/hook?key=1", seconds=5).post({"a": "ä"}, logging.getLogger("test"))
    finally:
        server.stop()
    head, _, body = b"".join(received).partition(b"\r\n\r\n")
    assert head.startswith(b"POST /hook?key=1 HTTP/1.1")
    assert b"application/json" in head
    assert json.loads(body) == {"a": "ä"}
