"""What ``sql`` writes, in each form; what lies at the name of its file is replaced or refused, and never followed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from polygon_assets_tests.cli.conftest import Command


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "store"
    folder.mkdir()
    monkeypatch.setenv("POLYGON_STORE", str(folder))
    return folder


@pytest.mark.usefixtures("store")
def test_a_planted_link_of_the_part_file_is_not_followed(cli: Command, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("precious")
    for name in (".out.csv.part", "out.csv.part"):
        (tmp_path / name).symlink_to(precious)
    assert cli("sql", "SELECT 1 AS n", "--output", str(tmp_path / "out.csv")).code == 0
    assert precious.read_text() == "precious"
    assert (tmp_path / "out.csv").read_text() == '"n"\n1\n'
    assert not (tmp_path / "out.csv").is_symlink()


@pytest.mark.usefixtures("store")
def test_a_guessed_name_of_the_part_file_is_not_followed(
    cli: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secrets.token_hex", lambda _: "guessed")
    planted, precious = tmp_path / ".polygon-assets-guessed.part", tmp_path / "precious"
    precious.write_text("precious")
    planted.symlink_to(precious)
    assert cli("sql", "SELECT 1 AS n", "--output", str(tmp_path / "out.csv")).code == 1
    assert precious.read_text() == "precious"
    assert planted.is_symlink()  # it is not this command's to remove
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.usefixtures("store")
def test_a_link_at_the_name_itself_is_replaced(cli: Command, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("precious")
    for target in (precious, tmp_path / "nowhere", tmp_path):
        output = tmp_path / "out.json"
        output.unlink(missing_ok=True)
        output.symlink_to(target)
        assert cli("sql", "SELECT 1 AS n", "--output", str(output)).code == 0
        assert not output.is_symlink()
    assert precious.read_text() == "precious"


@pytest.mark.usefixtures("store")
def test_what_is_no_file_is_not_replaced(cli: Command, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "folder.csv").mkdir()
    for name in ("pipe.csv", "folder.csv"):
        done = cli("sql", "SELECT 1", "--output", str(tmp_path / name))
        assert done.code == 2
        assert "is no plain file; name another with --output." in done.err
    assert (tmp_path / "pipe.csv").is_fifo()


def test_nothing_is_written_into_the_store(
    cli: Command, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = store / "stocks_daily" / "date=2024-01-03"
    day.mkdir(parents=True)
    (day / "data.parquet").write_bytes(b"stored")
    (tmp_path / "link").symlink_to(day)
    monkeypatch.chdir(day)
    places = (str(day / "data.parquet"), str(tmp_path / "link" / "x.parquet"), "x.parquet", "../../x.parquet")
    for place in (*places, str(tmp_path / "link" / ".." / "x.csv")):
        done = cli("sql", "SELECT 1", "--output", place)
        assert done.code == 2
        assert "lies in the store" in done.err
    assert [path.name for path in store.rglob("*") if path.is_file()] == ["data.parquet"]
    assert (day / "data.parquet").read_bytes() == b"stored"


@pytest.mark.usefixtures("store")
def test_links_that_lead_to_each_other_once_were_an_unexpected_error(cli: Command, tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to(tmp_path / "other")
    (tmp_path / "other").symlink_to(tmp_path / "one")
    done = cli("sql", "SELECT 1", "--output", str(tmp_path / "one" / "x.csv"))
    assert done.code == 2
    assert "name another with --output" in done.err


LISTS = "SELECT [1, 2] AS codes, {'a': 1} AS pair, NULL::INT[] AS none, INTERVAL 1 DAY AS span"


@pytest.mark.usefixtures("store")
def test_conditions_of_trades_could_not_be_had_as_csv(cli: Command, tmp_path: Path) -> None:
    done = cli("sql", LISTS, "--format", "csv")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[1].startswith('"[1, 2]","{""a"": 1}",,')
    assert cli("sql", f"{LISTS} WHERE false", "--format", "csv").out == '"codes","pair","none","span"\n'
    refused = cli("sql", LISTS, "--output", str(tmp_path / "a.parquet"))
    assert (refused.code, "Parquet cannot hold span" in refused.err) == (2, True)
    assert not (tmp_path / "a.parquet").exists()
    assert cli("sql", "SELECT [1, 2] AS codes", "--output", str(tmp_path / "a.parquet")).code == 0
    assert pq.read_table(tmp_path / "a.parquet").to_pylist() == [{"codes": [1, 2]}]


@pytest.mark.usefixtures("store")
def test_json_lost_columns_and_held_what_is_no_json(cli: Command, tmp_path: Path) -> None:
    for form in ("json", "parquet"):
        twice = cli("sql", "SELECT 1 AS a, 2 AS a", "--output", str(tmp_path / f"a.{form}"))
        assert (twice.code, f"Two columns are called 'a', of which {form} keeps one" in twice.err) == (2, True)
    query = "SELECT 'NaN'::DOUBLE AS a, 'inf'::DOUBLE AS b, ['-inf'::DOUBLE, 1] AS c, {'d': 'NaN'::DOUBLE} AS e"
    assert cli("sql", query, "--format", "json").json() == [{"a": None, "b": None, "c": [None, 1.0], "e": {"d": None}}]
    assert cli("sql", "SELECT 1 AS a, 2 AS a", "--format", "csv").out.splitlines()[1] == "1,2"


@pytest.mark.usefixtures("store")
def test_a_folder_that_is_not_there_is_named(cli: Command, tmp_path: Path) -> None:
    done = cli("sql", "SELECT 1 AS n", "--output", str(tmp_path / "none/a.csv"))
    assert (done.code, f"There is no folder {tmp_path / 'none'}; make it" in done.err) == (2, True)


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("query", ["-- a note\nSELECT 1 AS n", "--\nSELECT 1 AS n"])
def test_a_query_that_begins_with_a_comment_was_taken_for_an_option(cli: Command, query: str) -> None:
    assert cli("sql", query, "--format", "json").json() == [{"n": 1}]


@pytest.mark.slow
def test_ctrl_c_was_heard_at_the_end_of_the_query(store: Path) -> None:
    """Which took five minutes more, and then was called a fault of the program."""
    heavy = "SELECT count(*) FROM range(10000000) a(n) JOIN range(10000000) b(n) ON a.n * 7 % 1000 < b.n % 1000"
    command = [sys.executable, "-m", "polygon_assets.cli", "sql", heavy]
    environment = {**os.environ, "POLYGON_STORE": str(store)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        time.sleep(2)
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60) == ("", "")
        assert process.returncode == 130
    finally:
        process.kill()
