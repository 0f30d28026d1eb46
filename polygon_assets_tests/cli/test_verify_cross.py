"""``verify --cross``: datasets that do not agree are named and end with 1; and the tables that are no dataset's."""

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from polygon_assets.ingest import ParquetStore
from polygon_assets.reading.cross.ledger import read_ledger
from polygon_assets.reference.events import SPLITS
from polygon_assets_tests.cli.conftest import Command
from polygon_assets_tests.reading.made_days import put_made
from polygon_assets_tests.reading.market import put_events
from polygon_assets_tests.servers.rest_api import split
from polygon_assets_tests.stores import Place

DAYS = ["2024-07-01", "2024-07-02", "2024-07-03"]


pytestmark = pytest.mark.stores("disk", "s3")


@pytest.fixture
def store(place: Place, monkeypatch: pytest.MonkeyPatch) -> ParquetStore:
    for name, value in place.environment().items():
        monkeypatch.setenv(name, value)
    return place.open()


def without(ticker: str, rows: pa.Table) -> pa.Table:
    return rows.filter(pc.not_equal(rows.column("ticker"), pa.scalar(ticker)))


def filled(store: ParquetStore) -> None:
    for day in DAYS:
        put_made(store, "stocks_daily", day)
        put_made(
            store, "stocks_minute", day, (lambda rows: without("QQQ", rows)) if day == DAYS[1] else lambda rows: rows
        )


def test_days_that_agree(store: ParquetStore, cli: Command) -> None:
    filled(store)
    done = cli("verify", "--cross", "stocks_*", "--start", DAYS[2])
    assert done.code == 0
    assert "stocks_daily: 1 day, nothing that the stored days beside them contradict" in done.out
    assert "stocks_minute: 1 day, nothing" in done.out
    assert "stocks_trades: nothing stored" in done.out
    assert done.err == ""  # quiet where there is no terminal


def test_what_does_not_agree_is_named_and_kept(store: ParquetStore, cli: Command) -> None:
    filled(store)
    done = cli("verify", "--cross", "stocks_daily")
    assert done.code == 1
    assert f"stocks_daily {DAYS[1]}: without_parts (against stocks_minute): 1 of " in done.out
    assert "QQQ (transactions " in done.out
    assert "stocks_daily: findings on 1 of 3 days" in done.out
    known = read_ledger(store, "stocks_daily")
    assert {day: [each.rule for each in checked.findings] for day, checked in known.items()} == {
        DAYS[0]: [], DAYS[1]: ["without_parts"], DAYS[2]: [],
    }  # fmt: skip


def test_only_the_last_days(store: ParquetStore, cli: Command) -> None:
    filled(store)
    assert cli("verify", "--cross", "stocks_daily", "--last", "1").code == 0
    assert cli("verify", "--cross", "stocks_daily", "--last", "2").code == 1
    assert cli("verify", "stocks_daily", "--last", "2").out.startswith("stocks_daily: 2 days, ")


def test_a_day_that_cannot_be_read_leaves_the_others(store: ParquetStore, place: Place, cli: Command) -> None:
    filled(store)
    place.write(place.file("stocks_minute", DAYS[0]), b"PAR1 not at all")
    done = cli("verify", "--cross", "stocks_daily")
    assert done.code == 1
    assert f"stocks_daily {DAYS[0]}: " in done.out
    assert "polygon-assets verify stocks_minute" in done.out
    assert "findings on 1 of 3 days; 1 day could not be compared" in done.out
    assert DAYS[0] not in read_ledger(store, "stocks_daily")
    minutes = cli("verify", "--cross", "stocks_minute")
    assert minutes.code == 1
    assert f"stocks_minute {DAYS[0]}: " in minutes.out
    assert "2 days could not be compared" in minutes.out, "the day after it, too"


def test_of_two_ways_to_compare_one_is_chosen(cli: Command) -> None:
    done = cli("verify", "--cross", "--remote")
    assert done.code == 2
    assert "choose one" in done.err


def test_the_tables_of_corporate_actions_are_read_as_well(store: ParquetStore, place: Place, cli: Command) -> None:
    put_made(store, "stocks_daily", DAYS[0])
    put_events(store, SPLITS, [split("AAPL", DAYS[0])])
    assert cli("verify", "--cross", "stocks_daily").code == 0
    whole = cli("verify")
    assert whole.code == 0
    assert "2 tables beside the datasets, all whole" in whole.out
    table = f"{store.uri}/_reference/splits/data.parquet"
    place.flip(table, 3)
    damaged = cli("verify")
    assert damaged.code == 1
    assert f"the SHA-256 differs ({table})" in damaged.out
    assert "1 of 2 tables are corrupt. Make them anew: polygon-assets reference --full" in damaged.out
    assert cli("verify", "stocks_daily").code == 0, "which are no part of it"
