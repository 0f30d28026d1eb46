"""A range that ends before it starts is refused, wherever one is taken; it never does nothing and succeeds."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest

import polygon_assets
from polygon_assets.calendars import require_order, trading_calendar
from polygon_assets.download import S3Catalog
from polygon_assets.errors import InvalidInputError
from polygon_assets.ingest import ParquetStore
from polygon_assets.store.roll_ups import scan_history
from polygon_assets_tests.cli.conftest import Command, cli

__all__ = ["cli"]
START, END = "2024-02-01", "2024-01-01"
SAID = f"The start {START} lies after the end {END}"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ParquetStore:
    (tmp_path / "store").mkdir()
    monkeypatch.setenv("POLYGON_STORE", str(tmp_path / "store"))
    return ParquetStore(str(tmp_path / "store"))


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    "command",
    [
        ("ingest", "stocks_daily"),
        ("ingest", "stocks_daily", "--missing"),
        ("ingest", "stocks_daily", "--dry-run"),
        ("verify",),
        ("verify", "stocks_daily", "--remote"),
    ],
)
def test_commands(cli: Command, command: tuple[str, ...]) -> None:
    done = cli(*command, "--start", START, "--end", END)
    assert done.code == 2
    assert SAID in done.err
    assert done.out == ""


WAYS: list[Callable[[ParquetStore], object]] = [
    lambda store: polygon_assets.scan("stocks_daily", START, END, store=store),
    lambda store: polygon_assets.scan("stocks_daily", START, END, store=store, tickers="A"),
    lambda store: polygon_assets.scan("stocks_minute", START, END, store=store, session="regular"),
    lambda store: store.scan("stocks_daily", START, END),
    lambda store: scan_history(store, "stocks_daily", START, END),
    lambda _: S3Catalog.get_business_days(START, END),
    lambda _: S3Catalog.get_missing_dates([], START, END),
    lambda _: S3Catalog().get_date_range_keys("stocks_daily", START, END),
    lambda _: trading_calendar().between(dt.date.fromisoformat(START), dt.date.fromisoformat(END)),
    lambda _: require_order(START, dt.date.fromisoformat(END)),
]


@pytest.mark.parametrize("way", WAYS)
def test_the_library(store: ParquetStore, way: Callable[[ParquetStore], object]) -> None:
    with pytest.raises(InvalidInputError, match=SAID):
        way(store)


def test_open_ranges_and_single_days_are_in_order(store: ParquetStore) -> None:
    for start, end in ((None, None), (START, None), (None, END), (START, START)):
        require_order(start, end)
        assert store.scan("stocks_daily", start, end).count_rows() == 0
    with pytest.raises(InvalidInputError, match="Invalid date: '2024-1-1'"):
        require_order("2024-1-1", None)
