"""A fresh PostgreSQL that several programs open at once for the first time, each a process of its own."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy

from polygon_assets_tests.cluster.databases import Database, postgresql

_PROGRAM = (
    "import sys; from polygon_assets.orchestration.postgres_storage import PooledPostgresStorage as S; "
    "print('ready', flush=True); url = sys.stdin.readline().strip(); "
    "S(url).run_storage.get_runs(limit=1)"
)
_PROCESSES = 5


@pytest.fixture
def fresh() -> Iterator[Database]:
    """A database that nobody has opened."""
    with tempfile.TemporaryDirectory(prefix="polygon-cluster-") as folder:
        Path(folder).chmod(0o711)
        with postgresql(Path(folder)) as database:
            yield database


@pytest.mark.parametrize("_number", range(2))
def test_five_programs_at_once_on_a_fresh_database_all_work(fresh: Database, _number: int) -> None:
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", _PROGRAM]
    started = [subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) for _ in range(_PROCESSES)]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write(f"{fresh.url()}\n")
        process.stdin.flush()
    said = [process.communicate(timeout=120)[1] for process in started]
    assert [process.returncode for process in started] == [0] * _PROCESSES, said
    assert not any("Retrying" in text for text in said)
    engine = sqlalchemy.create_engine(fresh.url(), poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        assert connection.execute(sqlalchemy.text("SELECT count(*) FROM alembic_version")).scalar() == 1
