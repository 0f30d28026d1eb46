"""A proxy in front of an S3 server: counts the requests that pass, can hold the answers back, and can be shut.

Signatures survive it: the Host header passes through, and the client signs for the proxy's address.
"""

import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

_REQUEST = re.compile(rb"^(GET|HEAD|PUT|POST|DELETE) (\S+) HTTP/1\.1\r\n", re.MULTILINE)
_BACKLOG = 128


class HoldingProxy:
    """A TCP proxy on a port of its own that it keeps while it is shut."""

    def __init__(self, upstream: str) -> None:
        """In front of the server at the URL ``upstream``; open."""
        parts = urlsplit(upstream)
        self._upstream = (parts.hostname or "", parts.port or 0)
        self.requests: Counter[tuple[str, str]] = Counter()
        """How often each method and path was asked for."""
        self.rate: float | None = None
        """Bytes a second that each connection's answers pass at; None: as fast as they come."""
        self._hold_at: int | None = None
        self._passing = threading.Event()
        self._passing.set()
        self._live: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
        self._port = self._listener.getsockname()[1]
        self.endpoint_url = f"http://127.0.0.1:{self._port}"
        self._accept()

    def shut(self) -> None:
        """Refuse connections, and cut those there are."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for end in self._live:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def reopen(self) -> None:
        """Take connections again."""
        self._listener = socket.create_server(("127.0.0.1", self._port), backlog=_BACKLOG)
        self._accept()

    def hold(self, *, after: int = 0) -> None:
        """Keep answers back, once ``after`` more GETs have passed, until ``release``; requests are counted."""
        self._hold_at = self._gets() + after
        self._hold_when_due()

    @property
    def is_holding(self) -> bool:
        """Whether answers are kept back now."""
        return not self._passing.is_set()

    def release(self) -> None:
        """Let answers pass."""
        self._hold_at = None
        self._passing.set()

    def _gets(self) -> int:
        return sum(times for (method, _), times in self.requests.copy().items() if method == "GET")

    def _hold_when_due(self) -> None:
        if self._hold_at is not None and self._gets() >= self._hold_at:
            self._passing.clear()

    def count(self, method: str, path: str) -> int:
        """How often ``path`` was asked for by ``method``."""
        return self.requests[method, path]

    def _accept(self) -> None:
        threading.Thread(target=self._serve, args=(self._listener,), daemon=True).start()

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._upstream) as server:
            with self._lock:
                self._live |= {client, server}
            asking = threading.Thread(target=self._ask, args=(client, server), daemon=True)
            asking.start()
            with suppress(OSError):
                while data := server.recv(65536):
                    self._passing.wait()
                    if self.rate:
                        time.sleep(len(data) / self.rate)
                    client.sendall(data)
            for end in (client, server):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            asking.join()
            with self._lock:
                self._live -= {client, server}

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                for method, target in _REQUEST.findall(data):
                    with self._lock:
                        self.requests[method.decode(), target.decode().partition("?")[0]] += 1
                        self._hold_when_due()
                server.sendall(data)
        with suppress(OSError):
            server.shutdown(socket.SHUT_WR)


@contextmanager
def holding_proxy(upstream: str) -> Iterator[HoldingProxy]:
    """A proxy for the length of the block."""
    opened = HoldingProxy(upstream)
    try:
        yield opened
    finally:
        opened.release()
        opened.shut()
