"""``status --ticker``: first and last day, days without rows, renames; as text, as a heatmap, for scripts."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from polygon_assets.ingest import ParquetStore
from polygon_assets.sample.generators import Size
from polygon_assets_tests.cli.conftest import Command
from polygon_assets_tests.reading.made_days import put_made

DAYS = ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08"]
SMALL = Size(30, 600)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ParquetStore:
    """Without QQQ on two days, and META called FB on the first two."""
    monkeypatch.setenv("POLYGON_STORE", str(tmp_path / "store"))
    store = ParquetStore(str(tmp_path / "store"))
    for number, day in enumerate(DAYS):

        def change(rows: pa.Table, number: int = number) -> pa.Table:
            if number in {1, 2}:
                rows = rows.filter(pc.not_equal(rows.column("ticker"), pa.scalar("QQQ")))
            names = [("FB" if name == "META" and number < 2 else name) for name in rows.column("ticker").to_pylist()]
            return rows.set_column(0, "ticker", pa.array(names)).sort_by("ticker")

        put_made(store, "stocks_daily", day, change, size=SMALL)
    return store


@pytest.mark.usefixtures("store")
def test_days_without_rows(cli: Command) -> None:
    done = cli("status", "--ticker", "QQQ")
    assert done.code == 0
    assert done.err == ""  # quiet where there is no terminal
    row = next(line for line in done.out.splitlines() if "│ QQQ" in line)
    assert [cell.strip() for cell in row.strip("│").split("│")] == [
        "QQQ", "stocks_daily", "2024-01-02", "2024-01-08", "3", "2", "1", "3",
    ]  # fmt: skip
    assert "stocks_daily: no row on 2024-01-03 to 2024-01-04, 2 stored days" in done.out
    assert "QQQ, stocks_daily" in done.out
    assert "2024 ◧■" in done.out
    assert "QQQ, stocks_daily" not in cli("status", "stocks_daily", "--ticker", "QQQ", "--no-heatmap").out


@pytest.mark.usefixtures("store")
def test_a_suspected_change_of_name(cli: Command) -> None:
    assert "stocks_daily: may have been FB until 2024-01-03: one closed at " in cli("status", "--ticker", "META").out
    assert "stocks_daily: may be META since 2024-01-04: " in cli("status", "--ticker", "FB").out


@pytest.mark.usefixtures("store")
def test_for_scripts(cli: Command) -> None:
    found = cli("status", "stocks_daily", "--ticker", "QQQ", "--json").json()
    assert found["ticker"] == "QQQ"
    (daily,) = found["datasets"]
    assert (daily["first"], daily["last"], daily["days_without_rows"]) == (DAYS[0], DAYS[-1], 2)
    assert daily["gaps"] == [{"first": DAYS[1], "last": DAYS[2], "days": 2}]
    (renamed,) = cli("status", "stocks_daily", "--ticker", "META", "--json").json()["datasets"][0]["may_have_been"]
    assert (renamed["ticker"], renamed["day"]) == ("FB", DAYS[1])


@pytest.mark.usefixtures("store")
def test_a_ticker_that_is_nowhere(cli: Command) -> None:
    done = cli("status", "stocks_daily", "--ticker", "qqq")
    assert done.code == 0
    assert "No row of qqq: stocks_daily" in done.out
    assert "Tickers are case-sensitive: QQQ may be meant." in done.err
    assert cli("status", "--ticker", "").code == 2


def test_an_empty_store(cli: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYGON_STORE", str(tmp_path / "empty"))
    assert "Nothing is stored yet" in cli("status", "stocks_daily", "--ticker", "QQQ").err
