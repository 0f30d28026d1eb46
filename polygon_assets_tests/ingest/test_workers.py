"""Workers and downloads in flight follow from cores and memory, and never exceed the memory allowed."""

import os
import threading
import time
from concurrent.futures import Future
from pathlib import Path

import pytest

from polygon_assets.datasets import DATASETS
from polygon_assets.ingest import Limits
from polygon_assets.ingest import workers as machine
from polygon_assets.ingest.workers import (
    DOWNLOAD_BYTES,
    conversion_bytes,
    cores,
    downloads_for,
    memory_bytes,
    worker_threads,
    workers_for,
)

GIB = 1024**3


@pytest.mark.parametrize(
    ("count", "budget", "expected"),
    [(1, 8 * GIB, 1), (2, 8 * GIB, 2), (64, 8 * GIB, 32), (64, GIB, 4), (2, 1, 1)],
)
def test_workers_follow_from_cores_and_memory(
    count: int, budget: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "cores", lambda: count)
    assert workers_for(budget, GIB // 4) == expected


def test_quotes_take_more_memory_than_bars_so_fewer_are_converted_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """256 MB were reckoned with for each, where a day of quotes takes 720."""
    monkeypatch.setattr(machine, "cores", lambda: 64)
    bars, quotes, options = (
        conversion_bytes(DATASETS[name]) for name in ("stocks_minute", "stocks_quotes", "options_quotes")
    )
    assert bars < 720 * 10**6 < quotes < options
    assert workers_for(4 * GIB, bars) > workers_for(4 * GIB, quotes) > workers_for(4 * GIB, options) >= 1


@pytest.mark.parametrize(("budget", "expected"), [(8 * GIB, 8), (GIB + 3 * DOWNLOAD_BYTES, 3), (1, 1)])
def test_downloads_fit_beside_the_workers(budget: int, expected: int) -> None:
    assert downloads_for(budget, GIB, 8) == expected


def test_memory_is_half_of_the_machine_unless_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "memory_bytes", lambda: 16 * GIB)
    assert machine.memory_budget(Limits()) == 8 * GIB
    assert machine.memory_budget(Limits(max_memory_bytes=GIB)) == GIB
    assert machine.memory_budget(Limits(max_memory_bytes=64 * GIB)) == 16 * GIB


@pytest.mark.parametrize(
    ("text", "expected"), [("150000 100000", 2), ("50000 100000", 1), ("max 100000", 64), ("nonsense", 64), (None, 64)]
)
def test_a_containers_cores_are_counted(
    text: str | None, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))
    if text is not None:
        (tmp_path / "cpu.max").write_text(text)
    assert cores(tmp_path) == expected


def test_a_containers_memory_is_counted(tmp_path: Path) -> None:
    whole = memory_bytes(tmp_path)
    assert whole > GIB
    (tmp_path / "memory.max").write_text("max\n")
    assert memory_bytes(tmp_path) == whole
    (tmp_path / "memory.max").write_text(f"{GIB}\n")
    assert memory_bytes(tmp_path) == GIB


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
