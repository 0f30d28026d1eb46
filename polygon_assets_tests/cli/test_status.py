"""``status`` and ``ls``: what is stored, what is missing, what the bucket has."""

import pytest

from polygon_assets_tests.cli.conftest import Command, Platform
from polygon_assets_tests.platforms import Made

DAYS = ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08"]
pytestmark = pytest.mark.stores("disk", "s3")


@pytest.fixture
def filled(made: Made, cli: Command, monkeypatch: pytest.MonkeyPatch) -> Platform:
    """A store with a gap, a refused day and a damaged one."""

    def make(platform: Platform) -> None:
        platform.publish("stocks_daily", [DAYS[0], DAYS[3], DAYS[4]])
        platform.put_broken("stocks_daily", DAYS[1])
        assert cli("ingest", "stocks_daily", "--start", DAYS[0], "--end", DAYS[-1]).code == 1

    platform = made("a gap and a refused day", make)
    monkeypatch.setenv("POLYGON_HISTORY_START", DAYS[0])
    return platform


def test_for_scripts(filled: Platform, cli: Command) -> None:
    done = cli("status", "--json")
    assert done.code == 0
    assert done.json()["store"] == filled.place.uri
    stocks = done.json()["datasets"][0]
    assert [each["dataset"] for each in done.json()["datasets"]][1:] == [
        "stocks_minute", "options_daily", "options_minute",
    ]  # fmt: skip
    assert (stocks["first"], stocks["last"], stocks["published"]) == (DAYS[0], DAYS[-1], 3)
    assert (stocks["flagged"], stocks["damaged"], stocks["quarantined"]) == (0, 0, 1)
    assert stocks["gaps"][-1] == {"first": DAYS[1], "last": DAYS[2], "days": 2}
    assert stocks["missing"] == sum(gap["days"] for gap in stocks["gaps"])
    assert (stocks["next_day"], stocks["next_day_is_due"]) == ("2024-01-09", True)
    assert stocks["next_day_expected_by"] == "2024-01-10T11:00:00-05:00"
    assert stocks["rows"] == 60
    assert stocks["bytes"] > 0
    assert not stocks["complete"]


@pytest.mark.usefixtures("platform")
def test_an_empty_store_says_how_to_begin(cli: Command) -> None:
    done = cli("status")
    assert done.code == 0
    assert done.err == "Nothing is stored yet. For a start: polygon-assets ingest stocks_daily --last 5\n"


@pytest.mark.usefixtures("filled")
def test_for_people(cli: Command) -> None:
    done = cli("status", "stocks_daily")
    assert done.code == 0
    assert "2024-01-09 due since 2024-01-10 11:00 New York" in done.out
    assert f"missing {DAYS[1]} to {DAYS[2]}, 2 days" in done.out
    assert f"{DAYS[1]}: expected the columns" in done.out
    assert "_quarantine" in done.out
    assert "2024 ✗■·" in done.out.replace("◧", "■")  # weeks of 2 and 8 January, then nothing
    assert "options_daily" not in done.out


def test_a_damaged_day_is_told_apart(filled: Platform, cli: Command) -> None:
    filled.place.write(filled.place.file("stocks_daily", DAYS[3]), b"corrupt")
    stocks = cli("status", "stocks_daily", "--json").json()["datasets"][0]
    assert (stocks["damaged"], stocks["published"]) == (1, 2)


@pytest.mark.usefixtures("platform")
def test_an_empty_store(cli: Command) -> None:
    done = cli("status", "--json")
    assert done.code == 0
    assert {each["published"] for each in done.json()["datasets"]} == {0}
    assert cli("status").code == 0


@pytest.mark.usefixtures("filled")
def test_colours_only_where_wanted(cli: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in cli("status", "stocks_daily").out


def test_a_damaged_day_was_called_missing_and_no_more(filled: Platform, cli: Command) -> None:
    filled.place.write(filled.place.file("stocks_daily", DAYS[3]), b"")
    said = " ".join(cli("status", "stocks_daily").out.split())
    assert f"stocks_daily: 1 file that cannot be read, counted as missing: {DAYS[3]}. To have them again:" in said
    assert "polygon-assets ingest stocks_daily --missing" in said
    done = cli("ingest", "stocks_daily", "--start", DAYS[3], "--missing")
    assert ".." not in done.out + done.err


def test_missing_days_before_the_first_stored_were_counted_and_not_named(
    filled: Platform, cli: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert filled
    monkeypatch.setenv("POLYGON_HISTORY_START", "2023-12-28")
    shown = cli("status", "stocks_daily").out
    assert "stocks_daily: missing 2023-12-28 to 2023-12-29, 2 days" in shown


def test_the_bucket_against_the_store(filled: Platform, cli: Command) -> None:
    filled.publish("stocks_daily", [DAYS[4]], seed=1)
    filled.publish("stocks_daily", ["2024-01-10"])
    done = cli("ls", "stocks_daily", "--month", "2024-01", "--json")
    assert done.code == 0
    standings = {each["day"]: each["standing"] for each in done.json()}
    assert len(standings) == 21
    assert [standings[day] for day in DAYS] == ["stored", "refused", "not published", "stored", "replaced"]
    assert standings["2024-01-10"] == "new"
    shown = cli("ls", "stocks_daily", "--month", "2024-01")
    assert "replaced" in shown.out
    assert "2024-01-31" in shown.out


@pytest.mark.usefixtures("platform")
def test_ls_needs_a_month(cli: Command) -> None:
    done = cli("ls", "stocks_daily", "--month", "2024-13")
    assert done.code == 2
    assert "Invalid month: '2024-13'; a month is YYYY-MM" in done.err


@pytest.mark.usefixtures("platform")
def test_days_to_come_were_not_published_in_ls(cli: Command) -> None:
    listed = cli("ls", "crypto_daily").out.splitlines()
    assert "not due yet" in listed[-2]  # the last of the month: today at the earliest, whose file comes tomorrow
    assert "not due yet" not in cli("ls", "crypto_daily", "--month", "2024-01").out


@pytest.mark.usefixtures("platform")
def test_ls_of_this_month(cli: Command) -> None:
    assert cli("ls", "options_minute", "--json").code == 0
