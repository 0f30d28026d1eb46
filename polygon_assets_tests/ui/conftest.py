"""Who gets to see the suite, the platform behind the web interface, and a page to look at it."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from polygon_assets.datasets import DATASETS
from polygon_assets.download import S3Catalog
from polygon_assets.sample.local_s3 import last_sessions
from polygon_assets.serving.home import prepare_home
from polygon_assets_tests.platforms import Platform, open_platform
from polygon_assets_tests.project import ROOT
from polygon_assets_tests.servers.dagster_site import Site, dagster_site
from polygon_assets_tests.servers.seaweed import S3Server
from polygon_assets_tests.session import is_asked_for, skip_suite
from polygon_assets_tests.ui.browser import browser, keep, missing_parts, new_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_HERE = Path(__file__).parent
ARTIFACTS = ROOT / "artifacts" / "ui"
SESSIONS = 40
REBOUND = "rebound.example"
"""A name that means this machine to the browser, as it does after DNS rebinding."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip the suite, with the reason, unless it was asked for and its browser is there."""
    reason = missing_parts() if is_asked_for(config, _HERE) else "takes minutes and a browser: make ui"
    if reason:
        skip_suite(items, _HERE, reason)


@dataclass(frozen=True)
class Served:
    """A platform and its web interface."""

    platform: Platform
    site: Site
    days: list[str]
    """All partitions, oldest first; the last five are those that a sensor wants of an empty store."""


@contextmanager
def serving(s3_server: S3Server, folder: Path, datasets: str | None = None) -> Iterator[Served]:
    """An empty platform whose history starts some weeks ago, with the ``dagster.yaml`` of one machine.

    ``datasets`` is what POLYGON_DATASETS chooses.
    """
    bucket = f"flatfiles-{uuid.uuid4().hex[:12]}"
    s3_server.client().create_bucket(Bucket=bucket)
    days = last_sessions(S3Catalog(), DATASETS["stocks_daily"], SESSIONS)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("POLYGON_HISTORY_START", days[0])
        monkeypatch.setenv("DAGSTER_HOME", str(folder / "fresh"))
        if datasets:
            monkeypatch.setenv("POLYGON_DATASETS", datasets)
        fresh = prepare_home(folder / "fresh")
        with (
            open_platform(s3_server, bucket, folder, fresh, monkeypatch) as platform,
            dagster_site(folder / "home", location="polygon_assets_tests.servers.quick_location") as site,
        ):
            yield Served(platform, site, days)


@pytest.fixture(scope="module")
def served(s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A platform with the datasets that are chosen by default."""
    with serving(s3_server, tmp_path_factory.mktemp("ui")) as running:
        yield running


@pytest.fixture(scope="module")
def chromium() -> "Iterator[Browser]":
    """One browser for all tests."""
    with browser(f"--host-resolver-rules=MAP {REBOUND} 127.0.0.1") as running:
        yield running


@pytest.fixture
def page(chromium: "Browser", served: Served, request: pytest.FixtureRequest) -> "Iterator[Page]":
    """A page on the web interface; what it showed last is kept."""
    with new_page(chromium, served.site.url) as opened:
        yield opened
        keep(opened, ARTIFACTS / f"{request.node.name}.png")
