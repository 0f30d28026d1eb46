"""A large csv.gz of trades on disk → Parquet: ours with all checks on one and on two workers, and the peers."""

import json
import subprocess
from functools import partial
from pathlib import Path

from benchmarks.content import check_records, check_trades, count_trades
from benchmarks.files import Extent, day_of
from benchmarks.large_file import DATASET, large_file
from benchmarks.peers.records import FIELDS
from benchmarks.processes import ROOT, WORK, ContestantError, Outcome, alternate, ours, peer, run
from benchmarks.results import Result, Row, Target, compared
from polygon_assets.sample.generators import Size

ONE, TWO = "polygon_assets, all checks, 1 worker", "polygon_assets, all checks, 2 workers"
POLARS, DUCKDB = "Polars scan_csv().sink_parquet()", "DuckDB COPY"
SPEEDUP = "massive-speedup, records of its own"
WALL_BOUND = 0.62
MEMORY_BOUND = 700e6
QUICK_SIZE = (4, Size(200, 200_000))
COMPARED = ("AAAPL", "BMSFT", "CNVDA")
"""Tickers whose records are read back from massive-speedup's files; of the others only the rows are counted."""


def measure(extent: Extent) -> list[Result]:
    """One result."""
    raw = large_file(*QUICK_SIZE) if extent.quick else large_file()
    return [_Race(raw, large_file(2, Size(20, 1_000))).result(2 if extent.quick else 3)]


class _Race:
    """The contestants on one file."""

    def __init__(self, raw: Path, warm_up: Path) -> None:
        self._raw, self._warm_up = raw, warm_up
        self._out = WORK / "out" / "trades"
        self._out.mkdir(parents=True, exist_ok=True)

    def result(self, rounds: int) -> Result:
        size = self._raw.stat().st_size / 1e6
        title = f"Conversion of one {DATASET} file of {size:.0f} MB"
        print(title, flush=True)
        paths = {ONE: "ours.parquet", TWO: "ours-2.parquet", POLARS: "polars.parquet", DUCKDB: "duckdb.parquet"}
        targets = {name: self._out / file for name, file in {**paths, SPEEDUP: "speedup"}.items()}
        outcomes = alternate(
            {
                ONE: partial(self._ours, 1, targets[ONE]),
                TWO: partial(self._ours, 2, targets[TWO]),
                POLARS: partial(self._peer, "polars", targets[POLARS]),
                DUCKDB: partial(self._peer, "duckdb", targets[DUCKDB]),
                SPEEDUP: partial(self._speedup, targets[SPEEDUP]),
            },
            rounds,
        )
        if targets[ONE].read_bytes() != targets[TWO].read_bytes():
            raise ContestantError("one worker and two wrote different bytes")
        rows = [Row.inside(name, runs, size=_size(targets[name])) for name, runs in outcomes.items()]
        return Result(title, rows, self._targets(outcomes), self._note())

    def _ours(self, workers: int, target: Path) -> Outcome:
        command = ours("convert", DATASET, day_of(self._raw), self._raw, target, self._warm_up, str(workers), "1")
        outcome = run(command)
        check_trades(target, self._raw)
        return outcome

    def _peer(self, name: str, target: Path) -> Outcome:
        outcome = run(peer("convert", name, self._raw, target, self._warm_up, "1"))
        check_trades(target, self._raw)
        return outcome

    def _speedup(self, target: Path) -> Outcome:
        outcome = run(peer("convert", "speedup", self._raw, target, self._warm_up, "1"))
        command = [str(part) for part in peer("records", target, day_of(self._raw), *COMPARED)]
        records = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout)
        check_records(records, FIELDS, self._raw)
        rows, wanted = outcome.answer["rows"], count_trades(self._raw)
        if rows != wanted:
            raise ContestantError(f"massive-speedup stored {rows:,} of {wanted:,} rows")
        return outcome

    def _targets(self, outcomes: dict[str, list[Outcome]]) -> list[Target]:
        targets = [compared("trades: wall on two workers against one", outcomes, TWO, ONE, "wall", WALL_BOUND)]
        peak = max(each.answer["peak"] for each in outcomes[TWO])
        reached, wanted = f"{peak / 1e6:.0f} MB", f"≤ {MEMORY_BOUND / 1e6:.0f} MB"
        targets.append(Target("trades: peak memory on two workers", reached, wanted, peak <= MEMORY_BOUND))
        for other in (POLARS, DUCKDB, SPEEDUP):
            targets.append(compared(f"trades: CPU against {other}", outcomes, ONE, other, "cpu", None))
            targets.append(compared(f"trades: wall on two workers against {other}", outcomes, TWO, other, "wall", None))
        return targets

    def _note(self) -> str:
        return (
            "massive-speedup checks nothing, and writes packed records of its own, uncompressed, one file for each "
            f"ticker; their number is compared, and the records of {', '.join(COMPARED)} field by field but for the "
            "conditions, a set there; sizes have lost digits, to 32 bits. All others are compared row by row."
        )


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())
