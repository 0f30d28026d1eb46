"""Each known bad day has its fault, and nothing else."""

from decimal import Decimal

import pytest

from polygon_assets.datasets import DATASETS
from polygon_assets.sample import bad_days
from polygon_assets.sample.bad_days import KNOWN_BAD_DAYS, spoiled
from polygon_assets.sample.flat_files import flat_file
from polygon_assets.sample.generators import Size
from polygon_assets_tests.sample.rows import new_york, read

SMALL = Size(200, 2_000)
STOCKS = DATASETS["stocks_daily"]
DAY = "2026-05-13"


def spoil(fault: bad_days.Fault) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """The good rows, and the spoiled ones."""
    return read(flat_file(STOCKS, DAY, SMALL)), read(spoiled(STOCKS, DAY, fault, SMALL))


def test_the_options_day_of_issue_334() -> None:
    (known,) = [each for each in KNOWN_BAD_DAYS if each.day == "2025-02-10"]
    assert {row["window_start"] for row in read(known.flat_file(SMALL))} == {"-68400000000000"}


def test_the_day_that_holds_rows_of_the_next() -> None:
    (known,) = [each for each in KNOWN_BAD_DAYS if each.day == "2019-08-12"]
    stamps = [new_york(row).isoformat() for row in read(known.flat_file(SMALL))]
    assert stamps.count("2019-08-13T00:00:00") == 29
    assert stamps.count("2019-08-12T00:00:00") == len(stamps) - 29


def test_untraded_rows() -> None:
    good, bad = spoil(bad_days.with_untraded_rows)
    untraded = [row for row in bad if Decimal(row["volume"]) == 0]
    assert len(bad) == len(good)
    assert len(untraded) == 10
    assert all(row["transactions"] == "0" for row in untraded)


def test_garbage_tickers() -> None:
    good, bad = spoil(bad_days.with_garbage_tickers)
    garbage = [row["ticker"] for row in bad if not row["ticker"].isprintable()]
    assert len(bad) == len(good)
    assert len(garbage) == 5
    assert any("\0" in ticker for ticker in garbage)


def test_duplicates() -> None:
    good, bad = spoil(bad_days.with_duplicates)
    assert len(bad) == len(good) + 7
    assert [row for number, row in enumerate(bad) if number == 0 or row != bad[number - 1]] == good


def test_crossed_prices() -> None:
    _, bad = spoil(bad_days.with_crossed_prices)
    assert sum(Decimal(row["high"]) < Decimal(row["low"]) for row in bad) == 5


def test_unsorted() -> None:
    good, bad = spoil(bad_days.unsorted)
    assert bad != good
    assert sorted(bad, key=lambda row: row["ticker"].encode()) == good


@pytest.mark.parametrize("known", KNOWN_BAD_DAYS, ids=lambda known: f"{known.dataset.name}-{known.day}")
def test_a_known_bad_day_is_the_same_each_time(known: bad_days.KnownBadDay) -> None:
    assert known.flat_file(SMALL) == known.flat_file(SMALL)
