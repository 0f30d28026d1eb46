"""``convert DATASET DAY FILE.csv.gz OUT.parquet``: our conversion, all checks included, after one small file."""

import datetime as dt
import sys
from pathlib import Path

from benchmarks.measuring import answer, repeated
from polygon_assets.datasets import get_dataset
from polygon_assets.flatfile.conversion import convert
from polygon_assets.flatfile.provenance import Source


def main(dataset: str, day: str, raw: str, target: str, warm_up: str) -> None:
    """Convert."""
    row, date = get_dataset(dataset), dt.date.fromisoformat(day)
    source = Source("s3://flatfiles/key", "key", "0" * 32, dt.datetime.now(dt.UTC), Path(raw).stat().st_size)
    convert(Path(warm_up), Path(target), row, date, source)
    answer(repeated(lambda: convert(Path(raw), Path(target), row, date, source)))


if __name__ == "__main__":
    main(*sys.argv[1:])
