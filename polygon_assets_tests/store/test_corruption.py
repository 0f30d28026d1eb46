"""A changed bit is found, wherever it is: in a day, a year, a raw file or the quarantine.

Of 400 single flips in a year's file 292 once gave silently wrong prices, and 45 of 5,588 in a day's footer and page
headers were called whole although filters hid rows.
"""

import contextlib
import datetime as dt
import random
from contextlib import closing
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import polygon_assets
from polygon_assets.errors import StoreError
from polygon_assets.ingest import DayStatus, ParquetStore
from polygon_assets.reading.previews import movers, preview
from polygon_assets.store.digests import Digest, digest_of
from polygon_assets.store.roll_ups import stale_years, write_year
from polygon_assets.store.verifying import is_as_published, record_digest, verify_day, verify_kept
from polygon_assets_tests.factories import row, stamp, text
from polygon_assets_tests.vendor import Vendor

DAYS = ["2024-01-02", "2024-01-03"]
TICKERS = [f"T{number:03}" for number in range(60)]
FLIPS = 400


def raw(day: int) -> bytes:
    """A day of some tickers."""
    start = stamp(day=dt.date(2024, 1, day))
    return text([row(ticker, start, volume=100 + number) for number, ticker in enumerate(TICKERS)])


@pytest.fixture
async def filled(vendor: Vendor) -> Vendor:
    for number, day in enumerate(DAYS, start=2):
        vendor.put("stocks_daily", day, raw(number))
    await vendor.ingest("stocks_daily", *DAYS, keep_raw=True)
    return vendor


def flips(body: bytes, count: int) -> list[tuple[int, int]]:
    """Different bits of ``body``, the footer's among them."""
    chosen = random.Random(12)
    return [(chosen.randrange(len(body)), 1 << chosen.randrange(8)) for _ in range(count)]


def with_flip(body: bytes, flip: tuple[int, int]) -> bytes:
    at, bit = flip
    return body[:at] + bytes([body[at] ^ bit]) + body[at + 1 :]


async def test_no_flip_in_a_years_file_gives_another_row(filled: Vendor) -> None:
    store, path = filled.store, Path(f"{filled.place.uri}/_by_year/stocks_daily/year=2024/data.parquet")
    write_year(store, "stocks_daily", 2024)
    body, failed = filled.place.read(str(path)), 0
    true = {ticker: answer(store, ticker) for ticker in TICKERS[:3]}
    for number, flip in enumerate(flips(body, FLIPS)):
        filled.place.write(str(path), with_flip(body, flip))
        ticker = TICKERS[number % 3]
        try:
            found = answer(store, ticker)
        except (OSError, pa.ArrowException):
            failed += 1
            continue
        assert found == true[ticker], f"{flip}: another row"
    assert failed < FLIPS, "where the footer is changed, the days are read"


def answer(store: ParquetStore, tickers: str | list[str]) -> list[dict[str, object]]:
    """What ``scan`` says of a ticker, or of several."""
    found = polygon_assets.scan("stocks_daily", tickers=tickers, store=store).to_table()
    return sorted(found.to_pylist(), key=lambda each: (str(each["date"]), str(each["ticker"])))


async def test_every_flip_in_a_day_is_named_by_verify(filled: Vendor) -> None:
    path = Path(filled.place.file("stocks_daily", DAYS[0]))
    body = filled.place.read(str(path))
    assert verify_day(filled.store, "stocks_daily", DAYS[0]).whole
    footer = len(body) - 8 - int.from_bytes(body[-8:-4], "little")
    for at in [*range(0, footer, 3), *range(footer, len(body))]:
        filled.place.write(str(path), with_flip(body, (at, 1 << at % 8)))
        assert not verify_day(filled.store, "stocks_daily", DAYS[0]).whole, f"byte {at} of {len(body)}"
        assert is_as_published(filled.store, "stocks_daily", DAYS[0]), f"byte {at} of {len(body)}"


async def test_no_flip_in_a_days_page_gives_scan_another_row_and_some_give_duckdb_one(filled: Vendor) -> None:
    """What docs/operations.md says of both; once DuckDB looks at checksums, it says too much."""
    path = filled.place.file("stocks_daily", DAYS[0])
    body, other = filled.place.read(path), 0
    true = answer(filled.store, TICKERS)
    footer = len(body) - 8 - int.from_bytes(body[-8:-4], "little")
    with closing(duckdb.connect()) as connection:
        for at in range(4, footer, 25):
            filled.place.write(path, with_flip(body, (at, 1 << at % 8)))
            with contextlib.suppress(OSError, pa.ArrowException):
                assert answer(filled.store, TICKERS) == true, f"byte {at} of {len(body)}"
            with contextlib.suppress(duckdb.Error):
                rows = connection.read_parquet(path).order("ticker").aggregate("list(volume)").fetchall()
                other += rows != [([100.0 + number for number in range(len(TICKERS))],)]
    assert other > 0


async def test_a_damaged_page_is_in_no_preview(filled: Vendor) -> None:
    uri = filled.place.file("stocks_daily", DAYS[0])
    body = filled.place.read(uri)
    true = preview(filled.store, "stocks_daily", DAYS[0]), movers(filled.store, "stocks_daily", DAYS[0])
    footer = len(body) - 8 - int.from_bytes(body[-8:-4], "little")
    for at in range(4, footer, 5):
        filled.place.write(uri, body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :])
        for number, shown in enumerate((preview, movers)):
            try:
                found = shown(filled.store, "stocks_daily", DAYS[0])
            except (OSError, pa.ArrowException, StoreError):
                continue
            assert found == true[number], f"byte {at}: another preview"


async def test_what_lies_beside_the_days_is_verified(both: Vendor) -> None:
    for number, day in enumerate(DAYS, start=2):
        both.put("stocks_daily", day, raw(number))
    await both.ingest("stocks_daily", *DAYS, keep_raw=True)
    both.put("stocks_daily", DAYS[1], b"ticker\n")
    await both.ingest("stocks_daily", DAYS[1])
    write_year(both.store, "stocks_daily", 2024)
    found = dict(verify_kept(both.store, "stocks_daily"))
    assert len(found) == 4  # a year, two raw files, a refused file
    assert set(found.values()) == {None}
    for uri in found:
        whole = both.place.read(uri)
        both.place.flip(uri, 2)
        problems = {each: problem for each, problem in verify_kept(both.store, "stocks_daily") if problem}
        assert list(problems) == [uri]
        both.place.write(uri, whole)


async def test_a_day_of_an_earlier_version_is_recorded_and_then_watched(both: Vendor) -> None:
    both.put("stocks_daily", DAYS[0], raw(2))
    await both.ingest("stocks_daily", DAYS[0])
    for each in both.store.digests.known(f"stocks_daily/date={DAYS[0]}"):
        both.store._folder.delete(f"_digests/stocks_daily/date={DAYS[0]}/{each.name}")
    first = verify_day(both.store, "stocks_daily", DAYS[0])
    assert first.whole
    assert record_digest(both.store, "stocks_daily", first)
    second = verify_day(both.store, "stocks_daily", DAYS[0])
    assert (second.whole, second.unrecorded) == (True, None)


async def test_a_crash_between_digest_and_day_damages_nothing(filled: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("disk full")

    filled.put("stocks_daily", DAYS[0], raw(2).replace(b"100", b"111"))
    with monkeypatch.context() as patch:
        patch.setattr(type(filled.store._folder), "publish", full)
        (result,) = await filled.ingest("stocks_daily", DAYS[0])
    assert result.status is DayStatus.FAILED
    assert len(filled.store.digests.known(f"stocks_daily/date={DAYS[0]}")) == 2
    assert verify_day(filled.store, "stocks_daily", DAYS[0]).whole


async def test_a_publication_forgets_digests_made_a_day_before_it(filled: Vendor) -> None:
    name = f"stocks_daily/date={DAYS[0]}"
    (own,) = filled.store.digests.known(name)
    old = Digest("0" * 64, "1" * 64, own.made - 2 * 86_400_000)
    filled.store._folder.mark(f"_digests/{name}/{old.name}")
    filled.store.digests.settle(name, own)
    assert filled.store.digests.known(name) == [own]


async def test_a_year_of_an_earlier_version_is_made_again_and_not_read(filled: Vendor) -> None:
    write_year(filled.store, "stocks_daily", 2024)
    assert stale_years(filled.store, "stocks_daily") == {}
    place = "_by_year/stocks_daily/year=2024"
    for each in filled.store.digests.known(place):
        filled.store._folder.delete(f"_digests/{place}/{each.name}")
    assert list(stale_years(filled.store, "stocks_daily")) == [2024]


@pytest.mark.parametrize(
    ("part", "said"),
    [(5, "could not be overwritten; it is as it was"), (1.002, "damaged, and could not be replaced")],
)
async def test_overwriting_that_could_not_overwrite_fails(filled: Vendor, part: float, said: str) -> None:
    """A corrupt day met a 403, and "1 unchanged" certified it."""
    uri = filled.place.file("stocks_daily", DAYS[0])
    body = filled.place.read(uri)
    filled.place.write(uri, with_flip(body, (int(len(body) / part), 1)))
    for name in filled.place.files("_raw"):
        filled.place.delete(f"{filled.place.uri}/_raw/{name}")
    filled.withdraw("stocks_daily", DAYS[0])
    (result,) = await filled.ingest("stocks_daily", DAYS[0], overwrite=True)
    assert result.status is DayStatus.FAILED
    assert said in str(result.error)


async def test_a_day_without_a_single_price_is_refused(vendor: Vendor) -> None:
    lines = [row(ticker, stamp(), open="nan", close="nan", high="nan", low="nan") for ticker in TICKERS]
    vendor.put("stocks_daily", DAYS[0], text(lines))
    (result,) = await vendor.ingest("stocks_daily", DAYS[0])
    assert result.status is DayStatus.REFUSED
    assert "a price is no number in 60 of 60 rows" in str(result.error)


def test_the_digest_of_a_large_file_is_that_of_all_of_it(tmp_path: Path) -> None:
    path = tmp_path / "large.parquet"
    pq.write_table(pa.table({"a": list(range(1_500_000))}), path, compression="none", use_dictionary=False)
    body = path.read_bytes()
    assert len(body) > 8 * 1024**2
    found = digest_of(path)
    path.write_bytes(body[:-9] + bytes([body[-9] ^ 1]) + body[-8:])
    changed = digest_of(path)
    assert found.whole != changed.whole
    assert found.footer != changed.footer
