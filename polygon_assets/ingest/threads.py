"""Threads for blocking work beside the event loop.

Belongs here: that none of them outlives its context, even where a signal ends it. Does not: what they do.
"""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager


@contextmanager
def worker_threads(name: str, count: int) -> Iterator[ThreadPoolExecutor]:
    """``count`` threads that have ended when the context has; calls that have not begun by then never do.

    All are started at once: an executor that starts them as calls come forgets the one in whose start a signal's
    exception arrives, although its call runs, and then nobody waits for it.
    """
    executor = ThreadPoolExecutor(count, thread_name_prefix=name)
    try:
        _start_all(executor, count)
        yield executor
    finally:
        try:
            executor.shutdown(wait=True, cancel_futures=True)
        except BaseException:  # a signal's; the calls still end before their files are removed
            executor.shutdown(wait=True, cancel_futures=True)
            raise


def _start_all(executor: ThreadPoolExecutor, count: int) -> None:
    together = threading.Barrier(count)  # a thread that waits takes no second call, so that each call starts one
    try:
        wait([executor.submit(together.wait) for _ in range(count)])
    except BaseException:  # a signal's; those that wait for the others would wait for ever
        together.abort()
        raise
