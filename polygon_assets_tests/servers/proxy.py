"""A TCP proxy that cuts, resets, stalls or alters what a real S3 server answers, after N bytes.

Signatures survive it: the Host header passes through, and the client signs for the proxy's address.
"""

import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

PATIENCE = 10.0
"""Seconds after which a stalled connection ends, whatever the client does."""


@dataclass(frozen=True)
class Trouble:
    """What happens to one connection."""

    kind: Literal["cut", "reset", "stall", "flip"]
    after: int
    """Bytes of the answers, headers included, that pass untouched."""
    then: Callable[[], object] | None = None
    """Called once it happened, before the client can notice."""


class Proxy:
    """The running proxy; each new connection takes the next trouble, if there is one."""

    def __init__(self, upstream: str) -> None:
        """Listen on a free port for the server at the URL ``upstream``."""
        parts = urlsplit(upstream)
        self._upstream = (parts.hostname or "", parts.port or 0)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.endpoint_url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.troubles: deque[Trouble] = deque()
        self.connections = 0

    def run(self) -> None:
        """Pass connections on until the listener is closed."""
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            trouble = self.troubles.popleft() if self.troubles else None
            threading.Thread(target=self._pass_on, args=(client, trouble), daemon=True).start()

    def stop(self) -> None:
        """Take no more connections."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _pass_on(self, client: socket.socket, trouble: Trouble | None) -> None:
        with client, socket.create_connection(self._upstream) as server:
            asking = threading.Thread(target=_pump, args=(client, server), daemon=True)
            asking.start()
            with suppress(OSError):
                _answer(server, client, trouble)
            for end in (client, server):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            asking.join(PATIENCE)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)


def _answer(server: socket.socket, client: socket.socket, trouble: Trouble | None) -> None:
    passed = 0
    while data := server.recv(65536):
        room = len(data) if trouble is None else trouble.after - passed
        if trouble is None or room >= len(data):
            client.sendall(data)
            passed += len(data)
            continue
        if trouble.kind != "flip":
            client.sendall(data[:room])
            _break(client, trouble)
            return
        client.sendall(data[:room] + bytes([data[room] ^ 1]) + data[room + 1 :])
        trouble = None


def _break(client: socket.socket, trouble: Trouble) -> None:
    if trouble.then is not None:
        trouble.then()
    if trouble.kind == "stall":
        client.settimeout(PATIENCE)
        time.sleep(min(PATIENCE, 1.0))
    elif trouble.kind == "reset":
        time.sleep(0.03)  # so that the client can read what came before
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()


@contextmanager
def proxy(upstream: str) -> Iterator[Proxy]:
    """Run a proxy in front of the URL ``upstream`` for the length of the block."""
    server = Proxy(upstream)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join(PATIENCE)
