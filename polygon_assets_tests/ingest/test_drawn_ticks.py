"""Ticks as hypothesis draws them go through the whole pipeline, and come back as DuckDB reads them from the file.

Every value is one that the layout allows, however odd; what is wrong in a file is in ``flatfile/ticks``.
"""

import asyncio
import datetime as dt
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from polygon_assets.datasets import DATASETS, Column, Dataset
from polygon_assets.download import AsyncS3Downloader
from polygon_assets.ingest import DayStatus
from polygon_assets_tests.factories import compressed
from polygon_assets_tests.ingest.read_by_duckdb import in_file, scanned
from polygon_assets_tests.servers.seaweed import S3Server
from polygon_assets_tests.session import in_ci
from polygon_assets_tests.stores import Place
from polygon_assets_tests.vendor import Vendor

DAY = dt.date(2026, 11, 6)
NOON = int(dt.datetime(2026, 11, 6, 17, tzinfo=dt.UTC).timestamp()) * 1_000_000_000
HOURS = 3_600_000_000_000
"""Nanoseconds."""
LAYOUTS = sorted(
    {row.layout: row.name for row in reversed(list(DATASETS.values())) if not row.layout.is_sorted}.values()
)
TICKERS = {
    "stocks": ["A", "CpP", "NA", "NAN", "NULL", "TRUE", "BRK.A", "ZZrw", "BAC+K", "0"],
    "options": ["O:SPY240119C00470000", "O:MU1270115P00100000", "O:X270115C00012500"],
    "indices": ["I:SPX", "I:NDX", "I:A1BSC", "I:null"],
    "forex": ["C:EUR-USD", "C:USD-JPY", "C:XAU-USD"],
    "crypto": ["X:BTC-USD", "X:1INCH-USD", "X:ETH-BTC"],
    "futures": ["ESU6", "ASTU26", "6AU6-6AQ6", "KE:BF H7-K7-N7", "BZ:C1 HO V6-BZ V6", "odd one"],
}
CODES = st.lists(st.integers(0, 32_767), max_size=4)


def numbers(places: int) -> st.SearchStrategy[str]:
    """Amounts as the vendor prints them: whole, or with so many digits behind the point."""
    scaled = st.integers(1, 10**12).map(lambda value: f"{value // 10**places}.{value % 10**places:0{places}d}")
    return st.one_of(st.integers(1, 10**6).map(str), scaled)


def prices(column: Column, dataset: Dataset) -> st.SearchStrategy[str]:
    """Prices of quotes may be zero, those of futures negative, values of indices anything."""
    asset_class = dataset.name.partition("_")[0]
    drawn = numbers({"futures": 9, "indices": 14, "crypto": 8}.get(asset_class, 6))
    if asset_class in ("futures", "indices"):
        drawn = st.one_of(drawn, st.just("0"), drawn.map(lambda text: f"-{text}"))
    return st.one_of(drawn, st.sampled_from(["0", "0.000000"])) if column.name in ("bid_price", "ask_price") else drawn


def cells(column: Column, dataset: Dataset) -> st.SearchStrategy[str]:
    """What may stand in a column."""
    if column.name == "ticker":
        return st.sampled_from(TICKERS[dataset.name.partition("_")[0]])
    if column.name == dataset.layout.time:
        return st.integers(NOON - 6 * HOURS, NOON + 3 * HOURS).map(str)
    within_a_day = st.integers(NOON - 12 * HOURS, NOON + 12 * HOURS).map(str)
    drawn: st.SearchStrategy[str] = {
        "string": st.text(
            st.characters(codec="utf-8", categories=["L", "N", "P"], exclude_characters='",'), max_size=20
        ),
        "list<int16>": st.one_of(
            st.sampled_from(["", '""', "12", '"12,37"']),
            CODES.map(lambda codes: ",".join(map(str, codes))).map(lambda text: f'"{text}"' if "," in text else text),
        ),
        "float64": numbers(6) if column.name.endswith("size") else prices(column, dataset),
        "int64": st.one_of(st.integers(0, 10**9), st.integers(0, 2**63 - 1)).map(str),
        "int16": st.integers(0, 32_767).map(str),
        "date32": st.dates(dt.date(2026, 11, 1), dt.date(2026, 11, 30)).map(str),
        "timestamp[ns, UTC]": within_a_day,
    }[column.type]
    if column.zero_is_null:
        drawn = st.one_of(drawn, st.just("0"))
    return st.one_of(drawn, drawn, st.just("")) if column.nullable else drawn


@st.composite
def files(draw: st.DrawFn, dataset: Dataset) -> str:
    """A file of ``dataset``: its columns in any order, optional ones in it or not."""
    columns = [column for column in dataset.columns if not column.optional or draw(st.booleans())]
    if draw(st.booleans()):
        columns = draw(st.permutations(columns))
    rows = draw(st.lists(st.tuples(*(cells(column, dataset) for column in columns)), min_size=1, max_size=12))
    header = ",".join(column.name for column in columns)
    return "\n".join([header, *(",".join(row) for row in rows), ""])


@pytest.mark.slow
@pytest.mark.parametrize("name", LAYOUTS)
@settings(
    max_examples=in_ci(12),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.reuse, Phase.generate),  # a file has a dozen rows at most, and shrinking takes a pipeline each
)
@given(data=st.data())
def test_drawn_ticks_are_stored_as_duckdb_reads_them(
    name: str, s3_server: S3Server, bucket: str, place: Place, tmp_path: Path, data: st.DataObject
) -> None:
    dataset, text = DATASETS[name], data.draw(files(DATASETS[name]))
    path = tmp_path / "file.csv.gz"
    path.write_bytes(compressed(text.encode()))
    rows = asyncio.run(_through_the_pipeline(dataset, path, s3_server, bucket, place))
    names = text.partition("\n")[0].split(",")
    columns = [column for column in dataset.columns if column.name in names]
    stored = scanned(place.open().scan(name, str(DAY), str(DAY)).to_table(), columns)
    assert list(map(repr, stored)) == list(map(repr, in_file(dataset, columns, path)))  # to the last bit
    assert len(stored) == rows == text.count("\n") - 1


async def _through_the_pipeline(dataset: Dataset, path: Path, server: S3Server, bucket: str, place: Place) -> int:
    """The rows that were published of the file."""
    async with AsyncS3Downloader(server.credentials, server.endpoint_url, max_retries=0, timeout=10) as downloader:
        vendor = Vendor(server, bucket, place.open(), downloader, place)
        vendor.put_bytes(dataset.name, str(DAY), path.read_bytes())  # noqa: ASYNC240 (small)
        (result,) = await vendor.ingest(dataset.name, str(DAY), overwrite=True)
    assert result.status is DayStatus.PUBLISHED, result.error
    return result.rows or 0
