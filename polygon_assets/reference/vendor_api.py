"""The vendor's REST API, page by page, through its official client ``massive``.

The client asks, signs and speaks TLS. Left to it, an HTML page or a missing list reads like the end of the pages, a
refusal loses its status, retries ignore the limit of five requests a minute, and a page elsewhere is taken from the
same host: so pages are followed, answers are judged and requests are repeated here.
"""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import urllib3

from polygon_assets.download.retry import backoff, retried
from polygon_assets.download.service_errors import RETRIED_STATUS, brief, retry_after
from polygon_assets.download.transfer_options import TransferOptions, checked_endpoint
from polygon_assets.download.watchdog import ending_within, watch_pools
from polygon_assets.errors import (
    ApiAnswerError,
    ApiError,
    ApiKeyError,
    ApiRefusedError,
    ApiUnavailableError,
    ConfigurationMissingError,
    InvalidInputError,
    MissingCredentialsError,
)
from polygon_assets.log_redaction import redact_logs
from polygon_assets.reference.events import SPLITS, EventKind
from polygon_assets.wording import how_to_install

if TYPE_CHECKING:
    import datetime as dt

PAGE_EVENTS = 5000
"""The most that the vendor gives at once."""
MOST_PAGES = 20_000
"""A hundred million events: no history has them, so whoever goes on beyond is not the vendor."""
_OK, _REDIRECTS, _UNAUTHORISED, _TOO_MANY = 200, range(300, 400), 401, 429
_VENDOR_HOSTS = frozenset({"api.massive.com", "api.polygon.io"})
"""Two names of one service."""


@dataclass(frozen=True)
class Patience:
    """How long one page is asked for."""

    max_retries: int = 5
    """Further requests after failures; those after a 429 do not count."""
    timeout: float = 60.0
    """Seconds without an answer."""
    rate_pause: float = 15.0
    """Seconds after a 429 that does not say how long: a fifth of a minute, and some."""
    backoff_base: float = 0.5
    """Seconds: the wait before retry n is uniform in 0 … backoff_base · 2ⁿ, n from 0, and at least Retry-After."""
    deadline: float = 600.0
    """Seconds for one page, all its retries included."""


class ReferenceApi:
    """One conversation with the REST API; use it as ``with``."""

    def __init__(self, key: str, url: str, patience: Patience | None = None) -> None:
        """Open a client for ``url``; no request is sent.

        Raises:
            InvalidInputError: an address that is not https, or a key that no header can carry.
            ConfigurationMissingError: the client is not installed.
        """
        try:
            from massive import RESTClient  # noqa: PLC0415 (an optional part)
        except ModuleNotFoundError:
            raise ConfigurationMissingError(
                f"Splits and dividends need the vendor's client, not installed here: {how_to_install('reference')}"
            ) from None
        if not re.fullmatch(r"[!-~]+", key):
            raise InvalidInputError("POLYGON_API_KEY holds a space or a character that no key has: copy it again.")
        self._key, self._url = key, checked_endpoint(url).rstrip("/")
        self._patience = patience or Patience()
        once = urllib3.Retry(total=False)  # neither retries nor redirects of its own
        self._client: Any = RESTClient(
            key, base=self._url, read_timeout=self._patience.timeout, connection_pool_kw={"retries": once}
        )
        redact_logs(key)
        self._client.client = self._pool = _RememberingPool(self._client.client)

    def __enter__(self) -> "ReferenceApi":
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.clear()
        self._client.vx.client.clear()

    def __repr__(self) -> str:
        return f"ReferenceApi({self._url!r})"

    def pages(self, kind: EventKind, since: "dt.date | None" = None) -> Iterator[list[Any]]:
        """The answers' lists of events, oldest first, from those of the day ``since`` on; unset: all.

        Raises:
            ApiError: a page could not be had; those before it were given.
        """
        parameters: dict[str, Any] = {"limit": PAGE_EVENTS, "sort": f"{kind.date}.asc"}
        if since:
            parameters[f"{kind.date}.gte"] = since.isoformat()
        seen: set[tuple[tuple[str, Any], ...]] = set()
        for _ in range(MOST_PAGES):
            if (asked := tuple(sorted(parameters.items()))) in seen:
                raise ApiAnswerError(self._address(kind), "its pages go round in a circle: a next_url came twice")
            seen.add(asked)
            state = _PageState(self._patience)
            answer = retried(lambda: self._page(kind, parameters, state), state.failed)  # noqa: B023 (called at once)
            yield answer.get("results", [])
            if not (following := answer.get("next_url")):
                return
            parameters = self._following(kind, following)
        raise ApiAnswerError(self._address(kind), f"more than {MOST_PAGES:,} pages")

    def _address(self, kind: EventKind) -> str:
        return self._url + kind.path

    def _page(self, kind: EventKind, parameters: Mapping[str, Any], state: "_PageState") -> dict[str, Any]:
        """One request, judged."""
        ask = self._client.list_stocks_splits if kind is SPLITS else self._client.list_stocks_dividends
        self._pool.answer = None
        try:
            with ending_within(min(state.seconds_left, 2 * self._patience.timeout)):
                ask(params=dict(parameters), raw=True)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                raise ApiRefusedError(self._address(kind), "the server's TLS certificate is refused") from None
            raise ApiUnavailableError(self._address(kind), f"the connection failed: {self._said(error)}") from None
        except Exception as error:  # noqa: BLE001 (the client's own, for any status but 200, without the status)
            if self._pool.answer is None:
                raise ApiAnswerError(self._address(kind), self._said(error)) from None
        answer = self._pool.answer
        assert answer is not None  # noqa: S101 (else it was raised above)
        if answer.status != _OK:
            raise self._refused(kind, answer, state)
        return self._read(kind, answer.data, is_first="cursor" not in parameters)

    def _refused(self, kind: EventKind, answer: urllib3.BaseHTTPResponse, state: "_PageState") -> ApiError:
        address, said = self._address(kind), f"it answered {answer.status}"
        if answer.status in RETRIED_STATUS:
            state.asked_to_wait = retry_after(answer.headers.get("Retry-After"))
            state.is_rate_limit = answer.status == _TOO_MANY
            return ApiUnavailableError(address, said)
        if answer.status in _REDIRECTS:
            host = urlsplit(answer.headers.get("Location", "")).netloc.rpartition("@")[2] or "no address"
            return ApiRefusedError(address, f"{said}, a redirect to {self._said(host)}, which is not followed")
        if answer.status == _UNAUTHORISED:
            return ApiKeyError(address, said)
        return ApiRefusedError(address, f"{said}: {self._message(answer.data)}".rstrip(": "))

    def _read(self, kind: EventKind, body: bytes, *, is_first: bool) -> dict[str, Any]:
        """The answer as an object with a list of results; a first page may have none where there is nothing."""
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            raise ApiAnswerError(self._address(kind), f"no JSON, but {self._said(body[:60])}") from None
        if not isinstance(answer, dict) or answer.get("status") not in {"OK", "DELAYED", None}:
            raise ApiAnswerError(self._address(kind), f"an answer without success: {self._said(answer)}")
        nothing = is_first and "next_url" not in answer and answer.get("status") == "OK"
        if not ("results" in answer or nothing) or not isinstance(answer.get("results", []), list):
            raise ApiAnswerError(self._address(kind), "an answer without a list of results")
        return answer

    def _following(self, kind: EventKind, following: object) -> dict[str, Any]:
        """The parameters of the next page, which is asked for here alone: the key goes nowhere else.

        Raises:
            ApiAnswerError: it is of another service, or of something else than these events.
        """
        try:
            parts = urlsplit(str(following))
            own = urlsplit(self._url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            raise ApiAnswerError(self._address(kind), "next_url is no address") from None
        elsewhere = (host, port) != (own.hostname, own.port) and not {host, own.hostname or ""} <= _VENDOR_HOSTS
        if elsewhere or parts.path != own.path + kind.path:
            named = self._said(f"{host}{parts.path}")
            raise ApiAnswerError(self._address(kind), f"next_url leads to {named}, where the key is not sent")
        return {name: value for name, value in parse_qsl(parts.query) if name.lower() != "apikey"}

    def _message(self, body: bytes) -> str:
        """What the vendor says of a refusal; nothing of another's pages."""
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            return ""
        text = answer.get("message") or answer.get("error") if isinstance(answer, dict) else None
        return self._said(text) if isinstance(text, str) else ""

    def _said(self, what: object) -> str:
        """A foreign text in one line, without the key, should it repeat it."""
        text = what.decode("utf-8", "replace") if isinstance(what, bytes) else what
        return brief(text).replace(self._key, "…")


class _RememberingPool(urllib3.PoolManager):
    """The client's connections; keeps the last answer, whose status and headers the client drops."""

    def __init__(self, of_client: urllib3.PoolManager) -> None:
        super().__init__(headers=of_client.headers, **of_client.connection_pool_kw)
        watch_pools(self)
        self.answer: urllib3.BaseHTTPResponse | None = None

    def request(self, *arguments: Any, **named: Any) -> urllib3.BaseHTTPResponse:
        """Send one request."""
        self.answer = super().request(*arguments, **named)
        return self.answer


class _PageState:
    """The requests made for one page: says how long to wait before the next, or raises what to raise."""

    def __init__(self, patience: Patience, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience, self._clock = patience, clock
        self._end = clock() + patience.deadline
        self._retries = 0
        self.asked_to_wait = 0.0
        """Seconds that the last answer asked for."""
        self.is_rate_limit = False
        """Was the last answer a 429?"""

    @property
    def seconds_left(self) -> float:
        """Until the deadline; never below 0."""
        return max(0.0, self._end - self._clock())

    def failed(self, error: Exception) -> float:
        """The seconds to wait before the next request; raises ``error`` where there is none."""
        asked, limited = self.asked_to_wait, self.is_rate_limit
        self.asked_to_wait, self.is_rate_limit = 0.0, False
        if not isinstance(error, ApiUnavailableError | ApiAnswerError):
            raise error
        if limited:
            delay = asked or self._patience.rate_pause
        else:
            most = 1 if isinstance(error, ApiAnswerError) else self._patience.max_retries
            if self._retries >= min(most, self._patience.max_retries):
                raise error
            delay = max(asked, backoff(self._retries, TransferOptions(backoff_base=self._patience.backoff_base)))
            self._retries += 1
        if delay >= self.seconds_left:
            raise error
        return delay


def missing_key() -> MissingCredentialsError:
    """The error for an unset key."""
    return MissingCredentialsError(
        "Set POLYGON_API_KEY: the key of the vendor's REST API, from the API keys page of its dashboard; every plan "
        "has one, and it is not the S3 key. Splits and dividends are read with it; all else works without."
    )
