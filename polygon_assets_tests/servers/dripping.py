"""A server that answers without end, or one byte at a time, whatever is asked: what no timeout between bytes ends."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from polygon_assets_tests.servers.seaweed import S3Server

HOST = "127.0.0.1"
_LISTING = b'<?xml version="1.0"?><ListBucketResult><Name>' + b"x" * 100_000

Answer = Callable[[], Iterator[bytes]]


def _drip(*parts: bytes) -> Iterator[bytes]:
    """Every byte of ``parts``, each after a moment in which no read timeout passes."""
    for part in parts:
        for byte in part:
            time.sleep(0.05)
            yield bytes([byte])


def dripping_headers() -> Iterator[bytes]:
    """Headers that never end."""
    yield b"HTTP/1.1 200 OK\r\nX-Drip: "
    yield from _drip(b"x" * 10_000)


def dripping_body() -> Iterator[bytes]:
    """A body that comes one byte at a time."""
    yield b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: 1000000\r\n\r\n"
    yield from _drip(_LISTING)


def endless_continues() -> Iterator[bytes]:
    """One provisional answer after the other."""
    while True:
        time.sleep(0.005)
        yield b"HTTP/1.1 100 Continue\r\n\r\n" * 10


def endless_error() -> Iterator[bytes]:
    """A 500 whose body does not end."""
    yield b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/xml\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"x" * 65_536
    while True:
        yield b"%x\r\n%s\r\n" % (len(chunk), chunk)


def endless_listing() -> Iterator[bytes]:
    """A listing whose body does not end."""
    yield b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nTransfer-Encoding: chunked\r\n\r\n"
    while True:
        yield b"%x\r\n%s\r\n" % (len(_LISTING), _LISTING)


def endless_header_lines() -> Iterator[bytes]:
    """Header after header."""
    yield b"HTTP/1.1 200 OK\r\n"
    while True:
        yield b"X-Header: value\r\n" * 100


def silence() -> Iterator[bytes]:
    """No byte at all."""
    return iter(())


class Dripping:
    """Counts what it sent, and answers as it is told; its socket takes connections in threads that end with it."""

    credentials = S3Server("http://127.0.0.1").credentials

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.sent = self.connections = 0
        self._listener = socket.create_server((HOST, 0))
        self._open: list[socket.socket] = []
        self._stopped = False
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def endpoint_url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def stop(self) -> None:
        self._stopped = True
        for each in (self._listener, *self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            connection.recv(65_536)
            for part in self.answer():
                if self._stopped:
                    return
                connection.sendall(part)
                self.sent += len(part)
            connection.recv(65_536)  # until the client has gone


@contextmanager
def dripping(answer: Answer) -> Iterator[Dripping]:
    """A running server."""
    server = Dripping(answer)
    try:
        yield server
    finally:
        server.stop()
