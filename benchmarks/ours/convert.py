"""``convert DATASET DAY FILE.csv.gz OUT.parquet WARM_UP.csv.gz WORKERS REPEATS``: ours, all checks included.

After one small file; with two WORKERS one of them decompresses and parses ahead.
"""

import datetime as dt
import sys
from pathlib import Path

from benchmarks.measuring import answer, repeated
from polygon_assets.datasets import get_dataset
from polygon_assets.flatfile.conversion import convert
from polygon_assets.flatfile.provenance import Source

# Of the object; the same in every run, so that the same bytes come out.
MODIFIED = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)


def main(dataset: str, day: str, raw: str, target: str, warm_up: str, workers: str, repeats: str) -> None:
    """Convert."""
    row, date = get_dataset(dataset), dt.date.fromisoformat(day)
    source = Source("s3://flatfiles/key", "key", "0" * 32, MODIFIED, Path(raw).stat().st_size)
    ahead = int(workers) > 1

    def once(path: str) -> None:
        convert(Path(path), Path(target), row, date, source, read_ahead=ahead)

    once(warm_up)
    answer(repeated(lambda: once(raw), int(repeats)))


if __name__ == "__main__":
    main(*sys.argv[1:])
