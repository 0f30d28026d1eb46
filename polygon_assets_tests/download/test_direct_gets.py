"""GETs go past most of botocore: they must ask, and be understood, just as through it.

What is leaned on of botocore is held here: a release that signs, encodes or parses otherwise fails, and no download.
"""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Iterator, Mapping
from functools import partial
from typing import Any

import botocore.auth
import pytest
from aiobotocore.client import AioBaseClient
from botocore.exceptions import BotoCoreError, ClientError
from botocore.utils import parse_timestamp
from hypothesis import example, given, settings
from hypothesis import strategies as st

from polygon_assets.download.clients import async_client, moment
from polygon_assets.download.listing import described
from polygon_assets.download.transfer_options import Credentials, TransferOptions
from polygon_assets_tests.servers.origin import BUCKET, Exchange, Origin, origin
from polygon_assets_tests.servers.seaweed import S3Server

CREDENTIALS = Credentials("id", "canary-4f1c2b7e-never-to-be-seen")
OF_THE_RETRIES_OF_BOTOCORE = {"amz-sdk-invocation-id", "amz-sdk-request"}
"""Headers that are neither signed nor read; there are no retries of botocore's."""
KEYS = st.text(min_size=1, max_size=40).filter(lambda key: "\0" not in key)
BUCKETS = st.one_of(
    st.sampled_from(["flatfiles", "My_Bucket", "a.b-c", "b" * 63, "x", "127.0.0.1"]),
    st.from_regex(r"[A-Za-z0-9.\-_]{1,40}", fullmatch=True).filter(lambda name: not name.endswith("--x-s3")),
)
RANGES = st.fixed_dictionaries(
    {},
    optional={
        "Range": st.builds("bytes={}-".format, st.integers(0, 10**10)),
        "IfMatch": st.builds('"{}"'.format, st.from_regex(r"[0-9a-f]{32}(-\d+)?", fullmatch=True)),
    },
)
ENDPOINTS = [
    "http://127.0.0.1:1",
    "https://files.example.com",
    "https://Example.com:443/below/a/path/",
    "http://[::1]:9",
]


class Unsent(Exception):  # noqa: N818 (it ends a request that is only looked at)
    """Carries the request that was not sent."""


async def not_sent(request: Any) -> None:
    raise Unsent(request)


async def whole_way(client: Any, **request: Any) -> Any:
    """``get_object`` of botocore itself."""
    botocores: Any = AioBaseClient
    return await botocores._make_api_call(client, "GetObject", request)


async def asked(get: Any, **request: Any) -> tuple[str, str, dict[str, str], object, bool] | type[Exception]:
    """Method, URL, headers, body and whether the answer is streamed; or what was raised before."""
    try:
        await get(**request)
    except Unsent as unsent:
        sent = unsent.args[0]
        headers = {name: text if isinstance(text, str) else text.decode() for name, text in sent.headers.items()}
        kept = {name: text for name, text in headers.items() if name.lower() not in OF_THE_RETRIES_OF_BOTOCORE}
        return sent.method, sent.url, kept, sent.body, sent.stream_output
    except (BotoCoreError, ValueError) as error:
        return type(error)
    raise AssertionError("it was sent")


@pytest.mark.parametrize("endpoint_url", ENDPOINTS)
def test_asks_as_botocore_does(endpoint_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now = dt.datetime(2026, 11, 27, 9, tzinfo=dt.UTC).replace(tzinfo=None)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda **_: now)

    @settings(deadline=None)  # a bucket's first request is prepared by botocore, twice
    @given(bucket=BUCKETS, key=KEYS, more=RANGES)
    @example(bucket="flatfiles", key="/a b/ü~+%2F/../x?y#z//&=", more={"Range": "bytes=3-", "IfMatch": '"a"'})
    @example(bucket="flatfiles", key="\ud800", more={})
    @example(bucket="name--use1-az4--x-s3", key="a", more={})
    @example(bucket="arn:aws:s3:us-east-1:123456789012:accesspoint/mine", key="a", more={})
    @example(bucket="no bucket", key="a", more={})
    def same(bucket: str, key: str, more: Mapping[str, str]) -> None:
        runner.run(asked_both_ways({"Bucket": bucket, "Key": key, **more}))

    async def asked_both_ways(request: dict[str, str]) -> None:
        expected = await asked(partial(whole_way, client), **request)
        assert await asked(client.get_object, **request) == expected

    with asyncio.Runner() as runner:
        opening = async_client(CREDENTIALS, endpoint_url, TransferOptions())
        client = runner.run(opening.__aenter__())
        client._endpoint.http_session.send = not_sent
        same()
        runner.run(opening.__aexit__(None, None, None))


async def test_takes_the_direct_way(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    s3_server.client().create_bucket(Bucket="direct")
    s3_server.put("direct", "ä b/+?.csv", b"body")

    def detour(*_: object) -> None:
        raise AssertionError("through all of botocore")

    async with async_client(Credentials.of(s3_server.credentials), s3_server.endpoint_url, TransferOptions()) as client:
        monkeypatch.setattr(AioBaseClient, "_make_api_call", detour)
        answer = await client.get_object(Bucket="direct", Key="ä b/+?.csv", Range="bytes=1-")
        assert await answer["Body"].read() == b"ody"
        assert answer["ContentLength"] == 3
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 206


@pytest.fixture(name="origin")
def running_origin() -> Iterator[Origin]:
    """An origin of this test's own."""
    with origin() as server:
        yield server


@pytest.fixture
async def client(origin: Origin) -> AsyncIterator[Any]:
    """A client of the origin's."""
    async with async_client(Credentials.of(origin.credentials), origin.endpoint_url, TransferOptions()) as made:
        yield made


ODD_HEADERS: list[dict[str, str]] = [
    {},
    {"ETag": 'W/"weak"', "Last_Modified": "2024-01-03T16:00:00Z"},
    {"ETag": "", "Last_Modified": "1704297600"},
    {"X_Amz_Meta_A": "b", "Expires": "soon", "Content_Encoding": "identity"},
]


@pytest.mark.parametrize("changed", ODD_HEADERS)
async def test_understands_an_answer_as_botocore_does(changed: dict[str, str], origin: Origin, client: Any) -> None:
    def answer(exchange: Exchange) -> None:
        exchange.object_head(**changed)
        exchange.send(exchange.part)

    origin.store("a.csv", b"body", always=answer)
    found = await client.get_object(Bucket=BUCKET, Key="a.csv")
    expected = await whole_way(client, Bucket=BUCKET, Key="a.csv")
    assert described("a.csv", found) == described("a.csv", expected)
    assert found["ResponseMetadata"]["HTTPStatusCode"] == expected["ResponseMetadata"]["HTTPStatusCode"]
    found["ResponseMetadata"]["HTTPHeaders"].pop("expires", None)  # botocore takes it away where it is no date
    assert found["ResponseMetadata"]["HTTPHeaders"] == expected["ResponseMetadata"]["HTTPHeaders"]
    assert await found["Body"].read() == await expected["Body"].read() == b"body"


BODIES = [
    b"",
    b"<html>no",
    b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code><Message>gone</Message><Key>a</Key></Error>",
    b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>patience</Message></Error>",
    b"<?xml version='1.0'?><Other/>",
    b"\xff\x00",
]
STATUSES = [300, 301, 304, 307, 400, 401, 403, 404, 412, 416, 429, 500, 503, 599]


@pytest.mark.parametrize("status", STATUSES)
async def test_raises_what_botocore_raises(status: int, origin: Origin, client: Any) -> None:
    for body in BODIES:
        await check_errors(status, body, origin, client)


async def check_errors(status: int, body: bytes, origin: Origin, client: Any) -> None:
    def answer(exchange: Exchange) -> None:
        more = {} if status == 304 else {"Content_Length": str(len(body))}
        exchange.head(status, Retry_After="7", Location="http://127.0.0.1:1/", **more)
        exchange.send(b"" if status == 304 else body)

    origin.store("a.csv", b"body", always=answer)
    raised = []
    for way in (client.get_object, partial(whole_way, client)):
        with pytest.raises(Exception) as caught:  # noqa: PT011 (compared below)
            await way(Bucket=BUCKET, Key="a.csv")
        raised.append(caught.value)
    found, expected = raised
    assert type(found) is type(expected)
    assert str(found) == str(expected).replace(" (reached max retries: 0)", "")
    if isinstance(expected, ClientError):
        assert isinstance(found, ClientError)
        assert found.response.get("Error") == expected.response.get("Error")
        assert found.response["ResponseMetadata"] == {
            name: told
            for name, told in expected.response["ResponseMetadata"].items()
            if name not in {"RetryAttempts", "MaxAttemptsReached"}  # of retries that are switched off
        }


def moment_or_none(read: Any, text: str) -> dt.datetime | None:
    try:
        found: dt.datetime = read(text)
    except ValueError:
        return None
    return found


DAYS = st.builds(
    "{}, {:02} {} {} {:02}:{:02}:{:02} {}".format,
    st.sampled_from(["Mon", "Tue", "Sun", "Day"]),
    st.integers(0, 32),
    st.sampled_from(["Jan", "Feb", "Jun", "Dec", "dec", "Foo"]),
    st.integers(900, 3001),
    st.integers(0, 25),
    st.integers(0, 61),
    st.integers(0, 61),
    st.sampled_from(["GMT", "UTC", "+0100", ""]),
)


@given(DAYS)
@example("Wed, 03 Jan 2024 16:00:00 GMT")
@example("Sat, 31 Feb 2024 16:00:00 GMT")
@example("Wed, 03 Jan 2024 16:00:60 GMT")
@example("")
def test_reads_a_moment_as_botocore_does(text: str) -> None:
    assert moment_or_none(moment, text) == moment_or_none(parse_timestamp, text)
