"""Who gets to see the small soaks: whoever asks for them, and CI."""

from pathlib import Path

import pytest

from polygon_assets_tests.session import is_asked_for, skip_suite

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what takes a minute, with the reason, unless it was asked for."""
    if not is_asked_for(config, _HERE):
        soaks = [item for item in items if item.name.startswith("test_a_small_soak_holds")]
        skip_suite(soaks, _HERE, "takes a minute: make soak, or make test ARGS=polygon_assets_tests/soak")
