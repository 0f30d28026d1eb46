"""Dagster's home: the folder with its configuration and history, made ready by one process before others open it.

Belongs here: where it is and what stands in it. Does not: what is stored in it.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from polygon_assets.errors import ConfigurationMissingError
from polygon_assets.orchestration.assets.roll_up_assets import ROLL_UP_POOL
from polygon_assets.orchestration.home_lock import alone
from polygon_assets.orchestration.scope import DEFAULT_POOL
from polygon_assets.settings import dagster_home

_PACKAGE = Path(__file__).resolve().parent.parent
_CONFIGURATIONS = (_PACKAGE.parent / "deploy/local/dagster.yaml", _PACKAGE / "deploy/local/dagster.yaml")


def local_configuration() -> Path:
    """The ``dagster.yaml`` for one machine: in the checkout, or in the installed package.

    Raises:
        ConfigurationMissingError: it is in neither.
    """
    for path in _CONFIGURATIONS:
        if path.exists():
            return path
    raise ConfigurationMissingError(f"{_CONFIGURATIONS[0]} is missing; reinstall, or check out the file again.")


def prepare_home(home: Path) -> Path:
    """Make ``home`` ready: folder, configuration (one that is there stays) and the database's schema.

    Two processes that open a fresh home at once break its migrations, so one does at a time, and servers start later.
    """
    with alone(home / ".preparing.lock"):
        _prepare(home)
    return home


def _prepare(home: Path) -> None:
    if not (home / "dagster.yaml").exists():
        part = home / ".dagster.yaml.part"  # half of one, from a full disk, would be taken for the user's own
        shutil.copyfile(local_configuration(), part)
        part.replace(home / "dagster.yaml")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        instance.get_run_records(limit=1)
        instance.get_asset_keys(limit=1)
        # The queue learns of a pool from the first runs that it lets pass; this one's limit holds for them, too.
        storage = instance.event_log_storage
        storage.initialize_concurrency_limit_to_default(DEFAULT_POOL)
        if ROLL_UP_POOL not in {pool.name for pool in storage.get_pool_limits()}:  # else the user may have changed it
            storage.set_concurrency_slots(ROLL_UP_POOL, 1)


@contextmanager
def open_instance() -> Iterator[dg.DagsterInstance]:
    """The instance of ``settings.dagster_home()``, made ready first."""
    with dg.DagsterInstance.from_config(str(prepare_home(dagster_home()))) as instance:
        yield instance
