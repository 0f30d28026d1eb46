"""What was compared is remembered, and looked at again when one of its files, or its splits, has changed."""

import pytest

from polygon_assets.datasets import DATASETS
from polygon_assets.ingest import ParquetStore
from polygon_assets.reading.cross.checking import CrossChecks
from polygon_assets.reading.cross.ledger import CheckedDay, keep, read_ledger, unchecked_days
from polygon_assets.reference.events import SPLITS
from polygon_assets_tests.reading.made_days import multiplied, put_made
from polygon_assets_tests.reading.market import put_events
from polygon_assets_tests.servers.rest_api import split

pytestmark = pytest.mark.slow

BEFORE, DAY, HALF_DAY = "2024-07-01", "2024-07-02", "2024-07-03"


def test_fingerprints_tell_each_file_that_was_read(store: ParquetStore) -> None:
    dataset = DATASETS["stocks_daily"]
    seen = []
    for name, day in (("stocks_daily", DAY), ("stocks_minute", DAY), ("stocks_daily", BEFORE)):
        put_made(store, name, day)
        seen.append(CrossChecks(store).fingerprint(dataset, DAY))
    assert len(set(seen)) == 3
    put_made(store, "stocks_minute", HALF_DAY)
    assert CrossChecks(store).fingerprint(dataset, DAY) == seen[-1]


def test_a_finding_stayed_although_its_split_was_known_by_now(store: ParquetStore) -> None:
    dataset = DATASETS["stocks_daily"]
    put_made(store, "stocks_daily", BEFORE)
    put_made(store, "stocks_daily", DAY, multiplied(0.25, "open", "close", "high", "low", ticker="AAPL"))

    def look() -> list[str]:
        checks = CrossChecks(store)
        days = unchecked_days(store, checks, dataset, 2)
        kept = {day: CheckedDay(checks.fingerprint(dataset, day), checks.check(dataset, day)) for day in days}
        keep(store, "stocks_daily", kept)
        return days

    assert look() == [BEFORE, DAY]
    assert look() == []
    assert [each.rule for each in read_ledger(store, "stocks_daily")[DAY].findings] == ["split_unknown"]
    put_events(store, SPLITS, [split("AAPL", DAY, 1, 4)])
    assert look() == [DAY]
    assert read_ledger(store, "stocks_daily")[DAY].findings == ()
    put_events(store, SPLITS, [split("AAPL", DAY, 1, 4), split("MSFT", HALF_DAY, 1, 2)])
    assert look() == [], "the split of another day"
