"""What each status code, error code and exception means: the whole table."""

import errno
import http.client
import random
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import aiohttp
import botocore.exceptions
import botocore.parsers
import pytest
import urllib3.exceptions

from polygon_assets.download.retry import Attempts, Verdict, backoff, diagnose, disk_fault, retry_after, suspect
from polygon_assets.download.transfer_options import TransferOptions
from polygon_assets.errors import (
    AccessDeniedError,
    IntegrityError,
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
    expected: tuple[Verdict, type[TransferError]]
    if status in RESUMED:
        expected = (Verdict.RESUME, UnavailableError)
    elif status in RESTARTED:
        expected = (Verdict.RESTART, IntegrityError)
    else:
        special = {401: AccessDeniedError, 403: AccessDeniedError, 404: ObjectNotFoundError}
        expected = (Verdict.STOP, special.get(status, RequestRejectedError))
    assert (found.verdict, found.error) == expected
    assert str(status) in found.cause


@pytest.mark.parametrize(
    ("status", "code", "verdict"),
    [
        (400, "RequestTimeout", Verdict.RESUME),
        (400, "ThrottlingException", Verdict.RESUME),
        (503, "SlowDown", Verdict.RESUME),
        (200, "InternalError", Verdict.RESUME),
        (403, "SignatureDoesNotMatch", Verdict.STOP),
        (403, "RequestTimeTooSkewed", Verdict.STOP),
        (400, "InvalidArgument", Verdict.STOP),
    ],
)
def test_codes_before_status(status: int, code: str, verdict: Verdict) -> None:
    assert diagnose(answer(status, code)).verdict is verdict


EXCEPTIONS: list[tuple[Exception, Verdict, type[TransferError]]] = [
    (aiohttp.ClientPayloadError("cut"), Verdict.RESUME, UnavailableError),
    (aiohttp.ServerDisconnectedError(), Verdict.RESUME, UnavailableError),
    (TimeoutError(), Verdict.RESUME, UnavailableError),
    (ConnectionResetError(), Verdict.RESUME, UnavailableError),
    (urllib3.exceptions.ProtocolError("cut"), Verdict.RESUME, UnavailableError),
    (http.client.IncompleteRead(b""), Verdict.RESUME, UnavailableError),
    (botocore.exceptions.EndpointConnectionError(endpoint_url="x"), Verdict.RESUME, UnavailableError),
    (botocore.exceptions.ConnectTimeoutError(endpoint_url="x"), Verdict.RESUME, UnavailableError),
    (botocore.exceptions.ReadTimeoutError(endpoint_url="x"), Verdict.RESUME, UnavailableError),
    (botocore.exceptions.ConnectionClosedError(endpoint_url="x"), Verdict.RESUME, UnavailableError),
    (botocore.exceptions.ResponseStreamingError(error="x"), Verdict.RESUME, UnavailableError),
    (botocore.exceptions.IncompleteReadError(actual_bytes=1, expected_bytes=2), Verdict.RESUME, UnavailableError),
    (
        botocore.exceptions.SSLError(endpoint_url="x", error=OSError("CERTIFICATE_VERIFY_FAILED")),
        Verdict.STOP,
        RequestRejectedError,
    ),
    (botocore.exceptions.SSLError(endpoint_url="x", error=OSError("eof")), Verdict.RESUME, UnavailableError),
    (botocore.exceptions.ParamValidationError(report="x"), Verdict.STOP, RequestRejectedError),
    (botocore.exceptions.NoCredentialsError(), Verdict.STOP, RequestRejectedError),
    (botocore.parsers.ResponseParserError("x"), Verdict.RESTART, IntegrityError),
    (RuntimeError("a surprise"), Verdict.STOP, RequestRejectedError),
    (suspect("x"), Verdict.RESTART, IntegrityError),
    (disk_fault(OSError(errno.ENOSPC, "full"), Path("/p")), Verdict.STOP, LocalWriteError),
]


@pytest.mark.parametrize(("error", "verdict", "kind"), EXCEPTIONS, ids=lambda value: getattr(value, "__name__", ""))
def test_every_exception(error: Exception, verdict: Verdict, kind: type[TransferError]) -> None:
    found = diagnose(error)
    assert (found.verdict, found.error) == (verdict, kind)
    assert "\n" not in found.cause


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
    attempts = Attempts("b", "k", TransferOptions(max_retries=2, deadline=100), clock=lambda: now)
    attempts.after(answer(503))
    assert attempts.after(suspect("odd"))[0] is Verdict.RESTART
    with pytest.raises(UnavailableError, match="after 3 attempts"):
        attempts.after(answer(503))
    attempts = Attempts("b", "k", TransferOptions(deadline=100), clock=lambda: now)
    now = 101.0
    with pytest.raises(TooSlowError, match="deadline of 100 s; last: the service answered 503"):
        attempts.after(answer(503))
