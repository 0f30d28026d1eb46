"""The footer of a large day stays small: readers fetch all of it before they read a row."""

from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from polygon_assets.datasets import DATASETS
from polygon_assets_tests.factories import converted
from polygon_assets_tests.flatfile.ticks.files import DAY, raw_of, rows_of

MOST = 1_000_000
LARGE = 10_000_000
TEXT_OF_A_BYTE = 6
"""Bytes of text for each compressed one, at most."""
TOO_LARGE = {"options_quotes"}
"""A day of these is 100 GB and more: docs/adr/0087."""


@pytest.mark.parametrize("name", [name for name, row in DATASETS.items() if row.typical_bytes >= LARGE])
def test_the_footer_of_a_usual_day_has_less_than_a_megabyte(tmp_path: Path, name: str) -> None:
    row = DATASETS[name]
    converted(tmp_path, raw_of(rows_of(name)), replace(row, row_group_bytes=8_000), DAY)
    footer = pq.read_metadata(tmp_path / "out.parquet")
    assert footer.num_row_groups > 1
    groups = row.typical_bytes * TEXT_OF_A_BYTE / row.row_group_bytes
    assert (groups * footer.serialized_size / footer.num_row_groups < MOST) == (name not in TOO_LARGE)
