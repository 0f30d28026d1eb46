"""``ticker_coverage``: first and last day, days without rows, filters, renames; from days and from years' files."""

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polygon_assets import reading
from polygon_assets.calendars import trading_calendar
from polygon_assets.errors import InvalidInputError, StoreError
from polygon_assets.filters import RowFilter
from polygon_assets.ingest import ParquetStore
from polygon_assets.reading.inventory import Gap
from polygon_assets.reading.ticker_days import TickerCoverage
from polygon_assets.sample.generators import Size
from polygon_assets.store.roll_ups import write_year
from polygon_assets_tests.reading.made_days import Change, is_of, multiplied, put_made

SESSIONS = [str(day) for day in trading_calendar().between(dt.date(2023, 12, 20), dt.date(2024, 1, 12))]
SMALL = Size(30, 600)


def without(ticker: str) -> Change:
    return lambda rows: rows.filter(pc.not_equal(rows.column("ticker"), pa.scalar(ticker)))


def renamed(old: str, new: str) -> Change:
    def change(rows: pa.Table) -> pa.Table:
        names = [new if name == old else name for name in rows.column("ticker").to_pylist()]
        return rows.set_column(0, "ticker", pa.array(names)).sort_by("ticker")

    return change


def filled(store: ParquetStore, dataset: str = "stocks_daily", **changes: Change) -> None:
    for day in SESSIONS:
        change = changes.get(f"d{day.replace('-', '')}", lambda rows: rows)
        put_made(store, dataset, day, change, size=SMALL)


def days(*texts: str) -> list[dt.date]:
    return [dt.date.fromisoformat(text) for text in texts]


def gap(first: str, last: str, count: int) -> Gap:
    return Gap(dt.date.fromisoformat(first), dt.date.fromisoformat(last), count)


@pytest.mark.parametrize("rolled_up", [False, True])
@pytest.mark.parametrize("dataset", ["stocks_daily", "stocks_minute"])
def test_days_without_rows_and_runs_of_them(store: ParquetStore, dataset: str, rolled_up: bool) -> None:
    lacking = [SESSIONS[0], SESSIONS[1], SESSIONS[4], SESSIONS[5], SESSIONS[8], SESSIONS[-1]]
    filled(store, dataset, **{f"d{day.replace('-', '')}": without("QQQ") for day in lacking})
    if rolled_up and dataset == "stocks_daily":
        write_year(store, dataset, 2023)
    seen = list[tuple[int, int]]()
    found = reading.ticker_coverage(dataset, "QQQ", store=store, on_files=lambda *each: seen.append(each))
    assert [str(day) for day in found.rows] == [day for day in SESSIONS if day not in lacking]
    assert (found.first, found.last) == tuple(days(SESSIONS[2], SESSIONS[-2]))
    assert found.without == tuple(days(SESSIONS[4], SESSIONS[5], SESSIONS[8]))
    assert found.gaps == (gap(SESSIONS[4], SESSIONS[5], 2), gap(SESSIONS[8], SESSIONS[8], 1))
    assert [str(day) for day in found.stored] == SESSIONS
    assert min(found.rows.values()) == 1 if dataset == "stocks_daily" else min(found.rows.values()) > 1
    assert seen[-1][0] == seen[-1][1] > 0


def test_days_that_are_not_stored_are_no_gap(store: ParquetStore) -> None:
    for day in (SESSIONS[0], SESSIONS[3], SESSIONS[4]):
        put_made(store, "stocks_daily", day, size=SMALL)
    found = reading.ticker_coverage("stocks_daily", "SPY", store=store)
    assert (found.without, found.gaps) == ((), ())


def test_days_of_some_tickers_by_a_filter_are_unknown(store: ParquetStore) -> None:
    filled(store)
    for day in SESSIONS[3:6]:
        put_made(store, "stocks_daily", day, size=SMALL, row_filter=RowFilter(tickers=frozenset({"SPY"})))
    found = reading.ticker_coverage("stocks_daily", "QQQ", store=store)
    assert found.without == ()
    assert found.unknown == days(*SESSIONS[3:6])


def test_a_filter_that_names_the_ticker_left_its_days_unknown(store: ParquetStore) -> None:
    kept = RowFilter(tickers=frozenset({"SPY", "QQQ"}))
    for day in SESSIONS[:6]:
        change = without("QQQ" if day in SESSIONS[2:4] else "none of them")
        put_made(store, "stocks_daily", day, change, size=SMALL, row_filter=kept)
    found = reading.ticker_coverage("stocks_daily", "QQQ", store=store)
    assert not found.unknown
    assert list(found.without) == days(*SESSIONS[2:4])


def test_a_filter_that_names_the_underlying_says_what_a_contract_lacks(store: ParquetStore) -> None:
    for day in SESSIONS[:3]:
        kept = RowFilter(underlyings=frozenset({"SPY"}))
        put_made(store, "options_daily", day, size=SMALL, row_filter=kept)
    strike = "O:{}991217C99999000"
    assert reading.ticker_coverage("options_daily", strike.format("SPY"), store=store).unknown == []
    assert reading.ticker_coverage("options_daily", strike.format("QQQ"), store=store).unknown == days(*SESSIONS[:3])


def test_a_ticker_that_is_nowhere(store: ParquetStore) -> None:
    filled(store)
    found = reading.ticker_coverage("stocks_daily", "qqq", store=store)
    assert (found.first, found.last, found.without, found.gaps) == (None, None, (), ())


@pytest.mark.parametrize("dataset", ["stocks_daily", "stocks_minute"])
def test_a_change_of_name_is_suspected_on_both_sides(store: ParquetStore, dataset: str) -> None:
    """As FB became META on 2022-06-09, which had been a fund's ticker before."""
    old = {f"d{day.replace('-', '')}": renamed("META", "FB") for day in SESSIONS[:8]}
    filled(store, dataset, **old)
    new = reading.ticker_coverage(dataset, "META", store=store)
    assert [(each.ticker, str(each.day)) for each in new.was_before] == [("FB", SESSIONS[7])]
    assert new.became == []
    before = reading.ticker_coverage(dataset, "FB", store=store)
    assert [(each.ticker, str(each.day)) for each in before.became] == [("META", SESSIONS[8])]
    assert before.was_before == []
    assert before.became[0].open == pytest.approx(before.became[0].close, rel=0.03)


def test_at_another_price_and_after_a_pause_it_is_no_change_of_name(store: ParquetStore) -> None:
    changes = {f"d{day.replace('-', '')}": without("META") for day in SESSIONS[:8]}
    changes[f"d{SESSIONS[8].replace('-', '')}"] = without("MSFT")  # a pause of one day
    filled(store, "stocks_daily", **changes)
    found = reading.ticker_coverage("stocks_daily", "META", store=store)
    assert str(found.first) == SESSIONS[8]
    assert found.was_before == []
    paused = reading.ticker_coverage("stocks_daily", "MSFT", store=store)
    assert paused.became == []


def on(*sessions: str, change: Change) -> dict[str, Change]:
    return {f"d{day.replace('-', '')}": change for day in sessions}


def test_a_fifth_higher_is_another_company(store: ParquetStore) -> None:
    def dearer(rows: pa.Table) -> pa.Table:
        return multiplied(1.2, "open", "close", "high", "low", ticker="FB")(renamed("META", "FB")(rows))

    filled(store, "stocks_daily", **on(*SESSIONS[:8], change=dearer))
    assert reading.ticker_coverage("stocks_daily", "META", store=store).was_before == []
    assert reading.ticker_coverage("stocks_daily", "FB", store=store).became == []


def test_names_that_were_there_on_one_day_together_are_two(store: ParquetStore) -> None:
    def both(rows: pa.Table) -> pa.Table:
        return pa.concat_tables([rows, renamed("META", "FB")(rows.filter(is_of("META")(rows)))]).sort_by("ticker")

    filled(store, "stocks_daily", **on(*SESSIONS[:8], change=renamed("META", "FB")), **on(SESSIONS[8], change=both))
    assert reading.ticker_coverage("stocks_daily", "META", store=store).was_before == []
    filled(store, "stocks_daily", **on(*SESSIONS[:7], change=renamed("META", "FB")), **on(SESSIONS[7], change=both))
    assert reading.ticker_coverage("stocks_daily", "FB", store=store).became == []


def test_a_name_that_was_there_before_is_no_new_one(store: ParquetStore) -> None:
    filled(store, "stocks_daily", **on(*SESSIONS[4:8], change=renamed("META", "FB")))
    assert reading.ticker_coverage("stocks_daily", "FB", store=store).became == []


def test_what_cannot_be_answered_is_named(store: ParquetStore, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="stonks"):
        reading.ticker_coverage("stonks", "SPY", store=store)
    with pytest.raises(InvalidInputError):
        reading.ticker_coverage("stocks_daily", "SPY", store=str(tmp_path / "nowhere"))
    filled(store)
    Path(store.path("stocks_daily", SESSIONS[3])).write_bytes(b"PAR1 not at all")
    with pytest.raises(StoreError, match="polygon-assets verify stocks_daily"):
        reading.ticker_coverage("stocks_daily", "SPY", store=store)


@given(st.lists(st.booleans(), min_size=1, max_size=30))
def test_gaps_are_what_a_plain_loop_finds(present: list[bool]) -> None:
    stored = [dt.date(2024, 1, 1) + dt.timedelta(number) for number in range(len(present))]
    rows = {day: 1 for day, there in zip(stored, present, strict=True) if there}
    found = TickerCoverage("stocks_daily", "A", rows, stored, [], [], [])
    text = "".join("x" if there else "." for there in present).strip(".")
    assert len(found.without) == text.count(".")
    assert [gap.days for gap in found.gaps] == [len(run) for run in text.split("x") if run]
