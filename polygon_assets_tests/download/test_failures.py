"""What each status code, error code and exception means: the whole table."""

import errno
import http.client
import random
import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import aiohttp
import botocore.exceptions
import botocore.parsers
import pytest
import urllib3.exceptions

from polygon_assets.download.retry import RetryState, backoff
from polygon_assets.download.service_errors import RetryAction, diagnose, disk_fault, integrity_fault, retry_after
from polygon_assets.download.transfer_options import TransferOptions
from polygon_assets.errors import (
    AccessDeniedError,
    IntegrityError,
    InvalidKeysError,
    LocalWriteError,
    ObjectNotFoundError,
    RequestRejectedError,
    TooSlowError,
    TransferError,
    UnavailableError,
)

RESUMED = {408, 425, 429, 500, 502, 503, 504}
RESTARTED = {412, 416}


def answer(status: int, code: str = "", **headers: str) -> botocore.exceptions.ClientError:
    response: Any = {
        "Error": {"Code": code or str(status), "Message": "made up"},
        "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": headers},
    }
    return botocore.exceptions.ClientError(response, "GetObject")


@pytest.mark.parametrize("status", range(300, 600))
def test_every_status(status: int) -> None:
    found = diagnose(answer(status))
    expected: tuple[RetryAction, type[TransferError]]
    if status in RESUMED:
        expected = (RetryAction.RESUME, UnavailableError)
    elif status in RESTARTED:
        expected = (RetryAction.RESTART, IntegrityError)
    else:
        special = {401: InvalidKeysError, 403: AccessDeniedError, 404: ObjectNotFoundError}
        expected = (RetryAction.STOP, special.get(status, RequestRejectedError))
    assert (found.action, found.error) == expected
    assert str(status) in found.cause


@pytest.mark.parametrize(
    ("status", "code", "action"),
    [
        (400, "RequestTimeout", RetryAction.RESUME),
        (400, "ThrottlingException", RetryAction.RESUME),
        (503, "SlowDown", RetryAction.RESUME),
        (200, "InternalError", RetryAction.RESUME),
        (403, "SignatureDoesNotMatch", RetryAction.STOP),
        (400, "ExpiredToken", RetryAction.STOP),
        (403, "RequestTimeTooSkewed", RetryAction.STOP),
        (400, "InvalidArgument", RetryAction.STOP),
    ],
)
def test_codes_before_status(status: int, code: str, action: RetryAction) -> None:
    assert diagnose(answer(status, code)).action is action


EXCEPTIONS: list[tuple[Exception, RetryAction, type[TransferError]]] = [
    (aiohttp.ClientPayloadError("cut"), RetryAction.RESUME, UnavailableError),
    (aiohttp.ServerDisconnectedError(), RetryAction.RESUME, UnavailableError),
    (TimeoutError(), RetryAction.RESUME, UnavailableError),
    (ConnectionResetError(), RetryAction.RESUME, UnavailableError),
    (urllib3.exceptions.ProtocolError("cut"), RetryAction.RESUME, UnavailableError),
    (http.client.IncompleteRead(b""), RetryAction.RESUME, UnavailableError),
    (botocore.exceptions.EndpointConnectionError(endpoint_url="x"), RetryAction.RESUME, UnavailableError),
    (botocore.exceptions.ConnectTimeoutError(endpoint_url="x"), RetryAction.RESUME, UnavailableError),
    (botocore.exceptions.ReadTimeoutError(endpoint_url="x"), RetryAction.RESUME, UnavailableError),
    (botocore.exceptions.ConnectionClosedError(endpoint_url="x"), RetryAction.RESUME, UnavailableError),
    (botocore.exceptions.ResponseStreamingError(error="x"), RetryAction.RESUME, UnavailableError),
    (botocore.exceptions.IncompleteReadError(actual_bytes=1, expected_bytes=2), RetryAction.RESUME, UnavailableError),
    (
        botocore.exceptions.SSLError(endpoint_url="x", error=OSError("CERTIFICATE_VERIFY_FAILED")),
        RetryAction.STOP,
        RequestRejectedError,
    ),
    (botocore.exceptions.SSLError(endpoint_url="x", error=OSError("eof")), RetryAction.RESUME, UnavailableError),
    (botocore.exceptions.ParamValidationError(report="x"), RetryAction.STOP, RequestRejectedError),
    (botocore.exceptions.NoCredentialsError(), RetryAction.STOP, RequestRejectedError),
    (botocore.parsers.ResponseParserError("x"), RetryAction.RESTART, IntegrityError),
    (RuntimeError("a surprise"), RetryAction.STOP, RequestRejectedError),
    (integrity_fault("x"), RetryAction.RESTART, IntegrityError),
    (disk_fault(OSError(errno.ENOSPC, "full"), Path("/p")), RetryAction.STOP, LocalWriteError),
]


@pytest.mark.parametrize(("error", "action", "kind"), EXCEPTIONS, ids=lambda value: getattr(value, "__name__", ""))
def test_every_exception(error: Exception, action: RetryAction, kind: type[TransferError]) -> None:
    found = diagnose(error)
    assert (found.action, found.error) == (action, kind)
    assert "\n" not in found.cause


def test_a_heads_403_says_that_the_clock_is_wrong() -> None:
    """The answer to a HEAD has no body that would name RequestTimeTooSkewed."""
    now = datetime.now(UTC)
    behind = diagnose(answer(403, date=format_datetime(now + timedelta(hours=2), usegmt=True)))
    assert behind.error is RequestRejectedError
    assert re.search(r"clock is -7,(199|200) s off the service's", behind.cause)
    assert diagnose(answer(403, date=format_datetime(now, usegmt=True))).error is AccessDeniedError
    assert diagnose(answer(403, date="nonsense")).error is AccessDeniedError
    assert diagnose(answer(403)).error is AccessDeniedError


def test_a_proxy_for_plain_http_that_asks_for_a_login() -> None:
    found = diagnose(answer(407))
    assert (found.action, found.error) == (RetryAction.STOP, RequestRejectedError)
    assert "asks for a login" in found.cause


def test_retry_after_in_seconds_and_as_a_date() -> None:
    assert retry_after("7") == 7
    assert retry_after(None) == retry_after("") == retry_after("soon") == retry_after("-3") == retry_after("²") == 0
    assert 5 < retry_after(format_datetime(datetime.now(UTC) + timedelta(seconds=10), usegmt=True)) <= 10
    assert retry_after("Wed, 03 Jan 2024 16:00:00 GMT") == 0


def test_backoff_is_full_jitter_below_the_cap() -> None:
    options = TransferOptions(backoff_base=0.5, backoff_cap=4)
    random.seed(1)
    for retry, most in [(0, 0.5), (1, 1), (2, 2), (3, 4), (10, 4), (10_000, 4)]:
        waits = [backoff(retry, options) for _ in range(200)]
        assert 0 <= min(waits) < most / 10
        assert most * 0.9 < max(waits) <= most
    assert 3 <= backoff(0, options, retry_after=3) <= 4
    assert backoff(0, options, retry_after=600) == 4


def test_attempts_end() -> None:
    now = 0.0
    retry = RetryState("b", "k", TransferOptions(max_retries=2, deadline=100), clock=lambda: now)
    retry.after(answer(503))
    assert retry.after(integrity_fault("odd"))[0] is RetryAction.RESTART
    with pytest.raises(UnavailableError, match="after 3 attempts"):
        retry.after(answer(503))
    retry = RetryState("b", "k", TransferOptions(deadline=100), clock=lambda: now)
    now = 101.0
    with pytest.raises(TooSlowError, match="deadline of 100 s; last: the service answered 503"):
        retry.after(answer(503))
