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
    ("stocks_daily", "2019-07-03"): "8f2f36ec0449fe203d3de6141a76179e6613fa65b22115780e21d87330fd2ed9",
    ("stocks_daily", "2026-11-06"): "d109b43009a4fa3ae377e5682d35d5b1a275e42ec1fe99a2c19c5777cf225c31",
    ("stocks_minute", "2019-07-03"): "ddb3f9521a2e71d2ab73bccea6c32a830a730f51c885b55f2e3544dea3dc09a3",
    ("stocks_minute", "2026-11-06"): "0a4b191bf716df78b04ee44902056dd64b465ad63c421f0b2a79080cfff4bdaa",
    ("options_daily", "2019-07-03"): "94de08ed658affccb8e011523ce22895a4ff7ee9d23b931754884d0f96f5bb7a",
    ("options_daily", "2026-11-06"): "39452f8afaf26749bfd0bf51e2162cac8a60ef63be675f1d1945503efeea0165",
    ("options_minute", "2019-07-03"): "eccf151dca4e06477fe14e5fdd508b42a2b8fc46332b7b061fcab773339ff527",
    ("options_minute", "2026-11-06"): "775d4356a9f2503885d670234bf4944851a7ce345a2ef5ba01a40746295daa3a",
}
"""By dataset and day, of 0.1.0; taken anew with its code when the made-up days were changed."""


@pytest.mark.locked
@pytest.mark.parametrize(("dataset", "day"), DIGESTS)
def test_the_same_day_gives_the_bytes_that_earlier_versions_wrote(tmp_path: Path, dataset: str, day: str) -> None:
    assert pa.__version__ == WRITTEN_BY, "another pyarrow writes other bytes: take new digests, and say so"
    row = get_dataset(dataset)
    source, target = tmp_path / "source.csv.gz", tmp_path / "day.parquet"
    source.write_bytes(flat_file(row, day, Size(symbols=400, rows=20_000)))
    convert(source, target, row, dt.date.fromisoformat(day), SOURCE)
    assert hashlib.sha256(target.read_bytes()).hexdigest() == DIGESTS[dataset, day]
