"""One cluster for the whole suite, ended with it, and who gets to see it."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from polygon_assets_tests.cluster.databases import postgresql, redis_server
from polygon_assets_tests.cluster.platform import Platform, platform
from polygon_assets_tests.cluster.programs import INSTALL, missing_programs
from polygon_assets_tests.cluster.vendor import Objects, objects
from polygon_assets_tests.session import is_asked_for, skip_suite

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip the suite, with the reason, unless it was asked for and its programs are there."""
    if not is_asked_for(config, _HERE):
        skip_suite(items, _HERE, "takes minutes and several servers: make cluster")
    elif missing := missing_programs():
        skip_suite(items, _HERE, f"{', '.join(missing)} not installed: {INSTALL} (Debian's packages)")


@pytest.fixture(scope="package")
def folder() -> Iterator[Path]:
    """A folder that servers of another user can pass through."""
    path = Path(tempfile.mkdtemp(prefix="polygon-cluster-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="package")
def s3() -> Iterator[Objects]:
    """The vendor's bucket and the store."""
    with objects() as both:
        yield both


@pytest.fixture(scope="package")
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
