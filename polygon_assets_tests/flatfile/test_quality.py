"""The rules for a day's rows, one by one, and the days that the vendor has got wrong."""

import datetime as dt
from pathlib import Path

import pytest

from polygon_assets.datasets import get_dataset
from polygon_assets.errors import UnusableDayError
from polygon_assets.flatfile.archive import BLOCK_BYTES
from polygon_assets.flatfile.conversion import convert
from polygon_assets.flatfile.findings import Finding, Severity, from_json, to_json
from polygon_assets.flatfile.limits import Limits
from polygon_assets.flatfile.quality import RULES, DayBounds
from polygon_assets.sample.bad_days import KNOWN_BAD_DAYS, KnownBadDay
from polygon_assets.sample.generators import Size
from polygon_assets_tests.factories import DAY, SOURCE, converted, found, row, stamp, text

TODAY, TOMORROW, YESTERDAY = DAY, DAY + dt.timedelta(days=1), DAY - dt.timedelta(days=1)

MINUTE_ROWS: dict[str, tuple[dict[str, object], dict[str, int]]] = {
    "plausible": ({}, {}),
    "all prices the same": ({"open": 1, "close": 1, "high": 1, "low": 1}, {}),
    "low above open": ({"open": "1.39"}, {"price_order": 1}),
    "low above close": ({"close": "1.39"}, {"price_order": 1}),
    "open above high": ({"open": "1.71"}, {"price_order": 1}),
    "close above high": ({"close": "1.71"}, {"price_order": 1}),
    "low above high": ({"low": "1.8"}, {"price_order": 1}),
    "no volume, no trades": ({"volume": 0, "transactions": 0}, {"volume_zero": 1, "transactions_zero": 1}),
    "a price of ten million": ({"high": 10_000_000}, {}),
    "a price above ten million": ({"high": 10_000_001}, {"price_beyond_belief": 1}),
    "a volume of a trillion": ({"volume": 10**12}, {}),
    "a volume above a trillion": ({"volume": 10**12 + 1}, {"volume_beyond_belief": 1}),
    "more trades than there can be": ({"transactions": 10**12 + 1}, {"transactions_beyond_belief": 1}),
    "trades below zero": ({"transactions": -1}, {"transactions_negative": 1}),
    "first minute": ({"start": stamp(4)}, {}),
    "last minute": ({"start": stamp(19, 59)}, {}),
    "before the session": ({"start": stamp(3, 59)}, {"outside_session": 1}),
    "after the session": ({"start": stamp(20)}, {"outside_session": 1}),
}


@pytest.mark.scorecard(34)
@pytest.mark.parametrize("case", MINUTE_ROWS)
def test_a_blemish_is_published_and_flagged(tmp_path: Path, case: str) -> None:
    values, expected = MINUTE_ROWS[case]
    fields = dict(values)
    line = row("B", fields.pop("start", None), **fields)  # type: ignore[arg-type]
    made, rows = converted(tmp_path, text([row("A"), line]))
    assert len(rows) == 2
    assert found(made) == expected
    for finding in made.findings:
        assert (finding.severity, finding.sample[0]["line"], finding.sample[0]["ticker"]) == ("warning", 3, "B")


def test_day_windows_start_at_new_york_midnight(tmp_path: Path) -> None:
    rows = [row("A", stamp()), row("B", stamp(15)), row("C", stamp(23, 59)), row("D", stamp())]
    made, stored = converted(tmp_path, text(rows), "stocks_daily")
    assert (len(stored), found(made)) == (4, {"not_midnight": 2})


OPTION = "O:SPY240119C00470000"


@pytest.mark.parametrize(
    ("dataset", "ticker", "start", "rule"),
    [
        ("stocks_daily", OPTION, stamp(), "ticker_of_option"),
        ("stocks_minute", OPTION, stamp(10), "ticker_of_option"),
        ("options_daily", "AAPL", stamp(), "ticker_not_option"),
        ("options_minute", "AAPL", stamp(10), "ticker_not_option"),
        ("stocks_daily", "AAPL", stamp(10), "not_midnight"),
        ("options_daily", OPTION, stamp(10), "not_midnight"),
        ("stocks_minute", "AAPL", stamp(), "outside_session"),
        ("options_minute", OPTION, stamp(), "outside_session"),
    ],
)
def test_a_file_of_another_data_type_is_refused(
    tmp_path: Path, dataset: str, ticker: str, start: int, rule: str
) -> None:
    """An options file under a stocks key was once published, and passed every check."""
    with pytest.raises(UnusableDayError, match=f"{rule}: 2 of 2 rows"):
        converted(tmp_path, text([row(ticker, start), row(ticker, start)]), dataset)


@pytest.mark.parametrize(
    ("ticker", "expected"),
    [
        ("O:SPY240102C00470000", {}),
        ("O:SPY240101C00470000", {"option_expired": 1}),
        ("O:SPY240119C00000000", {"strike_zero": 1}),
        ("O:SPY200101P00000000", {"option_expired": 1, "strike_zero": 1}),
        ("SPY", {"ticker_not_option": 1}),
    ],
)
def test_an_option_that_cannot_be_traded_is_flagged(tmp_path: Path, ticker: str, expected: dict[str, int]) -> None:
    rows = [row(OPTION), row(OPTION, stamp(9, 31)), row(ticker)]
    made, stored = converted(tmp_path, text(rows), "options_minute")
    assert len(stored) == 3
    assert {rule: count for rule, count in found(made).items() if rule != "unsorted"} == expected
    assert all(each.sample[0]["ticker"] == ticker for each in made.findings if each.rule in expected)


def test_a_single_option_among_stocks_is_flagged(tmp_path: Path) -> None:
    made, stored = converted(tmp_path, text([row("A"), row("B"), row("O:SPY240119C00470000")]))
    assert (len(stored), found(made)) == (3, {"ticker_of_option": 1})


@pytest.mark.parametrize("start", [stamp(0, 0, TOMORROW), stamp(23, 59, YESTERDAY), -68_400_000_000_000, 0, 2**62])
def test_another_days_row_is_rejected(tmp_path: Path, start: int) -> None:
    rows = [row("A", start), *[row(f"T{number:03}") for number in range(99)]]
    made, stored = converted(tmp_path, text(rows))
    assert (len(stored), found(made)) == (99, {"foreign_date": 1})
    assert made.rejected_rows is not None
    assert made.rejected_rows.to_pylist()[0].items() >= {"line": 2, "ticker": "A", "window_start": start}.items()


@pytest.mark.parametrize("offset", [1, 1000, 30_000_000_000])
def test_a_stamp_that_is_no_whole_minute_is_rejected(tmp_path: Path, offset: int) -> None:
    rows = [*[row(f"A{number:03}") for number in range(99)], row("B", stamp(9, 30) + offset)]
    made, stored = converted(tmp_path, text(rows))
    assert (len(stored), found(made)) == (99, {"not_whole_minute": 1})


def test_more_than_one_percent_rejected_refuse_the_day(tmp_path: Path) -> None:
    rows = [row("A", stamp(9, 30, TOMORROW)), *[row(f"T{number:03}") for number in range(98)]]
    with pytest.raises(UnusableDayError, match=r"1 of 99 rows not of 2024-01-02: 1 foreign_date") as refused:
        converted(tmp_path, text(rows))
    (finding,) = refused.value.findings
    assert isinstance(finding, Finding)
    assert (finding.rule, finding.count) == ("foreign_date", 1)
    made, _stored = converted(tmp_path, text(rows), limits=Limits(max_rejected_share=0.05))
    assert made.provenance.rows == 98


def test_rows_of_another_day_are_not_collected_without_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four million of them once took 300 MB before the day was refused."""
    monkeypatch.setattr("polygon_assets.flatfile.conversion.MAX_REJECTED_ROWS", 2)
    foreign = [row(f"F{number}", stamp(9, 30, TOMORROW)) for number in range(3)]
    with pytest.raises(UnusableDayError, match="more than 2 rows not of 2024-01-02: 3 foreign_date"):
        converted(tmp_path, text([*foreign, *[row(f"T{number:03}") for number in range(900)]]))


def test_duplicates_are_counted_sorted_or_not(tmp_path: Path) -> None:
    rows = [row("A"), row("A"), row("A"), row("B"), row("B")]
    made, stored = converted(tmp_path, text(rows))
    assert (len(stored), found(made)) == (5, {"duplicate": 3})
    made, stored = converted(tmp_path, text(rows[::-1]))
    assert (len(stored), found(made)) == (5, {"duplicate": 3, "unsorted": 1})


@pytest.mark.parametrize("block_bytes", [150, BLOCK_BYTES], ids=["a row or two a block", "one block"])
@pytest.mark.parametrize(
    ("rows", "expected", "symbols"),
    [
        ([("A", 0), ("A", 1), ("B", 0), ("B", 1), ("C", 0)], {}, 3),
        ([("A", 0), ("B", 0), ("C", 0), ("A", 1)], {"unsorted": 1}, 3),
        ([("B", 0), ("B", 1), ("A", 0), ("A", 1)], {"unsorted": 1}, 2),
        ([("A", 0), ("A", 1), ("A", 3), ("A", 2)], {"unsorted": 1}, 1),
        ([("A", 1), ("A", 0), ("B", 0), ("B", 1)], {"unsorted": 1}, 2),
        ([("A", 0), ("A", 0), ("A", 0), ("A", 0)], {"duplicate": 3}, 1),
        ([("A", 0), ("B", 0), ("A", 0), ("B", 0)], {"duplicate": 2, "unsorted": 1}, 2),
    ],
)
def test_order_holds_within_blocks_and_across_them(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rows: list[tuple[str, int]],
    expected: dict[str, int],
    symbols: int,
    block_bytes: int,
) -> None:
    monkeypatch.setattr("polygon_assets.flatfile.archive.BLOCK_BYTES", block_bytes)
    made, stored = converted(tmp_path, text([row(ticker, stamp(9, minute)) for ticker, minute in rows]))
    assert (found(made), made.provenance.symbols) == (expected, symbols)
    assert [(each["ticker"], each["window_start"].minute) for each in stored] == sorted(rows)


def test_equal_rows_keep_the_order_of_the_file(tmp_path: Path) -> None:
    rows = [row("B"), *[row("A", volume=number) for number in range(1, 50)]]
    _made, stored = converted(tmp_path, text(rows))
    assert [each["volume"] for each in stored[:-1]] == list(range(1, 50))


def test_an_unsorted_file_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableDayError, match="more than the 1 rows that are sorted"):
        converted(tmp_path, text([row("B"), row("A")]), limits=Limits(max_sort_rows=1))


def test_summer_and_winter_days_have_their_own_bounds() -> None:
    minutes = get_dataset("stocks_minute")
    for day, hours in ((dt.date(2024, 3, 10), 23), (dt.date(2024, 7, 1), 24), (dt.date(2024, 11, 3), 25)):
        bounds = DayBounds.of(minutes, day)
        assert bounds.end - bounds.start == hours * 60
        assert bounds.session_end - bounds.session_start == 16 * 60


def test_findings_survive_being_written_down() -> None:
    findings = (Finding("duplicate", 3, Severity.WARNING, ({"line": 2, "open": "nan"},)), Finding("unsorted", 1))
    assert from_json(to_json(findings)) == findings


@pytest.mark.parametrize(
    "bad", KNOWN_BAD_DAYS, ids=lambda bad: bad.fault.__name__ if hasattr(bad.fault, "__name__") else bad.day
)
def test_a_known_bad_day_is_caught(tmp_path: Path, bad: KnownBadDay) -> None:
    (tmp_path / "x.csv.gz").write_bytes(bad.flat_file(Size(4000, 8000)))
    day = dt.date.fromisoformat(bad.day)
    run = (tmp_path / "x.csv.gz", tmp_path / "out.parquet", bad.dataset, day, SOURCE)
    if bad.day == "2025-02-10":
        with pytest.raises(UnusableDayError, match="rows not of 2025-02-10"):
            convert(*run)
        return
    expected = {
        "2019-08-12": {"foreign_date": 29},
        "2020-03-16": {"volume_zero": 10, "transactions_zero": 10},
        "2021-06-01": {"ticker_characters": 5, "unsorted": 1},
    }
    made = convert(*run)
    assert found(made).items() >= expected[bad.day].items()
    assert set(found(made)) <= set(RULES)
