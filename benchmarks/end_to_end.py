"""From the bucket to published Parquet, whole programs against each other; on loopback and behind a slow link."""

import shutil
import statistics
from contextlib import nullcontext
from functools import partial
from pathlib import Path

from benchmarks.content import check_parquet
from benchmarks.files import CATALOG, Extent, day_of, environment
from benchmarks.processes import WORK, ContestantError, Outcome, alternate, ours, peer, run
from benchmarks.results import Result, Row, Target, compared
from benchmarks.slow_link import slow_link
from polygon_assets.ingest import ParquetStore
from polygon_assets_tests.servers.seaweed import S3Server

OURS = "polygon_assets ingest_days()"
WORKERS = (1, 2, 4, 8)
BOUNDS = {"stocks_minute": (0.45, 0.90), "stocks_daily": (0.65, 1.25)}
"""Of the wall of the best puller, and of the best s5cmd with Polars, on loopback."""
SLOW_BOUND = 0.80
"""Of the wall of the best s5cmd with Polars behind the slow link, where download and conversion can overlap."""
MEMORY_BOUND = 0.7


def measure(extent: Extent, files: dict[str, list[Path]], server: S3Server) -> list[Result]:
    """One result for each dataset of which there are several days."""
    rounds = 2 if extent.quick else 3
    return [_Race(dataset, paths, server).result(rounds) for dataset, paths in files.items() if len(paths) > 1]


def measure_slowly(extent: Extent, files: dict[str, list[Path]], server: S3Server) -> list[Result]:
    """One result behind the slow link for each dataset with bounds."""
    rounds = 2 if extent.quick else 3
    return [_Race(dataset, files[dataset], server, slow=True).result(rounds) for dataset in BOUNDS]


class _Race:
    """The contestants on the days of one dataset, over one link."""

    def __init__(self, dataset: str, paths: list[Path], server: S3Server, *, slow: bool = False) -> None:
        self._dataset, self._paths, self._slow, self._server = dataset, paths, slow, server
        self._variables = environment(server)
        self._prefix = CATALOG.get_key(dataset, day_of(paths[0])).rsplit("/", 3)[0]
        where = ", behind 40 ms and 20 MB/s a connection" if slow else ""
        self._title = f"{len(paths)} × {dataset}{where}"

    def result(self, rounds: int) -> Result:
        print(f"End to end, {self._title}", flush=True)
        with slow_link(self._server.endpoint_url) if self._slow else nullcontext(self._server.endpoint_url) as url:
            self._variables = environment(self._server, url)
            return self._measured(rounds)

    def _measured(self, rounds: int) -> Result:
        mine = {OURS: self._ours}
        pullers = {
            f"polygon-options-puller, {count} workers": partial(self._peer, "puller", count) for count in WORKERS
        }
        pairs = {f"s5cmd, then Polars, {count} at once": partial(self._peer, "s5cmd+polars", count) for count in (1, 2)}
        groups = [pairs] if self._slow else [pullers, pairs]
        trial = alternate({name: contestant for group in groups for name, contestant in group.items()}, 1)
        best = [min(group, key=lambda name: trial[name][0].wall) for group in groups]
        outcomes = alternate({**mine, **{name: ({**pullers, **pairs})[name] for name in best}}, rounds)
        rows = [Row.whole(name, runs) for name, runs in outcomes.items()]
        tried = ", ".join(f"{name} {runs[0].wall:.2f} s" for name, runs in trial.items())
        note = f"One trial of each, whose best went into the rounds: {tried}. Whole programs, their start included."
        note += " Ours does without pandas, as its commands do."
        return Result(f"End to end, {self._title}", rows, self._targets(outcomes, best), note)

    def _targets(self, outcomes: dict[str, list[Outcome]], best: list[str]) -> list[Target]:
        targets = []
        bounds = (SLOW_BOUND,) if self._slow else BOUNDS.get(self._dataset, ())
        for name, bound in zip(best, bounds, strict=False):
            for unit, limit in (("wall", bound), ("cpu", None)):
                label = f"end to end, {self._title}, {unit} against {name}"
                targets.append(compared(label, outcomes, OURS, name, unit, limit, whole=True))
        if targets and not self._slow:
            peaks = [statistics.median(each.answer["peak"] for each in outcomes[name]) for name in (OURS, best[0])]
            share = peaks[0] / peaks[1]
            measure_name = f"peak memory, {self._title}, against {best[0]}"
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
