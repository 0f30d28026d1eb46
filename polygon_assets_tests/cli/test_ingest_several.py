"""``ingest`` of several datasets at once: each on its own, and one exit code."""

import pytest

from polygon_assets_tests.cli.conftest import Command, Platform

DAY, SATURDAY = "2024-01-03", "2024-01-06"


def test_several_datasets_and_patterns(platform: Platform, cli: Command) -> None:
    for dataset in ("stocks_daily", "options_daily", "options_minute"):
        platform.publish(dataset, [DAY])
    done = cli("ingest", "stocks_daily", "options_[dm]*", "--start", DAY)
    assert done.code == 0, done.err
    lines = [line.partition(";")[0] for line in done.out.splitlines()]
    assert lines == [f"{name}: 1 published" for name in ("stocks_daily", "options_daily", "options_minute")]
    assert platform.materialised("options_minute") == [DAY]


def test_one_that_fails_leaves_the_others_alone(platform: Platform, cli: Command) -> None:
    platform.put_broken("stocks_daily", DAY)
    platform.publish("options_daily", [DAY])
    done = cli("ingest", "stocks_daily", "options_daily", "--start", DAY)
    assert done.code == 1
    assert "stocks_daily: 1 refused" in done.out
    assert "options_daily: 1 published" in done.out


def test_a_day_that_one_of_them_does_not_trade_on(platform: Platform, cli: Command) -> None:
    platform.publish("crypto_daily", [SATURDAY])
    done = cli("ingest", "stocks_daily", "crypto_daily", "--start", SATURDAY)
    assert done.code == 1
    assert f"stocks_daily: {SATURDAY} is not a trading day" in done.err
    assert "crypto_daily: 1 published" in done.out


@pytest.mark.usefixtures("platform")
def test_what_is_wrong_for_all_of_them(cli: Command) -> None:
    for arguments, message in (
        (("stocks_daily", "options_daily", "--start", SATURDAY), f"{SATURDAY} is not a trading day"),
        (("stocks_daily", "bonds_*", "--start", DAY), "There is no dataset 'bonds_*'"),
        (("stocks_daily", "options_daily", "--start", DAY, "--underlyings", "SPY"), "has no underlyings"),
    ):
        done = cli("ingest", *arguments)
        assert (done.code, done.out) == (2, "")
        assert message in done.err
    done = cli("ingest", "stocks_*", "--start", DAY, "--dry-run")
    assert done.code == 0
    assert done.out.count("1 not published") == 4
