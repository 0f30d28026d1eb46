"""The rules of ticks, each with a day that breaks it and the same day that does not."""

import csv
import datetime as dt
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from polygon_assets.datasets import DATASETS
from polygon_assets.flatfile.findings import Severity, flagged
from polygon_assets.flatfile.tickers import parse_futures_ticker
from polygon_assets.flatfile.ticks.whole_day import FEWEST_TRADES
from polygon_assets_tests.factories import converted, found
from polygon_assets_tests.flatfile.ticks.files import DAY, Row, made, raw_of, rows_of, spoiled, time_of

HOUR = 3_600_000_000_000
MIDNIGHT = "1793923200000000000"
"""In UTC."""
CASES: list[tuple[str, str, Callable[[Row], Any]]] = [
    ("stocks_trades", "price_not_positive", lambda row: row.update(price="0")),
    ("crypto_trades", "price_not_positive", lambda row: row.update(price="-1.5")),
    ("options_trades", "price_not_finite", lambda row: row.update(price="nan")),
    ("options_trades", "price_beyond_belief", lambda row: row.update(price="20000000")),
    ("futures_cme_trades", "price_not_finite", lambda row: row.update(price="inf")),
    ("futures_cme_trades", "price_beyond_belief", lambda row: row.update(price="-20000000")),
    ("indices_values", "price_not_finite", lambda row: row.update(value="nan")),
    ("stocks_trades", "size_negative", lambda row: row.update(size="-1")),
    ("stocks_trades", "size_not_finite", lambda row: row.update(size="nan")),
    ("stocks_quotes", "size_beyond_belief", lambda row: row.update(ask_size="1e13")),
    ("stocks_quotes", "price_negative", lambda row: row.update(bid_price="-1")),
    ("futures_cme_quotes", "size_negative", lambda row: row.update(bid_size="-1")),
    ("forex_quotes", "price_negative", lambda row: row.update(ask_price="-1")),
    ("stocks_trades", "stamp_far_off", lambda row: row.update(participant_timestamp="1793968459640235")),
    ("futures_cme_quotes", "stamp_far_off", lambda row: row.update(ask_timestamp="1")),
    ("futures_cme_trades", "other_session", lambda row: row.update(session_end_date="2026-11-05")),
    ("forex_quotes", "ticker_not_marked", lambda row: row.update(ticker="AAPL")),
    ("futures_cme_trades", "ticker_not_futures", lambda row: row.update(ticker="no contract")),
    ("stocks_trades", "sequence_order", lambda row: row.update(sequence_number="1")),
    ("crypto_trades", "stamp_order", lambda row: row.update(participant_timestamp=MIDNIGHT)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "rule", "spoil"), CASES, ids=[f"{name}-{rule}" for name, rule, _ in CASES])
def test_a_row_that_breaks_a_rule_is_published_and_flagged(
    tmp_path: Path, name: str, rule: str, spoil: Callable[[Row], Any]
) -> None:
    clean, before = made(tmp_path, name, raw_of(rows_of(name)))
    assert rule not in found(clean)
    conversion, stored = made(tmp_path, name, spoiled(name, spoil))
    assert found(conversion)[rule] == 1
    (finding,) = (each for each in conversion.findings if each.rule == rule)
    assert finding.sample[0]["line"] == 5
    assert len(stored) == len(before)


def test_a_negative_price_of_futures_is_no_fault(tmp_path: Path) -> None:
    conversion, stored = made(tmp_path, "futures_nymex_trades", raw_of(rows_of("futures_nymex_trades")))
    assert min(row["price"] for row in stored) < 0
    assert conversion.findings == ()


def test_crossed_and_locked_quotes_are_counted_and_flag_nothing(tmp_path: Path) -> None:
    rows = rows_of("stocks_quotes")
    rows[3] |= {"bid_price": "10", "ask_price": "9"}
    rows[4] |= {"bid_price": "10", "ask_price": "10"}
    rows[5] |= {"bid_price": "0", "ask_price": "10"}  # no bid crosses nothing
    conversion, _ = made(tmp_path, "stocks_quotes", raw_of(rows))
    assert found(conversion) == {"quote_crossed": 1, "quote_locked": 1}
    assert {each.severity for each in conversion.findings} == {Severity.NOTE}
    assert flagged(conversion.findings) == ()


def test_an_absent_bid_of_a_spread_crosses_nothing(tmp_path: Path) -> None:
    raw = spoiled("futures_cme_quotes", lambda row: row.update(bid_price="", ask_price="-5.25"))
    assert "quote_crossed" not in found(made(tmp_path, "futures_cme_quotes", raw)[0])


@pytest.mark.parametrize("name", ["stocks_trades", "futures_cme_trades", "indices_values"])
def test_scattered_tickers_stay_in_the_files_order_and_are_flagged(tmp_path: Path, name: str) -> None:
    rows = rows_of(name)
    rows.append(dict(rows[0]))
    conversion, stored = made(tmp_path, name, raw_of(rows))
    assert found(conversion)["ticker_scattered"] == 1
    assert [row["ticker"] for row in stored] == [row["ticker"] for row in rows]
    assert conversion.provenance.symbols == len({row["ticker"] for row in rows})


def test_a_ticker_in_several_blocks_is_in_order(tmp_path: Path) -> None:
    small = replace(DATASETS["stocks_trades"], row_group_bytes=4_000)
    rows = rows_of("stocks_trades")
    rows[200]["sequence_number"] = "1"
    conversion, stored = converted(tmp_path, raw_of(rows), small, DAY)
    assert found(conversion) == {"sequence_order": 1}
    assert len(stored) == len(rows)


def busy(name: str, until: dt.time, count: int = FEWEST_TRADES + 1, size: str | None = None) -> bytes:
    """A day of one ticker with ``count`` trades, the last of them at ``until``, UTC."""
    first, time = rows_of(name)[0], time_of(name)
    start = int(dt.datetime.combine(DAY, dt.time(14, 30), dt.UTC).timestamp()) * 10**9
    end = int(dt.datetime.combine(DAY, until, dt.UTC).timestamp()) * 10**9
    rows = []
    for number in range(count):
        moment = str(start + (end - start) * number // (count - 1))
        later = {"sequence_number": str(number), "participant_timestamp": moment, "trf_timestamp": "0"}
        rows.append(first | {name: value for name, value in later.items() if name in first} | {time: moment})
        rows[-1]["size"] = size or str(number % 7 + 1)
    return raw_of(rows)


@pytest.mark.parametrize("name", ["stocks_trades", "options_trades"])
def test_a_day_that_ends_before_the_last_twenty_minutes_is_flagged(tmp_path: Path, name: str) -> None:
    """Vendor issue 308: a day of options was cut off at 15:32 New York. The bell rings at 21:00 UTC."""
    assert found(made(tmp_path, name, busy(name, dt.time(20, 45)))[0]) == {}
    cut, _ = made(tmp_path, name, busy(name, dt.time(20, 32)))
    assert found(cut) == {"session_ends_early": 1}
    assert cut.findings[0].sample[0]["last"] == "2026-11-06T20:32:00+00:00"
    assert found(made(tmp_path, name, busy(name, dt.time(20, 29), FEWEST_TRADES - 1))[0]) == {}


def test_one_size_of_nearly_all_trades_is_flagged(tmp_path: Path) -> None:
    """Vendor issue 291: the sizes of two days in January 2015 were plainly wrong."""
    raw = busy("stocks_trades", dt.time(20, 59))
    assert found(made(tmp_path, "stocks_trades", raw)[0]) == {}
    conversion, _ = made(tmp_path, "stocks_trades", busy("stocks_trades", dt.time(20, 59), size="33"))
    assert found(conversion) == {"one_size": FEWEST_TRADES + 1}


@pytest.mark.parametrize(("name", "first", "rules"), [
    ("stocks_trades", 33, {"one_size": FEWEST_TRADES + 1}), ("options_trades", 1, {}), ("stocks_trades", 9_990, {}),
])  # fmt: skip
def test_sizes_of_seventeen_in_a_row_are_flagged_unless_they_are_the_smallest(
    tmp_path: Path, name: str, first: int, rules: dict[str, int]
) -> None:
    """They were 33 to 49 on the vendor's two days; options trade by one to ten contracts, on all days."""
    rows = rows_in(busy(name, dt.time(20, 59)))
    for number, row in enumerate(rows):
        row["size"] = str(first + number % 17)
    conversion, _ = made(tmp_path, name, raw_of(rows))
    assert found(conversion) == rules
    if rules:
        assert conversion.findings[0].sample[0]["sizes"] == "33 to 49"


def rows_in(raw: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(raw.decode())))


@pytest.mark.parametrize(("others", "rules"), [(40, {"one_size"}), (80, set())])
def test_nearly_all_are_nineteen_of_twenty(tmp_path: Path, others: int, rules: set[str]) -> None:
    rows = rows_in(busy("stocks_trades", dt.time(20, 59), size="33"))
    for number, row in enumerate(rows[:others]):
        row["size"] = str(100 + number)
    assert found(made(tmp_path, "stocks_trades", raw_of(rows))[0]).keys() == rules


def test_the_last_trades_of_options_are_those_of_their_underlying(tmp_path: Path) -> None:
    """Of nine contracts, none trades often enough to tell."""
    rows = rows_in(busy("options_trades", dt.time(20, 29)))
    for number, row in enumerate(rows):
        row["ticker"] = f"O:SPY261218C{number % 9 + 1:05}000"
    rows.sort(key=lambda row: (row["ticker"], int(row["sip_timestamp"])))
    conversion = made(tmp_path, "options_trades", raw_of(rows))[0]
    assert found(conversion) == {"session_ends_early": 1}
    assert conversion.findings[0].sample[0]["ticker"] == "SPY"


@pytest.mark.parametrize(("hours", "rules"), [(23, {}), (25, {"stamp_far_off": 1})])
def test_another_stamp_may_be_a_day_away(tmp_path: Path, hours: int, rules: dict[str, int]) -> None:
    rows = rows_of("stocks_trades")
    rows[3]["participant_timestamp"] = str(int(rows[3]["sip_timestamp"]) - hours * HOUR)
    assert found(made(tmp_path, "stocks_trades", raw_of(rows))[0]) == rules


def test_a_row_near_its_day_is_flagged_and_one_far_from_it_rejected_where_days_are_in_doubt(tmp_path: Path) -> None:
    rows = rows_of("crypto_trades")
    moment = int(rows[-1]["participant_timestamp"])
    rows += [rows[-1] | {"participant_timestamp": str(moment + hours * HOUR)} for hours in (25, 24 * 5)]
    conversion, stored = made(tmp_path, "crypto_trades", raw_of(rows))
    assert found(conversion) == {"foreign_date": 1, "far_date": 1}
    assert len(stored) == len(rows) - 1


@pytest.mark.parametrize(
    ("said", "hours", "rules"),
    [
        ("2026-11-06", 72, {"foreign_date": 1}), ("2026-11-06", 24 * 9, {"far_date": 1}),
        ("2026-11-05", 72, {"far_date": 1, "other_session": 1}), ("", 72, {"far_date": 1}),
    ],
)  # fmt: skip
def test_a_session_over_a_holiday_once_refused_its_day(
    tmp_path: Path, said: str, hours: int, rules: dict[str, int]
) -> None:
    """That of a Monday begins on Thursday evening where Friday is a holiday, and each row says whose it is."""
    rows = rows_of("futures_cme_trades")
    moment = str(int(rows[0]["timestamp"]) - hours * HOUR)
    rows.insert(0, rows[0] | {"timestamp": moment, "session_end_date": said})
    conversion, _ = made(tmp_path, "futures_cme_trades", raw_of(rows))
    known = {name: count for name, count in found(conversion).items() if name in {"foreign_date", "far_date"}}
    assert known == {name: count for name, count in rules.items() if name != "other_session"}


@pytest.mark.parametrize(
    ("day", "expiry"), [("2026-08-14", "2026-06-01"), ("2026-09-15", "2026-06-01"), ("2026-09-28", "2036-06-01")]
)
@pytest.mark.parametrize("ticker", ["SR3M6", "SR3M6-SR3U6", "SR3:BF M6-U6-Z6"])
def test_three_months_interest_was_ten_years_off_from_the_second_month_on(ticker: str, day: str, expiry: str) -> None:
    """SR3M6 trades to the third Wednesday of September; crude oil of June is gone by then, and that of 2036 listed."""
    found = parse_futures_ticker(ticker, dt.date.fromisoformat(day))
    assert found is not None
    assert (found.root, str(found.expiry)) == ("SR3", expiry)
    oil = parse_futures_ticker("CLM6", dt.date.fromisoformat(day))
    assert oil is not None
    assert str(oil.expiry) == "2036-06-01"


@pytest.mark.parametrize(
    ("ticker", "root", "kind", "expiry"),
    [
        ("ESU6", "ES", "outright", "2026-09-01"),
        ("ASTU26", "AST", "outright", "2026-09-01"),
        ("6AU6", "6A", "outright", "2026-09-01"),
        ("M6EZ6", "M6E", "outright", "2026-12-01"),
        ("ESM6", "ES", "outright", "2026-06-01"),
        ("ESK6", "ES", "outright", "2036-05-01"),
        ("CLZ5", "CL", "outright", "2035-12-01"),
        ("HGH7", "HG", "outright", "2027-03-01"),
        ("GEZ35", "GE", "outright", "2035-12-01"),
        ("6AU6-6AQ6", "6A", "spread", "2026-09-01"),
        ("KE:BF H7-K7-N7", "KE", "combination", "2027-03-01"),
        ("BZ:C1 HO V6-BZ V6", "BZ", "combination", "2026-10-01"),
    ],
)
def test_tickers_of_futures_say_root_kind_and_month(ticker: str, root: str, kind: str, expiry: str) -> None:
    contract = parse_futures_ticker(ticker, dt.date(2026, 7, 14))
    assert contract is not None
    assert (contract.root, contract.kind, contract.expiry.isoformat()) == (root, kind, expiry)


@pytest.mark.parametrize("ticker", ["", "ES", "ESA6", "U6", "ESU", "esu6", "ESU666", "ESU6-", "O:SPY240119C00470000"])
def test_what_is_no_contract_gives_nothing(ticker: str) -> None:
    assert parse_futures_ticker(ticker, dt.date(2026, 7, 14)) is None


def test_the_month_before_the_file_is_still_this_decade_and_january_looks_back_into_december() -> None:
    found = parse_futures_ticker("CLZ6", dt.date(2027, 1, 4))
    assert found is not None
    assert found.expiry == dt.date(2026, 12, 1)
