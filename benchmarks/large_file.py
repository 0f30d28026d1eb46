"""A made-up ``stocks_trades`` day of some 500 MB of csv.gz, in one gzip stream as the vendor writes it.

It is made in parts, each of tickers with a first letter of its own, so that neither memory nor patience is needed.
"""

import string
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from isal import igzip

from benchmarks.files import LAST_DAY
from benchmarks.processes import WORK
from polygon_assets.datasets import DATASETS
from polygon_assets.sample.flat_files import day_table, printed
from polygon_assets.sample.generators import Size

DATASET = "stocks_trades"
PARTS, PART = 16, Size(symbols=760, rows=1_000_000)
"""Together as many tickers as a real day has, and 1.6 GB of text."""


def large_file(parts: int = PARTS, size: Size = PART) -> Path:
    """The file, made where it is missing, with ``parts`` of ``size``."""
    path = WORK / "files" / f"large-{DATASET}-{parts}x{size.rows}" / f"{LAST_DAY}.csv.gz"
    if path.exists():
        return path
    print("Making a large flat file …", flush=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    with ProcessPoolExecutor(2) as pool, igzip.open(unfinished, "wb", compresslevel=3) as file:  # type: ignore[no-untyped-call]
        for number, text in enumerate(pool.map(partial(_part, size=size), range(parts))):
            file.write(text[text.index(b"\n") + 1 :] if number else text)
    unfinished.replace(path)
    return path


def _part(number: int, size: Size) -> bytes:
    """The text of a part, its header included."""
    dataset, day = DATASETS[DATASET], LAST_DAY.isoformat()
    table = day_table(dataset, day, size, seed=number)
    names = pc.cast(table.column("ticker"), pa.string())
    marked = pc.binary_join_element_wise(string.ascii_uppercase[number], names, "")  # type: ignore[call-overload]
    text: bytes = igzip.decompress(  # type: ignore[no-untyped-call]
        printed(dataset, day, table.set_column(0, "ticker", marked))
    )
    return text
