"""One file on two cores: the next blocks are decompressed and parsed while this one is checked and written.

Belongs here: the thread, and when a conversion may have it. Does not: what the steps do.
"""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from queue import Empty, Full, Queue
from typing import Generic, TypeVar

Item = TypeVar("Item")
_AHEAD = 2
"""Blocks that are ready before they are asked for; bounds the memory."""
_PATIENCE = 0.1
"""Seconds after which a thread that waits for room looks whether anyone still wants what it has."""
_END = object()


class SpareCores:
    """The cores that conversions may use; one that begins while another core is free takes that as well."""

    def __init__(self, cores: int) -> None:
        """All ``cores`` are free."""
        self._free = cores
        self._lock = threading.Lock()

    @contextmanager
    def conversion(self, *, several_blocks: bool = True) -> Iterator[bool]:
        """Take a core for the length of the block, and a second one (True) if there is one.

        What is not of ``several_blocks`` has no use for it: there is nothing to do ahead, and the thread costs a tenth.
        """
        with self._lock:
            has_second = several_blocks and self._free > 1
            self._free -= 1 + has_second
        try:
            yield has_second
        finally:
            with self._lock:
                self._free += 1 + has_second


class ReadAhead(Generic[Item]):
    """What ``items`` gives, made in a thread of its own, in its order; an error comes where it would have come.

    A context manager; leaving it ends the thread, and waits for that.
    """

    def __init__(self, items: Iterable[Item]) -> None:
        """Begin with the block."""
        self._items = items
        self._ready: Queue[Item | BaseException | object] = Queue(_AHEAD)
        self._unwanted = threading.Event()
        self._thread = threading.Thread(target=self._work, name="read-ahead")

    def __enter__(self) -> Iterator[Item]:
        self._thread.start()
        return self._iterate()

    def __exit__(self, *_: object) -> None:
        self._unwanted.set()
        self._thread.join()

    def _iterate(self) -> Iterator[Item]:
        while (item := self._taken()) is not _END:
            if isinstance(item, BaseException):
                raise item
            yield item  # type: ignore[misc]

    def _taken(self) -> object:
        while True:
            try:
                return self._ready.get(timeout=_PATIENCE)
            except Empty:
                if not self._thread.is_alive() and self._ready.empty():
                    raise RuntimeError("the thread that reads ahead ended without a word") from None

    def _work(self) -> None:
        try:
            for item in self._items:
                if not self._offer(item):
                    return
            self._offer(_END)
        except BaseException as error:  # noqa: BLE001 (raised again in the thread that asks)
            self._offer(error)

    def _offer(self, item: object) -> bool:
        """Hand ``item`` over; False: nobody wants it any more."""
        while not self._unwanted.is_set():
            try:
                self._ready.put(item, timeout=_PATIENCE)
            except Full:
                continue
            return True
        return False
