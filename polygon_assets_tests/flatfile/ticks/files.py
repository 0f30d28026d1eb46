"""Made-up files of any dataset as rows of text, to be spoiled and converted."""

import csv
import datetime as dt
import gzip
import io
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from polygon_assets.datasets import DATASETS
from polygon_assets.flatfile.conversion import Conversion
from polygon_assets.sample.flat_files import flat_file
from polygon_assets.sample.generators import Size
from polygon_assets_tests.factories import converted

DAY = dt.date(2026, 11, 6)
LAYOUTS = {row.layout: row.name for row in reversed(list(DATASETS.values()))}
"""One dataset of each layout."""
BY_LAYOUT = sorted(LAYOUTS.values())
Row = dict[str, str]


@cache
def _text(dataset: str) -> str:
    return gzip.decompress(flat_file(DATASETS[dataset], DAY.isoformat(), Size(symbols=20, rows=300))).decode()


def rows_of(dataset: str) -> list[Row]:
    """The rows of a made-up day, as text; fresh ones at each call."""
    return list(csv.DictReader(io.StringIO(_text(dataset))))


def raw_of(rows: list[Row], names: list[str] | None = None) -> bytes:
    """The file of ``rows``; cells with a comma in quotation marks."""
    out = io.StringIO()
    writer = csv.DictWriter(out, names or list(rows[0]), lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def spoiled(dataset: str, spoil: Callable[[Row], Any], at: int = 3) -> bytes:
    """The file after ``spoil`` has changed the row ``at``."""
    rows = rows_of(dataset)
    spoil(rows[at])
    return raw_of(rows)


def made(folder: Path, dataset: str, raw: bytes) -> tuple[Conversion, list[dict[str, Any]]]:
    """Convert ``raw`` as a file of ``dataset``."""
    return converted(folder, raw, dataset, DAY)


def time_of(dataset: str) -> str:
    """The column that bounds its day."""
    return DATASETS[dataset].layout.time
