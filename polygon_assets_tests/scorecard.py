"""What the tests saw, for the scorecard of ``docs/reliability.md``.

    @pytest.mark.scorecard(27)
    def test_killed(seen: Seen) -> None:
        ...
        seen("20 of 20 kills left no visible file")

The fixture is there for every test. What is said must not change from run to run: it ends up in a committed document.
"""

from collections.abc import Callable

import pytest

from polygon_assets_tests.faults.rows import PROPERTY

Seen = Callable[[str], None]


@pytest.fixture
def seen(request: pytest.FixtureRequest) -> Seen:
    """Record what was observed for the row that the test's marker names."""

    def record(observation: str) -> None:
        request.node.user_properties.append((PROPERTY, observation))

    return record
