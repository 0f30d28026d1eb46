"""``verify``: corruption is named and ends with 1; ``--remote`` names what the vendor has replaced."""

import errno

import pytest

from polygon_assets.errors import ReplacedWhileReadError
from polygon_assets.ingest import ParquetStore
from polygon_assets.store.verifying import VerifiedDay, verify_day
from polygon_assets_tests.cli.conftest import Command, Platform
from polygon_assets_tests.factories import under_rules

DAYS = ["2024-01-02", "2024-01-03", "2024-01-04"]
pytestmark = pytest.mark.stores("disk", "s3")


def ingested(platform: Platform, cli: Command) -> None:
    platform.publish("stocks_daily", DAYS)
    done = cli("ingest", "stocks_daily", "--start", DAYS[0], "--end", DAYS[-1])
    assert done.code == 0, done.err


def test_a_whole_store(platform: Platform, cli: Command) -> None:
    ingested(platform, cli)
    done = cli("verify", "stocks_daily")
    assert done.code == 0
    assert "stocks_daily: 3 days, 60 rows, all whole" in done.out
    assert done.err == ""  # quiet where there is no terminal


def test_a_store_that_may_only_be_read_was_not_verified(
    platform: Platform, cli: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything was whole, and then came an error about a lock of the staging folder."""

    def denied(_: ParquetStore) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "guard.lock")

    monkeypatch.setenv("POLYGON_KEEP_RAW", "true")
    ingested(platform, cli)
    monkeypatch.setattr(ParquetStore, "staging", denied)
    done = cli("verify", "stocks_daily")
    assert (done.code, done.err) == (0, "")
    assert "all whole" in done.out
    crossed = cli("verify", "stocks_daily", "--cross")
    assert (crossed.code, "not remembered for the next time" in crossed.err) == (0, True)


def test_corruption_is_named(platform: Platform, cli: Command) -> None:
    ingested(platform, cli)
    place = platform.place
    place.flip(place.file("stocks_daily", DAYS[1]), 3)
    place.write(place.file("stocks_daily", DAYS[2]), b"PAR1 not at all")
    done = cli("verify")
    assert done.code == 1
    assert f"stocks_daily {DAYS[1]}: not readable" in done.out
    assert f"stocks_daily {DAYS[2]}: not readable" in done.out
    assert "corrupt: 2 of 3 days. Fetch them again: polygon-assets ingest stocks_daily" in done.out
    assert "options_daily: nothing stored" in done.out


@pytest.mark.stores("s3")
def test_a_large_day_that_is_replaced_at_each_look_once_ended_the_command(
    platform: Platform, cli: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of over 64 MB, which is not read in one request; the days after it were not read."""
    ingested(platform, cli)

    def looked_at(store: ParquetStore, dataset: str, day: str) -> VerifiedDay:
        if day == DAYS[0]:
            raise ReplacedWhileReadError(store.path(dataset, day))
        return verify_day(store, dataset, day)

    monkeypatch.setattr("polygon_assets.cli.work.verify.verify_day", looked_at)
    done = cli("verify", "stocks_daily")
    assert (done.code, done.err) == (1, "")
    assert (
        f"date={DAYS[0]}/data.parquet: replaced while it was read. Nothing is wrong with it: read it again." in done.out
    )
    assert "stocks_daily: 2 days, 40 rows, all whole; replaced while it was read: 1 day" in done.out


def test_a_range_without_stored_days_was_called_nothing_stored(platform: Platform, cli: Command) -> None:
    ingested(platform, cli)
    said = f"stocks_daily: no stored day is in that range; stored are {DAYS[0]} to {DAYS[-1]}"
    for option in ((), ("--cross",)):
        assert said in cli("verify", "stocks_daily", "--start", "2025-01-02", *option).out
    assert "options_daily: nothing stored" in cli("verify", "options_daily", "--start", "2025-01-02").out


def test_only_a_range(platform: Platform, cli: Command) -> None:
    ingested(platform, cli)
    platform.place.write(platform.place.file("stocks_daily", DAYS[0]), b"corrupt")
    assert cli("verify", "stocks_daily", "--start", DAYS[1]).code == 0
    assert cli("verify", "stocks_daily", "--end", DAYS[0]).code == 1


def test_what_the_vendor_has_replaced(platform: Platform, cli: Command) -> None:
    ingested(platform, cli)
    assert "3 days, all as the bucket lists them" in cli("verify", "stocks_daily", "--remote").out
    platform.publish("stocks_daily", [DAYS[1]], seed=1)
    done = cli("verify", "stocks_daily", "--remote")
    assert done.code == 1
    assert f"stocks_daily {DAYS[1]}: stored from" in done.out
    assert "the vendor has replaced 1 day" in done.out
    again = cli("ingest", "stocks_daily", "--start", DAYS[0], "--end", DAYS[-1])
    assert "1 published, 2 unchanged" in again.out
    assert cli("verify", "stocks_daily", "--remote").code == 0


def test_a_day_that_the_vendor_no_longer_lists_is_no_failure(platform: Platform, cli: Command) -> None:
    ingested(platform, cli)
    key = platform.catalog.get_key("stocks_daily", DAYS[0])
    platform.server.client().delete_object(Bucket=platform.bucket, Key=key)
    done = cli("verify", "stocks_daily", "--remote")
    assert done.code == 0
    assert f"{DAYS[0]}: stored from" in done.out
    assert "no longer listed; the stored day stays" in done.out


def test_a_day_that_cannot_be_read_is_not_passed_over_by_the_comparison(platform: Platform, cli: Command) -> None:
    ingested(platform, cli)
    platform.place.write(platform.place.file("stocks_daily", DAYS[1]), b"PAR1 not at all")
    done = cli("verify", "stocks_daily", "--remote")
    assert done.code == 1
    assert f"stocks_daily {DAYS[1]}: not readable" in done.out
    assert "not readable: 1 day. Fetch them again: polygon-assets ingest stocks_daily --missing" in done.out
    assert "all as the bucket lists them" not in done.out
    again = cli("ingest", "stocks_daily", "--missing", "--start", DAYS[0], "--end", DAYS[-1])
    assert "1 published" in again.out
    assert cli("verify", "stocks_daily", "--remote").code == cli("verify", "stocks_daily").code == 0


def test_a_file_in_another_datasets_place_is_found(platform: Platform, cli: Command) -> None:
    """A minute file has the columns of a day file, and its rows are of the day."""
    platform.publish("stocks_minute", DAYS[:1])
    ingest = ("--start", DAYS[0])
    assert cli("ingest", "stocks_minute", *ingest).code == 0
    place = platform.place
    place.write(place.file("stocks_daily", DAYS[0]), place.read(place.file("stocks_minute", DAYS[0])))
    done = cli("verify", "stocks_daily")
    assert done.code == 1
    assert "which is another day's or dataset's source" in done.out


def test_days_made_under_earlier_rules_are_counted_and_no_failure(
    platform: Platform, cli: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingested(platform, cli)
    under_rules(monkeypatch, "next")
    done = cli("verify", "stocks_daily")
    assert done.code == 0
    assert (
        f"made under earlier rules: 3 days; to renew: polygon-assets ingest stocks_daily --start {DAYS[0]}" in done.out
    )
