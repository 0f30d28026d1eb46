"""``sql --output``: what lies at a name is replaced or refused, and never followed."""

import os
from pathlib import Path

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
