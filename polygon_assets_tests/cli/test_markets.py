"""The command line with markets that are open when stocks are not, and days that no calendar knows."""

import datetime as dt

import pytest

from polygon_assets.datasets import DATASETS
from polygon_assets.reading.previews import preview
from polygon_assets.sample.flat_files import flat_file
from polygon_assets_tests.cli.conftest import Command, Platform
from polygon_assets_tests.platforms import SMALL

SATURDAY, SUNDAY = "2026-11-07", "2026-11-08"


def test_a_saturday_of_crypto_and_a_sunday_of_forex_are_stored_and_shown(platform: Platform, cli: Command) -> None:
    platform.publish("crypto_daily", [SATURDAY, SUNDAY])
    platform.publish("forex_daily", [SUNDAY])
    assert cli("ingest", "crypto_daily", "--start", SATURDAY, "--end", SUNDAY).code == 0
    assert cli("ingest", "forex_daily", "--start", SATURDAY, "--end", SUNDAY).code == 0
    shown = {each["dataset"]: each for each in cli("status", "--json").json()["datasets"]}
    assert shown["crypto_daily"]["published"] == 2
    assert (shown["forex_daily"]["first"], shown["forex_daily"]["unexpected"]) == (SUNDAY, [])
    assert shown["forex_daily"]["next_day"] == "2026-11-09"


def test_status_shows_what_is_chosen_and_what_is_stored(
    platform: Platform, cli: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.publish("crypto_trades", [SATURDAY])
    assert cli("ingest", "crypto_trades", "--start", SATURDAY).code == 0
    monkeypatch.setenv("POLYGON_DATASETS", "indices_*")
    shown = [each["dataset"] for each in cli("status", "--json").json()["datasets"]]
    assert shown == ["indices_daily", "indices_minute", "indices_values", "crypto_trades"]
    named = cli("status", "stocks_*", "crypto_trades", "--json").json()["datasets"]
    assert [each["dataset"] for each in named] == [name for name in DATASETS if "stocks_" in name] + ["crypto_trades"]


def test_an_unknown_choice_says_which_there_are(
    platform: Platform, cli: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert platform
    monkeypatch.setenv("POLYGON_DATASETS", "stocks_weekly")
    done = cli("status")
    assert done.code == 2
    assert "POLYGON_DATASETS" in done.err
    assert "There is no dataset 'stocks_weekly'. Did you mean 'stocks_daily'?" in done.err
    monkeypatch.setenv("POLYGON_DATASETS", "bonds")
    assert "There is no dataset 'bonds'. There are: stocks_daily," in cli("status").err


@pytest.mark.usefixtures("platform")
def test_the_last_days_are_the_markets_own(cli: Command) -> None:
    listed = cli("ingest", "crypto_daily", "--last", "7", "--dry-run")
    assert "crypto_daily: 7 trading days" in listed.out
    month = cli("ls", "crypto_daily", "--month", "2026-10", "--json").json()
    assert len(month) == 31


def test_a_file_on_a_day_that_no_calendar_knows_is_shown_and_can_be_had(platform: Platform, cli: Command) -> None:
    assert dt.date.fromisoformat(SATURDAY).weekday() == 5
    body = flat_file(DATASETS["stocks_daily"], "2026-11-06", SMALL)
    platform.put("forex_daily", SATURDAY, flat_file(DATASETS["forex_daily"], SUNDAY, SMALL))
    platform.put("stocks_daily", SATURDAY, body)
    shown = cli("ls", "forex_daily", "--month", "2026-11")
    assert "new, no trading day" in shown.out
    assert f"polygon-assets ingest forex_daily --start {SATURDAY} --any-day" in " ".join(shown.err.split())
    refused = cli("ingest", "forex_daily", "--start", SATURDAY)
    assert refused.code == 2
    done = cli("ingest", "forex_daily", "--start", SATURDAY, "--any-day")
    assert done.code == 0, done.err
    assert "1 published" in done.out
    said = f"{SATURDAY} is stored, and not shown in Dagster: the trading calendar has no such day"
    assert said in " ".join(done.err.split())
    status = cli("status", "forex_daily")
    assert f"forex_daily: 1 stored day that the calendar does not know: {SATURDAY}" in " ".join(status.out.split())
    assert cli("status", "forex_daily", "--json").json()["datasets"][0]["unexpected"] == [SATURDAY]
    assert cli("verify", "forex_daily").code == 0


def test_ls_took_one_dataset_and_one_month_alone(platform: Platform, cli: Command) -> None:
    platform.put("forex_daily", SATURDAY, flat_file(DATASETS["forex_daily"], SUNDAY, SMALL))
    listed = cli("ls", "crypto_daily", "forex_*", "--month", "2026-11", "--json").json()
    assert {each["dataset"] for each in listed} == {"crypto_daily", *(name for name in DATASETS if "forex" in name)}
    assert [each["day"] for each in listed if each["standing"] == "new"] == [SATURDAY]
    last = cli("ls", "crypto_daily", "--last", "40", "--json").json()
    yesterday = dt.datetime.now(dt.UTC).date() - dt.timedelta(1)
    assert [each["day"] for each in last] == [str(yesterday - dt.timedelta(ago)) for ago in range(39, -1, -1)]
    assert f"crypto_daily, {last[0]['day']} to {yesterday}" in cli("ls", "crypto_daily", "--last", "40").out
    both = cli("ls", "crypto_daily", "--last", "1", "--month", "2026-11")
    assert (both.code, "give it without --month" in both.err) == (2, True)


def test_a_file_before_the_last_days_is_not_among_them(platform: Platform, cli: Command) -> None:
    before = dt.datetime.now(dt.UTC).date() - dt.timedelta(40)
    saturday = str(before - dt.timedelta((before.weekday() - 5) % 7))
    platform.put("forex_daily", saturday, flat_file(DATASETS["forex_daily"], SUNDAY, SMALL))
    every = cli("ls", "forex_daily", "--last", "60", "--json").json()
    assert saturday in {each["day"] for each in every}
    last = cli("ls", "forex_daily", "--last", "3", "--json").json()
    assert [each["standing"] for each in last] == ["not published"] * 3


@pytest.mark.usefixtures("platform")
def test_a_day_that_is_neither_known_nor_published_was_called_stored(cli: Command) -> None:
    done = cli("ingest", "forex_daily", "--start", SATURDAY, "--any-day")
    assert "1 not published yet" in done.out
    assert "is stored" not in done.err


@pytest.mark.usefixtures("platform")
def test_any_day_needs_a_day(cli: Command) -> None:
    done = cli("ingest", "forex_daily", "--last", "3", "--any-day")
    assert done.code == 2
    assert "--any-day needs --start" in done.err


def test_sql_and_previews_show_every_nanosecond(platform: Platform, cli: Command) -> None:
    platform.publish("crypto_trades", [SATURDAY])
    assert cli("ingest", "crypto_trades", "--start", SATURDAY).code == 0
    columns = "ticker, participant_timestamp AS at, epoch_ns(participant_timestamp) AS ns, conditions"
    first = f"SELECT {columns} FROM crypto_trades"  # noqa: S608
    (row,) = cli("sql", f"{first} LIMIT 1", "--format", "json").json()
    digits = f"{row['ns'] % 10**9:09}"
    assert f".{digits}" in row["at"]
    assert digits in cli("sql", f"{first} LIMIT 1").out
    shown = preview(platform.place.open(), "crypto_trades", SATURDAY)
    assert f".{digits}" in str(shown[0]["participant_timestamp"])
    assert platform.metadata("crypto_trades", SATURDAY)["preview"]
