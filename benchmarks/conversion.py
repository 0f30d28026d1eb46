"""csv.gz of minutes on disk → Parquet: ours with all checks on one and on two workers, the peers, and the limit."""

from functools import partial
from pathlib import Path

from benchmarks.content import check_parquet
from benchmarks.files import Extent, day_of, small_file
from benchmarks.measuring import REPEATS
from benchmarks.processes import WORK, Outcome, alternate, ours, peer, run
from benchmarks.results import Result, Row, Target, compared

PEERS = {
    "polars": "Polars scan_csv().sink_parquet()",
    "duckdb": "DuckDB COPY",
    "puller": "polygon-options-puller",
}
LIMIT = "the limit: three parts, each alone"
OURS = "polygon_assets, all checks"
BOTH = "polygon_assets, all checks, 2 workers"
CPU_BOUNDS: dict[str, dict[str, float | None]] = {
    "stocks_minute": {PEERS["polars"]: 0.70, PEERS["duckdb"]: 0.42, PEERS["puller"]: 0.42, LIMIT: None},
    "options_minute": {PEERS["polars"]: 0.75, PEERS["duckdb"]: None, PEERS["puller"]: None},
}
WALL_BOUND = 1.0
"""Of one stocks_minute file, both using all of two cores, against Polars."""
SIZE_BOUND = 0.935


def measure(extent: Extent, files: dict[str, list[Path]]) -> list[Result]:
    """One result for each kind of minute file there is."""
    return [
        _measure(dataset, files[dataset][-1], small_file(dataset), extent.rounds)
        for dataset in ("stocks_minute", "options_minute")
        if dataset in files
    ]


def _measure(dataset: str, raw: Path, warm_up: Path, rounds: int) -> Result:
    print(f"Conversion of {dataset}", flush=True)
    out = WORK / "out"
    out.mkdir(parents=True, exist_ok=True)
    mine = out / "ours.parquet"

    def checked(command: list[str | Path], target: Path) -> Outcome:
        outcome = run(command)
        check_parquet(target, raw)
        return outcome

    def own(workers: int) -> list[str | Path]:
        return ours("convert", dataset, day_of(raw), raw, mine, warm_up, str(workers), str(REPEATS))

    contestants = {OURS: partial(checked, own(1), mine), BOTH: partial(checked, own(2), mine)}
    for name, title in PEERS.items():
        target = out / f"{name}.parquet"
        contestants[title] = partial(checked, peer("convert", name, raw, target, warm_up, str(REPEATS)), target)
    contestants[LIMIT] = partial(run, ours("limit", dataset, raw, mine, out / "limit.parquet"))
    outcomes = alternate(contestants, rounds)
    sizes = {OURS: mine, BOTH: mine, **{title: out / f"{name}.parquet" for name, title in PEERS.items()}}
    rows = [Row.inside(name, runs, size=sizes[name].stat().st_size if name in sizes else None)
            for name, runs in outcomes.items()]  # fmt: skip
    smallest = min(path.stat().st_size for path in sizes.values() if path != mine)
    targets = [
        compared(f"{dataset}: CPU against {name}", outcomes, OURS, name, "cpu", bound)
        for name, bound in CPU_BOUNDS[dataset].items()
    ]
    bound = WALL_BOUND if dataset == "stocks_minute" else None
    targets.append(
        compared(
            f"{dataset}: wall on two workers against {PEERS['polars']}", outcomes, BOTH, PEERS["polars"], "wall", bound
        )
    )
    targets.append(compared(f"{dataset}: wall on two workers against one", outcomes, BOTH, OURS, "wall", None))
    if dataset == "stocks_minute":
        relative = mine.stat().st_size / smallest
        met = relative <= SIZE_BOUND
        targets.append(Target("output size against the smallest peer's", f"{relative:.3f} ×", f"≤ {SIZE_BOUND} ×", met))
    parts = [outcome.answer["parts"] for outcome in outcomes[LIMIT]]
    note = "Parts of the limit, CPU: " + ", ".join(
        f"{part} {sorted(each[part] for each in parts)[len(parts) // 2] * 1000:.0f} ms" for part in parts[0]
    )
    return Result(f"Conversion of one {dataset} file", rows, targets, note)
