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


@pytest.mark.usefixtures("platform")
def test_a_bucket_that_does_not_exist_had_only_not_published_yet(cli: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYGON_BUCKET", "no-such-bucket")
    for command in (("ingest", "stocks_daily", "--start", DAY), ("ls", "stocks_daily", "--month", DAY[:7])):
        done = cli(*command)
        assert done.code == 1
        assert "There is no such bucket: see POLYGON_BUCKET" in done.err
        assert "not published" not in done.out + done.err


def test_days_of_another_filter_lack_rows(platform: Platform, cli: Command) -> None:
    """``--missing`` found nothing missing, and ``--dry-run`` nothing to fetch."""
    platform.publish("stocks_daily", [DAY])
    one = ("ingest", "stocks_daily", "--start", DAY)
    assert cli(*one, "--tickers", "AAPL").code == 0
    assert "nothing is missing" in cli(*one, "--missing", "--tickers", "AAPL").out
    assert "fetch: 0 days" in cli(*one, "--dry-run", "--tickers", "AAPL").out
    assert "fetch: 1 day" in cli(*one, "--dry-run").out
    assert "fetch: 1 day" in cli(*one, "--dry-run", "--missing").out
    assert "1 published" in cli(*one, "--missing").out
    assert "nothing is missing" in cli(*one, "--missing", "--tickers", "AAPL").out, "a whole day has its rows"
    assert platform.place.open().provenance("stocks_daily", DAY).rows == 20  # type: ignore[union-attr]


@pytest.mark.usefixtures("platform")
def test_an_unset_variable_for_tickers_once_meant_all_of_them(cli: Command) -> None:
    done = cli("ingest", "stocks_daily", "--start", DAY, "--tickers", "")
    assert (done.code, "--tickers names none: ''" in done.err) == (2, True)


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
