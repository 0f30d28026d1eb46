"""Scorecard rows of single downloads: both classes, to memory and to disk."""

import asyncio
import gzip
import hashlib
import re
import socket
import time
from typing import Any

import pytest

from polygon_assets.errors import (
    AccessDeniedError,
    IntegrityError,
    ObjectNotFoundError,
    RequestRejectedError,
    TooSlowError,
    TransferError,
    UnavailableError,
)
from polygon_assets_tests.faults.conftest import MakeHarness
from polygon_assets_tests.faults.harness import BODY, CONTENT, KEY, Harness
from polygon_assets_tests.scorecard import Seen
from polygon_assets_tests.servers import faults
from polygon_assets_tests.servers.origin import BUCKET, Fault, Origin
from polygon_assets_tests.servers.proxy import Proxy, Trouble
from polygon_assets_tests.servers.seaweed import S3Server, free_ports

MULTIPART = "0123456789abcdef0123456789abcdef-4"
"""An ETag that is no MD5."""
OTHER = gzip.compress(b"another object " * 30_000, 1, mtime=0)


async def failing(
    harness: Harness, origin: Origin, kind: type[TransferError], match: str, requests: int
) -> TransferError:
    """Download and give the error; the server must have seen exactly so many requests."""
    with pytest.raises(kind, match=match) as caught:
        await harness.download(BUCKET)
    assert caught.value.attempts == requests
    assert len(origin.requests(KEY)) == requests
    assert harness.retries == requests - 1
    return caught.value


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(faults.cut_after, marks=pytest.mark.scorecard(1)),
        pytest.param(faults.reset_after, marks=pytest.mark.scorecard(2)),
    ],
)
async def test_broken_twice_then_fine(make_harness: MakeHarness, origin: Origin, seen: Seen, fault: Any) -> None:
    origin.store(KEY, BODY, fault(100_000), fault(50_000))
    harness = make_harness(origin)
    assert await harness.download(BUCKET) == CONTENT
    asked = [(request.range, request.if_match) for request in origin.requests(KEY)]
    etag = f'"{hashlib.md5(BODY).hexdigest()}"'  # noqa: S324 (what an ETag is)
    assert asked == [(None, None), ("bytes=100000-", etag), ("bytes=150000-", etag)]
    assert harness.retries == 2
    seen("resumed at bytes 100,000 and 150,000 with If-Match; identical; 2 retries")


@pytest.mark.scorecard(1, 2, 4)
@pytest.mark.parametrize("trouble", ["cut", "reset", "stall"])
async def test_broken_on_a_real_server(
    make_harness: MakeHarness, proxy: Proxy, s3_server: S3Server, bucket: str, seen: Seen, trouble: Any
) -> None:
    # Through the proxy the signatures are real, and so are Range and If-Match.
    s3_server.put(bucket, KEY, BODY)
    proxy.troubles.extend([Trouble(trouble, 100_000), Trouble(trouble, 60_000)])
    harness = make_harness(proxy, s3_server.credentials, timeout=0.75)
    assert await harness.download(bucket) == CONTENT
    assert harness.retries == 2
    assert proxy.connections == 3
    seen("the same through a TCP proxy before SeaweedFS")


@pytest.mark.scorecard(3)
async def test_last_byte_missing(make_harness: MakeHarness, origin: Origin, seen: Seen) -> None:
    origin.store(KEY, BODY, always=faults.last_byte_missing)
    error = await failing(
        make_harness(origin, max_retries=3), origin, UnavailableError, r"connection failed|body ended", 4
    )
    assert error.retryable
    assert origin.requests(KEY)[-1].range == f"bytes={len(BODY) - 1}-"
    seen("UnavailableError after all 4 attempts")


@pytest.mark.scorecard(4)
async def test_stalled_body(make_harness: MakeHarness, origin: Origin, seen: Seen) -> None:
    origin.store(KEY, BODY, faults.stall_after(70_000))
    harness = make_harness(origin, timeout=0.75)
    assert await harness.download(BUCKET) == CONTENT
    assert [request.range for request in origin.requests(KEY)] == [None, "bytes=70000-"]
    seen("resumed at byte 70,000 after the read timeout")


@pytest.mark.scorecard(5)
@pytest.mark.parametrize("limit", [{"minimum_rate": 1000, "minimum_rate_window": 0.3}, {"deadline": 0.5}])
async def test_dripping_body(make_harness: MakeHarness, origin: Origin, seen: Seen, limit: dict[str, float]) -> None:
    origin.store(KEY, BODY, always=faults.drip(0.1))
    harness = make_harness(origin, **{"max_retries": 1, "timeout": 5, "minimum_rate": 0, **limit})
    with pytest.raises(TooSlowError, match=r"minimum rate|deadline"):
        await harness.download(BUCKET)
    seen("TooSlowError: below the minimum rate, or past the deadline")


@pytest.mark.scorecard(6)
async def test_headers_never_come(make_harness: MakeHarness, origin: Origin, seen: Seen) -> None:
    origin.store(KEY, BODY, faults.silence)
    harness = make_harness(origin, timeout=0.75)
    assert await harness.download(BUCKET) == CONTENT
    assert harness.retries == 1
    seen("timeout, then a second request succeeded")


ONE_RESTART = [
    pytest.param(
        faults.without_length(100_000), "without Content-Length", marks=pytest.mark.scorecard(7), id="no length"
    ),
    pytest.param(faults.announce_less(1000), "299|300|MD5|gzip", marks=pytest.mark.scorecard(8), id="short length"),
    pytest.param(faults.flip(150_000), "MD5", marks=pytest.mark.scorecard(9), id="flipped"),
    pytest.param(faults.flip(2), "MD5|gzip", marks=pytest.mark.scorecard(9), id="flipped in the gzip header"),
    pytest.param(faults.empty, "empty", marks=pytest.mark.scorecard(10), id="empty"),
    pytest.param(faults.page(), "HTML or XML page", marks=pytest.mark.scorecard(11), id="html"),
    pytest.param(
        faults.page(faults.XML, "application/xml"), "HTML or XML page", marks=pytest.mark.scorecard(11), id="xml"
    ),
    pytest.param(faults.encoded("gzip"), "Content-Encoding", marks=pytest.mark.scorecard(12), id="gzip encoding"),
    pytest.param(faults.encoded("br"), "Content-Encoding", marks=pytest.mark.scorecard(12), id="br encoding"),
]


@pytest.mark.parametrize(("fault", "match"), ONE_RESTART)
async def test_wrong_answers_get_one_restart(
    make_harness: MakeHarness, origin: Origin, seen: Seen, fault: Fault, match: str
) -> None:
    origin.store(KEY, BODY, always=fault)
    error = await failing(make_harness(origin), origin, IntegrityError, match, 2)
    assert {request.range for request in origin.requests(KEY)} == {None}
    cause = re.sub(r"[0-9a-f]{32}|[\d,]{7,}", "…", error.cause)  # what differs with the version of zlib
    seen(f"one restart from zero, then IntegrityError: {cause}")


@pytest.mark.parametrize(("fault", "match"), ONE_RESTART)
async def test_wrong_answers_once_are_healed(
    make_harness: MakeHarness, origin: Origin, seen: Seen, fault: Fault, match: str
) -> None:
    del match
    origin.store(KEY, BODY, fault)
    harness = make_harness(origin)
    assert await harness.download(BUCKET) == CONTENT
    assert harness.retries == 1
    seen("once: healed by the restart")


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(faults.announce_less(1000), marks=pytest.mark.scorecard(8)),
        pytest.param(faults.flip(150_000), marks=pytest.mark.scorecard(9)),
    ],
)
@pytest.mark.parametrize("etag", [MULTIPART, ""], ids=["multipart ETag", "no ETag"])
async def test_without_an_md5_gzip_vouches(
    make_harness: MakeHarness, origin: Origin, seen: Seen, fault: Fault, etag: str
) -> None:
    origin.store(KEY, BODY, always=fault, etag=etag)
    await failing(make_harness(origin), origin, IntegrityError, "gzip", 2)
    seen("without an MD5: one restart, then gzip's CRC or length refuses it")


@pytest.mark.scorecard(9)
async def test_flipped_through_the_proxy(
    make_harness: MakeHarness, proxy: Proxy, s3_server: S3Server, bucket: str, seen: Seen
) -> None:
    s3_server.put(bucket, KEY, BODY)
    proxy.troubles.append(Trouble("flip", 200_000))
    harness = make_harness(proxy, s3_server.credentials)
    assert await harness.download(bucket) == CONTENT
    assert harness.retries == 1
    seen("on SeaweedFS, once: healed by one refetch")


@pytest.mark.scorecard(13)
@pytest.mark.parametrize("code", [301, 302, 303, 307])
async def test_redirects_are_refused(make_harness: MakeHarness, origin: Origin, seen: Seen, code: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        address = f"127.0.0.1:{elsewhere.getsockname()[1]}"
        origin.store(KEY, BODY, always=faults.redirect(code, f"http://{address}/{BUCKET}/{KEY}"))
        harness = make_harness(origin)
        error = await failing(harness, origin, RequestRejectedError, address, 1)
        assert "endpoint_url" in str(error)
        assert len(origin.seen) == 1, "botocore asked for the bucket's region"
        elsewhere.settimeout(0.05)
        with pytest.raises(TimeoutError):
            elsewhere.accept()
    seen("one request; RequestRejectedError names the new host and endpoint_url; the other listener saw nothing")


@pytest.mark.scorecard(14)
@pytest.mark.parametrize("code", [500, 502, 503, 504])
async def test_a_passing_error_is_retried(make_harness: MakeHarness, origin: Origin, seen: Seen, code: int) -> None:
    origin.store(KEY, BODY, faults.status(code))
    harness = make_harness(origin)
    assert await harness.download(BUCKET) == CONTENT
    assert harness.retries == 1
    seen("one retry, then success")


@pytest.mark.scorecard(14)
async def test_a_lasting_error_is_not_retried_twice_over(make_harness: MakeHarness, origin: Origin, seen: Seen) -> None:
    # Two nested retry layers would multiply.
    origin.store(KEY, BODY, always=faults.status(503, "SlowDown"))
    await failing(make_harness(origin, max_retries=2), origin, UnavailableError, "503 SlowDown", 3)
    seen("every time: UnavailableError after max_retries + 1 requests, seen from the server")


@pytest.mark.scorecard(15)
@pytest.mark.parametrize(("asked", "cap", "least", "most"), [("1", 5.0, 1.0, 30.0), ("60", 0.3, 0.3, 30.0)])
async def test_retry_after(
    make_harness: MakeHarness, origin: Origin, seen: Seen, asked: str, cap: float, least: float, most: float
) -> None:
    origin.store(KEY, BODY, faults.status(429, "TooManyRequests", Retry_After=asked))
    harness = make_harness(origin, backoff_cap=cap)
    assert await harness.download(BUCKET) == CONTENT
    first, second = origin.requests(KEY)
    assert least <= second.at - first.at < most
    seen("waited at least Retry-After, at most backoff_cap")


@pytest.mark.scorecard(16)
@pytest.mark.parametrize(
    ("code", "name"), [(403, "AccessDenied"), (403, "SignatureDoesNotMatch"), (401, "Unauthorized")]
)
async def test_a_refusal_is_permanent(
    make_harness: MakeHarness, origin: Origin, seen: Seen, code: int, name: str
) -> None:
    origin.store(KEY, BODY, always=faults.status(code, name))
    error = await failing(make_harness(origin), origin, AccessDeniedError, f"{code} {name}", 1)
    assert not error.retryable
    seen("AccessDeniedError after one request")


@pytest.mark.scorecard(16)
async def test_a_bad_signature_on_a_real_server(
    make_harness: MakeHarness, s3_server: S3Server, bucket: str, seen: Seen
) -> None:
    s3_server.put(bucket, KEY, BODY)
    harness = make_harness(s3_server, {**s3_server.credentials, "secret_access_key": "wrong"})
    with pytest.raises(AccessDeniedError, match="SignatureDoesNotMatch"):
        await harness.download(bucket)
    assert harness.retries == 0
    seen("the same on SeaweedFS with a wrong secret")


@pytest.mark.scorecard(16)
async def test_a_wrong_clock_is_named(make_harness: MakeHarness, origin: Origin, seen: Seen) -> None:
    origin.store(KEY, BODY, always=faults.status(403, "RequestTimeTooSkewed"))
    await failing(make_harness(origin), origin, RequestRejectedError, "clock", 1)
    seen("RequestTimeTooSkewed: one request, 'check this machine's clock'")


@pytest.mark.scorecard(17)
async def test_a_missing_object(make_harness: MakeHarness, origin: Origin, seen: Seen) -> None:
    harness = make_harness(origin)
    error = await failing(harness, origin, ObjectNotFoundError, "404 NoSuchKey", 1)
    assert not error.retryable
    seen("downloader: ObjectNotFoundError after one request")


@pytest.mark.scorecard(18)
async def test_range_ignored(make_harness: MakeHarness, origin: Origin, seen: Seen) -> None:
    origin.store(KEY, BODY, faults.cut_after(100_000), faults.range_ignored)
    harness = make_harness(origin)
    assert await harness.download(BUCKET) == CONTENT
    assert harness.retries == 1
    seen("taken from its first byte, identical")


@pytest.mark.scorecard(19)
async def test_wrong_content_range(make_harness: MakeHarness, origin: Origin, seen: Seen) -> None:
    origin.store(KEY, BODY, faults.cut_after(100_000), always=faults.wrong_range)
    await failing(make_harness(origin), origin, IntegrityError, "Content-Range", 2)
    seen("IntegrityError that shows asked and answered range")


@pytest.mark.scorecard(20)
async def test_replaced_during_the_download(make_harness: MakeHarness, origin: Origin, seen: Seen) -> None:
    etag = hashlib.md5(OTHER).hexdigest()  # noqa: S324 (what an ETag is)
    origin.store(KEY, BODY, faults.replaced_by(OTHER, etag, faults.cut_after(1_000)))
    harness = make_harness(origin)
    assert await harness.download(BUCKET) == gzip.decompress(OTHER)
    asked = origin.requests(KEY)
    assert [request.range for request in asked] == [None, "bytes=1000-", None]
    assert asked[1].if_match is not None
    seen("If-Match answered by 412, one restart, the new object whole")


@pytest.mark.scorecard(20)
async def test_replaced_on_a_server_that_ignores_if_match(
    make_harness: MakeHarness, origin: Origin, seen: Seen
) -> None:
    def deaf(exchange: Any) -> None:
        exchange.object_head()
        exchange.send(exchange.part)

    etag = hashlib.md5(OTHER).hexdigest()  # noqa: S324 (what an ETag is)
    origin.store(KEY, BODY, faults.replaced_by(OTHER, etag, faults.cut_after(1_000)), deaf)
    harness = make_harness(origin)
    assert await harness.download(BUCKET) == gzip.decompress(OTHER)
    seen("If-Match ignored: the other ETag of the 206 is noticed, one restart")


@pytest.mark.scorecard(20)
async def test_replaced_again_and_again(make_harness: MakeHarness, origin: Origin, seen: Seen) -> None:
    origin.store(
        KEY,
        BODY,
        faults.replaced_by(OTHER, "a" * 32, faults.cut_after(1_000)),
        faults.status(412, "PreconditionFailed"),
        faults.replaced_by(BODY, "b" * 32, faults.cut_after(1_000)),
        faults.status(412, "PreconditionFailed"),
    )
    await failing(make_harness(origin, max_retries=8), origin, IntegrityError, "replaced", 4)
    seen("replaced a second time: IntegrityError")


@pytest.mark.scorecard(20)
async def test_replaced_on_a_real_server(
    make_harness: MakeHarness, proxy: Proxy, s3_server: S3Server, bucket: str, seen: Seen
) -> None:
    s3_server.put(bucket, KEY, BODY)
    proxy.troubles.append(Trouble("cut", 100_000, lambda: s3_server.put(bucket, KEY, OTHER)))
    harness = make_harness(proxy, s3_server.credentials)
    assert await harness.download(bucket) == gzip.decompress(OTHER)
    assert harness.retries == 2
    seen("the same on SeaweedFS")


@pytest.mark.scorecard(21)
async def test_connection_refused(make_harness: MakeHarness, origin: Origin, seen: Seen) -> None:
    origin.endpoint_url = f"http://127.0.0.1:{free_ports(1)[0]}"
    harness = make_harness(origin, max_retries=2)
    before = time.monotonic()
    with pytest.raises(UnavailableError, match="connection failed") as caught:
        await harness.download(BUCKET)
    assert caught.value.attempts == 3
    assert time.monotonic() - before < 10
    seen("UnavailableError after 3 attempts")


@pytest.mark.scorecard(22)
async def test_failed_bodies_do_not_use_up_the_pool(make_harness: MakeHarness, origin: Origin, seen: Seen) -> None:
    origin.store(KEY, BODY, *[faults.encoded(), faults.stall_after(10), faults.flip(9)] * 2)
    harness = make_harness(origin, max_retries=0, max_pool_connections=2, timeout=0.75, deadline=30)
    for _ in range(6):
        with pytest.raises(TransferError):
            await harness.download(BUCKET)
    # The errors are kept, and with them the frames that knew the bodies: only closing can have closed them.
    assert len(harness.failures) == 6
    deadline = time.monotonic() + 5
    while origin.connections > 1 and time.monotonic() < deadline:  # noqa: ASYNC110 (a server in another thread)
        await asyncio.sleep(0.01)
    assert origin.connections <= 1, "only the one whose body was read to its end"
    assert await harness.download(BUCKET) == CONTENT
    seen("six failures, no connection of a failed body left open, and the next GET succeeded")
