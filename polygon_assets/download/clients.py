"""The one place that makes S3 clients: one factory for each downloader.

Both speak Signature v4 in path style to one endpoint, follow no redirect, retry nothing by themselves, and take
nothing but proxies and certificates from this machine's AWS configuration.
"""

import asyncio
import functools
import os
import threading
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from typing import Any

import aioboto3
import aiobotocore.session
import boto3
import botocore.session
from aiobotocore.config import AioConfig
from aiobotocore.httpsession import AIOHTTPSession
from botocore.config import Config

from polygon_assets.download.transfer_options import Credentials, TransferOptions
from polygon_assets.download.watchdog import bounded, limit_of, watch_connections

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
    config = AioConfig(http_session_cls=RedirectRefusingSession, **_config(options))
    return _RefusingRegionRedirects(
        _sessions.asynchronous.client("s3", config=config, **_identity(credentials, endpoint_url))
    )


def sync_client(credentials: Credentials, endpoint_url: str, options: TransferOptions) -> Any:
    """Open one boto3 S3 client; the caller closes it."""
    with _lock:
        client: Any = _sync_session().client(
            "s3", config=Config(**_config(options)), **_identity(credentials, endpoint_url)
        )
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


class _RefusingRegionRedirects(AbstractAsyncContextManager[Any]):
    """Opens a client and takes its S3 redirector out of action."""

    def __init__(self, opening: AbstractAsyncContextManager[Any]) -> None:
        self._opening = opening

    async def __aenter__(self) -> Any:
        client = await self._opening.__aenter__()
        _refuse_region_redirects(client)
        _resolve_endpoint_once(client)
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
