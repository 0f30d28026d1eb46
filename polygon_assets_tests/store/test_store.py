"""The store as its readers see it: scan, DuckDB, history and verification."""

import datetime as dt
import pickle
from dataclasses import replace

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads
import pyarrow.parquet as pq
import pytest

from polygon_assets.download.s3_catalog import S3Catalog
from polygon_assets.errors import InvalidInputError, StoreError
from polygon_assets.ingest import ParquetStore
from polygon_assets.store.row_counts import RowCounts
from polygon_assets.store.verifying import verify_day
from polygon_assets_tests.factories import SOURCE, converted, row, stamp, text
from polygon_assets_tests.stores import Place
from polygon_assets_tests.vendor import verified

DAYS = S3Catalog.get_business_days("2024-01-02", "2024-01-31")
pytestmark = pytest.mark.stores("disk", "s3")


def store_day(store: ParquetStore, day: str, rows: int = 3, dataset: str = "stocks_daily") -> None:
    date = dt.date.fromisoformat(day)
    source = replace(SOURCE, key=S3Catalog().get_key(dataset, day))
    with store.staging() as staging:
        converted(
            staging, text([row(f"T{number}", stamp(day=date)) for number in range(rows)]), dataset, date, source=source
        )
        store.publish(staging / "out.parquet", dataset, day)


def parquet(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return bytes(sink.getvalue())


@pytest.fixture
def store(place: Place) -> ParquetStore:
    made = place.open()
    for day in DAYS[:4]:
        store_day(made, day)
    return made


def test_scan_gives_the_days_asked_for_with_their_date(store: ParquetStore) -> None:
    table = store.scan("stocks_daily", DAYS[1], DAYS[2]).to_table()
    assert table.schema.field("date").type == pa.date32()
    assert table.schema.field("ticker").type == pa.string()
    assert sorted({str(value) for value in table.column("date").to_pylist()}) == DAYS[1:3]
    assert table.num_rows == 6
    assert store.scan("stocks_daily").count_rows() == 12
    assert store.scan("stocks_daily", DAYS[3]).count_rows() == 3
    assert store.scan("stocks_daily", end="2020-01-01").count_rows() == 0


def test_scan_opens_only_the_days_that_a_filter_asks_for(store: ParquetStore, place: Place) -> None:
    place.write(place.file("stocks_daily", DAYS[0]), b"rot")
    wanted = pads.field("date") == pa.scalar(dt.date.fromisoformat(DAYS[1]))
    assert store.scan("stocks_daily").to_table(filter=wanted).num_rows == 3


def test_a_dataset_kept_in_a_notebook_once_read_a_replaced_day_by_its_old_footer(store: ParquetStore) -> None:
    """Arrow keeps footers with a dataset: pages were "smaller than expected", or rows hidden by old statistics."""
    store_day(store, "2024-01-03", 3_000)
    kept = store.scan("stocks_daily", "2024-01-03", "2024-01-03")
    chosen = kept.filter(pc.field("ticker") != "T1")
    assert (kept.to_table().num_rows, chosen.count_rows()) == (3_000, 2_999)
    store_day(store, "2024-01-03", 9_000)
    assert (kept.to_table().num_rows, kept.count_rows(), kept.head(10_000).num_rows) == (9_000, 9_000, 9_000)
    assert (chosen.count_rows(), chosen.to_table(["ticker"]).num_rows) == (8_999, 8_999)
    assert kept.sort_by("ticker").to_table()["ticker"][-1].as_py() == "T999"
    ticker = chosen.filter(pc.field("ticker") == "T8999").to_table(["ticker"])
    assert kept.join(pads.dataset(ticker), "ticker", join_type="inner").to_table().num_rows == 1
    assert pickle.loads(pickle.dumps(chosen)).count_rows() == 8_999  # noqa: S301 (its own)


def test_scan_refuses_what_is_invalid(store: ParquetStore) -> None:
    for bounds in ((DAYS[1], DAYS[0]), ("2024-1-2", None), (None, "../x")):
        with pytest.raises(InvalidInputError):
            store.scan("stocks_daily", *bounds)
    with pytest.raises(InvalidInputError):
        store.path("stocks_daily", "../../etc")
    with pytest.raises(InvalidInputError):
        store.days("nothing")


@pytest.mark.stores("disk")  # for S3 it downloads an extension of its own; `connect` needs none
def test_duckdb_reads_the_layout_by_itself(store: ParquetStore) -> None:
    query = f"select date, count(*) from read_parquet('{store.uri}/stocks_daily/*/*.parquet', hive_partitioning=true)"  # noqa: S608
    rows = duckdb.connect().execute(query + " group by 1 order by 1").fetchall()
    assert rows == [(dt.date.fromisoformat(day), 3) for day in DAYS[:4]]


def test_strangers_in_the_store_are_no_days(store: ParquetStore, place: Place) -> None:
    for name in ("date=2024-13-01", "date=latest", "date=20240131", "notes"):
        place.write(f"{place.uri}/stocks_daily/{name}/data.parquet", b"a file")
    for name in (f"date={DAYS[7]}/other", f"date={DAYS[8]}/data.parquet/deeper", f"date={DAYS[9]}"):
        place.write(f"{place.uri}/stocks_daily/{name}", b"a file")
    assert store.days("stocks_daily") == DAYS[:4]


def test_a_file_that_is_no_stored_day_is_an_error_with_its_path(store: ParquetStore, place: Place) -> None:
    place.write(place.file("stocks_daily", DAYS[0]), parquet(pa.table({"a": [1]})))
    with pytest.raises(StoreError, match=rf"date={DAYS[0]}/data.parquet: not a stored day: the footer lacks"):
        store.provenance("stocks_daily", DAYS[0])


def test_too_few_neighbours_pass_and_say_so(store: ParquetStore) -> None:
    comparison = RowCounts(store, "stocks_daily").compare(DAYS[3])
    assert (comparison.passed, comparison.median, comparison.neighbours) == (True, None, 3)
    assert "too few to compare with" in comparison.reason


@pytest.mark.parametrize(("rows", "passed"), [(2, False), (5, True), (10, True), (20, True), (21, False)])
def test_the_row_count_is_compared_with_the_median_of_earlier_days(place: Place, rows: int, passed: bool) -> None:
    store = place.open()
    for day in DAYS[:5]:
        store_day(store, day, 10)
    store_day(store, DAYS[5], rows)
    store_day(store, DAYS[6], 500)
    comparison = RowCounts(store, "stocks_daily").compare(DAYS[5])
    assert (comparison.passed, comparison.median, comparison.neighbours) == (passed, 10, 5)


def test_each_sunday_of_foreign_exchange_was_flagged(store: ParquetStore) -> None:
    """It trades a few hours then, a tenth of the rows: weekends are compared with weekends."""
    counts = RowCounts(store, "forex_daily")
    first = dt.date(2026, 9, 6)
    for number in range(60):
        day = first + dt.timedelta(number)
        if day.weekday() != 5:
            counts.add(str(day), 10 if day.weekday() == 6 else 100)
    assert counts.compare("2026-10-26").passed
    sunday = counts.compare("2026-11-01")
    assert (sunday.passed, sunday.median, sunday.neighbours) == (True, 10, 8)
    counts.add("2026-11-01", 100)
    assert not counts.compare("2026-11-01").passed


def test_a_days_of_some_tickers_were_compared_with_whole_ones(store: ParquetStore) -> None:
    counts = RowCounts(store, "stocks_daily")
    for number, day in enumerate(DAYS):
        counts.add(day, 3 if number % 2 else 1_000, "tickers=AAPL,MSFT,SPY" if number % 2 else "")
    assert counts.compare(DAYS[-1]).passed
    assert counts.compare(DAYS[-2]).passed


def test_the_first_days_of_a_filter_do_not_read_the_footers_of_all_history(
    store: ParquetStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = [str(dt.date(2015, 1, 5) + dt.timedelta(7 * week + day)) for week in range(100) for day in range(5)]
    read: list[str] = []
    monkeypatch.setattr(ParquetStore, "days", lambda *_: list(every))
    monkeypatch.setattr(ParquetStore, "provenance", lambda _, __, day: read.append(day))
    counts = RowCounts(store, "stocks_daily")
    counts.add(every[-1], 3, "tickers=AAPL")
    assert counts.compare(every[-1]).passed
    assert len(read) == 60


def test_row_counts_learn_of_days_stored_meanwhile(store: ParquetStore) -> None:
    counts = RowCounts(store, "stocks_daily")
    for number, day in enumerate(DAYS[:7]):
        counts.add(day, 100 + number)
    comparison = counts.compare(DAYS[6])
    assert (comparison.rows, comparison.neighbours, comparison.median) == (106, 6, 102.5)


def test_a_row_count_comparison_needs_the_day(store: ParquetStore) -> None:
    with pytest.raises(InvalidInputError, match="is not stored"):
        RowCounts(store, "stocks_daily").compare(DAYS[9])


def test_a_whole_store_verifies(store: ParquetStore) -> None:
    days = verified(store, "stocks_daily")
    assert [each.day for each in days] == DAYS[:4]
    assert all(each.whole and each.rows == 3 for each in days)


def test_a_flipped_bit_is_found_or_changes_nothing(store: ParquetStore, place: Place, store_kind: str) -> None:
    """Pages carry checksums; of their headers some bytes mean nothing to a reader. On S3 every 50th byte must do."""
    path = place.file("stocks_daily", DAYS[0])
    good = place.read(path)
    expected = pq.read_table(pa.BufferReader(good))
    found, places = 0, range(0, len(good), 1 if store_kind == "disk" else 50)
    for at in places:
        flipped = good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :]
        place.write(path, flipped)
        day = verify_day(store, "stocks_daily", DAYS[0])
        found += not day.whole
        if day.whole:
            assert pq.read_table(pa.BufferReader(flipped)).equals(expected), at
            for ticker in ("T0", "T1", "T2"):  # a reader that passes over row groups by their footers
                wanted = pads.field("ticker") == ticker
                assert pq.read_table(pa.BufferReader(flipped), filters=wanted).num_rows == 1, at
    assert found > len(places) / 2


def test_wrong_order_counts_and_columns_are_named(store: ParquetStore, place: Place) -> None:
    path = place.file("stocks_daily", DAYS[0])
    table = pq.read_table(pa.BufferReader(place.read(path)))
    metadata = pq.read_metadata(pa.BufferReader(place.read(path))).metadata
    place.write(path, parquet(table.take([2, 0]).replace_schema_metadata(metadata)))
    without = table.drop_columns(["open"]).replace_schema_metadata(None)
    place.write(place.file("stocks_daily", DAYS[1]), parquet(without))
    first, second = (verify_day(store, "stocks_daily", day) for day in DAYS[:2])
    assert first.problems == (
        "rows are not sorted by ticker and window_start",
        "the footer says 3 rows, the file holds 2",
        "the footer says 3 symbols, the file holds 2",
        "its bytes are not those that were published: the SHA-256 differs",
    )
    assert second.problems[0].startswith("provenance: the footer lacks polygon.source_uri")
    assert second.problems[1].startswith("columns")


def test_a_copy_of_another_day_is_found(store: ParquetStore, place: Place) -> None:
    place.write(place.file("stocks_daily", DAYS[1]), place.read(place.file("stocks_daily", DAYS[0])))
    first, second = (verify_day(store, "stocks_daily", day) for day in DAYS[:2])
    assert first.whole
    assert second.problems[0] == f"rows are of another day than {DAYS[1]}"
    assert second.problems[1].endswith(f"{DAYS[0]}.csv.gz, which is another day's or dataset's source")
