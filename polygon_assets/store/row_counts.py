"""Is a day's number of rows like that of its neighbours? Reads footers only.

Belongs here: the comparison with stored days. Does not: rules about a day's own rows (``quality``).
"""

import datetime as dt
import statistics
from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import NamedTuple

from polygon_assets.calendars import parse_date
from polygon_assets.errors import InvalidInputError, StoreError
from polygon_assets.store.parquet_store import ParquetStore
from polygon_assets.wording import counted

NEIGHBOURS = 20
FEWEST_NEIGHBOURS = 5
LOWEST_RATIO = 0.5
"""Half days have some 0.6 of the minutes of whole ones."""
HIGHEST_RATIO = 2.0
_LOOKED_AT = 3 * NEIGHBOURS
"""Earlier days whose footers are read at most: before them, all may be of another filter."""
_SATURDAY = 5


@dataclass(frozen=True)
class RowCountComparison:
    """How a stored day's number of rows compares."""

    passed: bool
    rows: int
    median: float | None
    """Median of the neighbours; None where there are too few to tell."""
    neighbours: int
    """How many earlier stored days it was compared with."""
    reason: str
    """The comparison in words."""


class RowCounts:
    """The row counts of one dataset's stored days, each footer read once however many days are judged."""

    def __init__(self, store: ParquetStore, dataset: str) -> None:
        """Look at ``dataset`` in ``store`` as it is at the first question; days stored later it must be told of."""
        self._store = store
        self._dataset = dataset
        self._counts: dict[str, _Counted | None] = {}

    @cached_property
    def _days(self) -> list[str]:
        return self._store.days(self._dataset)

    def compare(self, day: str) -> RowCountComparison:
        """Compare the rows of the stored ``day`` with the median of up to 20 nearest earlier stored days like it.

        Alike are days of the same rows, all or those of a filter, and days of the week with each other, as those of
        weekends: on Sundays foreign exchange trades a few hours. It passes between 0.5 and 2 times the median,
        inclusive; with fewer than five neighbours it passes and says so.

        Raises:
            InvalidInputError: the day is not stored.
        """
        day = parse_date(day).isoformat()
        found = self._counted(day)
        if found is None:
            raise InvalidInputError(f"{day} of {self._dataset} is not stored; ingest it first")
        rows = found.rows
        counts = list(islice(self._earlier(day, found.filter), NEIGHBOURS))
        if len(counts) < FEWEST_NEIGHBOURS:
            reason = f"{counted(rows, 'row')}; earlier days like it: {len(counts)}, too few to compare with"
            return RowCountComparison(passed=True, rows=rows, median=None, neighbours=len(counts), reason=reason)
        median = statistics.median(counts)
        passed = LOWEST_RATIO * median <= rows <= HIGHEST_RATIO * median
        compared = counted(len(counts), "nearest earlier day")
        reason = f"{counted(rows, 'row')}, {rows / median:.2f} times the median of the {compared}"
        reason += "" if passed else f"; expected {LOWEST_RATIO} to {HIGHEST_RATIO} times"
        return RowCountComparison(passed=passed, rows=rows, median=median, neighbours=len(counts), reason=reason)

    def add(self, day: str, rows: int, kept: str = "") -> None:
        """Tell of ``day`` (YYYY-MM-DD), stored just now with ``rows``, those that the filter ``kept``."""
        if day not in self._days:
            insort(self._days, day)
        self._counts[day] = _Counted(rows, kept)

    def _earlier(self, day: str, kept: str) -> Iterator[int]:
        earlier = reversed(self._days[: bisect_left(self._days, day)])
        like_it = (other for other in earlier if _is_of_a_weekend(other) == _is_of_a_weekend(day))
        for other in islice(like_it, _LOOKED_AT):
            if (found := self._counted(other)) and found.rows and found.filter == kept:
                yield found.rows

    def _counted(self, day: str) -> "_Counted | None":
        if day not in self._counts:
            try:
                stored = self._store.provenance(self._dataset, day)
            except StoreError:  # damage is another check's matter
                stored = None
            self._counts[day] = _Counted(stored.rows, stored.filter) if stored else None
        return self._counts[day]


class _Counted(NamedTuple):
    rows: int
    filter: str


def _is_of_a_weekend(day: str) -> bool:
    return dt.date.fromisoformat(day).weekday() >= _SATURDAY
