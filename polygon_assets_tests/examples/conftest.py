"""The example's code on the path, and a platform to build on."""

import pytest

from polygon_assets_tests.platforms import fresh_home, platform
from polygon_assets_tests.project import ROOT

__all__ = ["fresh_home", "platform"]


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Dagster's working_directory does."""
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
