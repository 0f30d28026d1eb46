"""What an answer of the service, or a failure on the way to it, means: decided here and nowhere else.

The table of status codes, error codes and exceptions, and their translation into the project's errors. Does not belong
here: when the next attempt is due (``retry``), or what bytes must look like (``transfer``).
"""

import asyncio
import errno
import http.client
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from pathlib import Path
from typing import Any

import aiohttp
import botocore.exceptions
import botocore.parsers
import urllib3.exceptions

from polygon_assets.errors import (
    AccessDeniedError,
    BucketNotFoundError,
    IntegrityError,
    InvalidKeysError,
    LocalWriteError,
    ObjectNotFoundError,
    RequestRejectedError,
    TransferError,
    UnavailableError,
)


class RetryAction(Enum):
    """What follows a failure."""

    RESUME = "ask for the missing bytes"
    RESTART = "start over from the first byte, once"
    STOP = "give up"


@dataclass(frozen=True)
class Diagnosis:
    """One failure, understood."""

    action: RetryAction
    error: type[TransferError]
    """What to raise if this was the last attempt."""
    cause: str
    retry_after: float = 0.0
    """Seconds that the service asked to wait."""


class TransferFault(Exception):  # noqa: N818 (never leaves the package: it carries a diagnosis)
    """A failure that this package noticed itself."""

    def __init__(self, action: RetryAction, error: type[TransferError], cause: str) -> None:
        """Carry a diagnosis to the retry layer."""
        super().__init__(cause)
        self.diagnosis = Diagnosis(action, error, cause)


class ReplacedFault(TransferFault):
    """The object is no longer the one whose bytes were asked for: no part of it can be fetched again alone."""

    def __init__(self, cause: str) -> None:
        """Carry a diagnosis to the retry layer."""
        super().__init__(RetryAction.RESTART, IntegrityError, cause)


def is_replaced(error: BaseException) -> bool:
    """Does ``error`` say that the object is another, or shorter, than before?"""
    if isinstance(error, botocore.exceptions.ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        return status in (http.HTTPStatus.PRECONDITION_FAILED, http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
    return isinstance(error, ReplacedFault)


def integrity_fault(cause: str) -> TransferFault:
    """Make the fault for bytes that are not the object's: worth one more look from the start."""
    return TransferFault(RetryAction.RESTART, IntegrityError, cause)


def disk_fault(error: OSError, path: Path) -> TransferFault:
    """Make the fault for a ``path`` of this machine that cannot be written; no other request can help."""
    name = errno.errorcode.get(error.errno or 0, "OSError")
    return TransferFault(RetryAction.STOP, LocalWriteError, f"cannot write {path}: {name}, {error.strerror}")


CA_VARIABLES = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
SKEW_SECONDS = 900
"""S3 refuses signatures that are further off."""
LOGIN_WANTED = "the proxy asks for a login, or refuses the one in HTTPS_PROXY: http://user:password@host:port"
RETRIED_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
RETRIED_CODES = frozenset({"SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable", "RequestLimitExceeded"})
PERMANENT_CODES: Mapping[str, tuple[type[TransferError], str]] = {
    "RequestTimeTooSkewed": (RequestRejectedError, "check this machine's clock"),
    "RequestExpired": (RequestRejectedError, "check this machine's clock"),
    "InvalidAccessKeyId": (InvalidKeysError, "the service does not know this S3 access key"),
    "SignatureDoesNotMatch": (InvalidKeysError, "the S3 secret key is not the access key's"),
    "ExpiredToken": (InvalidKeysError, "the S3 keys have expired"),
    "InvalidToken": (InvalidKeysError, "the S3 keys are not valid"),
    "407": (RequestRejectedError, LOGIN_WANTED),
    "NoSuchBucket": (BucketNotFoundError, "it has no such bucket"),
    "AccountProblem": (InvalidKeysError, "the account has a problem (a payment, an agreement): see the dashboard"),
}
"""What says more than the status."""
PERMANENT_STATUS: Mapping[int, type[TransferError]] = {
    401: InvalidKeysError,
    403: AccessDeniedError,
    404: ObjectNotFoundError,
}

CONNECTION_ERRORS: tuple[type[BaseException], ...] = (
    botocore.exceptions.ConnectionError,  # cannot connect
    botocore.exceptions.HTTPClientError,  # timeouts, closed, streaming
    botocore.exceptions.IncompleteReadError,
    aiohttp.ClientError,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    asyncio.TimeoutError,
    OSError,
)
UNREADABLE_ANSWERS: tuple[type[BaseException], ...] = (botocore.parsers.ResponseParserError, ValueError, KeyError)


def diagnose(error: BaseException) -> Diagnosis:
    """Say what ``error`` means, whichever library raised it."""
    if isinstance(error, TransferFault):
        return error.diagnosis
    if isinstance(error, botocore.exceptions.ClientError):
        return _diagnose_answer(error.response)
    if fault := _network_fault(error):
        return fault
    action, kind, cause = _judge(error)
    return Diagnosis(action, kind, f"{cause}: {brief(error)}")


_TUNNEL_STATUS = re.compile(r"Tunnel connection failed: (\d{3})", re.ASCII)


def certificate_fault(error: BaseException) -> str | None:
    """What is wrong with the certificates that this machine trusts, and what helps; None: that is not the matter."""
    text = str(error)
    untrusted = "CERTIFICATE_VERIFY_FAILED" in text
    if untrusted or "No such file" in text or "CA certificate" in text:
        for name in CA_VARIABLES:
            if (path := os.environ.get(name)) and not Path(path).exists():
                return f"{name} names {brief(path)}, which is not there: correct or unset it"
    if untrusted:
        return (
            "the server's TLS certificate is not trusted: check the endpoint; where a proxy signs anew, name its "
            f"authority's file in AWS_CA_BUNDLE ({brief(text)})"
        )
    return None


def _network_fault(error: BaseException) -> Diagnosis | None:
    """Judge what stands between this machine and the service: certificates, a proxy."""
    if cause := certificate_fault(error):
        return Diagnosis(RetryAction.STOP, RequestRejectedError, cause)
    if not isinstance(error, botocore.exceptions.ProxyConnectionError):
        return None
    status = _proxy_status(error.kwargs.get("error"))
    if status is None:
        cause = f"the proxy does not answer: check HTTPS_PROXY, or name the host in NO_PROXY ({brief(error)})"
        return Diagnosis(RetryAction.STOP, UnavailableError, cause)
    if status in RETRIED_STATUS:
        return Diagnosis(RetryAction.RESUME, UnavailableError, f"the proxy answered {status}")
    if status == http.HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        return Diagnosis(RetryAction.STOP, RequestRejectedError, f"{LOGIN_WANTED} (it answered {status})")
    cause = f"the proxy answered {status}: have the endpoint allowed there, or name the host in NO_PROXY"
    return Diagnosis(RetryAction.STOP, RequestRejectedError, cause)


def _proxy_status(refusal: object) -> int | None:
    """The status that a proxy answered a CONNECT with; None: it did not answer."""
    if isinstance(refusal, aiohttp.ClientHttpProxyError):
        return refusal.status
    found = _TUNNEL_STATUS.search(str(refusal))
    return int(found[1]) if found else None


def _judge(error: BaseException) -> tuple[RetryAction, type[TransferError], str]:
    """Judge a failure that is no HTTP answer."""
    if isinstance(error, CONNECTION_ERRORS):
        return RetryAction.RESUME, UnavailableError, "the connection failed"
    if isinstance(error, botocore.exceptions.BotoCoreError):
        return RetryAction.STOP, RequestRejectedError, "the request cannot be made"
    if isinstance(error, UNREADABLE_ANSWERS):
        return RetryAction.RESTART, IntegrityError, "the answer cannot be read"
    return RetryAction.STOP, RequestRejectedError, "unexpected"


def _diagnose_answer(response: Mapping[str, Any]) -> Diagnosis:
    """Judge an HTTP answer that is an error."""
    metadata = response.get("ResponseMetadata", {})
    status = int(metadata.get("HTTPStatusCode") or 0)
    headers: Mapping[str, str] = metadata.get("HTTPHeaders", {})
    code = str(response.get("Error", {}).get("Code", ""))
    said = f"the service answered {status}" + (f" {brief(code)}" if code not in {"", str(status)} else "")
    if code in PERMANENT_CODES:
        kind, meaning = PERMANENT_CODES[code]
        return Diagnosis(RetryAction.STOP, kind, f"{said}: {meaning}")
    if status in RETRIED_STATUS or code in RETRIED_CODES or code.startswith("Throttling"):
        return Diagnosis(RetryAction.RESUME, UnavailableError, said, retry_after(headers.get("retry-after")))
    if status == http.HTTPStatus.PRECONDITION_FAILED:
        return Diagnosis(RetryAction.RESTART, IntegrityError, f"{said}: the object was replaced during the download")
    if status == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        return Diagnosis(RetryAction.RESTART, IntegrityError, f"{said}: the object is shorter than before")
    if http.HTTPStatus.MULTIPLE_CHOICES <= status < http.HTTPStatus.BAD_REQUEST:
        target = brief(headers.get("location", "no address"))
        hint = f"{said}, a redirect to {target}, which is not followed: set endpoint_url (POLYGON_ENDPOINT_URL) "
        return Diagnosis(RetryAction.STOP, RequestRejectedError, hint + "to the service's own address")
    message = brief(response.get("Error", {}).get("Message") or "")
    detail = f": {message}" if message and message != code else ""
    kind = PERMANENT_STATUS.get(status, RequestRejectedError)
    if code == "403" and (seconds := _clock_off_by(headers.get("date"))):  # the answer to a HEAD has no body to tell
        kind, detail = RequestRejectedError, f": this machine's clock is {seconds:+,} s off the service's: set it"
    return Diagnosis(RetryAction.STOP, kind, said + detail)


def _clock_off_by(date: str | None) -> int:
    """Seconds between this machine's clock and a ``date`` header; 0 where S3 would not mind them."""
    try:
        moment = parsedate_to_datetime(date or "")
    except ValueError:
        return 0
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    seconds = round((datetime.now(UTC) - aware).total_seconds())
    return seconds if abs(seconds) > SKEW_SECONDS else 0


def retry_after(value: str | None) -> float:
    """Seconds that a Retry-After header asks for, as a number or a date; 0 where it is missing or nonsense."""
    if not value:
        return 0.0
    if value.strip().isascii() and value.strip().isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())


def brief(what: object) -> str:
    """One printable line of at most 200 characters, naming an exception's type."""
    text = f"{type(what).__name__}: {what}" if isinstance(what, BaseException) else str(what)
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(line.split())[:200]
