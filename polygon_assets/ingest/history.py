"""Is a day's number of rows like that of its neighbours? Reads footers only.

Belongs here: the comparison with stored days. Does not: rules about a day's own rows (``quality``).
"""

import statistics
from bisect import bisect_left
from dataclasses import dataclass

from polygon_assets.errors import InvalidInputError, StoreError
from polygon_assets.ingest.store import ParquetStore
from polygon_assets.trading_calendar import parse_date

NEIGHBOURS = 20
FEWEST_NEIGHBOURS = 5
LOWEST_RATIO = 0.5
"""Half days have some 0.6 of the minutes of whole ones."""
HIGHEST_RATIO = 2.0


@dataclass(frozen=True)
class RowCountVerdict:
    """How a stored day's number of rows compares."""

    passed: bool
    rows: int
    median: float | None
    """Median of the neighbours; None where there are too few to tell."""
    neighbours: int
    """How many earlier stored days it was compared with."""
    reason: str
    """The verdict in words."""


def row_count_verdict(store: ParquetStore, dataset: str, day: str) -> RowCountVerdict:
    """Compare the rows of the stored ``day`` with the median of up to 20 nearest earlier stored days.

    It passes between 0.5 and 2 times the median, inclusive; with fewer than five neighbours it passes and says so.

    Raises:
        InvalidInputError: the day is not stored.
    """
    day = parse_date(day).isoformat()
    own = store.provenance(dataset, day)
    if own is None:
        raise InvalidInputError(f"{day} of {dataset} is not stored; ingest it first")
    counts = _neighbours(store, dataset, day)
    if len(counts) < FEWEST_NEIGHBOURS:
        reason = f"{own.rows:,} rows; {len(counts)} earlier days are stored, too few to compare with"
        return RowCountVerdict(passed=True, rows=own.rows, median=None, neighbours=len(counts), reason=reason)
    median = statistics.median(counts)
    passed = LOWEST_RATIO * median <= own.rows <= HIGHEST_RATIO * median
    reason = f"{own.rows:,} rows, {own.rows / median:.2f} times the median of the {len(counts)} nearest earlier days"
    reason += "" if passed else f"; expected {LOWEST_RATIO} to {HIGHEST_RATIO} times"
    return RowCountVerdict(passed=passed, rows=own.rows, median=median, neighbours=len(counts), reason=reason)


def _neighbours(store: ParquetStore, dataset: str, day: str) -> list[int]:
    days = store.days(dataset)
    counts: list[int] = []
    for other in reversed(days[: bisect_left(days, day)]):
        try:
            stored = store.provenance(dataset, other)
        except StoreError:  # a neighbour's damage is its own matter
            continue
        if stored is not None and stored.rows:
            counts.append(stored.rows)
        if len(counts) == NEIGHBOURS:
            break
    return counts
