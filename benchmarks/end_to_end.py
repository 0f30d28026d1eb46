"""From the bucket to published Parquet, whole programs against each other."""

import shutil
import statistics
from functools import partial
from pathlib import Path

from benchmarks.content import check_parquet
from benchmarks.files import CATALOG, Extent, day_of, environment
from benchmarks.processes import WORK, ContestantError, Outcome, alternate, ours, peer, run
from benchmarks.results import Result, Row, Target, compared
from polygon_assets.ingest import ParquetStore
from polygon_assets_tests.servers.seaweed import S3Server

OURS = "polygon_assets ingest_days()"
WORKERS = (1, 2, 4, 8)
BOUNDS = {"stocks_minute": (0.60, 0.90), "stocks_daily": (0.70, 1.0)}
MEMORY_BOUND = 0.5


def measure(extent: Extent, files: dict[str, list[Path]], server: S3Server) -> list[Result]:
    """One result for each dataset of which there are several days."""
    rounds = 2 if extent.quick else 3
    return [_Race(dataset, paths, server).result(rounds) for dataset, paths in files.items() if len(paths) > 1]


class _Race:
    """The contestants on the days of one dataset."""

    def __init__(self, dataset: str, paths: list[Path], server: S3Server) -> None:
        self._dataset, self._paths = dataset, paths
        self._variables = environment(server)
        self._prefix = CATALOG.get_key(dataset, day_of(paths[0])).rsplit("/", 3)[0]

    def result(self, rounds: int) -> Result:
        print(f"End to end, {len(self._paths)} × {self._dataset}", flush=True)
        mine = {OURS: self._ours}
        pullers = {
            f"polygon-options-puller, {count} workers": partial(self._peer, "puller", count) for count in WORKERS
        }
        pairs = {f"s5cmd, then Polars, {count} at once": partial(self._peer, "s5cmd+polars", count) for count in (1, 2)}
        trial = alternate({**pullers, **pairs}, 1)
        best = [min(group, key=lambda name: trial[name][0].wall) for group in (pullers, pairs)]
        outcomes = alternate({**mine, **{name: ({**pullers, **pairs})[name] for name in best}}, rounds)
        rows = [Row.whole(name, runs) for name, runs in outcomes.items()]
        tried = ", ".join(f"{name} {runs[0].wall:.2f} s" for name, runs in trial.items())
        note = f"One trial of each, whose best went into the rounds: {tried}. Whole programs, their start included."
        return Result(f"End to end, {len(self._paths)} × {self._dataset}", rows, self._targets(outcomes, best), note)

    def _targets(self, outcomes: dict[str, list[Outcome]], best: list[str]) -> list[Target]:
        targets = []
        title = f"{len(self._paths)} × {self._dataset}"
        for name, bound in zip(best, BOUNDS.get(self._dataset, ()), strict=False):
            for unit, limit in (("wall", bound), ("cpu", None)):
                label = f"end to end, {title}, {unit} against {name}"
                targets.append(compared(label, outcomes, OURS, name, unit, limit, whole=True))
        if targets:
            peaks = [statistics.median(each.answer["peak"] for each in outcomes[name]) for name in (OURS, best[0])]
            share = peaks[0] / peaks[1]
            measure_name = f"peak memory, {title}, against {best[0]}"
            targets.append(Target(measure_name, f"{share:.2f} ×", f"≤ {MEMORY_BOUND} ×", share <= MEMORY_BOUND))
        return targets

    def _ours(self) -> Outcome:
        store = _emptied("ours")
        days = [day_of(path) for path in self._paths]
        outcome = run(ours("pull", self._dataset, store, *days), self._variables)
        if outcome.answer["published"] != len(days):
            raise ContestantError(f"{outcome.answer['published']} of {len(days)} days were published")
        for path in self._paths:
            check_parquet(Path(ParquetStore(str(store)).path(self._dataset, day_of(path))), path)
        return outcome

    def _peer(self, name: str, workers: int) -> Outcome:
        out = _emptied(name)
        first, last = day_of(self._paths[0]), day_of(self._paths[-1])
        outcome = run(peer("pull", name, self._prefix, out, first, last, str(workers)), self._variables)
        made = {path.stem: path for path in out.rglob("*.parquet")}
        for path in self._paths:
            check_parquet(made[day_of(path)], path)
        return outcome


def _emptied(name: str) -> Path:
    folder = WORK / "out" / f"pulled-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
