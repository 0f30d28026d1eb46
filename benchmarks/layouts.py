"""``python -m benchmarks.layouts [DATASET …]``: what a file of each layout costs, on one core and on two.

A made-up file of a million rows, or of as many as fill three row groups, and of daily bars one as large as a real one;
converted by a process that does nothing else, after a small one. Prints the table of ``docs/scaling.md``.
"""

import os
import sys
import zlib
from pathlib import Path

from rich.filesize import decimal

from benchmarks.files import last_days, small_file
from benchmarks.processes import WORK, Outcome, ours, run
from polygon_assets.datasets import DATASETS, Dataset
from polygon_assets.ingest.workers import conversion_bytes
from polygon_assets.sample.flat_files import flat_file
from polygon_assets.sample.generators import Size

MEASURED = (
    "stocks_minute", "options_minute", "indices_minute", "forex_minute", "futures_cme_minute", "stocks_trades",
    "options_trades", "crypto_trades", "futures_cme_trades", "stocks_quotes", "options_quotes", "forex_quotes",
    "futures_cme_quotes", "indices_values",
)  # fmt: skip
DAILY = (
    "stocks_daily", "options_daily", "indices_daily", "forex_daily", "crypto_daily", "futures_cme_daily",
)  # fmt: skip
_ROWS, _GROUPS = 1_000_000, 3
_TRIED_TICKERS = 500
"""Of which a file tells how many a real one has."""
_MOST_TICKERS = 20_000
"""That can be made up of an index."""
_SHORT = 0.1
"""Seconds below which milliseconds are shown."""
_SHORTEST_ROW = 40
"""Bytes of text."""


def main(*names: str) -> None:
    """Measure, and print a line for each dataset."""
    print(
        "| dataset | rows | text | csv.gz | Parquet | CPU | csv.gz for each CPU s | wall, one core | two | peak memory "
        "| reckoned with |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    for name in names or (*MEASURED, *DAILY):
        dataset = DATASETS[name]
        day = last_days(name, 1)[0]
        raw = _file(dataset, day)
        target = WORK / "out" / f"{name}.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        outcomes = [_converted(dataset, day, raw, target, workers) for workers in (1, 2)]
        print(_line(dataset, raw, target, outcomes), flush=True)
        target.unlink()
        raw.unlink()
    print(f"load {os.getloadavg()[0]:.0f}")


def _file(dataset: Dataset, day: str) -> Path:
    path = WORK / "files" / f"layout-{dataset.name}" / f"{day}.csv.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(flat_file(dataset, day, _size(dataset, day)))
    return path


def _size(dataset: Dataset, day: str) -> Size:
    if dataset.name not in DAILY:
        return Size(symbols=2_000, rows=max(_ROWS, _GROUPS * dataset.row_group_bytes // _SHORTEST_ROW // 2))
    tried = len(flat_file(dataset, day, Size(_TRIED_TICKERS, _TRIED_TICKERS)))
    wanted = dataset.typical_bytes * _TRIED_TICKERS // tried
    tickers = min(wanted, _MOST_TICKERS) if dataset.name == "indices_daily" else wanted
    return Size(tickers, tickers)


def _converted(dataset: Dataset, day: str, raw: Path, target: Path, workers: int) -> Outcome:
    warm_up = small_file(dataset.name)
    return run(ours("convert", dataset.name, day, raw, target, warm_up, str(workers), "2"))


def _line(dataset: Dataset, raw: Path, target: Path, outcomes: list[Outcome]) -> str:
    one, two = (outcome.answer for outcome in outcomes)
    peak = max(one["peak"], two["peak"])
    cpu = min(one["cpu"], two["cpu"])
    text, rows = _text(raw)
    sizes = [decimal(size) for size in _sizes(text, raw, target)]
    times = [_seconds(cpu), f"{raw.stat().st_size / cpu / 1e6:.0f} MB", _seconds(one["wall"]), _seconds(two["wall"])]
    memory = [f"{each / 1e6:.0f} MB" for each in (peak, conversion_bytes(dataset))]
    cells = (f"`{dataset.name}`", f"{rows:,}", *sizes, *times, *memory)
    return f"| {' | '.join(cells)} |"


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value >= _SHORT else f"{1000 * value:.1f} ms"


def _sizes(text: int, raw: Path, target: Path) -> tuple[int, int, int]:
    return text, raw.stat().st_size, target.stat().st_size


def _text(raw: Path) -> tuple[int, int]:
    """Bytes of the text, and its rows."""
    size = lines = 0
    inflating = zlib.decompressobj(zlib.MAX_WBITS | 16)
    with raw.open("rb") as file:
        while chunk := file.read(1 << 20):
            piece = inflating.decompress(chunk)
            size, lines = size + len(piece), lines + piece.count(b"\n")
    return size, lines - 1


if __name__ == "__main__":
    main(*sys.argv[1:])
