"""A small HTTP server that gives splits and dividends in pages, as the vendor's REST API does, and misbehaves on cue.

It wants the key as the vendor does, keeps what it was asked, and answers a request with the next of ``faults`` if there
is one. Belongs here: serving made-up events. Does not: what is expected of a client.
"""

import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEY = "canary-of-the-rest-key"
DATES = {"/stocks/v1/splits": "execution_date", "/stocks/v1/dividends": "ex_dividend_date"}


@dataclass
class Reply:
    """What is sent for one request."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int = 0
    """Bytes that are announced and never sent."""


Fault = Callable[[Reply], Reply]
"""Makes the reply that is sent of the one that would be."""


def refusal(status: int, message: str = "refused", **headers: str) -> Fault:
    """An error as the vendor words it."""
    body = json.dumps({"status": "ERROR", "request_id": "1", "error": message}).encode()
    return lambda _: Reply(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


def page(body: bytes) -> Fault:
    """Another body under 200."""
    return lambda _: Reply(200, body)


def cut(reply: Reply) -> Reply:
    """The connection closes before the last byte."""
    return Reply(reply.status, reply.body[:-1], reply.headers, cut=1)


def changed(**fields: Any) -> Fault:
    """The reply with other fields; None takes one out."""

    def change(reply: Reply) -> Reply:
        answer = {**json.loads(reply.body), **fields}
        return Reply(200, json.dumps({name: value for name, value in answer.items() if value is not None}).encode())

    return change


class RestApi:
    """The server."""

    def __init__(self) -> None:
        self.events: dict[str, list[dict[str, Any]]] = {path: [] for path in DATES}
        """What it has of each path, in no order."""
        self.faults: deque[Fault | None] = deque()
        self.page_events: int | None = None
        """Events on a page at most, whatever is asked for; None: what is asked for."""
        self.seen: list[tuple[str, dict[str, str]]] = []
        """Path and parameters of each request."""
        self.keys: list[str | None] = []
        """What each request had for an Authorization."""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                reply = outer.answer(self.path, self.headers.get("Authorization"))
                self.send_response(reply.status)
                for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body) + reply.cut))
                self.end_headers()
                self.wfile.write(reply.body)
                self.close_connection = bool(reply.cut)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def answer(self, target: str, authorization: str | None) -> Reply:
        """The reply to one request."""
        url = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        self.seen.append((url.path, query))
        self.keys.append(authorization)
        if authorization != f"Bearer {KEY}":
            return refusal(401, "Unknown API Key")(Reply())
        if url.path not in DATES:
            return refusal(404, "Not found")(Reply())
        reply = Reply(body=json.dumps(self._page(url.path, query)).encode())
        fault = self.faults.popleft() if self.faults else None
        return fault(reply) if fault else reply

    def _page(self, path: str, query: dict[str, str]) -> dict[str, Any]:
        """A page; a cursor holds everything that was asked for, as the vendor's does."""
        if "cursor" in query:
            query = json.loads(bytes.fromhex(query["cursor"]))
        date, start = DATES[path], int(query.get("start", "0"))
        first = query.get(f"{date}.gte", "")
        known = [event for event in self.events[path] if str(event.get(date)) >= first]
        if query.get("sort") == f"{date}.asc":
            known.sort(key=lambda event: str(event.get(date)))
        end = start + min(int(query.get("limit", "100")), self.page_events or 5000)
        answer: dict[str, Any] = {"status": "OK", "request_id": "1", "results": known[start:end]}
        if end < len(known):
            cursor = json.dumps({**query, "start": str(end)}).encode().hex()
            answer["next_url"] = f"{self.url}{path}?cursor={cursor}"
        return answer

    def stop(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


@contextmanager
def rest_api() -> Iterator[RestApi]:
    """Run a server for the length of the block."""
    server = RestApi()
    try:
        yield server
    finally:
        server.stop()


def split(ticker: str, day: str, before: float = 1, after: float = 4, **other: Any) -> dict[str, Any]:
    """A split as the vendor gives it."""
    return {
        "id": f"S-{ticker}-{day}",
        "ticker": ticker,
        "execution_date": day,
        "split_from": before,
        "split_to": after,
        "adjustment_type": "forward_split" if after > before else "reverse_split",
        "historical_adjustment_factor": before / after if after else None,
    } | other


def dividend(ticker: str, day: str, amount: float = 0.25, **other: Any) -> dict[str, Any]:
    """A dividend as the vendor gives it."""
    return {
        "id": f"D-{ticker}-{day}",
        "ticker": ticker,
        "ex_dividend_date": day,
        "cash_amount": amount,
        "currency": "USD",
        "split_adjusted_cash_amount": amount,
        "distribution_type": "recurring",
        "frequency": 4,
        "declaration_date": day,
        "record_date": day,
        "pay_date": day,
        "historical_adjustment_factor": 0.9,
    } | other
