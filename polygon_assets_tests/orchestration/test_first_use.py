"""A fresh Dagster home that several programs use at once for the first time, each a process of its own."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from polygon_assets.errors import BrokenHistoryError
from polygon_assets.serving.home import local_configuration, prepare_home

pytestmark = pytest.mark.slow
_BARRIER = "import sys; print('ready', flush=True); sys.stdin.readline(); "
_OURS = "import polygon_assets.serving.home as h; {barrier}\nwith h.open_instance() as i: i.get_run_records(limit=1)"
_BY_HAND = (
    "import os, dagster as dg, polygon_assets.orchestration.sqlite_storage; {barrier}\n"
    "with dg.DagsterInstance.from_config(os.environ['DAGSTER_HOME']) as i: i.get_asset_keys(limit=1)"
)
_HOMES = 2
_PROCESSES = 4


def _at_once(home: Path, program: str) -> list[str]:
    """Run ``program`` in several processes that begin together; what each that failed said."""
    environment = {**os.environ, "DAGSTER_HOME": str(home)}
    command = [sys.executable, "-c", program.format(barrier=_BARRIER)]
    pipe = subprocess.PIPE
    started = [
        subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        for _ in range(_PROCESSES)
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=120)[1] for process in started]
    return [text for process, text in zip(started, said, strict=True) if process.returncode]


def _versions(home: Path) -> dict[str, int]:
    """How many schema versions each database claims to have."""
    found = {}
    for name in ("history/runs.db", "history/runs/index.db", "schedules/schedules.db"):
        connection = sqlite3.connect(home / name)
        (found[name],) = connection.execute("SELECT count(*) FROM alembic_version").fetchone()
        connection.close()
    return found


@pytest.mark.parametrize("number", range(_HOMES))
def test_four_commands_at_once_on_a_fresh_home_all_work(tmp_path: Path, number: int) -> None:
    """Six of eight homes were broken for good: "more than one head present"."""
    home = tmp_path / f"home-{number}"
    assert _at_once(home, _OURS) == []
    assert set(_versions(home).values()) == {1}
    assert (home / "dagster.yaml").read_text() == local_configuration().read_text()


@pytest.mark.parametrize("number", range(_HOMES))
def test_dagsters_own_commands_started_by_hand_at_once_all_work(tmp_path: Path, number: int) -> None:
    home = tmp_path / f"home-{number}"
    home.mkdir()
    (home / "dagster.yaml").write_text(local_configuration().read_text())
    assert _at_once(home, _BY_HAND) == []
    assert set(_versions(home).values()) == {1}


def test_a_home_that_is_broken_already_names_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    prepare_home(home)
    with sqlite3.connect(home / "history/runs.db") as connection:
        connection.execute("INSERT INTO alembic_version VALUES ('7e2f3204cf8e')")
    connection.close()
    with pytest.raises(BrokenHistoryError, match=f"move {home}/history and {home}/schedules away"):
        prepare_home(home)
    for name in ("history", "schedules"):
        (home / name).rename(tmp_path / name)
    with dg.DagsterInstance.from_config(str(prepare_home(home))) as instance:
        assert instance.get_run_records(limit=1) == []
