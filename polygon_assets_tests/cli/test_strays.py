"""What does not belong into a store is named by ``status`` and ``verify``, and breaks no command."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from polygon_assets_tests.cli.conftest import Command, Platform
from polygon_assets_tests.platforms import Made

DAYS = ["2024-01-02", "2024-01-03"]
EVERYWHERE = pytest.mark.stores("disk", "s3")


@pytest.fixture
def filled(made: Made, cli: Command, monkeypatch: pytest.MonkeyPatch) -> Platform:
    """A store with two days."""

    def make(platform: Platform) -> None:
        platform.publish("stocks_daily", DAYS)
        assert cli("ingest", "stocks_daily", "--start", DAYS[0], "--end", DAYS[-1]).code == 0

    platform = made("two days", make)
    monkeypatch.setenv("POLYGON_HISTORY_START", DAYS[0])
    return platform


def strays(cli: Command) -> list[dict[str, str]]:
    """What ``status`` names."""
    done = cli("status", "stocks_daily", "--json")
    assert done.code == 0, done.err
    (found,) = done.json()["datasets"]
    assert (found["published"], found["last"], found["next_day"]) == (2, DAYS[-1], "2024-01-04")
    named: list[dict[str, str]] = found["strays"]
    shown = cli("status", "stocks_daily")
    assert shown.code == 0, shown.err
    assert all(each["uri"] in shown.out for each in named)
    return named


@EVERYWHERE
@pytest.mark.parametrize("day", ["2099-01-02", "1999-01-04"])
def test_a_day_of_another_time_once_broke_status(filled: Platform, cli: Command, day: str) -> None:
    place = filled.place
    place.write(place.file("stocks_daily", day), place.read(place.file("stocks_daily", DAYS[0])))
    (named,) = strays(cli)
    assert named["uri"] == place.file("stocks_daily", day)
    assert "today" in named["what"] or "first day" in named["what"]
    verified = cli("verify", "stocks_daily")
    assert verified.code == 1
    assert f"rows are of another day than {day}" in verified.out
    for command in ("record", "rollup"):
        assert cli(command, "stocks_daily").code == 0


RECORDS = ["", "{", "[]", "null", "[" * 100_000, '{"refused": 1}', "\x00",
    '{"refused": true, "cause": "x", "source": {"uri": "", "key": "", "etag": "", "size": 1,'
    ' "last_modified": "2024-01-03T00:00:00"}, "schema_version": "1", "sha256": "", "findings": []}',
    '{"refused": true, "cause": "x", "source": [], "schema_version": "1", "sha256": "", "findings": [1]}']  # fmt: skip


@EVERYWHERE
@pytest.mark.parametrize("record", RECORDS, ids=range(len(RECORDS)))
def test_a_record_in_quarantine_that_is_garbage_is_named(filled: Platform, cli: Command, record: str) -> None:
    uri = f"{filled.place.uri}/_quarantine/stocks_daily/date={DAYS[0]}/x.refused.json"
    filled.place.write(uri, record.encode())
    assert strays(cli) == [{"uri": uri, "what": "no record that can be read"}]
    assert cli("verify", "stocks_daily").code == 0
    assert cli("ingest", "stocks_daily", "--start", DAYS[0], "--end", DAYS[0], "--overwrite").code == 0


@EVERYWHERE
@pytest.mark.parametrize(
    "name", ["date=garbage", "date=", "date=2024-02-30", "date=0001-01-01", "date=9999-12-31", "notes.txt"]
)
@pytest.mark.parametrize("folder", ["stocks_daily", "_quarantine/stocks_daily"])
def test_other_names_are_named(filled: Platform, cli: Command, folder: str, name: str) -> None:
    uri = f"{filled.place.uri}/{folder}/{name}"
    filled.place.write(f"{uri}/x.refused.json" if name.startswith("date") else uri, b"x")
    (named,) = strays(cli)
    assert named["uri"] == uri
    assert "another name than a day's" in named["what"]
    assert cli("verify", "stocks_daily").code == 0


def loop(path: Path) -> None:
    path.symlink_to(path)


def folder_of_a_pipe(path: Path) -> None:
    path.mkdir()
    os.mkfifo(path / "data.parquet")


def folder_of_a_loop(path: Path) -> None:
    path.mkdir()
    loop(path / "data.parquet")


def folder_of_a_folder(path: Path) -> None:
    (path / "data.parquet").mkdir(parents=True)


PLANTED: list[Callable[[Path], None]] = [
    loop, os.mkfifo, Path.touch, folder_of_a_pipe, folder_of_a_loop, folder_of_a_folder,
]  # fmt: skip


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_what_stands_in_place_of_a_day_is_named_and_not_waited_for(
    filled: Platform, cli: Command, plant: Callable[[Path], None]
) -> None:
    """A pipe called data.parquet once waited for its writer, for ever."""
    path = Path(filled.place.uri, "stocks_daily", "date=2024-01-04")
    plant(path)
    (named,) = strays(cli)
    assert named["uri"].startswith(str(path))
    verified = cli("verify", "stocks_daily")
    assert verified.code == 1
    assert named["uri"] in verified.out
    assert "2 days, 40 rows, all whole" in verified.out
    filled.publish("stocks_daily", ["2024-01-04"])
    listed = cli("ls", "stocks_daily", "--month", "2024-01")  # a link in one day's place once ended that of all others
    assert (listed.code, listed.out.count("stored")) == (0, 2), listed.err
    planned = cli("ingest", "stocks_daily", "--start", *DAYS[:1], "--end", "2024-01-04", "--missing", "--dry-run")
    assert planned.code == 0, planned.err
    done = cli("ingest", "stocks_daily", "--start", "2024-01-04", "--end", "2024-01-04")
    assert str(path) in done.err + done.out or done.code == 0
    assert "unexpected" not in done.err
    assert cli("record", "stocks_daily").code == 0
    assert cli("sql", "SELECT count(*) FROM stocks_daily").code == 0


@pytest.mark.parametrize("plant", [loop, os.mkfifo, Path.mkdir], ids=lambda plant: plant.__name__)
@pytest.mark.parametrize("name", ["x.refused.json", "x.set_aside.json", "x.csv.gz"])
def test_what_stands_in_place_of_a_record_breaks_nothing(
    filled: Platform, cli: Command, name: str, plant: Callable[[Path], None]
) -> None:
    path = Path(filled.place.uri, "_quarantine", "stocks_daily", f"date={DAYS[0]}", name)
    path.parent.mkdir(parents=True)
    plant(path)
    assert [each["uri"] for each in strays(cli)] == ([str(path)] if name.endswith("json") else [])
    assert cli("verify", "stocks_daily").code == 0


@pytest.mark.parametrize("name", ["stocks_daily", "_quarantine", "_quarantine/stocks_daily"])
def test_a_linked_folder_is_named_and_spoils_no_other_dataset(
    filled: Platform, cli: Command, tmp_path: Path, name: str
) -> None:
    path = Path(filled.place.uri, name)
    path.parent.mkdir(exist_ok=True)
    if path.exists():
        path.rename(tmp_path / "moved")
    path.symlink_to(tmp_path / "moved")
    done = cli("status", "--json")
    assert done.code == 0, done.err
    stocks, *others = done.json()["datasets"]
    assert [each["uri"] for each in stocks["strays"]] == [str(path)]
    assert "mount --bind" in stocks["strays"][0]["what"]
    assert len(others) == 3
    verified = cli("verify", "stocks_daily")
    assert verified.code == 1
    assert str(path) in verified.out
