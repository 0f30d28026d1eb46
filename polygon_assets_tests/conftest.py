"""Fixtures that several rooms share: one S3 server for the whole run, one bucket for each test."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from polygon_assets_tests.servers.seaweed import S3Server, shared_seaweed

pytest_plugins = [
    "polygon_assets_tests.session",
    "polygon_assets_tests.once",
    "polygon_assets_tests.scorecard",
    "polygon_assets_tests.stores",
    "polygon_assets_tests.vendor",
    "polygon_assets_tests.platforms",
    "polygon_assets_tests.small_disk",
]


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker by which a test says which row of the fault scorecard it shows."""
    config.addinivalue_line("markers", "scorecard(row): the row of docs/reliability.md that the test shows")


@pytest.fixture(scope="session")
def s3_server(shared_folder: Path) -> Iterator[S3Server]:
    """A real S3 server that checks signatures, the same for all workers."""
    with shared_seaweed(shared_folder / "s3") as server:
        yield server


@pytest.fixture
def bucket(s3_server: S3Server) -> str:
    """A fresh, empty bucket."""
    name = f"flatfiles-{uuid.uuid4().hex[:12]}"
    s3_server.client().create_bucket(Bucket=name)
    return name
