"""What the scorecard says of its own tests, so that a row cannot look better than it is."""

import pytest

from polygon_assets_tests.faults.scorecard import CLUSTER, FAULTS, PARTS, Evidence


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (Evidence(), "not run"),
        (Evidence(skipped=1), "skipped"),
        (Evidence(passed=2), "held (2)"),
        (Evidence(passed=2, skipped=1), "held (2, 1 skipped)"),
        (Evidence(passed=2, failed=1, skipped=1), "FAILED (1 of 3)"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_a_skipped_test_of_a_row_was_once_not_said(evidence: Evidence, verdict: str) -> None:
    assert evidence.verdict == verdict


def test_the_cluster_is_searched_for_secrets_where_its_programs_are() -> None:
    """Its suite runs where it is named; ``make faults`` named its parent, and skipped its only test of a row."""
    assert [str(CLUSTER)] in PARTS
    (rest,) = (part for part in PARTS if str(FAULTS.parent) in part)
    assert f"--ignore={CLUSTER}" in rest
    assert CLUSTER.is_dir()
