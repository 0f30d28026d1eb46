"""What a filter says, and what is none."""

import pytest

from polygon_assets.datasets import DATASETS
from polygon_assets.errors import InvalidInputError
from polygon_assets.filters import ALL_ROWS, RowFilter, parse_filters, row_filter
from polygon_assets.settings import load_settings


def test_each_dataset_has_its_own() -> None:
    filters = parse_filters("stocks_trades: tickers=MSFT, AAPL; options_*: underlyings=SPY;")
    assert str(filters["stocks_trades"]) == "tickers=AAPL,MSFT"
    assert {name for name in filters if name.startswith("options_")} == {
        name for name in DATASETS if name.startswith("options_")
    }
    assert "stocks_daily" not in filters


def test_two_entries_for_one_dataset_add_up() -> None:
    text = "options_daily: underlyings=SPY; options_daily: tickers=O:A240119C00150000; options_daily: underlyings=QQQ"
    assert str(parse_filters(text)["options_daily"]) == "tickers=O:A240119C00150000 underlyings=QQQ,SPY"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stocks_trades", "is no filter; one is written as in"),
        ("stocks_trades: tickers=", "is no filter"),
        ("stocks_trades: symbols=A", "is no filter"),
        ("stock_trades: tickers=A", "names no dataset; there are: "),
        ("stocks_daily: underlyings=SPY", "stocks_daily has no underlyings; filter it by tickers."),
    ],
)
def test_what_is_no_filter_is_named(text: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidInputError, match=said):
        parse_filters(text)
    monkeypatch.setenv("POLYGON_FILTERS", text)
    with pytest.raises(InvalidInputError, match="POLYGON_FILTERS"):
        load_settings()


def test_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYGON_FILTERS", "stocks_daily: tickers=AAPL")
    assert load_settings().filters == {"stocks_daily": RowFilter(frozenset({"AAPL"}))}
    monkeypatch.setenv("POLYGON_FILTERS", "")
    assert load_settings().filters == {}


def test_nothing_named_is_all_rows() -> None:
    assert row_filter(None, None) == ALL_ROWS
    assert not ALL_ROWS
    assert str(ALL_ROWS) == ""
