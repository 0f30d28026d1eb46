"""Tables on a narrow terminal and in a pipe, and ``status`` of a store with little in it."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from polygon_assets.datasets import DATASETS
from polygon_assets.ingest import ParquetStore
from polygon_assets.sample.flat_files import flat_file
from polygon_assets.sample.generators import Size
from polygon_assets_tests.cli.conftest import Command, Platform
from polygon_assets_tests.project import ROOT
from polygon_assets_tests.reading.conftest import DAYS, filled

__all__ = ["filled"]
CONTRACT = "O:AAPL261127C00135000"
WIDE = "SELECT " + ", ".join(f"'{CONTRACT}' AS column_number_{n}" for n in range(12))


def on_a_terminal(width: int, *arguments: str) -> str:
    """What ``polygon-assets`` prints to a terminal of ``width`` characters."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "polygon_assets.cli", *arguments]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": str(width), "NO_COLOR": "1"}
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, cwd=ROOT) as process:
        os.close(theirs)
        sent = b""
        try:
            while part := os.read(ours, 65536):
                sent += part
        except OSError:  # the other end is closed
            pass
        assert process.wait() == 0, sent
    os.close(ours)
    return re.sub(r"\x1b\[[0-9;]*m", "", sent.decode().replace("\r\n", "\n"))


@pytest.fixture
def store(filled: ParquetStore, monkeypatch: pytest.MonkeyPatch) -> ParquetStore:
    """A store with a few days of stocks, and the variable that names it."""
    monkeypatch.setenv("POLYGON_STORE", filled.uri)
    return filled


@pytest.mark.usefixtures("store")
def test_a_pipe_cut_the_names_of_contracts(cli: Command) -> None:
    done = cli("sql", WIDE)
    assert done.out.count(CONTRACT) == 12
    assert "…" not in done.out


@pytest.mark.usefixtures("store")
def test_eighty_columns_cut_every_cell() -> None:
    shown = on_a_terminal(80, "sql", WIDE)
    assert shown.count(CONTRACT) == 12
    assert "column_number_11  " in shown
    assert "…" not in shown
    assert "┃" not in shown
    assert "┃" in on_a_terminal(80, "sql", "SELECT 1 AS a, 2 AS b")


@pytest.mark.usefixtures("store")
def test_status_at_eighty_columns() -> None:
    shown = on_a_terminal(80, "status", "--no-heatmap")
    assert f"first        {DAYS[0]}" in shown
    assert "…" not in shown.replace("reading footers", "")


@pytest.mark.usefixtures("store")
def test_empty_datasets_had_four_heatmaps(cli: Command) -> None:
    done = cli("status")
    assert "Nothing stored: options_daily, options_minute" in done.out
    assert "options_daily\n" not in done.out.partition("Nothing stored")[2].partition("\n")[2]
    assert "2003" not in done.out.replace("2003 to", "")


def test_days_before_the_first_were_missing_by_the_thousand(
    platform: Platform, cli: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``missing 5,831`` of 5,841 stood in the first table that a newcomer saw."""
    platform.publish("stocks_daily", ["2024-01-03", "2024-01-05"])
    assert "2 published" in cli("ingest", "stocks_daily", "--start", "2024-01-03", "--end", "2024-01-05").out
    (known,) = cli("status", "stocks_daily", "--json").json()["datasets"]
    assert known["gaps"][-1] == {"first": "2024-01-04", "last": "2024-01-04", "days": 1}
    assert known["missing"] == sum(gap["days"] for gap in known["gaps"])
    assert known["before_first"] > 5000
    assert not known["complete"]
    shown = cli("status", "stocks_daily").out
    assert f"{known['before_first']:,} trading days before 2024-01-03, the first stored, are not counted" in shown
    monkeypatch.setenv("POLYGON_HISTORY_START", "2024-01-02")  # now it is asked for
    (known,) = cli("status", "stocks_daily", "--json").json()["datasets"]
    assert known["gaps"][-1] == {"first": "2024-01-02", "last": "2024-01-02", "days": 1}
    assert known["before_first"] == 0


def test_days_before_the_first_were_a_line_for_each_dataset(
    platform: Platform, cli: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("stocks_daily", "stocks_minute", "options_daily"):
        platform.publish(name, ["2024-01-03"])
    assert cli("ingest", "stocks_daily", "stocks_minute", "options_daily", "--start", "2024-01-03").code == 0
    (line,) = [line for line in cli("status").out.splitlines() if "are not counted" in line]
    assert line.startswith(
        "stocks_daily, stocks_minute, options_daily: 2,414 to 5,113 trading days before 2024-01-03, "
    )
    monkeypatch.setenv("POLYGON_HISTORY_START", "2024-01-02")
    assert "not counted" not in cli("status").out


def test_a_flagged_day_is_explained(platform: Platform, cli: Command) -> None:
    """``flagged 11`` stood in the table, and nothing said of what."""
    row = DATASETS["futures_cme_minute"]
    platform.put(row.name, "2024-01-03", flat_file(row, "2024-01-03", Size(symbols=20, rows=3_000)))
    assert cli("ingest", row.name, "--start", "2024-01-03").code == 0
    said = "futures_cme_minute: flagged on 1 day, by the rule duplicate: Same ticker and time as the row before it. "
    assert f"{said}Published as the vendor has it.\n" in cli("status", row.name).out
    assert cli("status", row.name, "--json").json()["datasets"][0]["flagged_by"] == {"duplicate": 1}


@pytest.mark.usefixtures("store")
def test_a_pipe_is_as_wide_as_columns_says_and_cuts_nothing(cli: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """``COLUMNS=80 polygon-assets sql … | less`` was as wide as the table."""
    monkeypatch.setenv("COLUMNS", "80")
    shown = cli("sql", WIDE).out
    assert shown.count(CONTRACT) == 12
    assert max(map(len, shown.splitlines())) <= 80
    assert "┃" in cli("sql", "SELECT 1 AS a, 2 AS b").out
    for unset in ("", "wide", "0"):
        monkeypatch.setenv("COLUMNS", unset)
        assert "┃" in cli("sql", WIDE).out


def test_record_named_a_variable_that_was_not_set(
    cli: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("POLYGON_STORE", raising=False)
    assert f"Store: {tmp_path}/data (POLYGON_STORE is not set: below this folder)" in cli("record", "stocks_daily").err
    monkeypatch.setenv("POLYGON_STORE", "mine")
    assert f"Store: {tmp_path}/mine (POLYGON_STORE=mine: below this folder)" in cli("record", "stocks_daily").err


def test_doctor_made_a_store_that_looked_like_an_empty_market(
    platform: Platform, cli: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert platform.bucket
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("POLYGON_STORE", "data")
    lines = {line["topic"]: line for line in cli("doctor", "--json").json()}
    assert lines["store"]["state"] == "ok"
    assert lines["store"]["text"] == f"{folder}/data can be written; nothing is stored"
    assert list(folder.iterdir()) == []
    done = cli("sql", "SELECT count(*) FROM stocks_daily")
    assert done.code == 2
    assert f"There is no store at {folder}/data" in done.err


@pytest.mark.usefixtures("platform")
def test_a_misspelt_variable_is_noted(cli: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYGON_STROE", "/mnt/market")
    assert cli("status").err.startswith("note: POLYGON_STROE is set, and is no setting: POLYGON_STORE may be meant.\n")


def test_a_traceback_steered_the_terminal(cli: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYGON_STORE", "/proc/self/\x1b]0;owned\x07/x")
    done = cli("sql", "--debug", "SELECT 1")
    assert done.code == 2
    assert "Traceback (most recent call last)" in done.err
    assert "\x1b" not in done.err
    assert "\x07" not in done.err
    assert done.err.splitlines()[-1].startswith("error: There is no store at ")


@pytest.mark.stores("disk", "s3")
@pytest.mark.parametrize("ticker", ["AAPL", "MSFT"])
def test_rows_come_in_the_order_of_days(filled: ParquetStore, ticker: str) -> None:
    """A file of one ticker began with the newest day, then went on with the oldest."""
    from polygon_assets.reading.queries import connect, run  # noqa: PLC0415

    with connect(filled) as connection:
        found = run(connection, f"SELECT date FROM stocks_daily WHERE ticker = '{ticker}'").read_all()  # noqa: S608
    assert [str(day) for day in found["date"].to_pylist()] == DAYS


NAMES = [
    "SELECT copy FROM (SELECT 1 AS copy)",
    "SELECT t.update, sum(t.update) FROM (SELECT 1 AS update) t GROUP BY ALL",
    "SELECT sum(copy * 2), (update) FROM (SELECT 1 AS copy, 2 AS update) GROUP BY ALL",
    "SELECT close AS copy, open AS insert FROM stocks_daily",
    "WITH merge AS (SELECT 1 AS delete) SELECT delete FROM merge",
    "SELECT max(delete) /* a note */, 1 FROM (SELECT 1 AS delete)",
]


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("query", NAMES)
def test_columns_may_be_called_copy_or_update(cli: Command, query: str) -> None:
    done = cli("sql", query)
    assert done.code == 0, done.err
