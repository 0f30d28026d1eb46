"""Sixty days of the soak, so that the whole one cannot rot; and what it must be able to notice."""

import subprocess
import sys
from pathlib import Path

import pytest

from polygon_assets_tests.faults.scorecard import SOAK
from polygon_assets_tests.soak.__main__ import figures, with_figures
from polygon_assets_tests.soak.chaos import TICKERS, ChaoticOrigin, day_file, days
from polygon_assets_tests.soak.endurance import Outcome, Plan
from polygon_assets_tests.soak.measures import Holdings, left_behind
from polygon_assets_tests.stores import KINDS

pytestmark = pytest.mark.slow
SHARE = 60 / Plan().days


@pytest.mark.parametrize("kind", KINDS)
def test_a_small_soak_holds(kind: str) -> None:
    """In a process of its own, whose memory, threads and open files are its own."""
    command = [sys.executable, "-m", "polygon_assets_tests.soak", "--share", str(SHARE), "--kind", kind]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=400)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    assert "days, and replaced meanwhile: 60, 6" in done.stdout
    assert "kills sent: 0" not in done.stdout
    assert "WRONG" not in done.stdout


def test_what_is_held_beyond_is_noticed() -> None:
    before = Holdings(memory=100, threads=10, files=5)
    assert before.beyond(before) == []
    assert Holdings(100, 10, 25).beyond(before) == ["25 open files, 5 before"]
    assert "threads" in Holdings(100, 100, 5).beyond(before)[0]
    assert "bytes of memory" in Holdings(10**9, 10, 5).beyond(before)[0]


def test_what_is_left_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "guard.lock").touch()
    assert left_behind(tmp_path) == []
    (tmp_path / "run-1").mkdir()
    (tmp_path / "run-1" / "a.part").touch()
    assert left_behind(tmp_path) == [str(tmp_path / "run-1" / "a.part")]


def test_the_same_seed_makes_the_same_faults() -> None:
    made = []
    for _ in range(2):
        origin = ChaoticOrigin(7)
        faults = [origin._fault(("cut", "empty", "status 503"), 100) for _ in range(1000)]
        made.append((origin.calm(), [fault is None for fault in faults]))
        assert 50 < sum(fault is not None for fault in faults) < 150
        origin.stop()
    assert made[0] == made[1]


def test_versions_of_a_day_differ_and_the_last_day_has_ended() -> None:
    known = days(3000)
    assert (len(known), known[-1]) == (3000, "2026-11-20")
    assert day_file(known[0], 0) != day_file(known[0], 1)
    assert day_file(known[0], 1) == day_file(known[0], 1)
    assert len(TICKERS) == 8


def test_the_document_has_a_row_for_each_figure() -> None:
    seen = figures(Outcome(replaced=300), Plan())
    text = "# Reliability\n\n| a | table |\n"
    for kind in ("s3", "disk", "s3"):  # in any order, again and again
        text = with_figures(text + "\n" * (SOAK not in text), kind, seen)
    assert text.startswith("# Reliability\n\n| a | table |\n\n## The soak\n\nWritten by")
    assert text.count("| days, and replaced meanwhile | 3,000, 300 |") == 2
    assert text.index("### A store on disk\n") < text.index("### A store on S3\n")
    assert text.count("\n### ") == 2
    assert with_figures(text, "disk", seen) == text
