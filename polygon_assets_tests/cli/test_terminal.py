"""What is printed cannot steer a terminal, and data in a pipe stays what it is."""

import ast
import io
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from polygon_assets.cli import console
from polygon_assets.cli.work.ingest import bar
from polygon_assets.errors import InvalidInputError
from polygon_assets_tests.cli.conftest import Command, Platform
from polygon_assets_tests.project import ROOT

HOSTILE = "A\x1b[2J\x1b]0;owned\x07\x9b31m\x7f\u202e[red]B[/red][/] :smile: \\[x]"
SHOWN = "A␛[2J␛]0;owned�31m␡�[red]B[/red][/] :smile: \\[x]"
QUERY = f"""SELECT '{HOSTILE}' AS "{HOSTILE}", 1 AS n"""
STEERING = (b"\x1b[2J", b"\x1b]0", b"\x07", b"\x7f", "\x9b".encode(), "\u202e".encode())


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "store"
    folder.mkdir()
    monkeypatch.setenv("POLYGON_STORE", str(folder))
    return folder


def on_a_terminal(*arguments: str) -> bytes:
    """What ``polygon-assets`` sends to a terminal, of both its streams."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "polygon_assets.cli", *arguments]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "200"}
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, cwd=ROOT) as process:
        os.close(theirs)
        sent = b""
        try:
            while part := os.read(ours, 65536):
                sent += part
        except OSError:  # the other end is closed
            pass
        process.wait()
    os.close(ours)
    return sent


@pytest.mark.slow
@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_escape_sequences_of_tickers_and_columns_are_not_sent_to_a_terminal(form: str) -> None:
    sent = on_a_terminal("sql", QUERY, "--format", form)
    assert b"owned" in sent
    assert b"[red]B[/red][/] :smile:" in sent
    assert [each for each in STEERING if each in sent] == []


@pytest.mark.slow
@pytest.mark.usefixtures("store")
def test_escape_sequences_of_errors_are_not_sent_to_a_terminal() -> None:
    for template in ("SELECT '{}'::INT", 'SELECT "{}" FROM stocks_daily', 'FROM "{}"'):
        sent = on_a_terminal("sql", template.replace("{}", HOSTILE))
        assert b"error:" in sent
        assert b"owned" in sent
        assert [each for each in STEERING if each in sent] == []


@pytest.mark.usefixtures("store")
def test_data_in_a_pipe_stays_what_it_is(cli: Command) -> None:
    assert cli("sql", QUERY, "--format", "json").json() == [{HOSTILE: HOSTILE, "n": 1}]
    assert cli("sql", QUERY, "--format", "csv").out == f'"{HOSTILE}","n"\n"{HOSTILE}",1\n'


@pytest.mark.parametrize(
    "show",
    [
        console.fail,
        console.warn,
        console.messages.print,
        lambda text: console.messages.print(_table(text)),
    ],
)
def test_every_way_to_print_shows_control_characters_and_markup_as_they_are(
    show: Callable[[str], None], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console.messages, "_width", 200)
    show(HOSTILE)
    assert SHOWN in capsys.readouterr().err.replace("␇", "")  # rich drops the bell


def _table(text: str) -> object:
    made = console.table(text, text)
    made.add_row(console.visible(text))
    return made


def test_no_command_prints_with_markup() -> None:
    """Consoles print texts as they are: an escaped one would show its backslashes."""
    for path in (ROOT / "polygon_assets").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            assert not (isinstance(node, ast.ImportFrom) and node.module == "rich.markup"), path
            assert not (isinstance(node, ast.Attribute) and node.attr == "from_markup"), path


def test_error_texts_of_the_library_stay_what_they_are() -> None:
    assert str(InvalidInputError(HOSTILE)) == HOSTILE


@pytest.mark.parametrize("dataset", ["stocks_daily", "futures_comex_minute"])
def test_the_bar_of_an_ingest_broke_into_two_lines_at_80_columns(dataset: str) -> None:
    shown = bar()
    shown.add_task(dataset, total=504, completed=249, note="2025-11-19", received=21_500_000)
    screen = Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
    screen.print(shown.get_renderable())
    assert isinstance(screen.file, io.StringIO)
    (line,) = screen.file.getvalue().splitlines()
    assert "249/504 21.5 MB" in line
    assert "/s" in line
    assert line.rstrip().endswith("2025-11-19")


@pytest.mark.slow
def test_a_terminal_shows_what_is_waited_for_before_and_after_the_days(platform: Platform) -> None:
    """``ingest --last 504`` was silent for five seconds before its bar, and for ten after it; ``record`` for five."""
    platform.publish("stocks_daily", ["2024-01-03"])
    sent = on_a_terminal("ingest", "stocks_daily", "--start", "2024-01-03")
    assert b"1 published" in sent
    assert sent.index(b"Opening Dagster's history") < sent.index(b"stocks_daily") < sent.index(b"telling Dagster")
    assert b"Starting" in on_a_terminal("record", "stocks_daily")
    made = on_a_terminal("rollup", "stocks_daily")
    assert made.index(b"1 day, ") < made.index(b"Telling Dagster"), "silent for three seconds"
