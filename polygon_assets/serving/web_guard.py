"""What stands around dagster-webserver's application: who may ask it, and how.

It has no login, runs mutations also by GET, and looks at neither Host nor Origin, so that any page in the user's
browser could start runs. Here a request must name a host that is served, must not come from another site, and may
change something only by a POST of JSON, which no browser sends to another origin without asking first.
Does not belong here: starting the server (``guarded``), or who may reach its port.
"""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
SETTING = "POLYGON_UI_HOSTS"
_READING = frozenset({"GET", "HEAD"})
_OWN = frozenset({"same-origin", "none"})
"""Sec-Fetch-Site of pages that are ours, and of addresses that a person typed."""
_POLICY_VIOLATION = 1008
_POLICY = b"img-src 'self' data: blob:; media-src 'self'; frame-src 'self'; form-action 'self'; frame-ancestors 'self'"
_HEADERS = (
    (b"content-security-policy", _POLICY),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
"""No other site may frame the interface, nor use what it serves; its pages load no pictures from elsewhere."""


class WebGuard:
    """An ASGI application that passes on to another what may be asked, and refuses the rest with a reason."""

    def __init__(self, application: Application, port: int, further_hosts: Iterable[str] = ()) -> None:
        """``port`` is where it listens; ``further_hosts`` are names, with their port unless it is the usual one."""
        self._application = application
        served = {f"{name}:{port}" for name in LOOPBACK} | {host.strip().lower() for host in further_hosts}
        self._hosts = served | (set(LOOPBACK) if port == 80 else set())  # noqa: PLR2004 (http's own port)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or one WebSocket."""
        if scope["type"] == "lifespan":
            await self._application(scope, receive, send)
            return
        reason = self._objection(scope)
        if reason is None:
            await self._application(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": reason[1][:120]})
        else:
            await _refuse(send, *reason)

    def _objection(self, scope: Scope) -> tuple[int, str] | None:
        """The status and the reason for which a request is refused; None: it is not."""
        headers = _Headers(scope)
        host = headers.one("host")
        if host is None or host.lower() not in self._hosts:
            name = "no host, or several" if host is None else ascii(host)[:100]
            remedy = f"open http://127.0.0.1 with the port, or name the host in {SETTING}"
            return 403, f"This interface is not served as {name}: {remedy}."
        origins = headers.all("origin")
        if any(not self._is_own(origin) for origin in origins):
            return 403, f"A page of another origin asks: {ascii(origins[0])[:100]}. Behind a proxy: set {SETTING}."
        if scope["type"] == "websocket":
            return None
        return _objection_to_site(scope, headers) or _objection_to_method(scope, headers)

    def _is_own(self, origin: str) -> bool:
        try:
            parts = urlsplit(origin.lower())
        except ValueError:
            return False
        return parts.scheme in {"http", "https"} and parts.netloc in self._hosts


class _Headers:
    """The headers of a request, as text."""

    def __init__(self, scope: Scope) -> None:
        self._pairs = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]]

    def all(self, name: str) -> list[str]:
        return [value for each, value in self._pairs if each == name]

    def one(self, name: str) -> str | None:
        """The header's value; None where it is missing or stands there twice."""
        found = self.all(name)
        return found[0] if len(found) == 1 else None


def _objection_to_site(scope: Scope, headers: _Headers) -> tuple[int, str] | None:
    """Of another site, only a link to a page is followed."""
    sites = headers.all("sec-fetch-site")
    if not sites or set(sites) <= _OWN:
        return None
    is_link = headers.one("sec-fetch-mode") == "navigate" and headers.one("sec-fetch-dest") == "document"
    if is_link and scope["method"] in _READING:
        return None
    return 403, "A page of another site asks; only links to pages are followed from there."


def _objection_to_method(scope: Scope, headers: _Headers) -> tuple[int, str] | None:
    """What changes something is a POST of JSON."""
    if scope["method"] in _READING:
        if "query" in parse_qs(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True):
            return 405, "GraphQL is asked by POST."
        return None
    if scope["method"] != "POST":
        return 405, "Only GET, HEAD and POST are answered."
    kind = (headers.one("content-type") or "").partition(";")[0].strip().lower()
    if kind != "application/json":
        return 415, "What is posted must be application/json."
    return None


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *_HEADERS]
        await send(message)

    return sending


async def _refuse(send: Send, status: int, reason: str) -> None:
    body = f"{reason}\n".encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
