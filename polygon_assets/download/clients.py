"""The one place that makes S3 clients: one factory for each downloader.

Both speak Signature v4 in path style to one endpoint, follow no redirect, retry nothing by themselves, and take
nothing but proxies and certificates from this machine's AWS configuration.
"""

import asyncio
import functools
import os
import re
import threading
from collections.abc import AsyncGenerator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, suppress
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

import aioboto3
import aiobotocore.session
import boto3
import botocore.credentials
import botocore.session
from aiobotocore.config import AioConfig
from aiobotocore.endpoint import convert_to_response_dict
from aiobotocore.httpsession import AIOHTTPSession
from aiobotocore.parsers import create_parser
from aiobotocore.response import StreamingBody
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.utils import parse_timestamp, percent_encode

from polygon_assets.download.transfer_options import Credentials, TransferOptions
from polygon_assets.download.watchdog import bounded, limit_of, watch_connections
from polygon_assets.log_redaction import redact_logs

REGION = "us-east-1"
USER_AGENT = "polygon-assets"
"""Given outright: botocore would describe this machine anew for every request, a tenth of what a request costs."""
READ_BUFFER = 512 * 1024
"""Bytes that aiohttp buffers for a body before it stops reading from the socket (twice that at most)."""
# An AWS_PROFILE that does not exist here would make every client fail; none of these are the subscription's.
SESSION_VARIABLES: dict[str, Any] = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}
_sessions = threading.local()
_lock = threading.Lock()


class _PlainRequests:
    """Sends requests as aiohttp's session does, but never follows a redirect: bytes of another host are not ours."""

    def __init__(self, session: Any) -> None:
        self._session = session

    async def request(self, method: str, **arguments: Any) -> Any:
        answer = await self._session.request(method, allow_redirects=False, read_bufsize=READ_BUFFER, **arguments)
        answer.read = functools.partial(_read_whole, answer)  # an error's body, or a listing; an object's is streamed
        return answer


async def _read_whole(answer: Any) -> bytes:
    """The body of ``answer``, within bounds: an error that never ends would take all memory."""
    limit, body = limit_of(answer.status), bytearray()
    try:
        async for chunk in answer.content.iter_any():
            body += chunk
            if len(body) > limit:
                break
    except BaseException:  # cancelling, too: a connection in the middle of an answer is of no further use
        answer.close()
        raise
    if len(body) > limit:
        answer.close()
    else:
        answer.release()
    return bounded([bytes(body)], answer.status)


class RedirectRefusingSession(AIOHTTPSession):
    """aiobotocore's HTTP session without redirects; pinned by a test, since it overrides a private method."""

    async def _get_session(self, proxy_url: Any) -> Any:
        return _PlainRequests(await super()._get_session(proxy_url))  # type: ignore[misc]  # not in the stubs


def async_client(
    credentials: Credentials, endpoint_url: str, options: TransferOptions
) -> AbstractAsyncContextManager[Any]:
    """Give a context manager that opens one aioboto3 S3 client for the running event loop."""
    if not hasattr(_sessions, "asynchronous"):
        # Making a session costs some 100 ms; opening clients from one in several threads at once is not safe.
        base = aiobotocore.session.AioSession(session_vars=SESSION_VARIABLES)
        _sessions.asynchronous = aioboto3.Session(botocore_session=base)
    redact_logs(credentials.secret_access_key)
    config = AioConfig(http_session_cls=RedirectRefusingSession, **_config(options))
    return _Opening(
        _sessions.asynchronous.client("s3", config=config, **_identity(credentials, endpoint_url)), credentials
    )


def sync_client(credentials: Credentials, endpoint_url: str, options: TransferOptions) -> Any:
    """Open one boto3 S3 client; the caller closes it."""
    with _lock:
        client: Any = _sync_session().client(
            "s3", config=Config(**_config(options)), **_identity(credentials, endpoint_url)
        )
    redact_logs(credentials.secret_access_key)
    _refuse_region_redirects(client)
    _resolve_endpoint_once(client)
    client.meta.events.register("before-send.s3", _headers_as_text)
    watch_connections(client._endpoint.http_session)  # noqa: SLF001 (pinned by a test)
    return client


@functools.cache
def _sync_session() -> boto3.Session:
    return boto3.Session(botocore_session=botocore.session.Session(session_vars=SESSION_VARIABLES))


def read_available(body: Any, size: int) -> bytes:
    """Read what a boto3 ``body`` has, at most ``size`` bytes, waiting only where there is nothing.

    ``body.read`` would wait until all ``size`` bytes are there: at one byte a second no rate could be measured.
    """
    data: bytes = body._raw_stream.read1(size)  # noqa: SLF001 (StreamingBody passes on no read1)
    return data


class _Opening(AbstractAsyncContextManager[Any]):
    """Opens a client, takes its S3 redirector out of action, and shortens the way of its GETs."""

    def __init__(self, opening: AbstractAsyncContextManager[Any], credentials: Credentials) -> None:
        self._opening = opening
        self._credentials = credentials

    async def __aenter__(self) -> Any:
        client = await self._opening.__aenter__()
        _refuse_region_redirects(client)
        _resolve_endpoint_once(client)
        client.get_object = DirectGets(client, self._credentials).get_object
        return client

    async def __aexit__(self, *details: Any) -> bool | None:
        return await self._opening.__aexit__(*details)


def _refuse_region_redirects(client: Any) -> None:
    """Mark each request as redirected already: botocore would answer a 3xx with requests of its own."""
    client.meta.events.register("before-call.s3", _mark_redirected)


def _resolve_endpoint_once(client: Any) -> None:
    """Take the key out of what the endpoint is looked up by: no rule asks for it, and it defeats botocore's cache.

    Evaluating the rules for every key is a fifth of what a request costs.
    """
    resolver = getattr(client, "_ruleset_resolver", None)
    known = getattr(resolver, "_param_definitions", {})
    if resolver is not None and "Key" in known:
        resolver._param_definitions = {  # noqa: SLF001 (pinned by a test)
            name: definition for name, definition in known.items() if name != "Key"
        }


def _mark_redirected(params: dict[str, Any], **_: Any) -> None:
    params.setdefault("context", {}).setdefault("s3_redirect", {})["redirected"] = True


def _headers_as_text(request: Any, **_: Any) -> None:
    """Spare urllib3 the bytes among the headers: before it leaves a 303 alone it joins them, and fails."""
    for name, value in list(request.headers.items()):
        if isinstance(value, bytes):
            request.headers[name] = value.decode("latin-1")


def _identity(credentials: Credentials, endpoint_url: str) -> dict[str, Any]:
    return {
        "endpoint_url": endpoint_url,
        "region_name": REGION,
        "aws_access_key_id": credentials.access_key_id,
        "aws_secret_access_key": credentials.secret_access_key,
    }


def _config(options: TransferOptions) -> dict[str, Any]:
    return {
        "signature_version": "s3v4",
        "user_agent": USER_AGENT,
        "s3": {"addressing_style": "path"},
        "connect_timeout": options.timeout,
        "read_timeout": options.timeout,
        "max_pool_connections": options.max_pool_connections,
        "retries": {"total_max_attempts": 1},  # the retry layer is ours, around request and body together
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
        "use_dualstack_endpoint": False,
        "use_fips_endpoint": False,
        "tcp_keepalive": True,
    }


_HEADERS = {"Range": "Range", "IfMatch": "If-Match"}
"""Arguments of get_object, and what they are called in a request."""
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_HTTP_DATE = re.compile(
    rf"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d\d) ({'|'.join(_MONTHS)}) ([12]\d{{3}}) (\d\d):(\d\d):(\d\d) GMT", re.ASCII
)


class DirectGets:
    """``get_object`` of an asynchronous client with botocore's parts alone: its signer, HTTP session, error parser.

    Its own way from the arguments to the socket and back costs more than the rest of a small object's download. What
    it would do otherwise than for a plain bucket of this endpoint goes that way still; a test compares the requests.
    """

    def __init__(self, client: Any, credentials: Credentials) -> None:
        """Prepare nothing yet."""
        self._client, self._whole_way = client, client.get_object
        keys = botocore.credentials.Credentials(credentials.access_key_id, credentials.secret_access_key)
        self._signer = S3SigV4Auth(keys, "s3", REGION)
        self._key_id = credentials.access_key_id
        self._addresses: dict[str, str | None] = {}

    async def get_object(self, *, Bucket: str, Key: str, **options: str) -> Mapping[str, Any]:  # noqa: N803 (botocore's)
        """Answer as the client would, as far as the answer is read here; raises what the client would."""
        if Bucket not in self._addresses:
            self._addresses[Bucket] = await self._address(Bucket)
        address = self._addresses[Bucket]
        if address is None or not options.keys() <= _HEADERS.keys():
            answer: Mapping[str, Any] = await self._whole_way(Bucket=Bucket, Key=Key, **options)
            return answer
        request = AWSRequest("GET", address + _encoded(Key), {_HEADERS[name]: text for name, text in options.items()})
        request.headers["User-Agent"] = self._client.meta.config.user_agent
        request.stream_output = True
        self._signer.add_auth(request)
        response = await self._client._endpoint.http_session.send(request.prepare())  # noqa: SLF001 (pinned by a test)
        if response.status_code >= HTTPStatus.MULTIPLE_CHOICES:
            raise await self._error(response)
        try:
            return _described(response)
        except BaseException:  # nobody will read the body
            response.raw.close()
            raise

    async def _address(self, bucket: str) -> str | None:
        """What the URL of every key of ``bucket`` begins with; None where it is not signed as plain buckets are."""
        signed = await self._client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "-"})
        url, _, query = signed.partition("?")
        address = f"{self._client.meta.endpoint_url.removesuffix('/')}/{bucket}/"
        who, _, scope = parse_qs(query).get("X-Amz-Credential", [""])[0].partition("/")
        plain = url == f"{address}-" and "X-Amz-Algorithm=AWS4-HMAC-SHA256" in query.split("&")
        return address if plain and who == self._key_id and scope.endswith(f"/{REGION}/s3/aws4_request") else None

    async def _error(self, response: Any) -> Exception:
        """What the client raises for an answer that is no object."""
        model = self._client.meta.service_model.operation_model("GetObject")
        raw = await convert_to_response_dict(response, model)
        answer = await create_parser(model.service_model.resolved_protocol).parse(raw, model.output_shape)
        kind = self._client.exceptions.from_code(answer.get("Error", {}).get("Code"))
        error: Exception = kind(answer, model.name)
        return error


def _encoded(key: str) -> str:
    """``key`` as it stands in a URL."""
    encoded: str = percent_encode(key, safe="/~")
    return encoded


def _described(response: Any) -> dict[str, Any]:
    """Of get_object's answer, what downloads read."""
    headers: dict[str, Any] = dict(response.headers)
    length: Any = headers.get("content-length")
    answer: dict[str, Any] = {
        "ResponseMetadata": {"HTTPStatusCode": response.status_code, "HTTPHeaders": headers},
        "Body": StreamingBody(response.raw, length),
    }
    if length is not None:
        answer["ContentLength"] = int(length)
    if "etag" in headers:
        answer["ETag"] = headers["etag"]
    if "last-modified" in headers:
        answer["LastModified"] = moment(headers["last-modified"])
    return answer


def moment(text: str) -> datetime:
    """Read a date as botocore does, but at once where it is written as HTTP wants; ValueError: it is none."""
    if found := _HTTP_DATE.fullmatch(text):
        day, month, *others = found.groups()
        year, hour, minute, second = map(int, others)
        with suppress(ValueError):
            return datetime(year, _MONTHS.index(month) + 1, int(day), hour, minute, second, tzinfo=UTC)
    parsed: datetime = parse_timestamp(text)
    return parsed


MAX_THREADS = 32


class LoopState:
    """Belongs to the event loop that runs when it is made; a client works in no other."""

    def __init__(self, open_client: Callable[[], AbstractAsyncContextManager[Any]], max_concurrent: int) -> None:
        """Open nothing yet."""
        self._open_client = open_client
        self._opening = asyncio.Lock()
        self._holder: AsyncGenerator[Any, None] | None = None
        self._client: Any = None
        self.slots = asyncio.Semaphore(max_concurrent)
        self.pool = ThreadPoolExecutor(min(max_concurrent, MAX_THREADS), thread_name_prefix="polygon-download")

    async def client(self) -> Any:
        """Give the client, opened at the first call."""
        if self._client is None:
            async with self._opening:
                if self._client is None:
                    holder = self._hold()
                    self._client = await anext(holder)
                    self._holder = holder
        return self._client

    async def close(self) -> None:
        """Close the client and end the threads."""
        holder, self._holder, self._client = self._holder, None, None
        if holder is not None:
            await holder.aclose()
        self.pool.shutdown(wait=False)

    async def _hold(self) -> AsyncGenerator[Any, None]:
        """Keep the client open inside a generator: ``asyncio.run`` closes suspended generators at its end.

        So a downloader that is used without ``async with``, as the specification's examples do, leaks nothing.
        """
        async with self._open_client() as client:
            try:
                yield client
            finally:
                self._client = self._holder = None
