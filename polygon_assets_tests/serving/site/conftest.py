"""One site for all of this folder: code server, webserver and daemon on a user's machine."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from polygon_assets_tests.platforms import Platform, platform_of_a_user
from polygon_assets_tests.servers.dagster_site import Site, dagster_site
from polygon_assets_tests.servers.seaweed import S3Server

WEBHOOK = "http://127.0.0.1:1/canary-of-the-webhook"


class Served(NamedTuple):
    """A platform, and where it is served."""

    platform: Platform
    site: Site


@pytest.fixture(scope="package")
def served(s3_server: S3Server, fresh_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """With a webhook, so that every resource is there; each test has datasets and days of its own."""
    folder = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patch, platform_of_a_user(s3_server, folder, fresh_home, patch) as platform:
        patch.setenv("POLYGON_WEBHOOK_URL", WEBHOOK)
        with dagster_site(folder / "home") as site:
            yield Served(platform, site)
