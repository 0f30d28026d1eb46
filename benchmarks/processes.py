"""Contestants are programs of their own: run one, measure it, and many in turn, round after round.

Belongs here: processes, rounds, medians. Does not: what a contestant does.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / ".bench"
"""Everything made or installed for benchmarks; ignored by git."""
PEERS_PYTHON = WORK / "venv" / "bin" / "python"
OUR_PYTHON = WORK / "ours" / "bin" / "python"
"""What `make dev` installs, without development's tools: the S3 client imports one where it finds it."""


@dataclass(frozen=True)
class Outcome:
    """What one run of a contestant took."""

    wall: float
    """Seconds of the whole program, its start included."""
    cpu: float
    """CPU seconds of the whole program and of what it started."""
    answer: Mapping[str, Any]
    """What it said of itself: ``wall`` and ``cpu`` of the measured part, ``peak`` bytes of memory, and more."""


class ContestantError(Exception):
    """A contestant failed, or its result is wrong; its time counts for nothing."""


def run(command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> Outcome:
    """Run a contestant, which prints one line of JSON at its end."""
    outcome, output = run_program(command, environment)
    return Outcome(outcome.wall, outcome.cpu, json.loads(output.strip().splitlines()[-1]))


def run_program(command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> tuple[Outcome, str]:
    """Run a program that says nothing of itself; what it took, and what it printed.

    It remembers no store of the run before, which was emptied since: ours refuses one that is gone.
    """
    began = time.perf_counter()
    with (
        tempfile.TemporaryDirectory() as state,
        subprocess.Popen(
            [str(part) for part in command],
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, "XDG_STATE_HOME": state, **(environment or {})},
        ) as process,
    ):
        output = process.stdout.read().decode() if process.stdout else ""
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise ContestantError(f"{' '.join(map(str, command))} ended with {process.returncode}")
    return Outcome(wall, usage.ru_utime + usage.ru_stime, {}), output


def ours(program: str, *arguments: str | Path) -> list[str | Path]:
    """The command of one of the project's own contestants; in this environment where none was made for benchmarks."""
    python = OUR_PYTHON if OUR_PYTHON.exists() else sys.executable
    return [python, "-W", "ignore", "-m", f"benchmarks.ours.{program}", *arguments]


def peer(program: str, *arguments: str | Path) -> list[str | Path]:
    """The command of a peer's contestant, in the peers' environment."""
    return [PEERS_PYTHON, "-W", "ignore", "-m", f"benchmarks.peers.{program}", *arguments]


def alternate(contestants: Mapping[str, Callable[[], Outcome]], rounds: int) -> dict[str, list[Outcome]]:
    """Run all contestants in turn, ``rounds`` times, each round starting with another one."""
    names = list(contestants)
    outcomes: dict[str, list[Outcome]] = {name: [] for name in names}
    for turn in range(rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            outcomes[name].append(contestants[name]())
            last = outcomes[name][-1]
            print(f"    {turn + 1}/{rounds} {name:34} {last.wall:7.2f} s wall {last.cpu:7.2f} s CPU", flush=True)
    return outcomes


@dataclass(frozen=True)
class Figure:
    """The median of some runs, and between which values they lay."""

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Figure":
        """Summarise ``values``, at least one."""
        return cls(statistics.median(values), min(values), max(values))


def ratio(numerators: Sequence[float], denominators: Sequence[float]) -> Figure:
    """The median of the ratios within each round."""
    return Figure.of([above / below for above, below in zip(numerators, denominators, strict=True)])
