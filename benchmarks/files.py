"""The made-up flat files that everything is measured on, full-size, and a real S3 server that holds them."""

import datetime as dt
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import WORK
from polygon_assets.datasets import DATASETS
from polygon_assets.download import S3Catalog
from polygon_assets.sample.flat_files import flat_file
from polygon_assets.sample.generators import demo_size, full_size
from polygon_assets_tests.servers.seaweed import S3Server, seaweed

BUCKET = "flatfiles"
CATALOG = S3Catalog(BUCKET, options_prefix="us_options_opra")
LAST_DAY = dt.date(2026, 11, 20)


@dataclass(frozen=True)
class Extent:
    """How much is measured."""

    days: dict[str, int]
    """Days of each dataset; the latest ones."""
    rounds: int
    """Of conversions; long measures take fewer."""
    quick: bool


FULL = Extent(
    days={"stocks_minute": 12, "options_minute": 1, "stocks_daily": 251, "options_daily": 40}, rounds=4, quick=False
)
QUICK = Extent(days={"stocks_minute": 4, "stocks_daily": 60}, rounds=3, quick=True)


def last_days(dataset: str, count: int) -> list[str]:
    """The last ``count`` trading days up to LAST_DAY, oldest first."""
    days = CATALOG.get_calendar(dataset).between(DATASETS[dataset].first_day, LAST_DAY)
    return [day.isoformat() for day in days[-count:]]


def flat_file_path(dataset: str, day: str) -> Path:
    """Where the made-up file is kept from run to run."""
    return WORK / "files" / dataset / f"{day}.csv.gz"


def prepare(extent: Extent) -> dict[str, list[Path]]:
    """Make the files that are missing; the files of each dataset, oldest first."""
    wanted = {dataset: last_days(dataset, count) for dataset, count in extent.days.items()}
    missing = [(name, day) for name, days in wanted.items() for day in days if not flat_file_path(name, day).exists()]
    if missing:
        print(f"Making {len(missing)} flat files …", flush=True)
        with ProcessPoolExecutor() as pool:
            list(pool.map(_make, *zip(*missing, strict=True), chunksize=4))
    return {name: [flat_file_path(name, day) for day in days] for name, days in wanted.items()}


def _make(dataset: str, day: str) -> None:
    path = flat_file_path(dataset, day)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_bytes(flat_file(DATASETS[dataset], day, full_size(DATASETS[dataset])))
    part.replace(path)


def small_file(dataset: str) -> Path:
    """A small file of the last day, for warming up."""
    path = WORK / "files" / f"small-{dataset}" / f"{LAST_DAY}.csv.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(flat_file(DATASETS[dataset], LAST_DAY.isoformat(), demo_size(DATASETS[dataset])))
    return path


@contextmanager
def served(files: dict[str, list[Path]]) -> Iterator[S3Server]:
    """SeaweedFS with all ``files`` under the vendor's keys."""
    with seaweed() as server:
        server.client().create_bucket(Bucket=BUCKET)
        for dataset, paths in files.items():
            for path in paths:
                server.put(BUCKET, CATALOG.get_key(dataset, day_of(path)), path.read_bytes())
        yield server


def day_of(path: Path) -> str:
    """The day whose flat file ``path`` is."""
    return path.name.removesuffix(".csv.gz")


def environment(server: S3Server, endpoint_url: str | None = None) -> dict[str, str]:
    """What contestants are told of the server; AWS's names, which all of them understand."""
    return {
        "AWS_ACCESS_KEY_ID": server.access_key_id,
        "AWS_SECRET_ACCESS_KEY": server.secret_access_key,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "BENCH_ENDPOINT_URL": endpoint_url or server.endpoint_url,
        "BENCH_BUCKET": BUCKET,
    }
