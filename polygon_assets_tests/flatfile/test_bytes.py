"""The stored bytes of the four datasets are those that earlier versions wrote; whoever means to change them says why.

A changed digest is no error where an encoding, or pyarrow itself, was changed on purpose. Then a stored day and one
that is made again differ in bytes, never in rows, and the changelog says so.
"""

import datetime as dt
import hashlib
from pathlib import Path

import pyarrow as pa
import pytest

from polygon_assets.datasets import get_dataset
from polygon_assets.flatfile.conversion import convert
from polygon_assets.flatfile.provenance import Source
from polygon_assets.sample.flat_files import flat_file
from polygon_assets.sample.generators import Size

SOURCE = Source("s3://flatfiles/a/key", "a/key", "etag", dt.datetime(2026, 11, 7, 12, tzinfo=dt.UTC), 123)
WRITTEN_BY = "26.0.1"
DIGESTS = {
    ("stocks_daily", "2019-07-03"): "25ccf954417f2f94ad714195a5f6fb051fb35bcddece57ee45f5e128d3121588",
    ("stocks_daily", "2026-11-06"): "e485f8f01f5f717b6f72d2db96bd247afc2139e9eb9603f2ef0a62e97246c41d",
    ("stocks_minute", "2019-07-03"): "854c754c60d6c8558644e3742e561823b0bbb10980afa8c1a16799f57958bb44",
    ("stocks_minute", "2026-11-06"): "cc6bd4521e5fad234002c54a59625a0fff6107a2034e387e1a0c3eff5bf1b9af",
    ("options_daily", "2019-07-03"): "94de08ed658affccb8e011523ce22895a4ff7ee9d23b931754884d0f96f5bb7a",
    ("options_daily", "2026-11-06"): "39452f8afaf26749bfd0bf51e2162cac8a60ef63be675f1d1945503efeea0165",
    ("options_minute", "2019-07-03"): "9cc8fc7f91a6f40fe5bc84563cf1082cd79006a71b6c3736378b28d5e112dd20",
    ("options_minute", "2026-11-06"): "66d8a868c0fdffe42642204ea0adc27dc24491f62b3bb82c6064cc3b998de645",
}
"""By dataset and day, of 0.1.0."""


@pytest.mark.parametrize(("dataset", "day"), DIGESTS)
def test_the_same_day_gives_the_bytes_that_earlier_versions_wrote(tmp_path: Path, dataset: str, day: str) -> None:
    assert pa.__version__ == WRITTEN_BY, "another pyarrow writes other bytes: take new digests, and say so"
    row = get_dataset(dataset)
    source, target = tmp_path / "source.csv.gz", tmp_path / "day.parquet"
    source.write_bytes(flat_file(row, day, Size(symbols=400, rows=20_000)))
    convert(source, target, row, dt.date.fromisoformat(day), SOURCE)
    assert hashlib.sha256(target.read_bytes()).hexdigest() == DIGESTS[dataset, day]
