"""An S3-like HTTP origin that misbehaves by key, request after request, as told.

    origin.store("data.csv.gz", body, cut_after(1000), cut_after(5000))    # twice, then fine
    origin.store("page.csv.gz", body, always=page())                       # every time

It checks no signature (SeaweedFS behind ``proxy`` does) and remembers every request. The faults are in ``faults``.
"""

import hashlib
import socket
import struct
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import IO
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

BUCKET = "flatfiles"
MODIFIED = "Wed, 03 Jan 2024 16:00:00 GMT"
PATIENCE = 10.0
"""Seconds after which a stalled answer ends, whatever the client does."""
REASONS = {200: "OK", 206: "Partial Content"}


@dataclass(frozen=True)
class Request:
    """What the server saw."""

    method: str
    key: str
    headers: Mapping[str, str]
    query: Mapping[str, list[str]]
    at: float

    @property
    def range(self) -> str | None:
        return self.headers.get("range")

    @property
    def if_match(self) -> str | None:
        return self.headers.get("if-match")


@dataclass
class Exchange:
    """One request, and the ways to answer it."""

    origin: "Origin"
    connection: socket.socket
    request: Request
    object: "Stored"
    keep_alive: bool = True

    @property
    def offset(self) -> int:
        """First byte asked for."""
        asked = self.request.range
        return int(asked.removeprefix("bytes=").partition("-")[0]) if asked else 0

    @property
    def end(self) -> int:
        """The first byte behind those asked for."""
        total = len(self.object.body)
        last = (self.request.range or "").partition("-")[2]
        return min(total, int(last) + 1) if last else total

    @property
    def part(self) -> bytes:
        """The bytes asked for."""
        return self.object.body[self.offset : self.end]

    def head(self, status: int, **headers: str) -> None:
        """Send the status line and ``headers``, whose underscores become dashes."""
        lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Whatever')}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.send(("\r\n".join([*lines, "", ""])).encode())

    def object_head(self, **changed: str | None) -> None:
        """Send the headers of a right answer, save for what is ``changed`` (None: left out)."""
        body = self.part
        headers: dict[str, str | None] = {
            "Content_Length": str(len(body)),
            "ETag": f'"{self.object.etag}"',
            "Last_Modified": MODIFIED,
            "Content_Type": "application/octet-stream",
            "Accept_Ranges": "bytes",
        }
        total = len(self.object.body)
        if self.request.range:
            headers["Content_Range"] = f"bytes {self.offset}-{self.end - 1}/{total}"
        headers.update(changed)
        self.head(206 if self.request.range else 200, **{name: text for name, text in headers.items() if text})

    def error(self, status: int, code: str, **headers: str) -> None:
        """Send an S3 error."""
        body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>made up</Message></Error>".encode()
        if self.request.method == "HEAD":
            body = b""
        self.head(status, Content_Length=str(len(body)), Content_Type="application/xml", **headers)
        self.send(body)

    def send(self, data: bytes) -> None:
        """Send ``data``."""
        self.origin.answered(self)
        self.connection.sendall(data)

    def close(self) -> None:
        """Close the connection in an orderly way."""
        self.keep_alive = False

    def reset(self) -> None:
        """Break the connection with an RST, once the client had time to read what came before."""
        time.sleep(0.03)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.keep_alive = False

    def wait(self) -> None:
        """Send nothing until the client hangs up."""
        self.connection.settimeout(PATIENCE)
        with suppress(OSError):
            self.connection.recv(1)
        self.keep_alive = False


Fault = Callable[[Exchange], None]


@dataclass
class Stored:
    """One object and what becomes of requests for it."""

    body: bytes
    etag: str
    faults: deque[Fault] = field(default_factory=deque)
    always: Fault | None = None


def serve(exchange: Exchange) -> None:
    """Answer as S3 does: Range and If-Match honoured."""
    wanted = exchange.request.if_match
    if wanted is not None and wanted.strip('"') != exchange.object.etag:
        exchange.error(412, "PreconditionFailed")
    elif exchange.request.range and exchange.offset >= len(exchange.object.body):
        exchange.error(416, "InvalidRange")
    else:
        exchange.object_head()
        if exchange.request.method == "GET":
            exchange.send(exchange.part)


class Origin:
    """The running server."""

    def __init__(self) -> None:
        """Listen on a free port of 127.0.0.1."""
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._objects: dict[str, Stored] = {}
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._unanswered: set[int] = set()
        self.most_at_once = 0
        """Requests that waited for the first byte of an answer; who has the last byte may be asking again already."""
        self.seen: list[Request] = []
        self.page_faults: dict[int, deque[Fault]] = defaultdict(deque)
        """Faults of a listing, by page from 0."""
        self.refused: set[str] = set()
        """Keys that are listed, and whose GET and HEAD answer 403, as what a plan does not include."""
        self.credentials = {"access_key_id": "origin-key", "secret_access_key": "canary-4f1c2b7e-never-to-be-seen"}
        self.endpoint_url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def store(
        self, key: str, body: bytes, *faults: Fault, always: Fault | None = None, etag: str | None = None
    ) -> Stored:
        """Keep ``body`` under ``key``; its GETs meet ``faults`` one after the other, then ``always`` or none."""
        etag = hashlib.md5(body).hexdigest() if etag is None else etag  # noqa: S324 (what an ETag is)
        self._objects[key] = Stored(body, etag, deque(faults), always)
        return self._objects[key]

    @property
    def connections(self) -> int:
        """Connections open now."""
        with self._lock:
            return len(self._open)

    def requests(self, key: str, method: str = "GET") -> list[Request]:
        """What was asked for ``key``."""
        return [request for request in self.seen if request.key == key and request.method == method]

    def run(self) -> None:
        """Answer until the listener is closed."""
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def stop(self) -> None:
        """Close everything."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _converse(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.add(connection)
        try:
            with connection, suppress(OSError), connection.makefile("rb") as reader:
                while (request := _read_request(reader)) is not None:
                    if not self._answer(connection, request):
                        return
        finally:
            with self._lock:
                self._open.discard(connection)

    def _answer(self, connection: socket.socket, request: Request) -> bool:
        with self._lock:
            self.seen.append(request)
        stored = self._objects.get(request.key)
        exchange = Exchange(self, connection, request, stored or Stored(b"", ""))
        with self._lock:
            self._unanswered.add(id(exchange))
            self.most_at_once = max(self.most_at_once, len(self._unanswered))
        try:
            if "list-type" in request.query:
                self._list(exchange)
            elif request.key in self.refused:
                exchange.error(403, "AccessDenied")
            elif stored is None:
                exchange.error(404, "NoSuchKey")
            elif request.method == "GET":
                fault = stored.faults.popleft() if stored.faults else stored.always
                (fault or serve)(exchange)
            else:
                serve(exchange)
            return exchange.keep_alive
        finally:
            self.answered(exchange)

    def answered(self, exchange: Exchange) -> None:
        """Count ``exchange`` as waiting no longer."""
        with self._lock:
            self._unanswered.discard(id(exchange))

    def _list(self, exchange: Exchange) -> None:
        query = exchange.request.query
        prefix, limit = query.get("prefix", [""])[0], int(query.get("max-keys", ["1000"])[0])
        start = int(query.get("continuation-token", ["0"])[0])
        if faults := self.page_faults[start // 1000]:
            faults.popleft()(exchange)
            return
        keys = sorted(key for key in self._objects if key.startswith(prefix))
        page, end = keys[start : start + limit], start + limit
        more = end < len(keys)
        entries = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(self._objects[key].body)}</Size>"
            f"<ETag>&quot;{self._objects[key].etag}&quot;</ETag>"
            "<LastModified>2024-01-03T16:00:00.000Z</LastModified></Contents>"
            for key in page
        )
        token = f"<NextContinuationToken>{end}</NextContinuationToken>" if more else ""
        body = (
            "<?xml version='1.0'?><ListBucketResult xmlns='http://s3.amazonaws.com/doc/2006-03-01/'>"
            f"<Name>{BUCKET}</Name><Prefix>{escape(prefix)}</Prefix><KeyCount>{len(page)}</KeyCount>"
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{entries}</ListBucketResult>"
        ).encode()
        exchange.head(200, Content_Length=str(len(body)), Content_Type="application/xml")
        exchange.send(body)


def _read_request(reader: IO[bytes]) -> Request | None:
    lines: list[str] = []
    while line := reader.readline().decode("latin-1").rstrip("\r\n"):
        lines.append(line)
    if not lines:
        return None
    method, target, _ = lines[0].split(" ", 2)
    url = urlsplit(target)
    headers = {name.strip().lower(): text.strip() for name, _, text in (line.partition(":") for line in lines[1:])}
    key = unquote(url.path).removeprefix(f"/{BUCKET}").removeprefix("/")
    return Request(method, key, headers, parse_qs(url.query), time.monotonic())


@contextmanager
def origin() -> Iterator[Origin]:
    """Run an origin for the length of the block."""
    server = Origin()
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join(PATIENCE)
