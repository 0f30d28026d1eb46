"""Each error that a newcomer makes is one line with its remedy, and an exit code."""

import errno
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from polygon_assets import wording
from polygon_assets.cli import reaching
from polygon_assets.cli.app import explain
from polygon_assets.errors import PortTakenError
from polygon_assets.ingest import ParquetStore
from polygon_assets.serving.home import local_configuration
from polygon_assets.store import s3_folder
from polygon_assets_tests.cli.conftest import Command, Outcome, Platform
from polygon_assets_tests.servers.seaweed import free_ports

DAY = "2024-01-02"


def one_line(outcome: Outcome) -> str:
    """The error's only line."""
    assert len(outcome.err.splitlines()) == 1, outcome.err
    assert outcome.err.startswith("error: ")
    return outcome.err


def test_no_keys(platform: Platform, cli: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POLYGON_SECRET_ACCESS_KEY")
    for arguments in (("ingest", "stocks_daily", "--last", "1"), ("ls", "stocks_daily"), ("dev",)):
        done = cli(*arguments)
        assert done.code == 2
        assert "Set POLYGON_ACCESS_KEY_ID and POLYGON_SECRET_ACCESS_KEY" in one_line(done)
        assert "polygon-assets demo" in done.err
    assert not platform.store.exists()


@pytest.mark.parametrize("variable", ["POLYGON_ACCESS_KEY_ID", "POLYGON_SECRET_ACCESS_KEY"])
def test_wrong_keys(platform: Platform, cli: Command, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    platform.publish("stocks_daily", [DAY])
    monkeypatch.setenv(variable, "wrong-canary")
    done = cli("ingest", "stocks_daily", "--start", "2024-01-02", "--end", "2024-12-31")
    assert done.code == 1
    assert "Copy POLYGON_ACCESS_KEY_ID and POLYGON_SECRET_ACCESS_KEY again" in one_line(done)
    assert "canary" not in done.err


@pytest.mark.slow
def test_a_command_that_is_on_no_path_is_named_as_it_was_called(tmp_path: Path) -> None:
    """``For a start: polygon-assets ingest …`` was not found, where only ``.venv/bin/polygon-assets`` was."""
    called = f"{Path(sys.executable).parent}/polygon-assets"
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    for arguments, said in (
        (["status"], f"For a start: {called} ingest stocks_daily --last 5\n"),
        (["ls", "stocks_daily"], f"To look around without a subscription: {called} demo.\n"),
        (["ls"], f"See: {called} ls --help\n"),
    ):
        done = subprocess.run(
            [called, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.stderr.endswith(said)
    environment["PATH"] += f":{Path(sys.executable).parent}"
    done = subprocess.run(
        [called, "status"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.stderr.endswith("For a start: polygon-assets ingest stocks_daily --last 5\n")


def test_outside_a_clone_nothing_says_make(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert wording.how_to_install("sql") == "make install"
    assert "make: PORT=3001" in str(PortTakenError(3000))
    monkeypatch.setattr(wording, "__file__", str(tmp_path / "site-packages/polygon_assets/wording.py"))
    assert wording.how_to_install("sql") == "pip install 'polygon-assets[sql]'"
    assert "make" not in str(PortTakenError(3000))


@pytest.mark.usefixtures("platform")
def test_no_such_dataset(cli: Command) -> None:
    for command in ("ingest", "ls", "status", "verify", "record"):
        done = cli(command, "stock_daily")
        assert done.code == 2
        assert one_line(done) == "error: There is no dataset 'stock_daily'. Did you mean 'stocks_daily'?\n"
    assert "'stock'. Did you mean 'stocks_daily'?" in cli("status", "stock").err
    assert "'futures_cme'. Did you mean 'futures_cme_daily'?" in cli("status", "futures_cme").err
    assert "'bonds'. There are: stocks_daily, " in cli("status", "bonds").err


@pytest.mark.slow
@pytest.mark.parametrize(
    "command", [("status",), ("record", "stocks_daily"), ("sql", "FROM stocks_daily")], ids=" ".join
)
def test_a_store_whose_bucket_does_not_answer_was_silent_for_a_minute(
    cli: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: tuple[str, ...]
) -> None:
    endpoint = f"http://127.0.0.1:{free_ports(1)[0]}"
    monkeypatch.setenv("POLYGON_STORE", "s3://bucket/x")
    monkeypatch.setenv("POLYGON_STORE_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("POLYGON_STORE_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("POLYGON_STORE_SECRET_ACCESS_KEY", "canary")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(reaching, "PATIENCE", 0.0)
    monkeypatch.setattr(s3_folder, "_ATTEMPTS", 1_000)  # nothing but the quick question may be asked
    done = cli(*command)
    assert done.code == 1
    note, error = done.err.splitlines()
    assert note.startswith("note: s3://bucket/x has not answered yet; it is asked again. Where it is: POLYGON_STORE, ")
    assert error.startswith("error: s3://bucket/x: the store does not answer: Could not connect to the endpoint URL")
    assert "canary" not in done.err


@pytest.mark.usefixtures("platform")
def test_no_network(cli: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYGON_MAX_RETRIES", "0")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setenv("POLYGON_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    for arguments in (("ingest", "stocks_daily", "--last", "9"), ("ls", "stocks_daily"), ("verify", "--remote")):
        done = cli(*arguments)
        assert done.code == 1
        assert f"http://127.0.0.1:{port}" in one_line(done)
        assert "The service or the network failed" in done.err
        assert done.err.endswith("What can be reached from here: polygon-assets doctor\n")


@pytest.mark.usefixtures("platform")
def test_a_taken_port(cli: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for command in ("dev", "demo"):
            done = cli(command, "--port", port)
            assert done.code == 1
            assert f"Port {port} of 127.0.0.1 is in use: stop that program, or choose another" in one_line(done)


@pytest.mark.usefixtures("platform")
@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("POLYGON_TIMEOUT", "soon", "POLYGON_TIMEOUT: must be a whole number"),
        ("POLYGON_HISTORY_START", "2024-02-30", "Invalid date: '2024-02-30'"),
        ("POLYGON_ENDPOINT_URL", "http://files.example.com", "POLYGON_ENDPOINT_URL: must be https"),
        (
            "POLYGON_STORE",
            "gs://bucket",
            "POLYGON_STORE: 'gs://bucket' is no place that is known: a store is a folder, or",
        ),
    ],
)
def test_settings_that_is_invalid(
    cli: Command, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str
) -> None:
    monkeypatch.setenv(variable, value)
    done = cli("ls", "stocks_daily", "--month", "2024-01")
    assert done.code == 2
    assert message in one_line(done)


def test_a_full_disk(platform: Platform, cli: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file system of a test's own can be made full without root, so the last step reports what it would."""
    platform.publish("stocks_daily", [DAY])

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(platform.store))

    monkeypatch.setattr(ParquetStore, "publish", full)
    done = cli("ingest", "stocks_daily", "--start", DAY)
    assert done.code == 1
    assert "No space left on device" in done.err
    assert "Free space, then try again" in done.err


def test_a_store_in_a_file(platform: Platform, cli: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    platform.publish("stocks_daily", [DAY])
    (tmp_path / "file").touch()
    monkeypatch.setenv("POLYGON_STORE", str(tmp_path / "file"))
    done = cli("ingest", "stocks_daily", "--start", DAY)
    assert done.code == 2
    assert f"The store has to be a folder: {tmp_path / 'file'} is a file. Set POLYGON_STORE" in one_line(done)


def test_a_home_on_a_full_disk(platform: Platform, cli: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was begun there is not taken for the user's own configuration by the next command."""
    home = Path(os.environ["DAGSTER_HOME"]).with_name("another")
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    platform.publish("stocks_daily", [DAY])

    def full(_: Path, target: Path) -> None:
        target.write_text("telem")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))

    with monkeypatch.context() as filled:
        filled.setattr(shutil, "copyfile", full)
        done = cli("ingest", "stocks_daily", "--start", DAY)
    assert done.code == 1
    assert "error: The disk is full: [Errno 28]" in one_line(done)
    assert not (home / "dagster.yaml").exists()
    assert cli("ingest", "stocks_daily", "--start", DAY).code == 0
    assert (home / "dagster.yaml").read_text() == local_configuration().read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("ingest",), "Missing argument 'DATASET'. See: polygon-assets ingest --help"),
        (("ingest", "stocks_daily", "--last", "0"), "Invalid value for '--last': it has to be at least 1. See: "),
        (("ingest", "stocks_daily", "--last", "x"), "Invalid value for '--last': it has to be a whole number. See: "),
        (("ingest", "stocks_daily", "--last", "1.5"), "Invalid value for '--last': it has to be a whole number. See: "),
        (("dev", "--port", "99999"), "Invalid value for '--port': it has to be at most 65535. See: "),
        (("sql", "SELECT 1", "--format", "xls"), "Invalid value for '--format': 'xls' is not one of 'table', 'csv'"),
        (("stauts",), "No such command 'stauts'."),
        (("--bogus",), "No such option: --bogus"),
        (
            ("reference", "splits", "more"),
            "Got unexpected extra argument(s) (more). See: polygon-assets reference --help",
        ),
    ],
)
def test_a_call_that_is_invalid_is_told_in_plain_words(cli: Command, arguments: tuple[str, ...], message: str) -> None:
    done = cli(*arguments)
    assert done.code == 2
    assert message in one_line(done)
    assert done.err.endswith(" --help\n")


@pytest.mark.usefixtures("platform")
@pytest.mark.parametrize(
    ("day", "message"),
    [
        ("2024-13-01", "Invalid date: '2024-13-01'; a date is YYYY-MM-DD and exists"),
        ("2024-02-30", "Invalid date: '2024-02-30'; a date is YYYY-MM-DD and exists"),
        ("01/02/2024", "Invalid date: '01/02/2024'; a date is YYYY-MM-DD and exists"),
        ("2024-01-06", "2024-01-06 is not a trading day of XNYS: the exchange was closed. Ask for a session"),
        ("1999-01-04", "1999-01-04 is outside the trading calendar, which answers from 2003-01-01"),
        ("2003-01-02", "stocks_daily begins on 2003-09-10; 2003-01-02 lies before it"),
    ],
)
def test_a_wrong_date(cli: Command, day: str, message: str) -> None:
    done = cli("ingest", "stocks_daily", "--start", day)
    assert done.code == 2
    assert message in one_line(done)


def test_a_home_that_says_nonsense(platform: Platform, cli: Command) -> None:
    home = Path(os.environ["DAGSTER_HOME"])
    (home / "dagster.yaml").write_text("run_queue: {max: -1}\n")
    platform.publish("stocks_daily", [DAY])
    done = cli("ingest", "stocks_daily", "--start", DAY)
    assert done.code == 1
    assert "Check dagster.yaml in DAGSTER_HOME" in one_line(done)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "The disk is full: [Errno 28] No space left on device."),
        (sqlite3.OperationalError("database or disk is full"), "The disk of DAGSTER_HOME, "),
        (RuntimeError("database is full [SQL: CREATE TABLE t]"), "unexpected RuntimeError: database is full. A fault"),
        (PermissionError(errno.EACCES, "Permission denied", "/data"), "Not permitted: [Errno 13] Permission denied"),
        (KeyError("x"), "unexpected KeyError: 'x'. A fault of this program, not yours: run the command again with"),
    ],
)
def test_errors_of_others(error: Exception, message: str) -> None:
    line, code = explain(error)
    assert line.startswith(message)
    assert code == 1


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["--debug", "status", "bonds"], ["status", "bonds", "--debug"]])
def test_a_traceback_only_on_request(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "polygon_assets.cli"]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "Traceback" in done.stderr
    assert "InvalidInputError" in done.stderr


HEAVY = ("dagster", "pyarrow", "pandas", "botocore", "numpy")


def heavy_imports(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a command that prints, at its end, which of the heavy packages it has imported."""
    program = (
        f"import sys, atexit; sys.argv = ['polygon-assets', *{arguments!r}]\n"
        f"atexit.register(lambda: print([name for name in {HEAVY!r} if name in sys.modules]))\n"
        "from polygon_assets.cli import main; main()"
    )
    return subprocess.run(
        [sys.executable, "-c", program], env=os.environ | environment, capture_output=True, text=True, check=False,
        timeout=60,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["--help"], ["ingest", "--help"], ["ingest", "bonds", "--last", "1"]])
def test_help_and_mistakes_are_answered_before_anything_heavy_is_imported(arguments: list[str]) -> None:
    assert heavy_imports(*arguments).stdout.splitlines()[-1] == "[]"


@pytest.mark.slow
@pytest.mark.parametrize("command", ["dev", "demo"])
def test_a_taken_port_is_found_before_anything_heavy_is_imported(command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = heavy_imports(command, "--port", port, POLYGON_ACCESS_KEY_ID="id", POLYGON_SECRET_ACCESS_KEY="key")
    assert done.stdout.splitlines()[-1] == "[]"
    assert done.stderr == (
        f"error: Port {port} of 127.0.0.1 is in use: stop that program, or choose another with --port "
        "(make: PORT=3001).\n"
    )


def test_help_reads_well(cli: Command) -> None:
    done = cli("--help")
    assert done.code == 0
    for code in (
        "0 done",
        "1 something failed",
        "2 the call is invalid",
        "130 interrupted",
        "141 nobody reads",
        "143 terminated",
    ):
        assert code in " ".join(done.out.split())
    for command in ("dev", "demo", "doctor", "ingest", "status", "ls", "verify", "sql", "record"):
        shown = cli(command, "--help")
        assert shown.code == 0
        assert "Usage: polygon-assets" in shown.out
        assert not re.search(r"<\w+>|\{\w+\}|data type", shown.out), shown.out
    assert "Usage: polygon-assets ingest [OPTIONS] DATASET... " in cli("ingest", "--help").out
    assert "Usage: polygon-assets status [OPTIONS] [DATASET]... " in cli("status", "--help").out


def test_called_bare_it_prints_help(cli: Command) -> None:
    done = cli()
    assert (done.code, done.err) == (0, "")
    assert done.out.strip() == cli("--help").out.strip()


@pytest.mark.parametrize(("imported", "left"), [("gc", True), ("duckdb", False)])
def test_the_prompt_once_came_two_seconds_after_the_last_line(imported: str, left: bool) -> None:
    """Python's last collection went through all objects of Dagster, which nobody needs any more."""
    script = (
        f"import atexit, gc, sys, {imported}; before = gc.get_freeze_count(); "  # Python 3.12 begins with some
        "atexit.register(lambda: print('left alone:', gc.get_freeze_count() > before)); "
        "sys.argv[1:] = ['--version']; from polygon_assets.cli.app import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert f"left alone: {left}" in done.stdout
    assert done.stderr == "", "DuckDB calls leaked what is not collected"


def test_it_knows_its_version(cli: Command) -> None:
    done = cli("--version")
    assert (done.code, done.out) == (0, f"polygon-assets {version('polygon-assets')}\n")


@pytest.mark.slow
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_data_types(shell: str) -> None:
    words = {"COMP_WORDS": "polygon-assets status stocks", "COMP_CWORD": "2"}
    words |= {"_TYPER_COMPLETE_ARGS": "polygon-assets status stocks", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    environment = os.environ | words | {"_POLYGON_ASSETS_COMPLETE": f"complete_{shell}"}
    script = Path(sys.executable).with_name("polygon-assets")
    done = subprocess.run([script], env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert "stocks_daily" in done.stdout
    assert "options_daily" not in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [("status",), ("sql", "SELECT range n FROM range(300000)", "--format", "csv")],
    ids=lambda command: command[0],
)
def test_a_reader_that_had_enough_once_was_a_failure(platform: Platform, command: tuple[str, ...]) -> None:
    """``… | head -1`` ended with 1 under pipefail, as if something had failed."""
    platform.store.mkdir()
    program = [sys.executable, "-m", "polygon_assets.cli", *command]
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as output:
        done = subprocess.run(program, stdout=output, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (141, "")
