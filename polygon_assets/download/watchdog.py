"""A hard end for blocking requests, and a bound for answers that are read whole.

A socket's timeout starts anew with every byte: headers, a handshake or a listing that drip hold a thread for ever.
At the deadline the connection is shut down under whoever reads it. Looking a name up is not bounded by it: the system's
resolver does that, by its own timeouts. asyncio needs none of this, since whatever waits there can be cancelled.
Belongs here: what httplib and urllib3 lack. Does not: how long a request may take (``retry``).
"""

import os
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import Any

from botocore.awsrequest import (
    AWSHTTPConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
)

MAX_ERROR_BYTES = 64 * 1024
"""Of the body of an answer that is an error; real ones have some hundred."""
MAX_ANSWER_BYTES = 16 * 1024**2
"""Of an answer that is read whole; a listing of 1,000 keys has some 400 KB."""
_current = threading.local()


class _Deadline:
    """The connections of one thread's request, and the moment in which they end."""

    def __init__(self, seconds: float) -> None:
        self._lock = threading.Lock()
        self._connections: list[socket.socket] = []
        self.has_passed = False
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def watch(self, connection: socket.socket) -> None:
        """End ``connection`` with the deadline; it may be wrapped, or closed, meanwhile."""
        with self._lock, suppress(OSError, ValueError):
            # Its own descriptor: a socket that is wrapped for TLS loses its own, and a closed one's may be another's.
            watched = socket.socket(fileno=os.dup(connection.fileno()))
            self._connections.append(watched)
            if self.has_passed:
                _shut_down(watched)

    def start(self) -> None:
        self._timer.start()

    def extend(self, seconds: float) -> None:
        """End ``seconds`` from now instead."""
        with self._lock:
            if self.has_passed:
                return
            self._timer.cancel()
            self._timer = threading.Timer(seconds, self._end)
            self._timer.daemon = True
            self._timer.start()

    def stop(self) -> None:
        self._timer.cancel()
        with self._lock:
            for connection in self._connections:
                connection.close()
            self._connections.clear()

    def _end(self) -> None:
        with self._lock:
            self.has_passed = True
            for connection in self._connections:
                _shut_down(connection)


@contextmanager
def ending_within(seconds: float) -> Iterator[Callable[[float], None]]:
    """Let no blocking request of this thread's take longer; one that does fails as a lost connection does.

    The block may say that it ends so many seconds from then instead.

    Raises:
        TimeoutError: it was ended, and what read it took that for the end of the answer.
    """
    deadline = _Deadline(max(seconds, 0.001))
    outer = getattr(_current, "deadline", None)
    _current.deadline = deadline
    deadline.start()
    try:
        yield deadline.extend
        if deadline.has_passed:
            raise TimeoutError(f"no whole answer within {seconds:g} s")
    finally:
        _current.deadline = outer
        deadline.stop()


def bounded(chunks: Iterable[bytes], status: int) -> bytes:
    """An answer's body, read whole; of an error that never ends, nothing, as of one without a body."""
    limit = limit_of(status)
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > limit:
            return b"" if limit == MAX_ERROR_BYTES else bytes(body[:limit])
    return bytes(body)


def limit_of(status: int) -> int:
    """How many bytes of an answer are read whole."""
    return MAX_ERROR_BYTES if status >= HTTPStatus.MULTIPLE_CHOICES else MAX_ANSWER_BYTES


def watch_connections(session: Any) -> None:
    """Have a botocore HTTP session make connections that are watched; pinned by a test, since it has no setting."""
    session._pool_classes_by_scheme = _pools()  # noqa: SLF001
    watch_pools(session._manager)  # noqa: SLF001


def watch_pools(manager: Any) -> None:
    """Have urllib3's ``PoolManager`` make connections that are watched."""
    manager.pool_classes_by_scheme = _pools()


def _pools() -> dict[str, type[AWSHTTPConnectionPool]]:
    return {"http": _Pool, "https": _TlsPool}


class _Watched:
    """Tells the thread's deadline of each connection that is opened, or used again."""

    sock: socket.socket | None

    def _new_conn(self) -> socket.socket:
        connection: socket.socket = super()._new_conn()  # type: ignore[misc]
        _watch(connection)
        return connection

    def request(self, *arguments: Any, **named: Any) -> Any:
        if self.sock is not None:
            _watch(self.sock)
        return super().request(*arguments, **named)  # type: ignore[misc]

    def getresponse(self) -> Any:
        response = super().getresponse()  # type: ignore[misc]
        read = response.stream

        def stream(*arguments: Any, **named: Any) -> Iterator[bytes]:
            yield bounded(read(*arguments, **named), response.status)
            if not response.isclosed():  # more than anybody wants: the connection is of no further use
                response.close()

        response.stream = stream
        return response


class _Connection(_Watched, AWSHTTPConnection):  # type: ignore[misc]  # its own bases disagree
    """Over plain HTTP."""


class _TlsConnection(_Watched, AWSHTTPSConnection):  # type: ignore[misc]
    """Over TLS, whose handshake is watched, too."""


class _Pool(AWSHTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(AWSHTTPSConnectionPool):
    ConnectionCls = _TlsConnection


def _watch(connection: socket.socket) -> None:
    deadline = getattr(_current, "deadline", None)
    if deadline is not None:
        deadline.watch(connection)


def _shut_down(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
