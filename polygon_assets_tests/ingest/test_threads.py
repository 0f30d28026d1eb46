"""No thread outlives the context that it works in: its files are removed next."""

import threading
import time
from concurrent.futures import Future

import pytest

from polygon_assets.ingest.threads import worker_threads


def test_calls_that_run_end_and_those_that_wait_never_begin() -> None:
    begun, done = [], []
    release = threading.Event()

    def work(number: int) -> None:
        begun.append(number)
        release.wait(10)
        done.append(number)

    with worker_threads("work", 2) as executor:
        for number in range(4):
            executor.submit(work, number)
        while len(begun) < 2:
            time.sleep(0.001)
        threading.Timer(0.05, release.set).start()
    assert sorted(done) == [0, 1]


def test_a_signal_while_a_thread_starts_leaves_none_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """It once left a conversion running: its file came into the staging folder while that was being removed."""
    starts, steps = threading.Thread.start, []

    def interrupted(thread: threading.Thread) -> None:
        starts(thread)
        time.sleep(0.05)  # the thread takes what is waiting
        raise SystemExit(143)

    def work() -> None:
        steps.append("begun")
        time.sleep(0.2)
        steps.append("ended")

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(SystemExit), worker_threads("interrupted", 2) as executor:
        executor.submit(work)
    assert steps in ([], ["begun", "ended"])


def test_a_second_signal_while_it_waits_leaves_none_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    join, signals = threading.Thread.join, [SystemExit(143)]
    ended = threading.Event()

    def work() -> None:
        time.sleep(0.2)
        ended.set()

    def interrupted(thread: threading.Thread, timeout: float | None = None) -> None:
        if signals and thread.name.startswith("twice"):
            raise signals.pop()
        join(thread, timeout)

    monkeypatch.setattr(threading.Thread, "join", interrupted)
    with pytest.raises(SystemExit), worker_threads("twice", 1) as executor:
        begun(executor.submit(work))
    assert ended.is_set()


def begun(call: "Future[None]") -> None:
    while not call.running():
        time.sleep(0.001)
