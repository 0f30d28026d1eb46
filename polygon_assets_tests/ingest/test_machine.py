"""Workers and downloads in flight follow from cores and memory, and never exceed the memory allowed."""

import os
from pathlib import Path

import pytest

from polygon_assets.ingest import Limits, machine
from polygon_assets.ingest.machine import DOWNLOAD_BYTES, WORKER_BYTES, cores, downloads_for, memory_bytes, workers_for

GIB = 1024**3


@pytest.mark.parametrize(
    ("count", "budget", "expected"),
    [(1, 8 * GIB, 1), (2, 8 * GIB, 2), (64, 8 * GIB, 32), (64, GIB, 4), (2, 1, 1)],
)
def test_workers_follow_from_cores_and_memory(
    count: int, budget: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "cores", lambda: count)
    assert workers_for(budget) == expected


@pytest.mark.parametrize(("budget", "expected"), [(8 * GIB, 8), (2 * WORKER_BYTES + 3 * DOWNLOAD_BYTES, 3), (1, 1)])
def test_downloads_fit_beside_the_workers(budget: int, expected: int) -> None:
    assert downloads_for(budget, 2, 8) == expected


def test_memory_is_half_of_the_machine_unless_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "memory_bytes", lambda: 16 * GIB)
    assert Limits().memory_budget == 8 * GIB
    assert Limits(max_memory_bytes=GIB).memory_budget == GIB
    assert Limits(max_memory_bytes=64 * GIB).memory_budget == 16 * GIB


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
