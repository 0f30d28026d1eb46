"""A tick file may be a hundred times larger than memory: the peak of a conversion follows from its row groups alone."""

import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest

from polygon_assets.datasets import DATASETS
from polygon_assets.ingest.workers import conversion_bytes
from polygon_assets_tests.flatfile.ticks.files import DAY, raw_of, rows_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc"),
]
CONVERT = """
import datetime as dt, re, sys
from pathlib import Path
from polygon_assets.datasets import DATASETS
from polygon_assets.flatfile.conversion import convert
from polygon_assets.flatfile.provenance import Source
raw, name, day, ahead = sys.argv[1:]
source = Source("s3://flatfiles/key", "key", "etag", dt.datetime(2026, 11, 7, tzinfo=dt.UTC), 1)
convert(
    Path(raw), Path(raw + ".parquet"), DATASETS[name], dt.date.fromisoformat(day), source, read_ahead=ahead == "ahead"
)
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024)
"""
MEGABYTE = 1_000_000
GROWTH = 40 * MEGABYTE
"""What is kept of a file as it gets longer: the footer, and memory that the C library has not given back."""


def peak(folder: Path, name: str, ahead: str, *, text_bytes: int) -> int:
    """Bytes of memory at the peak of a process that converts a file of about so much text."""
    header, _, rows = raw_of(rows_of(name)).partition(b"\n")
    raw = folder / f"{text_bytes}.csv.gz"
    with gzip.open(raw, "wb", compresslevel=1) as file:
        file.write(header + b"\n")
        for _ in range(text_bytes // len(rows)):
            file.write(rows)
    command = [sys.executable, "-c", CONVERT, str(raw), name, DAY.isoformat(), ahead]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ})
    return int(done.stdout)


@pytest.mark.parametrize(
    ("name", "ahead", "few", "many"),
    [("forex_quotes", "alone", 6, 30), ("options_trades", "ahead", 6, 30), ("indices_values", "ahead", 4, 12)],
)
def test_memory_does_not_follow_the_size_of_the_file(
    tmp_path: Path, name: str, ahead: str, few: int, many: int
) -> None:
    """Of so many row groups: those of values have sixteen megabytes of text, others four."""
    group = DATASETS[name].row_group_bytes
    small = peak(tmp_path, name, ahead, text_bytes=few * group)
    large = peak(tmp_path, name, ahead, text_bytes=many * group)
    assert large < small + GROWTH
    assert large < conversion_bytes(DATASETS[name])
