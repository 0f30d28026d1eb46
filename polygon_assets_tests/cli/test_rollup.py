"""``rollup``: years that are due are made, the others left alone."""

from pathlib import Path

import pytest

from polygon_assets.store.roll_ups import write_year, years
from polygon_assets_tests.cli.conftest import Command, Platform

DAYS = ["2023-12-29", "2024-01-02"]


def stored(platform: Platform, *datasets: str) -> None:
    for dataset in datasets:
        platform.publish(dataset, DAYS)
        assert platform.run(dataset, DAYS).success


def test_years_that_are_due_are_made_and_no_others(platform: Platform, cli: Command) -> None:
    stored(platform, "stocks_daily", "stocks_minute")
    first = cli("rollup")
    assert first.code == 0
    assert first.err == ""  # quiet where there is no terminal
    assert first.out.splitlines() == [
        "stocks_daily 2023: 1 day, 20 rows",
        "stocks_daily 2024: 1 day, 20 rows",
        "options_daily: nothing stored",
    ]
    assert cli("rollup", "stocks_daily").out.splitlines() == ["stocks_daily: 2 years, all up to date"]
    platform.publish("stocks_daily", DAYS[1:], seed=1)
    assert platform.run("stocks_daily", DAYS[1:]).success
    assert [line.partition(":")[0] for line in cli("rollup", "stocks_daily").out.splitlines()] == ["stocks_daily 2024"]


def test_all_years_can_be_made_again(platform: Platform, cli: Command) -> None:
    stored(platform, "stocks_daily")
    assert cli("rollup", "stocks_daily").code == 0
    of_no_days = f"{platform.place.uri}/_by_year/stocks_daily/year=2022/data.parquet"
    platform.place.write(of_no_days, b"whose days were deleted")
    again = cli("rollup", "stocks_daily", "--overwrite")
    assert again.code == 0
    assert [line.partition(":")[0] for line in again.out.splitlines()] == ["stocks_daily 2023", "stocks_daily 2024"]


def test_a_year_that_cannot_be_read_is_named(platform: Platform, cli: Command) -> None:
    stored(platform, "stocks_daily")
    platform.place.write(platform.place.file("stocks_daily", DAYS[0]), b"PAR1 not at all")
    done = cli("rollup")
    assert done.code == 1
    assert "stocks_daily of 2023 cannot be made" in done.out
    assert "Try polygon-assets verify stocks_daily." in done.out
    assert "stocks_daily 2024: 1 day" in done.out


@pytest.mark.usefixtures("platform")
def test_minutes_have_no_years(cli: Command) -> None:
    done = cli("rollup", "stocks_minute")
    assert done.code == 2
    assert "stocks_minute is no daily dataset" in done.err


@pytest.mark.usefixtures("platform")
def test_a_pattern_names_those_that_have_years(cli: Command) -> None:
    assert cli("rollup", "stocks_*").out.splitlines() == ["stocks_daily: nothing stored"]
    assert cli("rollup", "*_trades").code == 2


def test_years_that_commands_make_reach_dagster(platform: Platform, cli: Command) -> None:
    """Dagster once went on showing them as missing, and the sensor saw nothing to do."""
    stored(platform, "stocks_daily")
    assert cli("rollup", "stocks_daily").code == 0
    assert platform.materialised("stocks_daily_by_year") == ["2023", "2024"]
    metadata = platform.metadata("stocks_daily_by_year", "2024")
    assert metadata["dagster/uri"] == f"{platform.place.uri}/_by_year/stocks_daily/year=2024/data.parquet"
    assert (metadata["days"], metadata["dagster/partition_row_count"]) == (1, 20)
    assert metadata["parquet_bytes"] == len(platform.place.read(metadata["dagster/uri"]))
    assert "stocks_daily_by_year: 0 reported, 2 left as they were" in cli("record").out


def test_years_that_were_made_elsewhere_are_recorded(platform: Platform, cli: Command) -> None:
    stored(platform, "stocks_daily")
    for year in (2023, 2024):
        write_year(platform.place.open(), "stocks_daily", year)
    platform.place.write(f"{platform.place.uri}/_by_year/stocks_daily/year=2022/data.parquet", b"PAR1 rot PAR1")
    done = cli("record", "stocks_daily")
    assert done.out.splitlines() == [
        "stocks_daily: 0 reported, 2 left as they were",
        "stocks_daily_by_year: 2 reported, 0 left as they were",
    ]
    assert "year=2022" in done.err
    assert platform.materialised("stocks_daily_by_year") == ["2023", "2024"]
    write_year(platform.place.open(), "stocks_daily", 2024)
    assert "stocks_daily_by_year: 0 reported" in cli("record", "stocks_daily").out  # made again from the same days


def test_years_that_dagster_cannot_be_told_of_are_made_all_the_same(
    platform: Platform, cli: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stored(platform, "stocks_daily")
    (tmp_path / "a-file").touch()
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "a-file"))
    done = cli("rollup", "stocks_daily")
    assert done.code == 1
    assert "2 years made, but Dagster could not be told" in done.err
    assert "polygon-assets record stocks_daily" in done.err
    assert years(platform.place.open(), "stocks_daily") == [2023, 2024]


def test_record_names_days_that_are_lost(platform: Platform, cli: Command) -> None:
    """``record`` once said nothing of them, and Dagster showed them as stored."""
    stored(platform, "stocks_daily")
    platform.place.delete(platform.place.file("stocks_daily", DAYS[0]))
    done = cli("record", "stocks_daily")
    assert done.code == 0
    said = " ".join(done.err.split())
    assert f"stocks_daily: {DAYS[0]} was stored, and not any more." in said
    assert "the sensor asks for it again" in said
    platform.place.delete(platform.place.file("stocks_daily", DAYS[1]))
    said = " ".join(cli("record", "stocks_daily").err.split())
    assert f"2 days, {DAYS[0]} to {DAYS[1]}, were stored, and not any more." in said
