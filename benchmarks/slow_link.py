"""A link of 40 ms round trip on which every connection gets 20 MB/s: ``python -m benchmarks.slow_link HOST PORT``.

Every connection waits one round trip more before its first byte, as TCP's handshake would. It prints its own port.
"""

import asyncio
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

ROUND_TRIP = 0.040
BYTES_A_SECOND = 20_000_000
CHUNK = 64 * 1024
IN_FLIGHT = 32
"""Chunks that are on their way at most: more than the link holds in half a round trip."""


class Link:
    """The way to one server."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)

    async def serve(self) -> None:
        """Pass on connections until the process ends."""
        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
            listener.setblocking(False)  # noqa: FBT003 (the socket module's own signature)
            print(listener.getsockname()[1], flush=True)
            tasks = set()
            while True:
                client, _ = await loop.sock_accept(listener)
                task = asyncio.create_task(self._connect(client))
                tasks.add(task)
                task.add_done_callback(tasks.discard)

    async def _connect(self, client: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        server = socket.socket()
        for end in (client, server):
            end.setblocking(False)  # noqa: FBT003
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with client, server, suppress(OSError):
            await loop.sock_connect(server, self._address)
            await asyncio.sleep(ROUND_TRIP)
            await asyncio.gather(_one_way(client, server), _one_way(server, client))


async def _one_way(source: socket.socket, target: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    flying: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(IN_FLIGHT)

    async def depart() -> None:
        free = 0.0
        while True:
            data = await loop.sock_recv(source, CHUNK)
            now = loop.time()
            free = max(free, now) + len(data) / BYTES_A_SECOND
            await flying.put((free + ROUND_TRIP / 2, data))
            if not data:
                return
            await asyncio.sleep(free - now)

    async def arrive() -> None:
        while True:
            due, data = await flying.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            if not data:
                with suppress(OSError):
                    target.shutdown(socket.SHUT_WR)
                return
            await loop.sock_sendall(target, data)

    await asyncio.gather(depart(), arrive())


@contextmanager
def slow_link(endpoint_url: str) -> Iterator[str]:
    """The URL of a link to ``endpoint_url``, in a process of its own that ends with the block."""
    parts = urlsplit(endpoint_url)
    command = [sys.executable, "-m", "benchmarks.slow_link", str(parts.hostname), str(parts.port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            port = process.stdout.readline().strip() if process.stdout else ""
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


if __name__ == "__main__":
    asyncio.run(Link(sys.argv[1], int(sys.argv[2])).serve())
