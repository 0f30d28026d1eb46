"""What Dagster itself costs: a backfill of stocks_daily in ranged runs, with checks, against ``ingest_days`` alone."""

import shutil
from functools import partial
from pathlib import Path

from benchmarks.content import check_parquet
from benchmarks.files import BUCKET, Extent, day_of
from benchmarks.processes import WORK, ContestantError, Figure, Outcome, alternate, ours, run
from benchmarks.results import Result, Row, Target
from polygon_assets.ingest import ParquetStore
from polygon_assets_tests.servers.seaweed import S3Server

DATASET = "stocks_daily"
DAGSTER, ALONE = "ranged runs of Dagster on SQLite", "ingest_days() alone"
BOUND = 0.040


def measure(extent: Extent, files: dict[str, list[Path]], server: S3Server) -> list[Result]:
    """One result."""
    paths = files[DATASET]
    title = f"Dagster: a backfill of {len(paths)} days of {DATASET}"
    print(title, flush=True)
    outcomes = alternate(
        {DAGSTER: partial(_backfill, "dagster", paths, server), ALONE: partial(_backfill, "alone", paths, server)},
        1 if extent.quick else 2,
    )
    rows = [Row.inside(name, runs) for name, runs in outcomes.items()]
    costs = {
        unit: Figure.of(
            [
                (theirs.answer[unit] - bare.answer[unit]) / len(paths)
                for theirs, bare in zip(outcomes[DAGSTER], outcomes[ALONE], strict=True)
            ]
        )
        for unit in ("wall", "cpu")
    }
    targets = [
        Target(
            f"Dagster's own cost a partition, {unit}",
            f"{cost.median * 1000:.0f} ms ({cost.lowest * 1000:.0f}–{cost.highest * 1000:.0f})",
            f"≤ {BOUND * 1000:.0f} ms",
            cost.median <= BOUND,
        )
        for unit, cost in costs.items()
    ]
    return [Result(title, rows, targets)]


def _backfill(kind: str, paths: list[Path], server: S3Server) -> Outcome:
    folder = WORK / "out" / f"backfill-{kind}"
    shutil.rmtree(folder, ignore_errors=True)
    variables = {
        "POLYGON_ACCESS_KEY_ID": server.access_key_id,
        "POLYGON_SECRET_ACCESS_KEY": server.secret_access_key,
        "POLYGON_ENDPOINT_URL": server.endpoint_url,
        "POLYGON_BUCKET": BUCKET,
        "POLYGON_STORE": str(folder / "store"),
    }
    outcome = run(ours("backfill", kind, folder, DATASET, *map(day_of, paths)), variables)
    if outcome.answer["published"] != len(paths):
        raise ContestantError(f"{outcome.answer['published']} of {len(paths)} days were published")
    store = ParquetStore(str(folder / "store"))
    for path in paths:
        check_parquet(Path(store.path(DATASET, day_of(path))), path)
    return outcome
