"""Reading one ticker: its minutes over 60 days, and its daily bars over twenty years.

Days beyond those that were made are hard links to them: as many files, of the same size.
"""

import shutil
import time
from functools import partial
from pathlib import Path

from benchmarks.files import CATALOG, Extent, day_of, environment, last_days
from benchmarks.processes import WORK, ContestantError, Outcome, alternate, ours, peer, ratio, run
from benchmarks.results import Result, Row, Target
from polygon_assets.ingest import ParquetStore
from polygon_assets.store.roll_ups import YearFile, write_year
from polygon_assets_tests.servers.seaweed import S3Server

TICKER = "MSFT"
YEARS = "polygon_assets.scan(tickers=…), yearly files"
OURS, PULLER = "ParquetStore.scan()", "polygon-options-puller's files"
FASTER = 3.0
SECONDS = 1.0


def measure(extent: Extent, files: dict[str, list[Path]], server: S3Server) -> list[Result]:
    """Two results."""
    minutes, years = (20, 500) if extent.quick else (60, 5040)
    rounds = 3 if extent.quick else 7
    return [
        _minutes(files["stocks_minute"], minutes, rounds, server),
        _years(files["stocks_daily"], years, rounds, server),
    ]


def _minutes(paths: list[Path], count: int, rounds: int, server: S3Server) -> Result:
    title = f"Reading {TICKER}'s minutes over {count} days"
    print(title, flush=True)
    days = last_days("stocks_minute", count)
    store = stored_days("stocks_minute", paths, days, server)
    pulled = WORK / "out" / "read-puller"
    shutil.rmtree(pulled, ignore_errors=True)
    prefix = CATALOG.get_key("stocks_minute", day_of(paths[0])).rsplit("/", 3)[0]
    command = peer("pull", "puller", prefix, pulled / "made", day_of(paths[0]), day_of(paths[-1]), "2")
    run(command, environment(server))
    _link(sorted((pulled / "made").rglob("*.parquet")), [pulled / "all" / f"{day}.parquet" for day in days])
    outcomes = alternate(
        {
            OURS: partial(run, ours("read", "store", "stocks_minute", store, TICKER, days[0], days[-1])),
            PULLER: partial(run, ours("read", "files", "stocks_minute", pulled / "all", TICKER, "", "")),
        },
        rounds,
    )
    _check_equal(outcomes)
    faster = ratio([each.answer["wall"] for each in outcomes[PULLER]], [each.answer["wall"] for each in outcomes[OURS]])
    reached = f"{faster.median:.1f} × as fast ({faster.lowest:.1f}–{faster.highest:.1f})"
    target = Target(f"{title}, against {PULLER}", reached, f"≥ {FASTER:g} ×", faster.median >= FASTER)
    return Result(title, [Row.inside(name, runs) for name, runs in outcomes.items()], [target])


def _years(paths: list[Path], count: int, rounds: int, server: S3Server) -> Result:
    title = f"Reading {TICKER}'s daily bars over {count / 252:.0f} years"
    print(title, flush=True)
    days = last_days("stocks_daily", count)
    store = stored_days("stocks_daily", paths, days, server)
    began = time.perf_counter()
    made = write_years(store, "stocks_daily", days)
    took = (time.perf_counter() - began) / len(made)
    outcomes = alternate(
        {
            name: partial(run, ours("read", kind, "stocks_daily", store, TICKER, days[0], days[-1]))
            for name, kind in ((YEARS, "years"), (OURS, "store"))
        },
        rounds,
    )
    _check_equal(outcomes)
    rows = [Row.inside(name, runs) for name, runs in outcomes.items()]
    targets = []
    for row, bound in zip(rows, (SECONDS, None), strict=True):
        reached = f"{row.wall.median:.2f} s ({row.wall.lowest:.2f}–{row.wall.highest:.2f})"
        met = None if bound is None else row.wall.median < bound
        targets.append(Target(f"{title}, {row.name}", reached, f"< {bound:g} s" if bound else "reported", met))
    size = sum(each.bytes for each in made) / len(made) / 1e6
    note = f"{count} files of days, {len(made)} of years; a year's file ({size:.0f} MB) took {took:.1f} s to make."
    return Result(title, rows, targets, note)


def stored_days(dataset: str, paths: list[Path], days: list[str], server: S3Server, into: Path | None = None) -> Path:
    """A store that holds ``days``, each of them a link to one that was made of ``paths``."""
    folder = WORK / "out" / f"read-{dataset}"
    shutil.rmtree(folder, ignore_errors=True)
    made = [day_of(path) for path in paths]
    run(ours("pull", dataset, folder / "made", *made), environment(server))
    target = into or folder / "all"
    source, store = ParquetStore(str(folder / "made")), ParquetStore(str(target))
    _link([Path(source.path(dataset, day)) for day in made], [Path(store.path(dataset, day)) for day in days])
    return target


def write_years(store: Path, dataset: str, days: list[str]) -> list[YearFile]:
    """Make the file of each year of ``days``."""
    opened = ParquetStore(str(store))
    return [write_year(opened, dataset, int(year)) for year in sorted({day[:4] for day in days})]


def _link(sources: list[Path], targets: list[Path]) -> None:
    for number, target in enumerate(targets):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.hardlink_to(sources[number % len(sources)])


def _check_equal(outcomes: dict[str, list[Outcome]]) -> None:
    answers = {(each.answer["rows"], each.answer["digest"]) for runs in outcomes.values() for each in runs}
    if len(answers) != 1 or not next(iter(answers))[0]:
        raise ContestantError(f"readers disagree, or found nothing: {answers}")
