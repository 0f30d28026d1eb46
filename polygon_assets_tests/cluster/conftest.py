"""One cluster for the whole suite, and who gets to see it."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from polygon_assets_tests.cluster.databases import postgresql, redis_server
from polygon_assets_tests.cluster.platform import Platform, platform
from polygon_assets_tests.cluster.programs import INSTALL, missing_programs
from polygon_assets_tests.cluster.vendor import Objects, objects
from polygon_assets_tests.everywhere import is_asked_for, skip_suite

_HERE = Path(__file__).parent


def _why_not(config: pytest.Config) -> str | None:
    if not is_asked_for(config, _HERE):
        return "takes minutes and several servers: make cluster"
    if missing := missing_programs():
        return f"{', '.join(missing)} not installed: {INSTALL} (Debian's packages)"
    return None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip the suite, with the reason, unless it was asked for and its programs are there."""
    if reason := _why_not(config):
        skip_suite(items, _HERE, reason)


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """A folder that servers of another user can pass through."""
    path = Path(tempfile.mkdtemp(prefix="polygon-cluster-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def s3() -> Iterator[Objects]:
    """The vendor's bucket and the store."""
    with objects() as both:
        yield both


@pytest.fixture(scope="session")
def cluster(folder: Path, s3: Objects) -> Iterator[Platform]:
    """PostgreSQL, Redis, nginx, webserver, daemon and two workers."""
    with postgresql(folder) as database, redis_server(folder) as broker:
        settings = {
            "DAGSTER_POSTGRES_URL": database.url(),
            "DAGSTER_CELERY_BROKER_URL": broker.redis_url(0),
            "DAGSTER_CELERY_BACKEND_URL": broker.redis_url(1),
            "WORKER_SLOTS": "2",
            **s3.settings(),
        }
        with platform(folder, database, broker, settings) as running:
            yield running
