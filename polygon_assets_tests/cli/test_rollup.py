"""``rollup``: years that are due are made, the others left alone."""

import pytest

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
