"""A store whose disk is not mounted: every command says so, and none fills the folder underneath."""

from pathlib import Path

import pytest

from polygon_assets_tests.cli.conftest import Command, Platform

DAYS = ["2024-01-02", "2024-01-03"]
COMMANDS = [
    ("status",), ("verify", "stocks_daily"), ("rollup", "stocks_daily"), ("record", "stocks_daily"),
    ("sql", "SELECT 1"), ("ingest", "stocks_daily", "--start", DAYS[0], "--end", DAYS[1]),
    ("ingest", "stocks_daily", "--start", DAYS[0], "--end", DAYS[1], "--missing"),
    ("ls", "stocks_daily", "--month", "2024-01"), ("verify", "stocks_daily", "--remote"),
    ("ingest", "stocks_daily", "--start", DAYS[0], "--end", DAYS[1], "--dry-run"),
]  # fmt: skip


@pytest.fixture
def unmounted(platform: Platform, cli: Command) -> Path:
    """The empty folder where the store was."""
    platform.publish("stocks_daily", DAYS)
    assert cli("ingest", "stocks_daily", "--start", DAYS[0], "--end", DAYS[0]).code == 0
    root = Path(platform.place.uri)
    root.rename(root.with_name("on the disk"))
    root.mkdir()
    return root


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_misses_it(unmounted: Path, cli: Command, command: tuple[str, ...]) -> None:
    """``ls`` and dry runs once called every day new."""
    done = cli(*command)
    assert done.code == 1
    assert f"{unmounted}: the store that was here is not" in done.err
    assert "is its disk mounted?" in done.err
    assert list(unmounted.iterdir()) == []


def test_doctor_says_so_and_goes_on(unmounted: Path, cli: Command) -> None:
    done = cli("doctor", "--json")
    found = {each["topic"]: each for each in done.json()}
    assert done.code == 1
    assert found["store"]["state"] == "failed"
    assert "is its disk mounted?" in found["store"]["text"]
    assert "calendar" in found
    assert list(unmounted.iterdir()) == []
