"""A fresh Dagster home that several programs use at once for the first time, each a process of its own."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import dagster as dg
import pytest

from polygon_assets.errors import BrokenHistoryError
from polygon_assets.serving.home import local_configuration, prepare_home

pytestmark = pytest.mark.slow
_OURS = (
    "import polygon_assets.serving.home as h",
    "with h.open_instance() as i: i.get_run_records(limit=1)",
)
_BY_HAND = (
    "import dagster as dg, polygon_assets.orchestration.sqlite_storage",
    "with dg.DagsterInstance.from_config(os.environ['DAGSTER_HOME']) as i: i.get_asset_keys(limit=1)",
)
_HOMES = 2
_PROCESSES = 4
_AT_ONCE = """
import os, sys, traceback
{imports}
failed = 0
os.environ["DAGSTER_HOME"], *homes = sys.argv[1:]
{work}  # imports the rest
for home in homes:
    os.environ["DAGSTER_HOME"] = home
    begin, barrier = os.pipe()
    children = []
    for _ in range({processes}):
        children.append(os.fork())
        if not children[-1]:
            os.close(barrier)
            os.read(begin, 1)  # until the other end is closed: all begin at the same moment
            try:
                {work}
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
    os.close(barrier)
    failed += sum(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0 for child in children)
    os.close(begin)
sys.exit(failed)
"""


def _at_once(homes: Sequence[Path], program: tuple[str, str]) -> tuple[int, str]:
    """Import once, and do the work on each home in several processes that begin together; how many failed, and why.

    The second part of ``program`` is the work.
    """
    imports, work = program
    beside = homes[0].parent / "home-of-its-own"
    beside.mkdir()
    shutil.copyfile(local_configuration(), beside / "dagster.yaml")
    text = _AT_ONCE.format(imports=imports, work=work, processes=_PROCESSES)
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", text, str(beside), *map(str, homes)],
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    return done.returncode, done.stderr


def _versions(home: Path) -> dict[str, int]:
    """How many schema versions each database claims to have."""
    found = {}
    for name in ("history/runs.db", "history/runs/index.db", "schedules/schedules.db"):
        connection = sqlite3.connect(home / name)
        (found[name],) = connection.execute("SELECT count(*) FROM alembic_version").fetchone()
        connection.close()
    return found


def test_four_commands_at_once_on_a_fresh_home_all_work(tmp_path: Path) -> None:
    """Six of eight homes were broken for good: "more than one head present"."""
    homes = [tmp_path / f"home-{number}" for number in range(_HOMES)]
    assert _at_once(homes, _OURS) == (0, "")
    for home in homes:
        assert set(_versions(home).values()) == {1}
        assert (home / "dagster.yaml").read_text() == local_configuration().read_text()


def test_dagsters_own_commands_started_by_hand_at_once_all_work(tmp_path: Path) -> None:
    homes = [tmp_path / f"home-{number}" for number in range(_HOMES)]
    for home in homes:
        home.mkdir()
        (home / "dagster.yaml").write_text(local_configuration().read_text())
    assert _at_once(homes, _BY_HAND) == (0, "")
    for home in homes:
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
